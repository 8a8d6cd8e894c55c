"""On whose behalf a write goes to the DC, and whether it has been there before.

Set for one request by the middleware: by `crm.api.doors` who asks and with what, by `crm.api.idempotency` the key.
"""

from __future__ import annotations

import contextvars
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from crm.api.doors import principal
from crm.api.problems import ProblemError
from crm.api.service import Origin, Receipt, RequestKey, Service

_present: contextvars.ContextVar[RequestKey | None] = contextvars.ContextVar("request_key", default=None)


@contextmanager
def under(key: RequestKey) -> Iterator[None]:
    """While this lasts, what is written is written under that key."""
    remembered = _present.set(key)
    try:
        yield
    finally:
        _present.reset(remembered)


def key_id(user: str, key: str) -> str:
    """What stands for a user's key: keys are theirs, and nodes need not know them."""
    return hashlib.sha256(f"{user}\0{key}".encode()).hexdigest()[:32]


def origin() -> Origin:
    """Of the present request."""
    asking = principal()
    return Origin(asking.user, asking.client, _present.get())


def done_before(service: Service) -> Receipt | None:
    """The receipt if this very request was carried out already, as far as the answering node knows.

    Raises ProblemError (idempotency-key-in-use). What this node has not heard of yet the DC knows.
    """
    key = _present.get()
    found = None if key is None else service.receipt(key.id)
    if found is not None and found.key != key:
        raise key_in_use()
    return found


def key_in_use() -> ProblemError:
    """The error for a key that was used for something else."""
    return ProblemError("idempotency-key-in-use", "The key belongs to another request",
                        "Make up a new key for each write; repeat one only with the same request")
