"""What placing needs to know and keeps: the cluster, the strategy, the scores to show; and how kinds differ.

The kinds of resource are assigned in different ways. That branching is here and nowhere else in `place`: each kind's
module registers its ways in `KINDS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from crm.model import score as scores
from crm.model.score import Score
from crm.policy_engine.constraints.colocations import ResolvedColocation
from crm.policy_engine.picture.cluster import Cluster, Node, NodeKind, Resource, ResourceKind, Role
from crm.policy_engine.picture.names import natural_key
from crm.policy_engine.picture.score_trace import SILENT, ScoreTrace
from crm.policy_engine.placement.weights import Weights


class ShownKind(StrEnum):
    """What a line of scores is about."""

    ALLOCATION = "node_weight"
    PROMOTION = "promotion_score"
    UTILIZATION = "utilization"
    CAPACITY = "capacity"


@dataclass(frozen=True, slots=True)
class ShownScores:
    """A score, or capacities, as they were at one stage of placing."""

    kind: ShownKind
    stage: str
    resource: str
    node: str | None
    score: str = ""
    amounts: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The line that `crm_simulate` shows."""
        amounts = "".join(f" {name}={value}" for name, value in self.amounts.items())
        match self.kind:
            case ShownKind.ALLOCATION:
                return f"{self.stage}: {self.resource} allocation score on {self.node}: {self.score}"
            case ShownKind.PROMOTION:
                where = f"on {self.node}" if self.node is not None else "(inactive)"
                return f"{self.resource} promotion score {where}: {self.score}"
            case ShownKind.UTILIZATION:
                return f"{self.stage}: {self.resource} utilization on {self.node}:{amounts}"
            case ShownKind.CAPACITY:
                return f"{self.stage}: {self.node} capacity:{amounts}"


@dataclass(slots=True)
class Placement:
    """The state of one placing pass. `scores` collects what `crm_simulate -s` shows."""

    cluster: Cluster
    strategy: str
    scores: list[ShownScores] = field(default_factory=list)
    with_scores: bool = False
    with_utilization: bool = False
    on_colocation: Callable[[ResolvedColocation], None] = lambda _: None
    """Told of colocations that come up only while placing."""
    trace: ScoreTrace = SILENT
    """Told why scores change, and what is chosen."""

    def show_utilization(self, resource: Resource, node: Node) -> None:
        """Keep what a resource takes of the node that it was just assigned to."""
        used = dict(resource.utilization)
        self.scores.append(ShownScores(ShownKind.UTILIZATION, "pcmk__assign_resource", resource.id, node.name,
                                       amounts=used))

    def show_capacities(self, stage: str) -> None:
        """Keep what is left of each node's capacity."""
        if not self.with_utilization:
            return
        for node in self.cluster.nodes:
            if node.kind is not NodeKind.GUEST or not node.is_bundle_node:
                left = dict(node.utilization)
                self.scores.append(ShownScores(ShownKind.CAPACITY, stage, "", node.name, amounts=left))

    def show_scores(self, resource: Resource, stage: str) -> None:
        """Keep the present scores of a resource and all in it (removed resources are left out)."""
        if not self.with_scores or resource.removed:
            return
        for candidate in sorted(resource.allowed.values(), key=lambda c: natural_key(c.node.name)):
            score = scores.render(candidate.score)
            self.scores.append(ShownScores(ShownKind.ALLOCATION, stage, resource.id, candidate.node.name, score))
        for child in resource.children:
            self.show_scores(child, stage)


@dataclass(frozen=True, slots=True)
class ScoreMerge:
    """How scores of a colocated resource are merged into a table.

    dependents    go on to what the resource is placed with, instead of to what is placed with it
    nonnegative   only good news counts: a score may not become negative by it
    active        give up when no node is left
    """

    this_with: bool = False
    nonnegative: bool = False
    active: bool = False


class KindOfResource(Protocol):
    """What each kind has its own way of doing."""

    def assign(self, placement: Placement, resource: Resource, prefer: Node | None, stop_if_fail: bool) -> Node | None:
        """Assign everything in the resource; the node where it goes, for kinds that go to one."""

    def apply_as_dependent(
        self, placement: Placement, dependent: Resource, primary: Resource, colocation: ResolvedColocation
    ) -> Score:
        """Let the (placed) primary of a colocation change the dependent's scores; the change of promotion priority."""

    def apply_as_primary(
        self, placement: Placement, dependent: Resource, primary: Resource, colocation: ResolvedColocation
    ) -> Score:
        """The same, seen from the primary, for a dependent that is a primitive."""

    def merge_scores(
        self,
        source: Resource,
        target: Resource | None,
        weights: Weights | None,
        colocation: ResolvedColocation | None,
        factor: float,
        merge: ScoreMerge,
    ) -> Weights:
        """`weights` (those of `source` itself when None), and added to them, scaled by `factor`, the scores of `source`
        and of what is colocated with it.
        """


KINDS: dict[ResourceKind, KindOfResource] = {}


def assign(
    placement: Placement, resource: Resource, prefer: Node | None = None, stop_if_fail: bool = True
) -> Node | None:
    """Assign a resource of any kind."""
    return KINDS[resource.kind].assign(placement, resource, prefer, stop_if_fail)


def set_next_role(resource: Resource, role: Role) -> None:
    """Decide which role a resource will have."""
    resource.next_role = role
