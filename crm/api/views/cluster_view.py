"""From a CIB to what people want to see of the cluster: nodes, resources with their instances, failures.

The understanding is the policy engine's (`observe`); this only puts it into the shapes of answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from crm.api.service import NodeStatus
from crm.api.views.answer_values import ClusterValue, FailureValue, NodeValue, ReportValue, ResourceValue
from crm.cib import schema
from crm.cib.document import Document
from crm.model.cib import Cib
from crm.model.report import Report
from crm.policy_engine.observe import observe
from crm.policy_engine.picture.cluster import Cluster, FailedOperation, Node, Resource, ResourceKind
from crm.policy_engine.picture.names import base_name


@dataclass(frozen=True, slots=True)
class ClusterView:
    """A cluster as its CIB tells it at a moment."""

    document: Document
    cluster: Cluster
    _text: dict[str, object] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, document: Document, now: int) -> ClusterView:
        """`now` in epoch seconds."""
        return cls(document, observe(document.model(), now))

    def nodes(self) -> list[NodeValue]:
        return [_node(node) for node in self.cluster.nodes]

    def resources(self) -> list[ResourceValue]:
        return [_resource(resource) for resource in self.cluster.resources]

    def resource(self, resource_id: str) -> ResourceValue | None:
        """A resource anywhere in the tree."""
        found = self.find(resource_id)
        return None if found is None else _resource(found)

    def find(self, resource_id: str) -> Resource | None:
        """The same as the policy engine knows it."""
        found = next((entry for entry in self._tree() if entry.id == resource_id), None)
        return found or self.cluster.find(resource_id)

    def all_named(self, resource_id: str) -> list[Resource]:
        """The resource of that id; of an anonymous clone's primitive, which the name without a number means, all
        instances.
        """
        every = list(self._tree())
        exact = [entry for entry in every if entry.id == resource_id]
        return exact or [entry for entry in every if base_name(entry.id) == resource_id]

    def whole_resource(self, resource_id: str) -> ResourceValue | None:
        """The same as one: instances that share the name are its children."""
        found = [_resource(entry) for entry in self.all_named(resource_id)]
        if len(found) < 2:
            return found[0] if found else None
        role = next((role for role in _ROLES if any(each.role == role for each in found)), "Stopped")
        nodes = list(dict.fromkeys(node for each in found for node in each.nodes))
        return found[0].model_copy(update={
            "id": resource_id, "role": role, "nodes": nodes, "managed": all(each.managed for each in found),
            "failed": any(each.failed for each in found), "blocked": any(each.blocked for each in found),
            "children": found})

    def names_in(self, resource_id: str) -> frozenset[str]:
        """The names under which a resource, and all that it is made of, is spoken of: with and without number."""
        found = [entry for entry in self._tree() if resource_id in (entry.id, base_name(entry.id))]
        ids = {part.id for entry in found for part in entry.walk()}
        return frozenset({resource_id, *ids, *map(base_name, ids)})

    def failures(self) -> list[FailureValue]:
        return [_failure(failed) for failed in self.cluster.failed_operations]

    def reports(self, status: NodeStatus) -> list[Report]:
        """What should be looked at, each finding once."""
        return list(dict.fromkeys([*status.reports, *self.cluster.reports, *_findings(self.document)]))

    def whole(self, status: NodeStatus) -> ClusterValue:
        """Everything in one answer."""
        return ClusterValue(
            answered_by=status.node,
            state=status.state,
            dc=status.dc,
            term=status.term,
            fresh=status.fresh,
            problem=status.problem,
            quorate=status.quorate,
            members=present(status),
            version=str(self.document.version),
            transition=progress(status),
            nodes=self.nodes(),
            resources=self.resources(),
            failures=self.failures(),
            reports=[ReportValue.of(report) for report in self.reports(status)],
        )

    def whole_text(self, status: NodeStatus) -> str:
        """The same as JSON; worked out once for all who ask while nothing has changed."""
        if self._text.get("status") != status:
            self._text.update(status=status, text=self.whole(status).model_dump_json())
        return str(self._text["text"])

    def _tree(self) -> Iterator[Resource]:
        waiting = list(reversed(self.cluster.resources))
        while waiting:
            resource = waiting.pop()
            yield resource
            waiting.extend(reversed(resource.children))


_last_findings: tuple[Cib, list[Report]] | None = None


def _findings(document: Document) -> list[Report]:
    """What is wrong with the configuration; looked for once as long as that stays, whatever becomes of the status."""
    global _last_findings
    configuration, last = document.configuration(), _last_findings
    if last is None or last[0] is not configuration:
        last = _last_findings = (configuration, schema.validate(document))
    return last[1]


_ROLES = ("Promoted", "Unpromoted", "Started")
"""Those that say most come first."""


def present(status: NodeStatus) -> list[str]:
    """Names of the nodes that are members now."""
    return [member.name for member in status.members if member.present]


def progress(status: NodeStatus) -> dict[str, int] | None:
    """How far the running transition is, as the node tells it."""
    counts = status.progress
    if counts is None:
        return None
    return {
        "id": status.transition,
        "total": counts.total,
        "done": counts.done,
        "in_flight": counts.in_flight,
        "failed": counts.failed,
    }


def _node(node: Node) -> NodeValue:
    attributes = {name: value for name, value in node.attributes.items() if not name.startswith("#")}
    return NodeValue(
        name=node.name,
        id=node.id,
        state=_node_state(node),
        online=node.online,
        standby=node.standby or node.standby_on_fail,
        maintenance=node.maintenance,
        unclean=node.unclean,
        is_dc=node.is_dc,
        attributes=attributes,
        resources=[resource.id for resource in node.running],
    )


def _node_state(node: Node) -> str:
    facts = (
        (node.unclean, "unclean"),
        (node.pending, "pending"),
        (not node.online, "offline"),
        (node.shutting_down, "shutting-down"),
        (node.standby or node.standby_on_fail, "standby"),
        (node.maintenance, "maintenance"),
    )
    return next((word for holds, word in facts if holds), "online")


def _resource(resource: Resource) -> ResourceValue:
    active = _active_nodes(resource)
    children = [_resource(child) for child in resource.children]
    tasks = [resource.pending_task or "", *(child.under_way for child in children)]
    return ResourceValue(
        id=resource.id,
        kind=resource.kind.value,
        agent=_agent(resource),
        role=_role(resource, bool(active)),
        nodes=active,
        managed=resource.managed,
        failed=resource.failed,
        blocked=resource.blocked,
        under_way=next((task for task in tasks if task not in ("", "monitor")), ""),
        children=children,
    )


def _agent(resource: Resource) -> str | None:
    if resource.kind is not ResourceKind.PRIMITIVE:
        return None
    return ":".join(part for part in (resource.standard, resource.provider, resource.type) if part)


def _role(resource: Resource, active: bool) -> str:
    if resource.kind is ResourceKind.PRIMITIVE:
        return resource.role.name.capitalize()
    return "Started" if active else "Stopped"


def _active_nodes(resource: Resource) -> list[str]:
    if resource.kind is ResourceKind.PRIMITIVE:
        return [node.name for node in resource.active_on]
    return list(dict.fromkeys(name for child in resource.children for name in _active_nodes(child)))


def _failure(failed: FailedOperation) -> FailureValue:
    entry, resource = failed.entry, failed.resource
    return FailureValue(
        resource=resource.id,
        operation=entry.operation or "",
        node=failed.node.name,
        rc=entry.rc if entry.rc is not None else 1,
        status=entry.status if entry.status is not None else -2,
        reason=entry.exit_reason or "",
        output=entry.output or "",
        at=entry.last_rc_change,
        next_step=f"Mend the cause, then: crmctl cleanup {resource.history_id or resource.id}",
    )
