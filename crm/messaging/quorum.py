"""Who may decide: whether a set of members is quorate. Pure; each layer asks it when a view is formed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum


class QuorumMode(StrEnum):
    """majority: more than half of the configured nodes. two_node: one of two is enough, once both have been seen.

    single_node: a cluster of one.
    """

    MAJORITY = "majority"
    TWO_NODE = "two_node"
    SINGLE_NODE = "single_node"


@dataclass(frozen=True, slots=True)
class QuorumRule:
    """The rule for a list of configured nodes.

    wait_for_all  with two_node: a node that starts alone waits until it has seen the other once, else two nodes that
                  start on either side of a cut link would both run everything
    """

    mode: QuorumMode = QuorumMode.MAJORITY
    wait_for_all: bool = True

    def check(self, nodes: Collection[str]) -> None:
        """Refuse a mode that does not fit the node list. Raises ValueError with what to change."""
        wanted = {QuorumMode.TWO_NODE: 2, QuorumMode.SINGLE_NODE: 1}.get(self.mode)
        if wanted is not None and len(nodes) != wanted:
            raise ValueError(
                f"quorum mode {self.mode} needs exactly {wanted} configured node(s), but {len(nodes)} are listed; "
                f"correct the list or use quorum mode {QuorumMode.MAJORITY}"
            )

    def disks_needed(self, nodes: Collection[str]) -> int:
        """How many members make a view quorate (and how many disks acknowledge a change)."""
        return 1 if self.mode is not QuorumMode.MAJORITY else len(nodes) // 2 + 1

    def quorate(self, members: Collection[str], nodes: Collection[str], seen_all: bool) -> bool:
        """Whether `members` may decide for the cluster of `nodes`; `seen_all`: all of them have been in one view."""
        if self.mode is QuorumMode.TWO_NODE and self.wait_for_all and not seen_all:
            return len(members) == len(nodes)
        return len(members) >= self.disks_needed(nodes)
