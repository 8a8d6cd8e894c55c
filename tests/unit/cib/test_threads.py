"""Documents that several threads read while texts are parsed: a tree belongs to the thread that made it."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from crm.cib.document import Document

CIB = ('<cib validate-with="pacemaker-3.9" epoch="1"><configuration/><status>'
       '<node_state id="1"/><node_state id="2"/></status></cib>')

READS_WHILE_TEXTS_ARE_PARSED = f"""
import sys, time
from concurrent.futures import ThreadPoolExecutor
from crm.cib.changes import Edit
from crm.cib.document import Document

wrong = reads = 0
document = Document.parse({CIB!r})
end = time.monotonic() + 3

def read():
    global wrong, reads
    while time.monotonic() < end:
        reads += 1
        wrong += len(document.model().node_states) != 2 or document.root.find("status") is None

with ThreadPoolExecutor(1) as pool:
    reading = pool.submit(read)
    count = 0
    while time.monotonic() < end:
        count += 1
        Document.parse("<cib>" + "".join(f"<n{{count}}x{{at}} a{{count}}x{{at}}='1'/>" for at in range(200)) + "</cib>")
        document = document.apply(Edit("create", f'<node id="{{count}}" uname="n{{count}}"/>', "configuration"))
        if count % 50 == 0:
            document = Document.parse({CIB!r})
    reading.result()
print(f"{{reads}} reads, {{wrong}} wrong")
assert reads > 50
sys.exit(wrong > 0)
"""


def test_every_thread_has_a_tree_of_its_own() -> None:
    document = Document.parse(CIB)
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(lambda: document.root).result()
        assert other is not document.root and other is pool.submit(lambda: document.root).result()
        made = pool.submit(lambda: Document.parse(CIB)).result()
        assert made.root is made.root and made.root is not pool.submit(lambda: made.root).result()
    assert document.root is document.root
    assert made.digest() == document.digest()


def test_elements_are_found_while_another_thread_parses() -> None:
    """With one tree for all threads this ends in a segmentation fault, or with elements that are not found.

    In a process of its own: the fault would end the tests.
    """
    line = [sys.executable, "-c", READS_WHILE_TEXTS_ARE_PARSED]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{done.returncode}: {done.stdout}{done.stderr}"
