"""What the executor is asked and what it answers: plain data, meant to be sent and stored.

Numbers are Pacemaker's: exit codes as agents return them (OCF resource agent API 1.1, "Return Codes"), statuses as they
stand in `op-status` of an operation history.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

from crm.model.transition import AgentReference


class Status(IntEnum):
    """How the running of an operation ended, apart from what the agent said."""

    PENDING = -1
    DONE = 0
    CANCELLED = 1
    TIMEOUT = 2
    NOT_SUPPORTED = 3
    ERROR = 4
    ERROR_HARD = 5
    ERROR_FATAL = 6
    NOT_INSTALLED = 7


class ExitCode(IntEnum):
    """What an agent said about its resource."""

    OK = 0
    UNKNOWN_ERROR = 1
    INVALID_PARAMETER = 2
    UNIMPLEMENTED = 3
    INSUFFICIENT_PRIVILEGES = 4
    NOT_INSTALLED = 5
    NOT_CONFIGURED = 6
    NOT_RUNNING = 7
    RUNNING_PROMOTED = 8
    FAILED_PROMOTED = 9
    DEGRADED = 190
    DEGRADED_PROMOTED = 191


class RecurringKey(NamedTuple):
    """What tells one recurring operation from another on a node."""

    resource: str
    operation: str
    interval_ms: int


@dataclass(frozen=True, slots=True)
class OperationRequest:
    """One operation to run, again and again if `interval_ms` is above 0.

    parameters  the agent's parameters by name and meta attributes as `CRM_meta_NAME`, as a GraphAction carries them
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
    """

    request: OperationRequest
    status: Status
    rc: int
    exit_reason: str = ""
    output: str = ""
    started_at: int = 0
    run_ms: int = 0
    queue_ms: int = 0

    def tells_the_same_as(self, other: OperationResult | None) -> bool:
        """Whether a repetition brought nothing new to report."""
        return other is not None and (self.status, self.rc, self.exit_reason) == (
            other.status,
            other.rc,
            other.exit_reason,
        )
