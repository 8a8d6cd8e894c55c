"""What the DC does, and does not do, when a node is lost in the middle of its work."""

from __future__ import annotations

from crm.cib.changes import Edit, EditVerb
from crm.testing import World, scenario


def test_nothing_is_promoted_beside_a_lost_node_that_was_being_demoted() -> None:
    """The demotion fails with its node; that node is promoted until it is fenced."""
    world = World("abc", scenario.cib(3))
    world.checkers.expect = scenario.EXPECTED
    world.settle()
    (home,) = [node.name for node in world.nodes.values() if node.machine.active.get("state")]
    dc, better = world.dc(), "abc".index(next(name for name in "abc" if name != home)) + 1
    assert dc not in (None, home)
    world.edit(str(dc), Edit(EditVerb.MODIFY, f'<rsc_location id="promote-{better}"><rule id="promote-{better}-r" '
                             'score="100"/></rsc_location>', "constraints"))
    while not any(action.operation == "demote" for action in world.nodes[home].under_way.values()):
        world.run_for(0.001)
    world.pause(home, 10.0)
    world.run_for(8.0)
    promoted = [node.name for node in world.nodes.values() if node.machine.active.get("state")]
    assert len(promoted) == 1 and promoted != [home], world.tell(f"promoted: {promoted}")
