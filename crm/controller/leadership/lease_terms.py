"""The terms of leases, as a configuration has them."""

from __future__ import annotations

from dataclasses import dataclass

from crm.cib.document import Document
from crm.cib.queries import cluster_option
from crm.model.values import interval_ms, is_true

DEFAULT_TIMEOUT_MS = 5_000
DEFAULT_STOP_MS = 2_000
SHORTEST_MS = 1_000
"""A lease that is renewed every 100 ms and lasts no longer than that would run out by chance."""
_STOPPING = ("stop", "demote", "fence", "suicide")
"""Values of no-quorum-policy with which a part without quorum stops what it runs."""


@dataclass(frozen=True, slots=True)
class LeaseTerms:
    """The lease of this node, as its configuration has it. `limit_ms` 0: none is wanted."""

    limit_ms: int = 0
    stop_ms: int = 0
    demotes: bool = False
    quorate: bool = False

    @property
    def total_ms(self) -> int:
        """How long after its last renewal a lease may have something running."""
        return self.limit_ms + self.stop_ms


def terms_of(document: Document) -> LeaseTerms:
    """The terms of a configuration."""
    policy = (cluster_option(document, "no-quorum-policy") or "stop").lower()
    limit_ms = _duration_ms(document, "lease-timeout", DEFAULT_TIMEOUT_MS)
    limit_ms = max(limit_ms, SHORTEST_MS) if limit_ms > 0 else 0
    if fencing_enabled(document) or policy not in _STOPPING or limit_ms <= 0:
        return LeaseTerms()
    return LeaseTerms(limit_ms, _duration_ms(document, "lease-stop-timeout", DEFAULT_STOP_MS), policy == "demote")


def fencing_enabled(document: Document) -> bool:
    """Whether fencing is to prove that a lost node is off."""
    value = cluster_option(document, "fencing-enabled", "stonith-enabled")
    return value is None or is_true(value)


def _duration_ms(document: Document, option: str, default: int) -> int:
    value = cluster_option(document, option)
    return default if value is None else max(0, interval_ms(value))
