"""The cluster's own list of nodes in a simulation: what founders begin with, and what peers make of each other's lists.

As the message layer does it (`crm.messaging.embedded`): nodes that meet tell each other their lists, and have no link
if one of them is not in the newer of the two.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from crm.controller.events import NodesHeard
from crm.controller.membership.node_list import ListedNode, NodeList, first_list, stranger
from crm.messaging.quorum import QuorumMode, QuorumRule

if TYPE_CHECKING:
    from crm.testing.world import World


class Lists:
    """All nodes' lists. `newest` is the one that was committed last."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.newest = first_list(())

    def found(self, founders: tuple[str, ...], rule: QuorumRule) -> None:
        """Founders have the list of their files; everybody else was invited, and founds nothing."""
        two_node = rule.mode is QuorumMode.TWO_NODE
        self.newest = first_list(self.listed(founders), two_node=two_node)
        self._world.config = self.newest.config()
        for node in self._world.nodes.values():
            invited = first_list(self.listed((*founders, node.name)), two_node=two_node, found=False)
            nodes = self.newest if node.name in founders else invited
            node.disk.hard_state = replace(node.disk.hard_state, nodes=nodes)

    def listed(self, names: Iterable[str]) -> tuple[ListedNode, ...]:
        """Entries for those nodes, each with the port of its own."""
        places = list(self._world.nodes)
        return tuple(ListedNode(name, str(number), port=1 + places.index(name)) for number, name in enumerate(names, 1))

    def told(self, nodes: NodeList) -> None:
        """A node has another list than before."""
        if nodes.settled and nodes.version > self.newest.version:
            self.newest = nodes
            self._world.config = nodes.config()
        self._world.membership.changed()

    def meet(self, awake: Collection[str]) -> None:
        """Those who hear each other tell their lists."""
        world = self._world
        for name in sorted(awake):
            own = self._of(name)
            others = [(other, self._of(other)) for other in sorted(awake) if world.network.linked(name, other)]
            peer, newest = max(others, key=lambda each: (each[1].rank, each[1].settled, each[0]))
            if (newest.rank, newest.settled) > (own.rank, own.settled):
                node = world.nodes[name]
                heard = partial(world.handle, node, NodesHeard(peer, newest))
                world.later(world.random.uniform(0.0001, 0.003), world.in_daemon(node, heard))

    def accepted(self, left: str, right: str) -> bool:
        """Whether two nodes belong together, or are together already (a node that is removed may say goodbye)."""
        if left == right or not stranger(self._of(left), self._of(right), left, right):
            return True
        views = [self._world.nodes[name].assigned for name in (left, right)]
        numbers = {view.number if view is not None else 0 for view in views}
        return len(numbers) == 1 and 0 not in numbers

    def unfinished(self) -> list[str]:
        """Nodes that were asked to come or go, and have not."""
        return [node.name for node in self.newest.nodes if node.leaving or not node.voter]

    def _of(self, name: str) -> NodeList:
        controller = self._world.nodes[name].controller
        nodes = controller.snapshot().nodes if controller is not None else None
        assert nodes is not None
        return nodes
