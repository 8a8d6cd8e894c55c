"""The process that evaluates one XPath and ends (`crm.api.queries.bounded_xpath`). It imports nothing of crm: it starts
fast.

In: the expression as a line of JSON, then the document. Out, as JSON: the numbers of the selected elements in document
order, or why the expression is none. The argument is how many seconds of the processor it may take.
"""

from __future__ import annotations

import json
import os
import resource
import sys

from lxml import etree

_MOST_MEMORY_BYTES = 2 * 1024 * 1024 * 1024


def main() -> None:
    """Raises nothing of its own: the kernel ends it when it takes too much."""
    line, _, text = sys.stdin.buffer.read().partition(b"\n")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
    root = etree.fromstring(text, parser)
    os.nice(10)
    # Only the evaluation counts: a large document may take its time to be read.
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime) + 1 + int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY_BYTES, _MOST_MEMORY_BYTES))
    json.dump(_told(root, json.loads(line)), sys.stdout)


def _told(root: etree._Element, expression: str) -> dict[str, object]:
    try:
        found = root.xpath(expression, smart_strings=False)
    except etree.XPathError as error:
        return {"error": str(error)}
    chosen = {node for node in found if isinstance(node, etree._Element)} if isinstance(found, list) else set()
    return {"found": [number for number, node in enumerate(root.iter()) if node in chosen]}


if __name__ == "__main__":
    main()
