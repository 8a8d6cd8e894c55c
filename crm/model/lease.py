"""The lease of a node as the status has it: how long after its loss the node may still run what it ran.

An attribute of its `node_state`: milliseconds; `0` if nobody waits for the node, `none` if it holds no lease because
fencing was to prove that it is off. That is never over by itself.
"""

from __future__ import annotations

import math

from crm.model.values import parse_integer

NOT_AWAITED = "0"
NEVER_OVER = "none"


def lease_text(total_ms: float) -> str:
    """As it is written; infinitely many milliseconds are never over."""
    return NEVER_OVER if math.isinf(total_ms) else str(int(total_ms))


def lease_ms(text: str) -> float:
    """As it is read; what makes no sense is never over."""
    found = parse_integer(text)
    return math.inf if found is None or found < 0 else float(found)
