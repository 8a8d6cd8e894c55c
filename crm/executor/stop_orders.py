"""Keeps a stop order for each resource that was started here, for the keeper (see `crm.keeper`).

Complete commands: by the time that they are needed nobody is there who knows agents. They follow `LastStarts`: a
resource is stopped by what it was started with.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from pathlib import Path

from crm.executor.agent_files import AgentUnusableError
from crm.executor.last_starts import LastStarts, Start
from crm.executor.lsb import RESOURCE
from crm.executor.operation import OperationRequest
from crm.executor.runner import Program
from crm.keeper import ALONE
from crm.keeper.lease_file import now_ns
from crm.keeper.orders import StopOrder, StopOrderFolder, in_control_group
from crm.model.transition import AgentReference

log = logging.getLogger("crm.executor")

_NAMED_BY = ("OCF_RESOURCE_INSTANCE", RESOURCE)
_NOT_UP_NS = 2**62
"""Of a start that has not ended."""
_PROMOTABLE = ("CRM_meta_promoted_max", "CRM_meta_master_max")


class StopOrders:
    """The orders in a folder. `marks`: variables that all processes of this node's agents have."""

    def __init__(self, folder: Path, starts: LastStarts, program: Callable[[OperationRequest], Program | None],
                 marks: Iterable[tuple[str, str]]) -> None:
        self._orders = StopOrderFolder(folder)
        self._starts = starts
        self._program = program
        self._marks = tuple(f"{name}={value}" for name, value in marks)
        self.required: Callable[[], bool] = lambda: False
        """Whether other nodes rely on the keeper."""
        self._written: dict[str, tuple[Start, StopOrder]] = {}
        self._needless: set[str] = set()
        """What is no process, and has nothing to stop."""
        for resource in starts.resources():
            self._write(resource, began_ns=0, started_ns=0)

    def begins(self, resource: str) -> str:
        """An operation on it is about to run. Why it must not be started, if so: without its order, nobody stops it."""
        start = self._starts.of(resource)
        if start is None or resource in self._written:
            return ""
        problem = self._write(resource, now_ns(), _NOT_UP_NS)
        return f"how to stop it cannot be left for the keeper: {problem}" if problem and self.required() else ""

    def ended(self, resource: str) -> None:
        """An operation on it has ended."""
        start = self._starts.of(resource)
        if start is None:
            if self._written.pop(resource, None) is not None:
                self._orders.drop(resource)
            return
        before, order = self._written.get(resource, (None, None))
        began_ns = order.began_ns if order is not None else now_ns()
        started_ns = now_ns() if order is None or order.started_ns == _NOT_UP_NS else order.started_ns
        if before != start or (order is not None and order.started_ns != started_ns):
            self._write(resource, began_ns, started_ns)

    def missing(self) -> list[str]:
        """What runs here and has no order."""
        return sorted(set(self._starts.resources()) - self._written.keys() - self._needless)

    def write_all(self) -> None:
        """Somebody has emptied the folder."""
        for resource, (_, order) in list(self._written.items()):
            self._write(resource, order.began_ns, order.started_ns)

    def spare(self, resources: Iterable[str]) -> bool:
        """Leave those alone: nobody manages them now. Whether the keeper knows."""
        try:
            self._orders.spare(resources)
        except OSError as error:
            log.warning("what is not managed cannot be written down for the keeper: %s", error)
            return False
        return True

    def any(self) -> bool:
        """Whether there is anything to stop."""
        return bool(self._orders.all())

    def _write(self, resource: str, began_ns: int, started_ns: int) -> str:
        """Why it could not be written; empty if it was, or need not be."""
        start = self._starts.of(resource)
        assert start is not None
        agent = AgentReference(resource, start.standard, start.type, start.provider)
        try:
            program = self._program(self._starts.as_started(OperationRequest(0, agent, "stop")))
            if program is None:
                self._needless.add(resource)
                return ""
            environment = {**program.environment, ALONE: "1"}
            order = StopOrder(resource, program.arguments, environment, began_ns, started_ns,
                              self._marks_of(program), any(name in start.facts for name in _PROMOTABLE), start.promoted)
            self._orders.put(order)
            self._written[resource] = start, order
        except (AgentUnusableError, OSError) as error:
            self._written.pop(resource, None)
            log.warning("%s could not be stopped if this daemon hung: %s", resource, error)
            return str(error)
        return ""

    def _marks_of(self, program: Program) -> tuple[str, ...]:
        if program.unit:
            return (in_control_group(program.unit),)
        own = tuple(f"{name}={program.environment[name]}" for name in _NAMED_BY if program.environment.get(name))
        return (*own, *self._marks) if own and self._marks else ()


