"""What must hold after every step of a simulation, whatever happens; else a `Violation` with the story's end.

Each checker looks at what really happened (agents, disks, answers to clients), not at what a CIB says about it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crm.testing.world import World

HEALING_S = 3.0


class Violation(AssertionError):  # noqa: N818 - the word of the field
    """A promise was broken."""


class Checkers:
    """The promises, checked on a world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._leaders: dict[int, str] = {}
        self._checked_leader: tuple[int, str] | None = None

    def step(self) -> None:
        """Check all that must hold at any moment."""
        self._one_dc_per_term()

    def started(self, node: str, resource: str) -> None:
        """A unique resource was started: nobody else may have it, among those who can hear each other.

        Without fencing nobody can know what a node without its daemon still runs, so a daemon that just came back, and
        the time right after a cut, are left out; these exemptions fall when fencing comes.
        """
        world = self._world
        if world.clock - world.healed_at < HEALING_S:
            return
        others = [other.name for other in world.nodes.values()
                  if other.name != node and other.alive and world.connected(node, other.name)
                  and world.clock - other.started_at > HEALING_S and resource in other.machine.active]
        if others:
            raise Violation(world.tell(f"{resource} was started on {node} while it is active on {', '.join(others)}"))

    def settled(self) -> None:
        """After the faults: one DC, one CIB, every acknowledged change in it."""
        world = self._world
        snapshots = [node.controller.snapshot() for node in world.nodes.values() if node.controller]
        leaders = {snapshot.dc for snapshot in snapshots}
        if len(leaders) != 1 or None in leaders:
            raise Violation(world.tell(f"no common DC after healing: {leaders}"))
        if len({snapshot.document.digest() for snapshot in snapshots}) != 1:
            versions = {snapshot.node: str(snapshot.document.version) for snapshot in snapshots}
            raise Violation(world.tell(f"CIBs differ after healing: {versions}"))
        missing = world.acknowledged - world.markers(snapshots[0].document)
        if missing:
            raise Violation(world.tell(f"acknowledged changes are lost: {sorted(missing)}"))

    def _one_dc_per_term(self) -> None:
        for node in self._world.nodes.values():
            if node.controller is None:
                continue
            snapshot = node.controller.snapshot()
            if snapshot.dc != node.name or snapshot.caretaker:
                continue
            if self._leaders.setdefault(snapshot.term, node.name) != node.name:
                raise Violation(self._world.tell(
                    f"term {snapshot.term} has two DCs: {self._leaders[snapshot.term]} and {node.name}"))
            self._has_all_acknowledged(snapshot.term, node.name)

    def _has_all_acknowledged(self, term: int, name: str) -> None:
        """At the moment of election, a DC has every change that was acknowledged before."""
        if self._checked_leader == (term, name):
            return
        self._checked_leader = (term, name)
        world = self._world
        controller = world.nodes[name].controller
        assert controller is not None
        missing = world.acknowledged - world.markers(controller.snapshot().document)
        if missing:
            raise Violation(world.tell(f"the DC of term {term}, {name}, lacks acknowledged changes {sorted(missing)}"))
