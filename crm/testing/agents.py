"""Simulated agents of one machine: what runs there, how long operations take, which of them fail.

A machine's services outlive its daemon, not its power. Recurring operations report their first result and every change.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from crm.model.history import ExitCode, OperationStatus
from crm.model.transition import GraphAction


@dataclass(slots=True)
class Machine:
    """What runs on a machine, by resource id: True when promoted."""

    active: dict[str, bool] = field(default_factory=dict)
    failing: set[tuple[str, str]] = field(default_factory=set)
    """(resource, operation) pairs that fail until taken out."""

    def perform(self, action: GraphAction) -> tuple[int, int]:
        """Carry an operation out: (status, exit code)."""
        assert action.resource is not None
        name = action.resource.id
        if (name, action.operation) in self.failing:
            return OperationStatus.DONE, ExitCode.UNKNOWN_ERROR
        match action.operation:
            case "start" | "migrate_from":
                self.active.setdefault(name, False)
            case "stop":
                self.active.pop(name, None)
            case "promote" | "demote" if name in self.active:
                self.active[name] = action.operation == "promote"
            case "monitor":
                return OperationStatus.DONE, self._state(name)
        return OperationStatus.DONE, ExitCode.OK

    def _state(self, name: str) -> int:
        if name not in self.active:
            return ExitCode.NOT_RUNNING
        return ExitCode.RUNNING_PROMOTED if self.active[name] else ExitCode.OK
