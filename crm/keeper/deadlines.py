"""When the keeper acts: pure, so that simulations keep time by the same rules.

A lease that is held runs out `limit_ms` after it was last renewed. A daemon that lives and has lost quorum stops what
runs by itself; the keeper steps in shortly before the time for that is over, so that `limit_ms + stop_ms` after the
last renewal nothing runs any more. For that moment the other nodes wait.
"""

from __future__ import annotations

from crm.keeper.lease_file import Lease, LeaseState

RENEW_S = 0.1
LOOK_S = 0.05
_SILENT_MS = 1_000
"""A daemon without quorum that says nothing for so long is taken for dead or frozen."""
_LAST_MS = 500
"""So long before the end the keeper takes over from a daemon that still stops (or a quarter of `stop_ms`)."""
BY_ITSELF = (LeaseState.STOPPING, LeaseState.DEMOTING)


def acts_at_ns(lease: Lease, now_ns: int) -> int | None:
    """When the keeper is to end the daemon and to stop what runs, as things are; None: there is no need to."""
    if lease.state in (LeaseState.FREE, LeaseState.OVER):
        return None
    if lease.state is LeaseState.ENDING:  # a keeper before this one has begun with it
        return now_ns
    run_out = lease.held_ns + lease.limit_ms * 1_000_000
    if lease.state in BY_ITSELF and now_ns - lease.alive_ns <= _SILENT_MS * 1_000_000:
        return run_out + (lease.stop_ms - min(_LAST_MS, lease.stop_ms // 4)) * 1_000_000
    return run_out


def is_due(lease: Lease, now_ns: int) -> bool:
    """Whether the keeper is to act now."""
    at = acts_at_ns(lease, now_ns)
    return at is not None and now_ns >= at


def over_at_ns(lease: Lease) -> int:
    """When nothing may run any more: what is still there is ended by force."""
    return lease.held_ns + (lease.limit_ms + lease.stop_ms) * 1_000_000


def may_hold(lease: Lease, now_ns: int) -> bool:
    """Whether a daemon in a quorate view may renew: a lease that has run out is the keeper's to end."""
    if lease.state is LeaseState.ENDING:
        return False
    return lease.state is not LeaseState.HELD or now_ns - lease.held_ns <= lease.limit_ms * 1_000_000
