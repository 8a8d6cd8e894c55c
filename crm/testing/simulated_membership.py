"""The simulated message layer: views that form from the links there are, and messages within them.

It promises what every layer does (`crm.messaging.layer`), and varies what is not promised: how late a message is, who
is told of a view first, whether a message survives the end of a view. One promise it can be made to break: that nothing
is delivered twice (`Network.repeated`).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from crm.controller.cluster_state import Member, View
from crm.controller.events import MessageReceived, ViewInstalled
from crm.messaging.quorum import QuorumRule
from crm.testing.shared_memory import SharedMessages
from crm.testing.simulated_node import Sent, SimulatedNode, incarnation

if TYPE_CHECKING:
    from crm.testing.world import World


class SimulatedMembership:
    """Which nodes of a world are together, `detection_s` after that has changed, and what they send each other."""

    def __init__(self, world: World, rule: QuorumRule, detection_s: float) -> None:
        self._world = world
        self._rule = rule
        self.detection_s = detection_s
        self._messages = SharedMessages()
        self._last_arrival: dict[tuple[str, str], float] = {}
        self._view_number = 0

    def changed(self) -> None:
        """A node or a link came or went; that will be noticed."""
        self._world.later(self.detection_s, self._form_views)

    def broadcast(self, node: SimulatedNode, raw: bytes) -> None:
        """To all others in the node's view."""
        for member in node.view.names if node.view else ():
            if member != node.name:
                self.send(node, member, raw)

    def out_of_touch(self, node: SimulatedNode) -> bool:
        """Whether others have gone on in another view, and this node or its leader has yet to hear of it."""
        nodes = self._world.nodes
        leader = node.controller.snapshot().dc if node.controller else None
        return any(self._is_over(each.view) for each in (node, nodes.get(leader or "", node)))

    def _is_over(self, view: View | None) -> bool:
        if view is None:
            return True
        assigned = [self._world.nodes[name].assigned for name in view.names]
        return any(each is None or each.number != view.number for each in assigned)

    def send(self, node: SimulatedNode, to: str, raw: bytes) -> None:
        """To one member of the node's view."""
        if node.view is None:
            return
        world = self._world
        message = Sent(node.name, node.incarnation, node.view.number, raw)
        arrival = world.clock + world.random.uniform(0.0001, world.network.longest_delay_s)
        arrival = max(arrival, self._last_arrival.get((node.name, to), 0.0) + 1e-6)
        self._last_arrival[node.name, to] = arrival
        receiver = world.nodes[to]
        arrive = partial(self._arrive, receiver, message)
        world.later(arrival - world.clock, world.in_daemon(receiver, arrive))
        if world.network.repeated and world.random.random() < world.network.repeated:
            late = world.random.uniform(0, 10 * world.network.longest_delay_s)
            world.later(arrival + late - world.clock, world.in_daemon(receiver, arrive))

    def _arrive(self, node: SimulatedNode, message: Sent) -> None:
        """A message: held back until its view is known here, dropped if who sent it is in no view with us."""
        if not self._world.network.carries(message.sender, node.name) or message.view < node.newest_only:
            return
        if node.view is None or message.view > node.view.number:
            node.waiting.append(message)
            return
        sender = node.view.member(message.sender)
        if sender is not None and sender.incarnation == incarnation(message.sender, message.start):
            self._world.handle(node, MessageReceived(message.sender, *self._messages.decode(message.raw)))

    def _form_views(self) -> None:
        world = self._world
        awake = {name for name, node in world.nodes.items() if node.alive and node.asleep_until <= world.clock}
        for name in world.nodes.keys() - awake:
            world.checkers.out_of_sight(world.nodes[name])
        together = {frozenset(node.assigned.names) for node in world.nodes.values() if node.assigned}
        ranked = sorted(together, key=lambda each: (-len(each), sorted(each)))
        if world.lists is None:
            groups = world.network.cliques(awake, ranked)
        else:
            world.lists.meet(awake)
            groups = world.network.cliques(awake, ranked, world.lists.accepted)
        for group in groups:
            self._view_number += 1
            self._form_view([world.nodes[name] for name in group])

    def _form_view(self, members: list[SimulatedNode]) -> None:
        """These are together; unless they were already, each is soon told so."""
        world = self._world
        described = tuple(Member(node.name, world.config.id_of(node.name), node.joined_at,
                                 incarnation(node.name, node.incarnation)) for node in members)
        if all(node.assigned is not None and node.assigned.members == described for node in members):
            return
        for node in members:
            world.checkers.out_of_sight(node)
            node.seen_all |= len(members) == len(world.nodes)
            quorate = self._rule.quorate([each.name for each in members], list(world.nodes), node.seen_all)
            view = node.assigned = View(self._view_number, described, quorate)
            install = world.in_daemon(node, partial(self._install, node, view), at_once=True)
            world.later(world.random.uniform(0, 0.003), install)

    def _install(self, node: SimulatedNode, view: View) -> None:
        if node.view is not None and node.view.number >= view.number:
            return
        node.view = view
        if node.slept:
            node.slept, node.newest_only = False, view.number
        self._world.note(f"{node.name} sees {''.join(view.names)}{'' if view.quorate else ' without quorum'}")
        self._world.handle(node, ViewInstalled(view))
        waiting, node.waiting = node.waiting, []
        for message in waiting:
            self._arrive(node, message)
