"""A log whose reader stands still holds nobody up; what is logged last comes out all the same."""

from __future__ import annotations

import os
import subprocess
import sys
import time

PROGRAM = """
import logging, os, sys
from crm.daemon.log import set_up
from crm.daemon.crash_records import end_process
set_up(logging.INFO, "node1")
log = logging.getLogger("crm.daemon")
for number in range({lines}):
    log.info("line %d %s", number, "x" * 80)
print("all said", flush=True)
{then}
"""


def run(lines: int, then: str, stderr: int) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-c", PROGRAM.format(lines=lines, then=then)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=stderr)


def test_who_logs_does_not_wait_for_a_reader_and_the_process_ends() -> None:
    theirs, ours = os.pipe()
    began = time.monotonic()
    for then in ("end_process()", "sys.exit(70)"):
        child = run(30_000, then, ours)
        assert child.stdout is not None and child.stdout.readline() == b"all said\n"
        assert child.wait(20) == 70
    assert time.monotonic() - began < 30
    os.close(theirs)
    os.close(ours)


def test_what_was_dropped_is_counted_as_soon_as_somebody_reads() -> None:
    child = run(30_000, "log.info('later'); end_process()", subprocess.PIPE)
    assert child.stdout is not None and child.stdout.readline() == b"all said\n"
    text = child.communicate()[1]
    assert b"lines are missing here" in text
    assert len(text.splitlines()) < 30_000


def test_what_is_said_before_the_end_comes_out() -> None:
    child = run(5_000, "log.critical('the last words \\u202e'); end_process()", subprocess.PIPE)
    lines = child.communicate()[1].splitlines()
    assert len(lines) == 5_001
    assert lines[0].endswith(b"node1 INFO line 0 " + b"x" * 80)
    assert lines[-1].endswith(b"node1 CRITICAL the last words \\u202e")


def test_a_traceback_is_written_too() -> None:
    then = "\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n    log.exception('wrong')\nend_process()"
    text = run(1, then, subprocess.PIPE).communicate()[1]
    assert b"wrong\nTraceback" in text and b"ZeroDivisionError" in text
