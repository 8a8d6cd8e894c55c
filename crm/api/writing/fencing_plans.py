"""What fencing a node would do, or saying that it is off: planned, and nothing done to any node."""

from __future__ import annotations

from crm.api.middleware.problems import ProblemError
from crm.api.service import NodeService
from crm.api.views.plan_values import FencingPlanValue, PlanValue, planned
from crm.cib.document import Document
from crm.cib.queries import configured_node_names
from crm.cib.reading import cib_reader
from crm.cib.status_edits import fenced_remotely, node_left
from crm.cib.status_updates import apply_updates
from crm.controller.fencing.coverage import FencingCoverage, coverage
from crm.failover_simulation.faults import Fault, FaultKind
from crm.model.report import Report, Severity
from crm.policy_engine.picture.fence_devices import fencing_setup


async def fencing_plan(service: NodeService, node: str, action: str, now: int) -> PlanValue:
    """The plan for losing a node that is fenced because a person wants it; for `on` (unfencing) nothing is lost.

    Raises ProblemError (no-such-node).
    """
    document = service.cib()
    _check_known(service, document, node)
    (way,) = coverage(fencing_setup(cib_reader.read(document.root), now), [node])
    faults = [] if action == "on" else [Fault(FaultKind.NODE, (node,))]
    plan = await planned(service, document, document, now, _reports(way), faults)
    if not way.ways:
        return plan
    wanted = FencingPlanValue(node=node, action=action, reason=f"you ask for it; by {' and '.join(way.ways[0])}")
    return plan.model_copy(update={"fenced": [wanted, *(each for each in plan.fenced if each.node != node)]})


async def confirmation_plan(service: NodeService, node: str, now: int) -> PlanValue:
    """What happens when a lost node counts as off. Raises ProblemError (no-such-node, node-is-here)."""
    document, status = service.cib(), service.status()
    _check_known(service, document, node)
    member = next((each for each in status.members if each.name == node), None)
    if member is not None and member.present:
        raise ProblemError("node-is-here", f"{node} is not off: it is a member of the cluster and answers",
                           f"Fence it: crmctl fence {node}")
    notes = fenced_remotely(node) if member is None else node_left(member.id, node)
    return await planned(service, document, apply_updates(document, notes), now)


def _check_known(service: NodeService, document: Document, node: str) -> None:
    """Cluster nodes, and the remote nodes of the configuration."""
    members = [member.name for member in service.status().members]
    known = dict.fromkeys([*members, *configured_node_names(document)])
    if node not in known:
        raise ProblemError("no-such-node", f"There is no node {node}", f"There are {', '.join(known)}")


def _reports(way: FencingCoverage) -> list[Report]:
    if not way.problem:
        return []
    hint = "See which device can fence it: crmctl fence-coverage --test"
    severity = Severity.WARNING if way.ways else Severity.ERROR
    return [Report(severity, "not-fenceable", way.node, f"{way.node} cannot be relied on to be fenced: {way.problem}",
                   hint)]
