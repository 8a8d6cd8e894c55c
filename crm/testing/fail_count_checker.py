"""The promise that a fail count of a living node never shrinks, unless it was cleaned up or has expired.

Only what a leader has shown for a while to a node that is awake and follows it must be kept: what was counted a moment
before everything broke may be lost, and is told again by its node as a failure.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from crm.cib.queries import transient_attributes
from crm.model import score

if TYPE_CHECKING:
    from crm.testing.simulated_node import SimulatedNode
    from crm.testing.world import World

_SURE_S = 2.0
_EXPIRES_S = 18.0
"""A little less than the failure-timeout of these clusters."""
_CLEANED_S = 60.0
_PREFIX = "fail-count-"


class _Seen(NamedTuple):
    """A count as a leader showed it first, and whether its node is sure to know.

    failed_at  when the last failure in it happened: one that no leader has heard of yet puts off no expiry
    """

    value: score.Score
    since: float
    failed_at: float
    sure: bool


class FailCountChecker:
    """What leaders have shown, by node, start of its daemon, and attribute."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._seen: dict[tuple[str, int, str], _Seen] = {}
        self._cleaned_at = -_CLEANED_S
        self._failed_at: dict[tuple[str, str], float] = {}

    def failed(self, node: str, count: str) -> None:
        """A failure that adds to that count happens."""
        self._failed_at[node, count] = self._world.clock

    def cleaned(self) -> None:
        """A client wants failures forgotten; that may take until there is a leader."""
        self._cleaned_at = self._world.clock

    def broken(self) -> Iterator[str]:
        """Look at the leader's CIB: what it lacks."""
        world, leader = self._world, self._world.dc()
        if leader is None or any(node.skew for node in world.nodes.values()):
            return  # By clocks that are wrong, nobody can say what has expired.
        document = world.document(leader)
        for node in world.nodes.values():
            if not self._is_heard(node, leader):
                continue
            shown = transient_attributes(document, world.config.id_of(node.name))
            counts = {name: score.parse(value) for name, value in shown.items() if name.startswith(_PREFIX)}
            yield from self._missing(node, counts)
            self._note(node, counts)

    def _missing(self, node: SimulatedNode, counts: dict[str, score.Score]) -> Iterator[str]:
        now = self._world.clock
        for (name, incarnation, count), seen in self._seen.items():
            fresh = now - seen.failed_at < _EXPIRES_S and now - self._cleaned_at > _CLEANED_S
            if (name, incarnation) == (node.name, node.incarnation) and seen.sure and fresh:
                present = counts.get(count, 0)
                if present < seen.value:
                    yield f"{count} of {name} is {score.render(present)}, and was {score.render(seen.value)}"

    def _note(self, node: SimulatedNode, counts: dict[str, score.Score]) -> None:
        now = self._world.clock
        own = {key: seen for key, seen in self._seen.items() if key[:2] == (node.name, node.incarnation)}
        for key in own:
            del self._seen[key]
        for count, value in counts.items():
            before = own.get((node.name, node.incarnation, count))
            same = before is not None and before.value == value
            since, failed_at = now, self._failed_at.get((node.name, count), now)
            if before is not None and same:
                since, failed_at = before.since, before.failed_at
            self._seen[node.name, node.incarnation, count] = _Seen(value, since, failed_at, now - since >= _SURE_S)

    def _is_heard(self, node: SimulatedNode, leader: str) -> bool:
        """Whether the node is awake and has joined that leader in the present view."""
        world = self._world
        if node.controller is None or max(node.asleep_until, node.ready_at) > world.clock - _SURE_S:
            return False
        snapshot, other = node.controller.snapshot(), world.nodes[leader].controller
        assert other is not None
        return snapshot.dc == leader and node.name in other.snapshot().joined
