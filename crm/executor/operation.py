"""What the executor is asked and what it answers: plain data, meant to be sent and stored.

Numbers are Pacemaker's: exit codes as agents return them (OCF resource agent API 1.1, "Return Codes"), statuses as they
stand in `op-status` of an operation history.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from crm.model.history import ExitCode
from crm.model.history import OperationStatus as Status
from crm.model.transition import AgentReference

__all__ = ["ExitCode", "OperationRequest", "OperationResult", "RecurringKey", "Status"]


class RecurringKey(NamedTuple):
    """What tells one recurring operation from another on a node."""

    resource: str
    operation: str
    interval_ms: int


@dataclass(frozen=True, slots=True)
class OperationRequest:
    """One operation to run, again and again if `interval_ms` is above 0.

    parameters  the agent's parameters by name and meta attributes as `CRM_meta_NAME`, as a GraphAction carries them
    own_parameters  names of those parameters that the operation sets itself, rather than its resource
    key         whatever the asker wants back with the result (the transition key)
    timeout_ms  0: no time limit
    """

    call_id: int
    agent: AgentReference
    operation: str
    interval_ms: int = 0
    timeout_ms: int = 20_000
    start_delay_ms: int = 0
    parameters: Mapping[str, str] = field(default_factory=dict)
    key: str = ""
    own_parameters: tuple[str, ...] = ()

    @property
    def resource(self) -> str:
        """The resource whose operations must not overlap with this one."""
        return self.agent.id

    @property
    def recurring_key(self) -> RecurringKey:
        return RecurringKey(self.resource, self.operation, self.interval_ms)


@dataclass(frozen=True, slots=True)
class OperationResult:
    """How an operation went.

    exit_reason  why it failed, in the agent's or the executor's words, empty if nothing was said
    output       what the agent printed, bounded
    started_at   epoch seconds; run_ms and queue_ms how long it ran and waited for its turn
    carried_out  False if nothing was done (no agent, no bus, our own mistake): it says nothing about the resource
    """

    request: OperationRequest
    status: Status
    rc: int
    exit_reason: str = ""
    output: str = ""
    started_at: int = 0
    run_ms: int = 0
    queue_ms: int = 0
    carried_out: bool = True

    def tells_the_same_as(self, other: OperationResult | None) -> bool:
        """Whether a repetition brought nothing new to report."""
        return other is not None and (self.status, self.rc, self.exit_reason) == (
            other.status,
            other.rc,
            other.exit_reason,
        )
