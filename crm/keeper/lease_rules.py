"""What a daemon says of its lease: pure, the other half of `deadlines`."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from crm.keeper.deadlines import BY_ITSELF, may_hold
from crm.keeper.lease_file import Lease, LeaseState

LEAVING = (LeaseState.HELD, *BY_ITSELF)
"""States in which there may be something to stop."""


class HeldTerms(Protocol):
    """What a lease is held by: `limit_ms` 0 if none is wanted; `demotes`: the promotable may run on unpromoted."""

    @property
    def limit_ms(self) -> int: ...

    @property
    def stop_ms(self) -> int: ...

    @property
    def demotes(self) -> bool: ...

    @property
    def quorate(self) -> bool: ...


def next_lease(lease: Lease, terms: HeldTerms, in_doubt: bool, now: int) -> Lease | None:
    """What the record is to say now; None if it is to stay as it is. `in_doubt`: nobody knows if the view holds."""
    if lease.state is LeaseState.ENDING:
        return None
    if terms.limit_ms <= 0:
        return Lease() if lease.state is not LeaseState.FREE else None
    if in_doubt:
        return None
    if terms.quorate:
        held = Lease(LeaseState.HELD, now, now, terms.limit_ms, terms.stop_ms)
        return held if may_hold(lease, now) else None
    if lease.state in LEAVING:
        return replace(lease, state=LeaseState.DEMOTING if terms.demotes else LeaseState.STOPPING, alive_ns=now)
    return None
