"""Simulated machines: what runs on them, their disks, and how operations and writes go wrong.

A machine's services outlive its daemon, not its power. Its disk keeps what was synced; of what was being written when
the power went, any beginning may be there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from crm.cib.document import Document
from crm.controller.cluster_state import StoreState
from crm.controller.hard_state import HardState
from crm.model.history import ExitCode, OperationStatus
from crm.model.transition import GraphAction


@dataclass(slots=True)
class SimulatedMachine:
    """What runs on a machine, by resource id: True when promoted.

    failing  (resource, operation) pairs that fail until taken out; hanging: pairs that never end by themselves
    slow     pairs that take so many seconds
    """

    active: dict[str, bool] = field(default_factory=dict)
    failing: set[tuple[str, str]] = field(default_factory=set)
    hanging: set[tuple[str, str]] = field(default_factory=set)
    slow: dict[tuple[str, str], float] = field(default_factory=dict)

    def perform(self, action: GraphAction) -> tuple[int, int]:
        """Carry an operation out: (status, exit code)."""
        assert action.resource is not None
        name = action.resource.id
        if (name, action.operation) in self.failing:
            return OperationStatus.DONE, ExitCode.UNKNOWN_ERROR
        match action.operation:
            case "start" | "migrate_from":
                self.active.setdefault(name, False)
            case "stop" | "migrate_to":
                self.active.pop(name, None)
            case "promote" | "demote" if name in self.active:
                self.active[name] = action.operation == "promote"
            case "promote" | "demote":
                return OperationStatus.DONE, ExitCode.NOT_RUNNING
            case "monitor":
                return OperationStatus.DONE, self._state(name)
        return OperationStatus.DONE, ExitCode.OK

    def _state(self, name: str) -> int:
        if name not in self.active:
            return ExitCode.NOT_RUNNING
        return ExitCode.RUNNING_PROMOTED if self.active[name] else ExitCode.OK


@dataclass(frozen=True, slots=True)
class DiskWrite:
    """What is to be on disk; of a document, its configuration."""

    token: int
    hard_state: HardState
    document: Document | None


@dataclass(slots=True)
class SimulatedDisk:
    """What a node's disk has kept, and what is being written, oldest first.

    slowness  how much longer writes take    failing  no write succeeds (it is full, say); reading works
    """

    hard_state: HardState = field(default_factory=HardState)
    document: Document | None = None
    slowness: float = 1.0
    failing: bool = False
    pending: list[DiskWrite] = field(default_factory=list)
    writing: bool = False
    """Whether the first of them are being written."""
    lost: tuple[int, Document] | None = None
    """The CIB that was on the disk before its store was lost, and its term: the node may have acknowledged it."""

    def lose(self, store: StoreState) -> None:
        """Have a store that is new, or (LOST) has only the votes left."""
        if self.document is not None:
            self.lost = self.hard_state.cib_term, self.document
        self.document = None
        kept = self.hard_state if store is StoreState.LOST else HardState()
        self.hard_state = replace(kept, cib_term=0, store=store)

    def has_had(self) -> Iterator[tuple[int, Document]]:
        """The CIBs that this disk has, or has lost, each with its term."""
        if self.document is not None:
            yield self.hard_state.cib_term, self.document
        if self.lost is not None:
            yield self.lost

    def sync(self, token: int) -> None:
        """Everything up to that token is safe."""
        while self.pending and self.pending[0].token <= token:
            self._keep(self.pending.pop(0))

    def lose_power(self, kept: int, torn: bool) -> None:
        """Of the pending writes only the first `kept` have reached the disk; of the next, if `torn`, the votes alone.

        A failing disk has none of them. Votes are written before the CIB, and say which CIB still belongs to the former
        term (`crm.daemon.storage`).
        """
        pending, self.pending = self.pending, []
        self.writing = False
        if self.failing:
            return
        for write in pending[:kept]:
            self._keep(write)
        if torn and kept < len(pending):
            hard_state, document = pending[kept].hard_state, pending[kept].document
            if document is not None:
                hard_state = replace(hard_state, cib_term=min(hard_state.cib_term, self.hard_state.cib_term),
                                     store=self.hard_state.store)
            self.hard_state = hard_state

    def _keep(self, write: DiskWrite) -> None:
        self.hard_state = write.hard_state
        if write.document is not None:
            self.document = write.document
