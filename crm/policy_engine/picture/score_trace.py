"""Where scores come from: told by the placing phases, kept only when somebody asks.

Whoever changes the scores of a resource says so afterwards and names the cause; a `RecordingTrace` then looks at what
is different. So nothing that decides has to know how its effects are told, and a plan that nobody asks about pays one
empty call for each cause. It is apart from `explain`, which turns records into answers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crm.model.score import Score
    from crm.policy_engine.picture.cluster import Candidate, Node, Resource


class ScoreCause(StrEnum):
    """What can change a score."""

    STATUS = "status"
    """What was observed before anything was weighed: the node's state, failures that ban, and the like."""
    TICKET = "ticket"
    LOCK = "shutdown-lock"
    HEALTH = "health"
    LOCATION = "location"
    STICKINESS = "stickiness"
    FAILURES = "migration-threshold"
    EXCLUSIVE_PROBING = "exclusive-discovery"
    CONTAINER = "container"
    """What runs in a container or on a guest may run nowhere else; a connection to a node not on such a node."""
    COLOCATED_WITH = "colocated-with"
    """A primary of a colocation was placed, or is nowhere."""
    COLOCATED_BY = "colocated-by"
    """The preferences of a dependent count for its primary."""
    STOPPED = "stopped"
    """It is decided already that it shall not run."""
    CAPACITY = "capacity"
    FULL = "full"
    """The node has as many instances as it may have."""
    ENOUGH = "enough"
    """As many instances run as shall run."""
    PROMOTION = "promotion-score"


@dataclass(frozen=True, slots=True)
class ScoreChange:
    """One cause changed one score. `subject` is what the cause is about: a Location, a Colocation, a ticket …

    A score that was not there before is None.
    """

    cause: ScoreCause
    subject: object
    before: Score | None
    after: Score | None


@dataclass(frozen=True, slots=True)
class Choice:
    """A decision between candidates: best first, with the number of resources that each node had then."""

    ranked: tuple[tuple[Node, Score, int], ...]
    chosen: Node | None
    wished: Node | None
    """The node that was to be taken whatever the order, as long as none has a better score."""


class ScoreTrace:
    """Listens and forgets."""

    __slots__ = ()

    def scores(self, resource: Resource, cause: ScoreCause, subject: object = None) -> None:
        """The scores of the resource, or of anything in it, may have been changed by this cause."""

    def undone(self, resource: Resource) -> None:
        """The scores of the resource and all in it were put back as they were some time before."""

    def priority(self, instance: Resource, cause: ScoreCause, subject: object = None) -> None:
        """An instance's priority for promotion may have been changed by this cause."""

    def choice(
        self, resource: Resource, ranked: Sequence[Candidate], chosen: Candidate | None, wished: Node | None
    ) -> None:
        """A node was chosen for a primitive, or none."""


SILENT = ScoreTrace()


@dataclass(slots=True)
class RecordingTrace(ScoreTrace):
    """Keeps every change of a score and every choice, by the resource's id."""

    changes: dict[str, dict[str, list[ScoreChange]]] = field(default_factory=dict)
    """By resource id, then by node id, oldest first."""
    priorities: dict[str, list[ScoreChange]] = field(default_factory=dict)
    """By instance id, oldest first."""
    choices: dict[str, Choice] = field(default_factory=dict)

    def scores(self, resource: Resource, cause: ScoreCause, subject: object = None) -> None:
        for each in resource.walk():
            if each.is_primitive and not each.unassigned:
                continue  # What comes after a decision did not decide it.
            known = self.changes.setdefault(each.id, {})
            for node_id, candidate in each.allowed.items():
                changes = known.setdefault(node_id, [])
                before = changes[-1].after if changes else None
                if before != candidate.score:
                    changes.append(ScoreChange(cause, subject, before, candidate.score))

    def undone(self, resource: Resource) -> None:
        for each in resource.walk():
            for node_id, changes in self.changes.get(each.id, {}).items():
                candidate = each.allowed.get(node_id)
                score = candidate.score if candidate is not None else None
                while changes and changes[-1].after != score:
                    changes.pop()

    def priority(self, instance: Resource, cause: ScoreCause, subject: object = None) -> None:
        changes = self.priorities.setdefault(instance.id, [])
        before = changes[-1].after if changes else None
        if before != instance.priority:
            changes.append(ScoreChange(cause, subject, before, instance.priority))

    def choice(
        self, resource: Resource, ranked: Sequence[Candidate], chosen: Candidate | None, wished: Node | None
    ) -> None:
        rows = tuple((each.node, each.score, each.node.active) for each in ranked)
        self.choices[resource.id] = Choice(rows, chosen.node if chosen is not None else None, wished)
