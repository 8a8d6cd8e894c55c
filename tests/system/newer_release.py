"""`crmd` as a later release might be: a newer feature set and schema, more in each message, messages of new kinds."""

from __future__ import annotations

import sys

from crm.cli import crmd
from crm.controller.messages import Message, NodeLoad, encode
from crm.daemon import node
from crm.model import release

FEATURE_SET = "3.21.0"


def newer(message: Message) -> bytes:
    """What was a NodeLoad is said in another way now, and everything says something in addition."""
    raw = encode(message)
    kind, _, body = raw.partition(b" ")
    if isinstance(message, NodeLoad):
        kind = b"MachineState"
    more = b'"since_3_21":{"a":[1]}'
    return kind + b" " + (b"{" + more + b"}" if body == b"{}" else body[:-1] + b"," + more + b"}")


if __name__ == "__main__":
    release.THIS = release.Release(FEATURE_SET, "pacemaker-4.1")
    vars(node)["encode"] = newer
    sys.exit(crmd.main())
