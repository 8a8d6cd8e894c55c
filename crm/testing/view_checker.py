"""A promise of views that nodes agree on by themselves: a quorum leaves nobody out who is well
(`crm.testing.simulated_links`).

Well is who was not cut, frozen, off or away for a while; so is, for the others, whose daemon was killed and is back at
once. A view that leaves such a node out has it fenced.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm.controller.cluster_state import View
from crm.testing.invariants import Violation

if TYPE_CHECKING:
    from crm.testing.simulated_node import SimulatedNode
    from crm.testing.world import World

RECOVERY_S = 10.0
"""So long after trouble a node may be missing from views, and may miss others."""
QUICK_S = 1.5
"""A daemon that is back after that time was only restarted."""
SLOW_S = 0.1


class ViewChecker:
    """Looks at the views of a world, and keeps in mind who has had trouble."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._trouble: dict[str, float] = {}
        """Until when a node has been cut, frozen, off or away."""
        self._cut: set[str] = set()
        self._boots: dict[str, int] = {}
        self._starts: dict[str, int] = {}
        self._started_at: dict[str, float] = {}
        self._down_since: dict[str, float] = {}
        self._slow_until = 0.0

    def changed(self) -> None:
        """Something happened to a node or a link."""
        world = self._world
        if world.network.longest_delay_s > SLOW_S:
            self._slow_until = world.clock + RECOVERY_S
        for name, node in world.nodes.items():
            cut = any(not world.network.linked(name, other) for other in world.nodes)
            if cut or name in self._cut or node.boot != self._boots.get(name):
                self._had_trouble(name, world.clock)
            (self._cut.add if cut else self._cut.discard)(name)
            self._boots[name] = node.boot
            self._had_trouble(name, node.paused_until)
            self._note_start(node)

    def installed(self, node: SimulatedNode, former: View | None, view: View) -> None:
        """A node has a new view. Raises Violation (left-out)."""
        world = self._world
        self.changed()
        new = world.clock - self._started_at[node.name] < RECOVERY_S
        lasting = former is not None and former.quorate and view.quorate
        if new or not lasting or not self._is_well(node.name) or world.clock < self._slow_until:
            return
        assert former is not None
        missing = [name for name in former.names if name not in view.names and self._is_well(name)]
        if missing:
            raise Violation("left-out", world.tell(f"{node.name} is in a view without {', '.join(missing)}, where "
                                                   "nothing was wrong but a daemon that was restarted quickly"))

    def _note_start(self, node: SimulatedNode) -> None:
        name, now = node.name, self._world.clock
        if not node.alive:
            self._down_since.setdefault(name, now)
            if node.terminated is not None:
                self._had_trouble(name, now)
        elif self._starts.get(name) != node.incarnation:
            self._starts[name] = node.incarnation
            self._started_at[name] = now
            if now - self._down_since.pop(name, now) > QUICK_S:
                self._had_trouble(name, now)

    def _had_trouble(self, name: str, until: float) -> None:
        self._trouble[name] = max(self._trouble.get(name, 0.0), until)

    def _is_well(self, name: str) -> bool:
        now = self._world.clock
        away = now - self._down_since.get(name, now) > QUICK_S
        return name not in self._cut and now - self._trouble[name] > RECOVERY_S and not away
