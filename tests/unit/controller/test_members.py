"""One leader's part in changes of the node list."""

from __future__ import annotations

from dataclasses import replace

from crm.controller import commands
from crm.controller.hard_state import HardState
from crm.controller.membership.node_list import ListedNode, first_list
from crm.controller.protocol.messages import Acknowledge, CibPatch
from tests.unit.controller.alone import Alone


def with_list() -> Alone:
    """The DC of a, b and c; d was added by a leader before, and votes as soon as it has joined."""
    first = first_list(tuple(ListedNode(name, str(place), port=place) for place, name in enumerate("abcd", 1)))
    voting = tuple(replace(each, voter=each.name != "d") for each in first.nodes)
    nodes = replace(first, version=1, term=1, nodes=voting)
    alone = Alone("abcd", HardState(1, "b", 1, nodes=nodes))
    alone.elect()
    for name in "bcd":
        alone.join(name)
    return alone


def changes(alone: Alone, came: list[commands.Command]) -> list[tuple[str, ...]]:
    """The voters of the lists that are sent to others."""
    return [each.nodes.voters for each in alone.sent(CibPatch, came) if each.nodes is not None]


def test_no_voter_comes_or_goes_before_something_of_the_leader_s_own_term_is_committed() -> None:
    """Else two leaders' changes could each have a majority of another list (raft, the correction of 2015)."""
    alone = with_list()
    assert alone.controller.leads is not None and "d" in alone.controller.snapshot().joined
    assert changes(alone, alone.commands) == []
    term, version = alone.controller.leads, alone.controller.snapshot().document.version
    assert changes(alone, alone.hear("d", Acknowledge(term, version))) == [], "it does not vote yet"
    assert changes(alone, alone.hear("b", Acknowledge(term, version))) == [("a", "b", "c", "d")]
