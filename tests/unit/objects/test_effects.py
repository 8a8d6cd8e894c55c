"""What constraints do, in words."""

from __future__ import annotations

import pytest

from crm.cib.objects.conditions import AttributeCondition, DateCondition, Rule
from crm.cib.objects.constraints import Colocation, Constraint, Location, Order, ResourceSet, TicketNeed
from crm.cib.objects.effects import effect

SETS = (ResourceSet(("a", "b")), ResourceSet(("c", "d"), sequential=False, role="Promoted"))
RULE = Rule(score="-INFINITY", combine="or", conditions=(
    AttributeCondition("#uname", "eq", value="one"),
    AttributeCondition("cpu", "lt", value="4"),
    Rule(conditions=(AttributeCondition("ssd", "not_defined"), DateCondition(operation="lt", end="2030-01-01"))),
))


@pytest.mark.parametrize(
    ("constraint", "words"),
    [
        (Location("x", resource="web", node="one", score="100"), "web prefers with 100 one."),
        (Location("x", resource="web", node="one", score="-INFINITY"), "web must not run on one."),
        (Location("x", resource_pattern="db.*", node="one", score="-5", resource_discovery="never"),
         "every resource whose name matches db.* avoids with 5 one. The cluster does not look there whether it runs."),
        (Location("x", resource="web", rules=(RULE,)),
         "web must not run on nodes where the node is one or cpu is less than 4 or "
         "(ssd is not set and it is before 2030-01-01)."),
        (Colocation("x", resource="web", with_resource="ip", score="INFINITY"),
         "web runs only together with ip, on the same node. web cannot run where ip does not."),
        (Colocation("x", resource="web", with_resource="db", with_role="Promoted", score="-INFINITY"),
         "web must not run on the same node as db (promoted)."),
        (Colocation("x", resource="web", with_resource="ip", score="7", node_attribute="site"),
         "web prefers with 7 to run with ip, with the same site."),
        (Order("x", first="db", then="web", first_action="promote", then_action="start"),
         "db is promoted before web is started. web is stopped before db is demoted. "
         "Without the first the second does not run, and a restart of the first restarts the second."),
        (Order("x", sets=SETS, mandatory="Optional"),
         "[a → b], then [c, d] (promoted) are handled in this order. Only if both happen in the same transition."),
        (TicketNeed("x", "paris", resource="web", loss_policy="fence"),
         "web runs only while the cluster holds the ticket paris. "
         "When the ticket is lost, the nodes that run it are fenced."),
    ],
)
def test_effects(constraint: Constraint, words: str) -> None:
    assert effect(constraint) == words
