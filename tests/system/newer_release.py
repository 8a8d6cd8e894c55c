"""`crmd` as a later release might be: a newer feature set and schema, more in each message, messages of new kinds."""

from __future__ import annotations

import sys

from crm.cli import crmd
from crm.controller.protocol.codec import encode
from crm.controller.protocol.messages import Message, NodeLoad
from crm.daemon import node
from crm.model import release

FEATURE_SET = "3.21.0"


def newer(message: Message, number: int) -> bytes:
    """What was a NodeLoad is said in another way now, and everything says something in addition."""
    kind, _, rest = encode(message, number).partition(b" ")
    body = rest.partition(b" ")[2]
    if isinstance(message, NodeLoad):
        kind = b"MachineState"
    more = b'"since_3_21":{"a":[1]}'
    told = b"{" + more + b"}" if body == b"{}" else body[:-1] + b"," + more + b"}"
    return b"%s %d %s" % (kind, number, told)


if __name__ == "__main__":
    release.THIS = release.Release(FEATURE_SET, "pacemaker-4.1")
    vars(node)["encode"] = newer
    sys.exit(crmd.main())
