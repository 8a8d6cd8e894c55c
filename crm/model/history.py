"""What the status section records: nodes' membership, operation histories, transient attributes, tickets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from crm.model.attributes import AttributeSet


class OperationStatus(IntEnum):
    """How the execution of an operation ended (`op-status`)."""

    UNKNOWN = -2
    PENDING = -1
    DONE = 0
    CANCELLED = 1
    TIMEOUT = 2
    NOT_SUPPORTED = 3
    ERROR = 4
    ERROR_HARD = 5
    ERROR_FATAL = 6
    NOT_INSTALLED = 7
    NOT_CONNECTED = 8
    INVALID = 9
    NO_FENCE_DEVICE = 10
    NO_SECRETS = 11


class ExitCode(IntEnum):
    """What an OCF agent answers."""

    OK = 0
    UNKNOWN_ERROR = 1
    INVALID_PARAMETER = 2
    UNIMPLEMENTED = 3
    INSUFFICIENT_PRIVILEGE = 4
    NOT_INSTALLED = 5
    NOT_CONFIGURED = 6
    NOT_RUNNING = 7
    RUNNING_PROMOTED = 8
    FAILED_PROMOTED = 9
    DEGRADED = 190
    DEGRADED_PROMOTED = 191
    NONE = 193


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One recorded operation (`lrm_rsc_op`).

    Times are epoch seconds, durations milliseconds as written; a number that was missing or unreadable is None.
    `output` is the end of what the agent printed, kept with failures only (an attribute of ours, `agent-output`).
    `target_rc` is the exit code that was expected (from the transition key), -1 when there is none.
    """

    id: str
    operation: str | None
    key: str | None
    interval_ms: int
    call_id: int
    rc: int | None
    status: int | None
    transition_key: str | None
    transition_magic: str | None
    target_rc: int
    last_rc_change: int | None = None
    last_run: int | None = None
    exec_time: str | None = None
    queue_time: str | None = None
    exit_reason: str | None = None
    digest: str | None = None
    restart_parameters: str | None = None
    restart_digest: str | None = None
    secure_parameters: str | None = None
    secure_digest: str | None = None
    migrate_source: str | None = None
    migrate_target: str | None = None
    on_node: str | None = None
    feature_set: str | None = None
    output: str | None = None

    @property
    def is_probe(self) -> bool:
        """A monitor that does not recur."""
        return self.operation == "monitor" and self.interval_ms == 0


@dataclass(frozen=True, slots=True)
class ResourceHistory:
    """What was done with one resource on one node (`lrm_resource`), in the order of the document.

    restart  how far a restart is that somebody has asked for (`crm.cib.restart_marks`), empty if nobody has
    """

    id: str
    standard: str = ""
    provider: str | None = None
    type: str = ""
    container: str | None = None
    shutdown_lock: int = 0
    entries: tuple[HistoryEntry, ...] = ()
    restart: str = ""
    left_running: bool = False


@dataclass(frozen=True, slots=True)
class NodeState:
    """What is recorded of a node; membership fields stand as written (older releases wrote words, newer ones times)."""

    id: str
    name: str | None
    in_ccm: str | None = None
    crmd: str | None = None
    join: str | None = None
    expected: str | None = None
    shutdown: str | None = None
    is_remote: bool = False
    fenced: int = 0
    in_maintenance: bool = False
    lease: str | None = None
    """What it has promised to have stopped when, should it be lost (`crm.model.lease`)."""
    resources: tuple[ResourceHistory, ...] = ()
    attributes: tuple[AttributeSet, ...] = ()
    utilization: tuple[AttributeSet, ...] = ()


@dataclass(frozen=True, slots=True)
class TicketRecord:
    """A ticket in the status section: whether it is granted, on standby, and what else was noted, as written."""

    id: str
    attributes: Mapping[str, str] = field(default_factory=dict)
