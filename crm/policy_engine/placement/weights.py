"""Scores by node while they are merged: plain numbers, apart from candidates, because long chains merge them often."""

from __future__ import annotations

from typing import ClassVar

from crm.model.score import MINUS_INFINITY, Score
from crm.policy_engine.picture.cluster import Node, NodeKind
from crm.policy_engine.placement.candidates import Table, is_usable


class Weights:
    """The scores of a table's nodes, by node id; copies share what does not change."""

    __slots__ = ("_available", "by_name", "nodes", "scores", "usable")

    SPENT: ClassVar[Score] = MINUS_INFINITY * 100
    """Marks a node that positive scores can no longer help while one merge goes on."""

    def __init__(self, scores: dict[str, Score], nodes: dict[str, Node], usable: frozenset[str], by_name: bool) -> None:
        self.scores = scores
        self.nodes = nodes
        self.usable = usable
        self.by_name = by_name
        """Every node answers to `#uname` with a name of its own: no guests, and no remote node that was never seen."""
        self._available: bool | None = None

    @classmethod
    def of(cls, table: Table) -> Weights:
        """The scores of a table as they are."""
        nodes = {node_id: candidate.node for node_id, candidate in table.items()}
        usable = frozenset(node_id for node_id, node in nodes.items() if is_usable(node))
        by_name = all(node.kind is not NodeKind.GUEST and "#uname" in node.attributes for node in nodes.values())
        return cls({node_id: candidate.score for node_id, candidate in table.items()}, nodes, usable, by_name)

    def copy(self) -> Weights:
        """An independent copy of the scores."""
        return Weights(self.scores.copy(), self.nodes, self.usable, self.by_name)

    def any_available(self) -> bool:
        """Whether any usable node has a score that is not negative; found out once, when all scores are there."""
        if self._available is None:
            self._available = any(self.scores[node_id] >= 0 for node_id in self.usable)
        return self._available

    def revive(self) -> None:
        """Let spent nodes count again, for the least that is positive."""
        self._available = None
        for node_id, score in self.scores.items():
            if score == self.SPENT:
                self.scores[node_id] = 1
