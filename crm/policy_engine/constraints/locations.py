"""Location constraints: which score a resource gets on which node, and for which role.

Source: Pacemaker Explained, "Location Constraints", "Rules". They are kept newest first, the order in which their
scores are applied.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from crm.model import constraints as model
from crm.model import score as scores
from crm.model.report import Report, Severity
from crm.model.rules import Invalid, Rule
from crm.model.score import Score
from crm.policy_engine.constraints.lookup import ConstraintNames
from crm.policy_engine.picture.attributes import node_attribute
from crm.policy_engine.picture.cluster import Cluster, Node, Probing, Resource, Role
from crm.policy_engine.picture.parameters import parameters_of
from crm.policy_engine.picture.roles import parse_role
from crm.policy_engine.picture.rules import RuleInput, holds


@dataclass(slots=True)
class ResolvedLocation:
    """A resource's scores on some nodes; with `role` set they count only when it will have that role."""

    id: str
    resource: Resource
    role: Role = Role.UNKNOWN
    probing: Probing = Probing.ALWAYS
    scores: list[tuple[Node, Score]] = field(default_factory=list)
    of_health: bool = False
    """Says how healthy nodes are; configured by nobody."""


def resolve(cluster: Cluster, names: ConstraintNames, constraint: model.Location) -> list[ResolvedLocation]:
    """The locations that a constraint stands for; empty, with a report, when it cannot be understood."""
    return _Resolver(cluster, names, constraint).resolve()


def role_filter(text: str | None) -> Role | None:
    """The role that a location is about: UNKNOWN for any (started and unpromoted are any), None if it is no role."""
    if text is None:
        return Role.UNKNOWN
    role = parse_role(text)
    if role is Role.UNKNOWN:
        return None
    return Role.UNKNOWN if role in (Role.STARTED, Role.UNPROMOTED) else role


class _Resolver:
    def __init__(self, cluster: Cluster, names: ConstraintNames, constraint: model.Location) -> None:
        self.cluster = cluster
        self.names = names
        self.constraint = constraint
        self.found: list[ResolvedLocation] = []

    def resolve(self) -> list[ResolvedLocation]:
        sets = self._sets()
        if sets:
            for one in sets:
                if not self._from_set(one):
                    break
        elif sets is not None:
            self._simple()
        return self.found

    def _sets(self) -> tuple[model.ResourceSet, ...] | None:
        """The sets of the constraint, a tag in `rsc` made into one; None when the constraint is to be ignored."""
        constraint = self.constraint
        if constraint.sets:
            return self.names.expand_sets(constraint.id, constraint.sets)
        name = constraint.resource
        if name is None or self.names.resource(name) is not None:
            return ()
        if self.names.tagged(name) is None:
            self.names.missing(constraint.id, name)
            return None
        return (self.names.as_set(name, role=constraint.role),)

    def _from_set(self, one: model.ResourceSet) -> bool:
        for name in one.members:
            resource = self.names.resource(name)
            if resource is None:
                self.names.missing(one.id, name)
                return False
            self._add(resource, one.role, one.score)
        return True

    def _simple(self) -> None:
        resource = self.names.resource(self.constraint.resource)
        if resource is not None:
            self._add(resource)
        if self.constraint.pattern is not None:
            self._by_pattern(self.constraint.pattern)

    def _by_pattern(self, pattern: str) -> None:
        inverted = pattern.startswith("!")
        try:
            expression = re.compile(pattern.removeprefix("!"))
        except re.error as problem:
            message = f"The constraint {self.constraint.id} is ignored: {pattern!r} is no pattern ({problem})."
            self.names.reject(self.constraint.id, message)
            return
        for resource in self.cluster.resources:
            match = expression.search(resource.id)
            if match is not None and not inverted:
                self._add(resource, captures=(match.group(0), *match.groups()))
            elif match is None and inverted:
                self._add(resource)

    def _add(
        self,
        resource: Resource,
        role: str | None = None,
        score: str | None = None,
        captures: tuple[str | None, ...] = (),
    ) -> None:
        score = score if score is not None else self.constraint.score
        if self.constraint.node is not None and score is not None:
            self._on_node(resource, self.constraint.node, score, role if role is not None else self.constraint.role)
            return
        for rule in self.constraint.rules:
            self._by_rule(resource, rule, captures)

    def _on_node(self, resource: Resource, node_name: str, score: str, role: str | None) -> None:
        node = self.cluster.nodes_by_name.get(node_name)
        if node is None:
            message = f"The constraint {self.constraint.id} is ignored: there is no node {node_name!r}."
            report = Report(Severity.WARNING, "unknown-node", self.constraint.id, message)
            self.cluster.reports.append(report)
            return
        wanted = role_filter(role)
        if wanted is None:
            message = f"The constraint {self.constraint.id} is ignored: {role!r} is no role."
            self.names.reject(self.constraint.id, message)
            return
        self._append(resource, self.constraint.id, wanted, [(node, scores.parse(score))])

    def _by_rule(self, resource: Resource, rule: Rule | Invalid, captures: tuple[str | None, ...]) -> None:
        if isinstance(rule, Invalid):
            return
        wanted = role_filter(rule.role)
        if wanted is None or (rule.score is None and rule.score_attribute is None):
            message = f"The constraint {self.constraint.id} is ignored: its rule {rule.id} has no valid role and score."
            self.names.reject(self.constraint.id, message)
            return
        found: list[tuple[Node, Score]] = []
        for node in self.cluster.nodes:
            given = RuleInput(
                now=self.cluster.now,
                node_attributes=node.attributes,
                parameters=parameters_of(self.cluster, resource, node) if resource.is_primitive else None,
                meta=resource.meta,
                captures=captures,
            )
            if holds(rule, given, self.cluster.advance_recheck):
                score = self._rule_score(rule, node, resource, captures)
                if score is not None:
                    found.append((node, score))
        self._append(resource, rule.id, wanted, found[::-1])

    def _rule_score(
        self, rule: Rule, node: Node, resource: Resource, captures: tuple[str | None, ...]
    ) -> Score | None:
        if rule.score_attribute is None:
            return scores.parse(rule.score)
        name = rule.score_attribute
        for number, text in enumerate(captures):
            name = name.replace(f"%{number}", text or "")
        value = node_attribute(node, name, resource.meta.get("container-attribute-target"), current=True)
        return scores.read(value) if value else None

    def _append(self, resource: Resource, identity: str, role: Role, found: list[tuple[Node, Score]]) -> None:
        text = (self.constraint.discovery or "always").lower()
        probing = Probing(text) if text in set(Probing) else Probing.ALWAYS
        if probing is Probing.EXCLUSIVE:
            resource.exclusive_probing = True
        self.found.append(ResolvedLocation(identity, resource, role, probing, found))
