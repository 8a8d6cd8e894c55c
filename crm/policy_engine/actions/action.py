"""An action that could be part of a transition, and its relations to others.

Mutable while the plan settles: `optional` and `runnable` say whether it must and whether it can be done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm.policy_engine.picture.cluster import Node, Requires, Resource

if TYPE_CHECKING:
    from crm.model.resources import Operation
    from crm.policy_engine.actions.relation import Relation


class Input:
    """Another action that comes before one, and in what relation; `relation` 0 means no longer."""

    __slots__ = ("action", "constraint", "graphed", "relation")

    def __init__(self, action: PlannedAction, relation: Relation, constraint: str = "") -> None:
        self.action = action
        self.relation = relation
        self.graphed = False
        self.constraint = constraint
        """Id of the ordering constraint that says so, if one does."""


class PlannedAction:
    """One thing that a node, or the cluster, could do.

    key       its name, unique among the actions of its resource and node: `web_start_0`
    task      start, stop, monitor, …, or a pseudo-action's name
    inputs    what comes before, oldest relation first
    outputs   what comes after: the actions with all relations to them, oldest first
    """

    __slots__ = (
        "always_in_graph",
        "blocked_by",
        "cancel_task",
        "config",
        "deduplicated",
        "expired",
        "extra",
        "extra_read",
        "id",
        "in_graph",
        "inputs",
        "key",
        "meta",
        "migratable",
        "migration_abort",
        "needs",
        "node",
        "on_dc",
        "optional",
        "outputs",
        "priority",
        "pseudo",
        "reason",
        "related",
        "required_by",
        "required_runnable_before",
        "reschedule",
        "resource",
        "runnable",
        "runnable_before",
        "task",
        "visited",
    )

    def __init__(self, number: int, key: str, task: str, resource: Resource | None, node: Node | None) -> None:
        self.id = number
        self.key = key
        self.task = task
        self.resource = resource
        self.node = node
        self.config: Operation | None = None
        self.meta: dict[str, str] = {}
        self.extra: dict[str, str] = {}
        """Parameters configured for this very operation."""
        self.extra_read = False
        self.needs = Requires.NOTHING
        self.optional = True
        self.runnable = True
        self.pseudo = False
        """Nobody carries it out: it marks a point in the transition."""
        self.migratable = False
        """Part of a live migration."""
        self.always_in_graph = False
        self.in_graph = False
        self.migration_abort = False
        self.reschedule = False
        self.expired = False
        """A recurring operation that begins anew because its failure expired."""
        self.deduplicated = False
        self.on_dc = task == "lrm_delete"
        self.visited = False
        self.priority = 0
        self.reason: str | None = None
        self.required_by: PlannedAction | None = None
        """The other action that made this one required; None when something else did."""
        self.blocked_by: PlannedAction | None = None
        """The other action that made this one impossible."""
        self.cancel_task: str | None = None
        self.runnable_before = 0
        self.required_runnable_before = 0
        self.inputs: list[Input] = []
        self.outputs: list[tuple[PlannedAction, Relation]] = []
        self.related: dict[int, Relation] = {}
        """Action number -> all relations to that later action."""

    def set_reason(self, reason: str | None, overwrite: bool = False) -> None:
        """Keep why this is needed or impossible: the first reason, unless told to replace it."""
        if self.reason is None or overwrite:
            self.reason = reason

    @property
    def state(self) -> tuple[bool, bool, bool, bool]:
        """What relations change, to notice that they did."""
        return (self.optional, self.runnable, self.migratable, self.pseudo)

    @property
    def interval(self) -> str | None:
        """The interval as text (milliseconds) when the operation recurs."""
        return self.meta.get("interval")

    def __repr__(self) -> str:
        return f"<{self.key}{f' on {self.node.name}' if self.node else ''}>"


def relate(first: PlannedAction | None, then: PlannedAction | None, relation: Relation, constraint: str = "") -> bool:
    """Order two actions; False when that adds nothing to what is known."""
    if relation == 0 or first is None or then is None:
        return False
    assert first is not then, f"{first} cannot come before itself"
    known = first.related.get(then.id, 0)
    if known & relation:
        return False
    first.related[then.id] = known | relation
    first.outputs.append((then, relation))
    then.inputs.append(Input(first, relation, constraint))
    return True


def operation_key(resource_id: str, task: str, interval_ms: int = 0) -> str:
    """The key of an action: resource, task and interval in milliseconds."""
    return f"{resource_id}_{task}_{interval_ms}"
