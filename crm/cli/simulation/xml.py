"""What `crm_simulate` tells, as XML (`--output-as=xml`), in the structure of Pacemaker's published schema."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import ClassVar

from lxml import etree

from crm.cli.pacemaker.result_xml import PacemakerResult
from crm.cli.pacemaker.status_xml import status_element
from crm.cli.simulation.arguments import SimulationOptions
from crm.cli.terminal import document
from crm.model.cib import Cib
from crm.policy_engine.output.change_summary import NodeChange, ResourceChange
from crm.policy_engine.picture.cluster import Cluster, Role
from crm.policy_engine.picture.names import as_id
from crm.policy_engine.picture.roles import role_text
from crm.policy_engine.placement.placement import ShownKind, ShownScores
from crm.policy_engine.scheduling import Schedule
from crm.transition.simulation import SimulationLog


class XmlTeller:
    """Gathers everything in one document, printed at the end. Like in text, `--quiet` leaves the states out."""

    _ORDER: ClassVar = ("modify_node", "modify_ticket", "inject_spec", "inject_attr")

    def __init__(self, request: SimulationOptions, arguments: Sequence[str]) -> None:
        self.request = request
        self.result = PacemakerResult("crm_simulate", arguments)
        self.root = self.result.root
        self.transition: etree._Element | None = None

    def date(self, cib: Cib) -> None:
        """The schema has no place for it."""

    def notices(self, lines: Sequence[str]) -> None:
        """Nor for these."""

    def current(self, cluster: Cluster) -> None:
        self.root.append(status_element(cluster, "cluster_status", attributes=self.request.attributes))

    def modifications(self, said: Sequence[SimulationLog]) -> None:
        if self.request.quiet:
            return
        element = etree.SubElement(self.root, "modifications")
        for each in said:
            if each.kind in ("quorum", "watchdog"):
                for name, value in each.attributes.items():
                    element.set(name, value)
        for kind in self._ORDER:
            for each in said:
                if each.kind == kind:
                    etree.SubElement(element, kind, dict(each.attributes))

    def planned(self, plan: Schedule) -> None:
        if self.request.scores or self.request.utilization:
            self._add_scores(plan.scores)
        if not self.request.quiet:
            actions = etree.SubElement(self.root, "actions")
            for change in plan.changes:
                if isinstance(change, ResourceChange):
                    etree.SubElement(actions, "rsc_action", _resource_action(change))
                elif change.reason is not None:
                    etree.SubElement(actions, "node_action", _node_action(change))

    def _add_scores(self, scores: Sequence[ShownScores]) -> None:
        both = self.request.scores and self.request.utilization
        name = "allocations_utilizations" if both else "allocations" if self.request.scores else "utilizations"
        element = etree.SubElement(self.root, name)
        for shown in scores:
            line = etree.SubElement(element, shown.kind, _shown(shown))
            for resource, amount in shown.amounts.items():
                etree.SubElement(line, _as_tag(resource)).text = amount

    def begin(self) -> None:
        self.transition = etree.SubElement(self.root, "transition")

    def say(self, said: SimulationLog) -> None:
        assert self.transition is not None, "steps come after the beginning"
        if said.kind not in ("remark", "inject_attr"):
            etree.SubElement(self.transition, said.kind, dict(said.attributes))

    def revised(self, cluster: Cluster) -> None:
        self.root.append(status_element(cluster, "revised_cluster_status", attributes=self.request.attributes))

    def timing(self, path: str, seconds: float) -> None:
        timings = self.root.find("timings")
        if timings is None:
            timings = etree.SubElement(self.root, "timings")
        etree.SubElement(timings, "timing", file=path, duration=f"{seconds:.6f}")

    def finish(self, status: int, errors: Sequence[str]) -> None:
        sys.stdout.write(document(self.result.finish(status, errors)))


def _shown(shown: ShownScores) -> dict[str, str]:
    match shown.kind:
        case ShownKind.ALLOCATION:
            return {"function": shown.stage, "node": str(shown.node), "score": shown.score, "id": shown.resource}
        case ShownKind.PROMOTION:
            where = {"node": shown.node} if shown.node is not None else {}
            return {"id": shown.resource, "score": shown.score, **where}
        case ShownKind.UTILIZATION:
            return {"resource": shown.resource, "node": str(shown.node), "function": shown.stage}
        case ShownKind.CAPACITY:
            return {"node": str(shown.node), "comment": shown.stage}


def _as_tag(name: str) -> str:
    """The name of a capacity as an element's name, which must not start with a digit or a sign."""
    tag = as_id(name)
    return tag if tag[:1].isalpha() else f"_{tag}"


def _node_action(change: NodeChange) -> dict[str, str]:
    return {"task": change.what, "node": change.name, "reason": str(change.reason)}


def _resource_action(change: ResourceChange) -> dict[str, str]:
    values = {"action": change.what.lower(), "resource": change.resource.id, **_places(change)}
    if change.reason is not None:
        values["reason"] = change.reason
    if change.blocked:
        values["blocked"] = "true"
    return values


def _places(change: ResourceChange) -> dict[str, str]:
    """From where to where and from which role to which, as far as they matter."""
    origin, destination = change.origin, change.destination
    role, following = role_text(change.role), role_text(change.next_role)
    needs_role = change.role > Role.STARTED or change.next_role > Role.UNPROMOTED
    if origin is None:
        assert destination is not None, "a change starts or ends somewhere"
        return (
            {"role": role, "next-role": following, "dest": destination.name}
            if needs_role
            else {"node": destination.name}
        )
    if destination is None:
        return {"role": role, "node": origin.name} if needs_role else {"node": origin.name}
    values = {"source": origin.name}
    if origin is not destination:
        values["dest"] = destination.name
    if needs_role or change.role is not change.next_role:
        values["role"] = role
        if change.role is not change.next_role:
            values["next-role"] = following
    return values
