"""The planning pass as a whole: its phases in order, each handing on what the next one needs.

See the package's docstring for what the phases are.
"""

from __future__ import annotations

from dataclasses import dataclass

from crm.model import constraints as model
from crm.model.cib import Cib
from crm.model.score import MINUS_INFINITY
from crm.policy_engine.actions import relation as r
from crm.policy_engine.actions.action import PlannedAction, relate
from crm.policy_engine.actions.action_graph import ActionGraph
from crm.policy_engine.actions.collectives import create_actions
from crm.policy_engine.actions.config_changes import ConfigChanges, clear_failures_of_removed
from crm.policy_engine.actions.fencing_actions import fencing_action, mark_for_fencing, schedule_fencing_and_shutdowns
from crm.policy_engine.actions.implicit_constraints import add_implicit_constraints
from crm.policy_engine.actions.probes import schedule_probes
from crm.policy_engine.actions.propagate import propagate
from crm.policy_engine.actions.remote import order_remote_actions
from crm.policy_engine.constraints import colocations, cycles, locations, orders, tickets
from crm.policy_engine.constraints.colocations import ColocationList, ResolvedColocation
from crm.policy_engine.constraints.contradictions import contradiction_reports, groups_of
from crm.policy_engine.constraints.lookup import ConstraintNames
from crm.policy_engine.constraints.tickets import LossPolicy, ResolvedTicketConstraint
from crm.policy_engine.observe import observe
from crm.policy_engine.picture import restarts
from crm.policy_engine.picture.cluster import Cluster, Demand, Node, Resource, Role
from crm.policy_engine.picture.score_trace import SILENT, ScoreCause, ScoreTrace
from crm.policy_engine.placement.assign_all import assign_all
from crm.policy_engine.placement.candidates import ban_everywhere
from crm.policy_engine.placement.criteria import LockCancelled, apply_criteria, health_locations
from crm.policy_engine.placement.placement import Placement


@dataclass(slots=True)
class PlanningResult:
    """A finished pass: the cluster with what was decided about each resource, the actions, and the scores if wanted."""

    cluster: Cluster
    plan: ActionGraph
    placement: Placement


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What a caller wants besides the plan.

    scores, utilization   what was weighed, as lines
    sanitized             private parameters were taken out of the CIB, so seeming changes of them do not count
    trace                 told why scores change
    """

    scores: bool = False
    utilization: bool = False
    sanitized: bool = False
    trace: ScoreTrace = SILENT


def run(cib: Cib, now: int, wishes: PlanOptions) -> PlanningResult:
    """Plan: from a CIB at `now` (epoch seconds) to settled actions."""
    return plan_cluster(observe(cib, now), wishes)


def plan_cluster(cluster: Cluster, wishes: PlanOptions) -> PlanningResult:
    """Plan for a cluster that was observed already; it is changed by that."""
    plan = ActionGraph(cluster, sanitized=wishes.sanitized)
    placement = Placement(
        cluster,
        cluster.settings.placement_strategy,
        with_scores=wishes.scores,
        with_utilization=wishes.utilization,
        trace=wishes.trace,
    )
    relations = _Relations(plan, wishes.trace)
    _note_all(placement, ScoreCause.STATUS)
    placement.on_colocation = relations.colocate
    _meet_demands(plan)
    relations.add_configured()
    apply_criteria(cluster, relations.locations[::-1], _forget_lock(plan), wishes.trace)
    for resource in cluster.resources:
        add_implicit_constraints(plan, resource, relations.colocate)
    _note_all(placement, ScoreCause.CONTAINER)
    changes = ConfigChanges(plan)
    changes.check_all()
    assign_all(placement)
    changes.check_deferred()
    if cluster.settings.startup_probes:
        schedule_probes(plan)
    if cluster.settings.stop_removed_resources:
        clear_failures_of_removed(plan)
    for resource in cluster.resources:
        create_actions(plan, resource)
    order_remote_actions(plan)
    schedule_fencing_and_shutdowns(plan)
    propagate(plan, placement)
    return PlanningResult(cluster, plan, placement)


def _note_all(placement: Placement, cause: ScoreCause) -> None:
    for resource in placement.cluster.resources:
        placement.trace.scores(resource, cause)


def _forget_lock(plan: ActionGraph) -> LockCancelled:
    def forget(resource: Resource, node: Node) -> None:
        plan.action(resource, "lrm_delete", node, optional=False)

    return forget


# What the status itself asks for


def _meet_demands(plan: ActionGraph) -> None:
    for demand in plan.cluster.demands:
        _meet(plan, demand)


def _meet(plan: ActionGraph, demand: Demand) -> None:
    if demand.resource is None:
        fencing_action(plan, demand.node, reason=demand.reason, priority_delay=demand.priority_delay)
        return
    action = plan.action(
        demand.resource, demand.task, demand.node, not demand.required, interval_ms=demand.interval_ms
    )
    if demand.task == "clear_failcount":
        action.meta["op_no_wait"] = "true"
    if demand.after_fencing is not None:
        relate(fencing_action(plan, demand.after_fencing), action, r.FIRST_REQUIRES_THEN)


# Constraints


class _Relations:
    """Takes up configured and implied constraints, in order."""

    def __init__(self, plan: ActionGraph, trace: ScoreTrace) -> None:
        self.plan = plan
        self.trace = trace
        self.cluster = plan.cluster
        self.names = ConstraintNames(plan.cluster)
        self.locations: list[locations.ResolvedLocation] = []
        self._with: dict[int, ColocationList] = {}
        self._by: dict[int, ColocationList] = {}

    def add_configured(self) -> None:
        """Everything of the configuration, health first."""
        together, sequence = cycles.Edges[str](), cycles.Edges[cycles.CycleStep]()
        colocated: list[ResolvedColocation] = []
        for location in health_locations(self.cluster):
            self._locate(location)
        for constraint in self.cluster.cib.constraints:
            match constraint:
                case model.Location():
                    for location in locations.resolve(self.cluster, self.names, constraint):
                        self._locate(location)
                case model.Colocation():
                    for colocation in colocations.resolve(self.names, constraint):
                        if colocation.score > 0:  # Two that stay away from each other are no circle.
                            together.add(colocation.dependent.id, colocation.primary.id, colocation.id)
                        colocated.append(colocation)
                        self.colocate(colocation)
                case model.Order():
                    orders.resolve(_PlanOrderer(self.plan, constraint.id, sequence), self.names, constraint)
                case model.TicketConstraint():
                    for ticket in tickets.resolve(self.cluster, self.names, constraint):
                        ticket.resource.tickets.append(ticket)
                        if not ticket.is_satisfied:
                            self._lack_ticket(ticket.resource, ticket)
                            self.trace.scores(ticket.resource, ScoreCause.TICKET, ticket)
        for home in restarts.homes(self.cluster, self.names):
            self._locate(home)
        self.cluster.reports += [*cycles.colocation_reports(together), *cycles.ordering_reports(sequence),
                                 *contradiction_reports(groups_of(self.cluster.resources), colocated)]

    def _locate(self, location: locations.ResolvedLocation) -> None:
        self.locations.append(location)
        location.resource.locations.insert(0, location)

    def colocate(self, colocation: ResolvedColocation) -> None:
        """Take up a colocation; what must never be together also waits for the other to leave."""
        dependent, primary = colocation.dependent, colocation.primary
        lists = self._with.setdefault(id(dependent), ColocationList(dependents=False))
        lists.add(colocation)
        dependent.colocated_with = lists.items()
        lists = self._by.setdefault(id(primary), ColocationList(dependents=True))
        lists.add(colocation)
        primary.colocated_by = lists.items()
        if colocation.score <= MINUS_INFINITY:
            self._keep_apart(dependent, colocation.dependent_role, primary, colocation.primary_role)
            self._keep_apart(primary, colocation.primary_role, dependent, colocation.dependent_role)

    def _keep_apart(self, first: Resource, first_role: Role, then: Resource, then_role: Role) -> None:
        for first_task in _LEAVING.get(first_role, ("stop",)):
            for then_task in _COMING.get(then_role, ("start",)):
                self.plan.order(first, first_task, then, then_task, r.REQUIRED_ON_SAME_NODE)

    def _lack_ticket(self, resource: Resource, constraint: ResolvedTicketConstraint) -> None:
        if resource.children:
            for child in resource.children:
                self._lack_ticket(child, constraint)
            return
        ticket = constraint.ticket
        if not ticket.granted and resource.active_on:
            self._lose_ticket(resource, constraint)
        elif constraint.role is not Role.PROMOTED or constraint.loss_policy is LossPolicy.STOP:
            ban_everywhere(self.cluster, resource)

    def _lose_ticket(self, resource: Resource, constraint: ResolvedTicketConstraint) -> None:
        in_role = constraint.role in (Role.UNKNOWN, resource.role)
        match constraint.loss_policy:
            case LossPolicy.STOP:
                ban_everywhere(self.cluster, resource)
            case LossPolicy.DEMOTE:
                if constraint.role is not Role.PROMOTED:
                    ban_everywhere(self.cluster, resource)
            case LossPolicy.FENCE:
                if in_role:
                    ban_everywhere(self.cluster, resource)
                    for node in resource.active_on:
                        mark_for_fencing(self.plan, node, "deadman ticket was lost")
            case LossPolicy.FREEZE:
                if in_role:
                    resource.managed = False
                    resource.blocked = True


_LEAVING = {Role.PROMOTED: ("demote",), Role.UNPROMOTED: ("stop", "promote")}
_COMING = {Role.PROMOTED: ("promote",), Role.UNPROMOTED: ("start", "demote")}


class _PlanOrderer:
    """Lets one ordering constraint be taken up by a plan."""

    def __init__(self, plan: ActionGraph, constraint: str, sequence: cycles.Edges[cycles.CycleStep]) -> None:
        self.plan = plan
        self.constraint = constraint
        self.sequence = sequence

    def order(self, first: Resource, first_task: str, then: Resource, then_task: str, relation: int) -> None:
        if relation & r.ORDERED:
            self.sequence.add(cycles.CycleStep(first.id, first_task), cycles.CycleStep(then.id, then_task),
                              self.constraint)
        self.plan.order(first, first_task, then, then_task, relation, self.constraint)

    def require_some(self, name: str, firsts: list[Resource], first_task: str, needed: int) -> _Some:
        milestone = self.plan.milestone(name)
        milestone.required_runnable_before = needed
        relation = r.MIN_RUNNABLE | r.FIRST_SHOWS_THEN
        for first in firsts:
            self.plan.order_before_action(first, first_task, milestone, relation, self.constraint)
        return _Some(self, milestone)


class _Some:
    def __init__(self, orderer: _PlanOrderer, milestone: PlannedAction) -> None:
        self.orderer = orderer
        self.milestone = milestone

    def before(self, then: Resource, then_task: str, relation: int) -> None:
        plan, constraint = self.orderer.plan, self.orderer.constraint
        plan.order_after_action(self.milestone, then, then_task, relation, constraint)
