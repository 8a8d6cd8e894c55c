"""The simulated network: which links carry messages in which direction, how late, and which views form from that.

It keeps the promises of a message layer (`crm.messaging.layer`): views are sets of nodes that are all linked with each
other both ways, order is kept per sender, nothing crosses views. What is not promised varies: delays, who is told of a
view first, whether a message survives the end of a view.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence


class SimulatedNetwork:
    """Links between named nodes. A message goes from one to another while that direction is up."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(names)
        self._dead: set[tuple[str, str]] = set()
        self.longest_delay_s = 0.004
        self.repeated = 0.0
        """The share of messages that come twice."""

    def carries(self, sender: str, receiver: str) -> bool:
        """Whether a message gets through that way."""
        return (sender, receiver) not in self._dead

    def linked(self, left: str, right: str) -> bool:
        """Whether two nodes hear each other: both ways."""
        return left == right or (self.carries(left, right) and self.carries(right, left))

    def cut(self, sender: str, receiver: str) -> None:
        """Lose one direction of a link."""
        self._dead.add((sender, receiver))

    def mend(self, sender: str, receiver: str) -> None:
        """That direction of a link works again."""
        self._dead.discard((sender, receiver))

    @property
    def cuts(self) -> frozenset[tuple[str, str]]:
        """The directions that are lost, as (sender, receiver)."""
        return frozenset(self._dead)

    def partition(self, groups: Sequence[Collection[str]]) -> None:
        """Cut every link between the groups; nodes not named share one more. Other cuts are mended."""
        side = {name: number for number, group in enumerate(groups, 1) for name in group}
        self._dead = {(left, right) for left in self.names for right in self.names
                      if side.get(left, 0) != side.get(right, 0)}

    def heal(self) -> None:
        """Every link works both ways."""
        self._dead.clear()

    @property
    def whole(self) -> bool:
        """Whether nothing is cut."""
        return not self._dead

    def cliques(self, alive: Collection[str], together: Sequence[frozenset[str]],
                accepted: Callable[[str, str], bool] = lambda left, right: True) -> list[tuple[str, ...]]:
        """The living nodes in groups within which everybody hears everybody; who is together already stays so.

        `accepted`: whether two nodes have a link with each other if they can.
        """
        groups: list[list[str]] = []
        seeds = [[name for name in sorted(former) if name in alive] for former in together]
        for name in [each for seed in seeds for each in seed] + sorted(alive):
            if any(name in group for group in groups):
                continue
            fitting = [group for group in groups
                       if all(self.linked(name, other) and accepted(name, other) for other in group)]
            if fitting:
                max(fitting, key=len).append(name)
            else:
                groups.append([name])
        return [tuple(sorted(group)) for group in groups]
