"""The simulated power switches: fence devices that work beside the network, late, and sometimes not at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from crm.controller import events
from crm.controller.protocol.messages import FenceOrder

if TYPE_CHECKING:
    from crm.testing.simulated_node import SimulatedNode
    from crm.testing.world import World


class Power:
    """All fence devices, by id. `broken` ones fail whatever they are asked, `lying` ones do nothing and say yes.

    `stuck` ones say nothing until their time is up, with the work done or not.

    `reboot` has the machine boot again after a while, `off` leaves it off until somebody starts it.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.broken: set[str] = set()
        self.stuck: set[str] = set()
        self.lying: set[str] = set()
        self.boots = True

    def use(self, node: SimulatedNode, order: FenceOrder,
            told: Callable[[events.FencingEnded], Callable[[], None]]) -> None:
        """A node uses a device; it is told the end if it lives to hear it."""
        world = self._world
        delay_s = order.delay_ms / 1000 + world.random.uniform(0, order.spread_ms / 1000)
        work_s = world.random.uniform(0.02, 0.6)

        boot, heard = node.boot, told
        ended: list[events.FencingEnded] = []

        stuck = order.device in self.stuck
        if stuck:
            work_s = order.timeout_ms / 1000

        def act() -> None:
            # The agent is a process of that machine: without its power nothing more is sent to the switch.
            if node.boot == boot:
                ended.append(self._get_stuck(node.name, order) if stuck else self._act(node.name, order))

        def end() -> None:
            for event in ended:
                world.later(0.0, heard(event))

        world.later(delay_s + work_s * world.random.random(), act)
        world.later(delay_s + work_s, end)

    def _get_stuck(self, user: str, order: FenceOrder) -> events.FencingEnded:
        self._world.note(f"{order.device} is stuck, used from {user}")
        if self._world.random.random() < 0.5:
            self._act(user, order)
        return events.FencingEnded(order.order, False, reason="it did not end in time")

    def _act(self, user: str, order: FenceOrder) -> events.FencingEnded:
        world, device = self._world, order.device
        if device in self.broken:
            world.note(f"{device} fails to {order.verb} {order.target} from {user}")
            return events.FencingEnded(order.order, False, reason="no power switch answers")
        if order.verb == "list":
            return events.FencingEnded(order.order, True, "\n".join(world.nodes))
        if order.verb in ("off", "reboot") and device not in self.lying:
            world.note(f"{device} cuts the power of {order.target}, used from {user}")
            world.crash(order.target)
            if order.verb == "reboot" and self.boots:
                self._boot(order.target)
        if order.verb == "on" and self.boots and not world.nodes[order.target].powered:
            self._boot(order.target)
        return events.FencingEnded(order.order, True)

    def _boot(self, name: str) -> None:
        node = self._world.nodes[name]
        boot = node.boot

        def start() -> None:
            if node.boot == boot and node.controller is None:
                self._world.start(name)

        self._world.later(self._world.random.uniform(0.5, 4.0), start)
