"""On whose behalf a write goes to the DC, and whether it has been there before.

Set for one request by the middleware: by `crm.api.auth.authentication` who asks and with what, by
`crm.api.middleware.idempotency` the key.

A node's own receipt is no proof: the step that it came with may have been lost with the DC that sent it. It counts
once the node has caught up with the present DC, whose CIB and receipts take the place of what was lost.
"""

from __future__ import annotations

import contextvars
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from crm.api.auth.authentication import principal
from crm.api.middleware.problems import ProblemError
from crm.api.service import AppliedRequest, NodeService, Requester, RequestKey


@dataclass(slots=True)
class Keyed:
    """A request under a key; `repeated` once it is found to have been carried out before."""

    key: RequestKey
    repeated: bool = False


_present: contextvars.ContextVar[Keyed | None] = contextvars.ContextVar("request_key", default=None)


@contextmanager
def under(key: RequestKey) -> Iterator[Keyed]:
    """While this lasts, what is written is written under that key."""
    keyed = Keyed(key)
    remembered = _present.set(keyed)
    try:
        yield keyed
    finally:
        _present.reset(remembered)


def key_id(user: str, key: str) -> str:
    """What stands for a user's key: keys are theirs, and nodes need not know them."""
    return hashlib.sha256(f"{user}\0{key}".encode()).hexdigest()[:32]


def origin() -> Requester:
    """Of the present request."""
    asking, keyed = principal(), _present.get()
    return Requester(asking.user, asking.client, None if keyed is None else keyed.key)


async def done_before(service: NodeService) -> AppliedRequest | None:
    """The receipt if this very request was carried out already, as far as the answering node knows.

    Raises ProblemError (idempotency-key-in-use), Refused (if nobody can say whether the receipt holds). What this node
    has not heard of yet the DC knows.
    """
    keyed = _present.get()
    if keyed is None or service.receipt(keyed.key.id) is None:
        return None
    await service.consistent()
    found = service.receipt(keyed.key.id)
    if found is not None and found.key != keyed.key:
        raise key_in_use()
    keyed.repeated = found is not None
    return found


def key_in_use() -> ProblemError:
    """The error for a key that was used for something else."""
    return ProblemError("idempotency-key-in-use", "The key belongs to another request",
                        "Make up a new key for each write; repeat one only with the same request")
