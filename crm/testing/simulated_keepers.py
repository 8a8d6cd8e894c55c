"""Simulated leases and their keepers (`crm.keeper`): by the product's own rules of time, on virtual machines.

A keeper goes on when its daemon is frozen or dead, and stands still with its machine. What the daemon's shell does when
it wakes (`crm.daemon.wake_guard`) is told by `SimulatedNode.ready_at`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from crm.controller.interface import ControllerSnapshot
from crm.keeper.deadlines import RENEW_S, is_due, over_at_ns
from crm.keeper.lease_file import Lease, LeaseState
from crm.keeper.lease_rules import next_lease
from crm.policy_engine.picture.managed import unmanaged

if TYPE_CHECKING:
    from crm.testing.simulated_node import SimulatedNode
    from crm.testing.world import World

MARGIN_MS = 500
"""How long after the others one may notice that a view is over, and what a last stop takes."""
_FORCE_S = 0.1
_RESTART_S = (0.3, 2.5)
_UNMANAGED = '//nvpair[@name="maintenance" or @name="is-managed" or @name="maintenance-mode"]'


class Keepers:
    """The leases of all nodes of a world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._known: dict[tuple[str, tuple[int, ...]], frozenset[str]] = {}
        for node in world.nodes.values():
            world.later(world.random.uniform(0, RENEW_S), self._turn(node))

    def is_ending(self, node: SimulatedNode) -> bool:
        """Whether no daemon may be started now."""
        return node.lease.state is LeaseState.ENDING or is_due(node.lease, self._now)

    def let_go(self, node: SimulatedNode) -> None:
        """The cluster has let the node go."""
        if not self.stoppable(node):
            node.lease = Lease()

    def stoppable(self, node: SimulatedNode) -> list[str]:
        """What runs there and is managed."""
        return [resource for resource in node.machine.active if resource not in node.left_alone]

    @property
    def _now(self) -> int:
        return int(self._world.clock * 1e9)

    def _turn(self, node: SimulatedNode) -> Callable[[], None]:
        """Every moment, as long as the machine does not stand still: the keeper looks, the daemon renews."""

        def turn() -> None:
            world = self._world
            if node.powered and node.paused_until <= world.clock:
                if node.lease.state is not LeaseState.ENDING and is_due(node.lease, self._now):
                    self._end(node)
                elif node.controller is not None and node.asleep_until <= world.clock:
                    self._renew(node)
            world.later(RENEW_S, turn)

        return turn

    def _renew(self, node: SimulatedNode) -> None:
        assert node.controller is not None
        in_doubt = node.ready_at > self._world.clock
        node.left_alone = self._left_alone(node, node.controller.snapshot())
        said = next_lease(node.lease, node.controller.lease_terms(), in_doubt, self._now)
        node.lease = said or node.lease

    def _left_alone(self, node: SimulatedNode, seen: ControllerSnapshot) -> frozenset[str]:
        """What is not managed there; looked at when the configuration has changed, as the daemon does."""
        document = seen.document
        if not document.root.xpath(_UNMANAGED):
            return frozenset()
        key = node.name, (seen.cib_term, *document.version[:2])
        if key not in self._known:
            self._known[key] = unmanaged(document.model(), int(self._world.clock), node.name)
        return self._known[key]

    def _end(self, node: SimulatedNode) -> None:
        """The daemon is ended, then what runs: in order if it goes, by force when the time is over."""
        world, lease = self._world, node.lease
        if lease.state in (LeaseState.STOPPING, LeaseState.DEMOTING) and node.alive and not self.stoppable(node):
            node.lease = replace(lease, state=LeaseState.OVER)
            return
        world.note(f"the lease of {node.name} has run out: {', '.join(node.machine.active) or 'nothing'} runs")
        world.end_daemon(node)
        node.lease = replace(lease, state=LeaseState.ENDING)
        stubborn = any((resource, "stop") in (*node.machine.failing, *node.machine.hanging, *node.machine.slow)
                       for resource in self.stoppable(node))
        until_s = max(over_at_ns(lease) - self._now, lease.stop_ms * 500_000) / 1e9
        delay_s = until_s + _FORCE_S if stubborn else world.random.uniform(0.05, until_s)
        world.later(delay_s, world.on_machine(node, lambda: self._over(node)))

    def _over(self, node: SimulatedNode) -> None:
        world = self._world
        for resource in self.stoppable(node):
            world.checkers.broken(resource)
            del node.machine.active[resource]
        node.lease = replace(node.lease, state=LeaseState.OVER)
        world.note(f"{node.name}: its keeper has stopped everything")
        world.later(world.random.uniform(*_RESTART_S), world.on_machine(node, lambda: world.start_if_down(node)))
