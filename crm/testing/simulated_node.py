"""A simulated node: its machine, what of it the daemon knows, and what of the daemon is under way."""

from __future__ import annotations

from dataclasses import dataclass, field

from crm.controller import Controller
from crm.controller.cluster_state import View
from crm.keeper.lease_file import Lease
from crm.model.release import THIS, Release
from crm.model.transition import GraphAction
from crm.testing.simulated_machines import SimulatedDisk, SimulatedMachine


def incarnation(name: str, start: int) -> str:
    """What a start of a node's daemon is known as."""
    return f"{name}-{start}"


@dataclass(frozen=True, slots=True)
class Sent:
    """A message on its way: who sent it, at which start of its daemon, in which view."""

    sender: str
    start: int
    view: int
    raw: bytes


@dataclass
class SimulatedNode:
    """One machine: its disk and services, its controller while the daemon runs. `skew`: its clock is off by that."""

    name: str
    disk: SimulatedDisk = field(default_factory=SimulatedDisk)
    machine: SimulatedMachine = field(default_factory=SimulatedMachine)
    controller: Controller | None = None
    incarnation: int = 0
    boot: int = 0
    powered: bool = True
    joined_at: int = 0
    release: Release = THIS
    paused_until: float = 0.0
    frozen_until: float = 0.0
    """The daemon alone stands still until then."""
    ready_at: float = 0.0
    """When the daemon acts again: one that slept looks first, where the world has it so."""
    slept: bool = False
    """Whether it has slept since its last view."""
    newest_only: int = 0
    """Messages of views before that are let go by: they were sent to one who slept."""
    excused_until: float = 0.0
    """Until then nobody could have stopped what runs: the machine as a whole stood still."""
    lease: Lease = field(default_factory=Lease)
    left_alone: frozenset[str] = frozenset()
    """What its keeper does not stop."""
    skew: float = 0.0
    view: View | None = None
    assigned: View | None = None
    """The view that is on its way, or installed."""
    seen_all: bool = False
    """Whether all nodes were in one view since the daemon started (see `QuorumRule.wait_for_all`)."""
    waiting: list[Sent] = field(default_factory=list)
    """Messages of views that are not installed yet."""
    timers: dict[str, int] = field(default_factory=dict)
    recurring: dict[int, tuple[GraphAction, tuple[int, int] | None]] = field(default_factory=dict)
    lanes: dict[str, float] = field(default_factory=dict)
    """When the last operation of each resource ends: one at a time."""
    under_way: dict[int, GraphAction] = field(default_factory=dict)
    """Operations whose agents run, whether their daemon lives or not."""
    terminated: str | None = None

    @property
    def asleep_until(self) -> float:
        """Until when its daemon stands still, with its machine or alone."""
        return max(self.paused_until, self.frozen_until)

    @property
    def alive(self) -> bool:
        """Whether its daemon runs."""
        return self.controller is not None

    def watches(self, resource: str) -> bool:
        """Whether its daemon monitors the resource again and again."""
        return any(action.resource is not None and action.resource.id == resource
                   for action, _ in self.recurring.values())

    def lose_power(self) -> None:
        """Everything on the machine is gone but what its disk keeps."""
        self.boot += 1
        self.powered = False
        self.machine.active.clear()
        self.machine.hanging.clear()
        self.paused_until = self.ready_at = self.excused_until = 0.0
        self.lease = Lease()
        self.lanes.clear()
        self.under_way.clear()

    def lose_daemon(self) -> None:
        """The daemon is gone, and what it had in memory."""
        self.controller = None
        self.frozen_until = 0.0
        self.slept = False
        self.view = self.assigned = None
        self.seen_all = False
        self.waiting.clear()
        self.timers.clear()
        self.recurring.clear()
