"""Ticket constraints: what may run only while the site holds a ticket, and what happens when it is lost.

Source: Pacemaker Explained, "Multi-Site Clusters and Tickets".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from crm.model import constraints as model
from crm.model.constraints import ResourceSet
from crm.model.report import Report, Severity
from crm.policy_engine.constraints.colocations import role_of
from crm.policy_engine.constraints.lookup import ConstraintNames
from crm.policy_engine.picture.cluster import Cluster, Resource, Role, TicketState


class LossPolicy(StrEnum):
    """What becomes of an active resource whose ticket is lost."""

    STOP = "stop"
    DEMOTE = "demote"
    FENCE = "fence"
    FREEZE = "freeze"


@dataclass(frozen=True, slots=True)
class ResolvedTicketConstraint:
    """`resource`, in `role` (UNKNOWN: in any), depends on `ticket`."""

    id: str
    ticket: TicketState
    resource: Resource
    role: Role
    loss_policy: LossPolicy

    @property
    def is_satisfied(self) -> bool:
        """The ticket is granted and not on standby."""
        return self.ticket.granted and not self.ticket.standby


def resolve(cluster: Cluster, names: ConstraintNames,
            constraint: model.TicketConstraint) -> list[ResolvedTicketConstraint]:
    """The ticket constraints that one constraint stands for."""
    ticket = cluster.tickets.setdefault(constraint.ticket, TicketState(constraint.ticket))
    sets = _sets(names, constraint)
    found: list[ResolvedTicketConstraint] = []
    for one in sets or ():
        for name in one.members:
            resource = names.resource(name)
            if resource is None:
                names.missing(one.id, name)
                return found
            found += _make(cluster, names, one.id, ticket, resource, one.role, constraint.loss_policy)
    if sets == ():
        resource = names.resource(constraint.resource)
        if resource is None:
            names.missing(constraint.id, constraint.resource)
        else:
            found += _make(cluster, names, constraint.id, ticket, resource, constraint.role, constraint.loss_policy)
    return found


def _sets(names: ConstraintNames, constraint: model.TicketConstraint) -> tuple[ResourceSet, ...] | None:
    if constraint.sets:
        return names.expand_sets(constraint.id, constraint.sets)
    name = constraint.resource
    if name is None or names.resource(name) is not None:
        return ()
    if names.tagged(name) is None:
        names.missing(constraint.id, name)
        return None
    return (names.as_set(name, role=constraint.role),)


def _make(
    cluster: Cluster,
    names: ConstraintNames,
    identity: str,
    ticket: TicketState,
    resource: Resource,
    role_word: str | None,
    policy_word: str | None,
) -> list[ResolvedTicketConstraint]:
    role = role_of(role_word)
    if role is None:
        names.reject(identity, f"The ticket constraint {identity} is ignored: {role_word!r} is no role.")
        return []
    policy = _loss_policy(cluster, ticket, policy_word, role)
    return [ResolvedTicketConstraint(identity, ticket, resource, role, policy)]


def _loss_policy(cluster: Cluster, ticket: TicketState, word: str | None, role: Role) -> LossPolicy:
    word = (word or "").lower()
    if word == LossPolicy.FENCE and not cluster.settings.fencing_enabled:
        message = f"loss-policy=fence of ticket {ticket.id} counts as stop: fencing is disabled."
        cluster.reports.append(Report(Severity.ERROR, "loss-policy", ticket.id, message))
        return LossPolicy.STOP
    if word in set(LossPolicy):
        return LossPolicy(word)
    return LossPolicy.DEMOTE if role is Role.PROMOTED else LossPolicy.STOP
