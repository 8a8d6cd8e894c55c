"""What a part without quorum begins under `no-quorum-policy=freeze`, given what it knows."""

from __future__ import annotations

from crm.cib.document import Document
from crm.controller.cluster_state import ClusterConfig, Leadership, Member, View
from crm.controller.core import EMPTY_CIB, Core, NodeIdentity
from crm.controller.execution.freeze_policy import without_foreign_beginnings
from crm.controller.hard_state import HardState
from crm.model.transition import ActionKind, AgentReference, GraphAction, Synapse, Transition

FREEZE = EMPTY_CIB.replace("<crm_config/>", '<crm_config><cluster_property_set id="o"><nvpair id="n" '
                           'name="no-quorum-policy" value="freeze"/></cluster_property_set></crm_config>')
SENT = FREEZE.replace("<status/>", '<status><node_state id="1" uname="a"><lrm id="1"><lrm_resources>'
                      '<lrm_resource id="r" class="ocf" provider="crmd" type="Dummy"><lrm_rsc_op id="r_migrate_to_0" '
                      'operation="migrate_to" migrate_target="c"/></lrm_resource></lrm_resources></lrm></node_state>'
                      "</status>")


def core(caught_up: bool = True, caretaker: bool = True, unsynced_members: str = "") -> Core:
    made = Core(NodeIdentity("a", "1", "a-1", ClusterConfig((("a", "1"), ("b", "2"), ("c", "3")), 2)), HardState(),
                None)
    made.view = View(3, (Member("a", "1", 0, "a-1"), Member("b", "2", 0, "b-1")), False)
    made.leadership = Leadership(0, "a", caretaker, "a-1")
    made.caught_up = caught_up
    made.unsynced_members = set(unsynced_members)
    return made


def start(node: str = "a") -> Transition:
    action = GraphAction(1, ActionKind.RESOURCE, "start", "r_start_0", node, "1",
                         resource=AgentReference("r", "ocf", "Dummy", "crmd"))
    return Transition(0, (Synapse(1, action),))


def begun(transition: Transition, of: Core, cib: str = FREEZE) -> bool:
    """Whether the start of r is still in it."""
    careful = without_foreign_beginnings(transition, of, Document.parse(cib))
    return any(synapse.action.operation == "start" for synapse in careful.synapses)


def test_what_runs_here_is_recovered() -> None:
    assert begun(start(), core())


def test_a_node_that_booted_alone_recovers_nothing() -> None:
    assert not begun(start(), core(caught_up=False))


def test_a_dc_may_do_what_is_planned() -> None:
    assert begun(start(), core(caught_up=False, caretaker=False))


def test_what_was_on_its_way_to_a_lost_node_is_not_recovered() -> None:
    assert not begun(start(), core(), SENT)
    assert begun(start(), core(), SENT.replace('migrate_target="c"', 'migrate_target="b"'))


def test_nothing_is_moved_to_a_node_that_booted_into_this_part() -> None:
    assert not begun(start("b"), core(unsynced_members="b"))
    assert begun(start("a"), core(unsynced_members="b"))
