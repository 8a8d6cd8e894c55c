"""Events across failures: an index means one state everywhere, and who hops from node to node loses nothing."""

from __future__ import annotations

from typing import Any

import pytest

from crm.cib.document import Document
from crm.controller import commands
from crm.daemon.event_log import EventLog
from crm.messaging.quorum import QuorumMode, QuorumRule
from crm.testing import World, scenario
from crm.testing.fuzz import live_through
from crm.testing.simulated_node import SimulatedNode

Known = dict[str, tuple[object, ...]]


class Hopper:
    """Listens now here, now there, and keeps what it was told; `snapshots` counts how often it had to begin anew."""

    def __init__(self) -> None:
        self.index = ""
        self.known: Known = {}
        self.snapshots = self.steps = 0

    def listen(self, journal: EventLog) -> None:
        """Catch up at a node; what is known then must be what is true there."""
        steps = journal.after(self.index)
        if steps is None:
            self.snapshots += 1
            self.known = _status(journal.document)
        else:
            for step in steps:
                self.steps += 1
                for told in step.changes:
                    self._take(told)
        self.index = journal.index
        assert self.known == _status(journal.document), self.index

    def _take(self, told: dict[str, Any]) -> None:
        path = told["path"]
        if told["change"] == "deleted":
            self.known = {place: fact for place, fact in self.known.items() if not place.startswith(path)}
        elif told["kind"] == "operation":
            self.known[path] = (told["rc"], told["status"])
        elif told["kind"] == "attribute":
            self.known[path] = (told["value"],)
        elif told["kind"] == "node":
            self.known[path] = (told["member"], told["daemon"])


def _status(document: Document) -> Known:
    """The facts of a status section, by path: read apart from the code under test."""
    facts: Known = {}
    for state in document.root.iterfind("status/node_state"):
        here = f"/cib/status/node_state[@id='{state.get('id')}']"
        facts[here] = (state.get("in_ccm", "0") != "0", state.get("crmd", "0") != "0")
        for holder in state.iterfind("transient_attributes"):
            for pairs in holder.iterfind("instance_attributes"):
                place = f"{here}{_step(holder)}{_step(pairs)}"
                facts |= {f"{place}{_step(pair)}": (pair.get("value"),) for pair in pairs.iterfind("nvpair")}
        for resource in state.iterfind("lrm/lrm_resources/lrm_resource"):
            lrm = f"{here}/lrm[@id='{state.get('id')}']/lrm_resources{_step(resource)}"
            for entry in resource.iterfind("lrm_rsc_op"):
                done = (int(entry.get("rc-code", "")), int(entry.get("op-status", "")))
                facts[f"{lrm}{_step(entry)}"] = done
    return facts


def _step(element: Any) -> str:
    return f"/{element.tag}[@id='{element.get('id')}']"


class ListeningWorld(World):
    """A cluster whose nodes keep journals, as the daemon does."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.journals: dict[tuple[str, int], EventLog] = {}
        self.states: dict[str, str] = {}
        self.hopper = Hopper()
        self.turn = 0
        super().__init__(*arguments, **options)

    def _perform(self, node: SimulatedNode, command: commands.Command) -> None:
        super()._perform(node, command)
        if isinstance(command, commands.CibStateAdopted):
            self._adopted(node, command)

    def _adopted(self, node: SimulatedNode, command: commands.CibStateAdopted) -> None:
        key = (node.name, node.incarnation)
        journal = self.journals.setdefault(key, EventLog(node.disk.document or command.document))
        journal.adopted(command.reign, command.document)
        digest = command.document.digest()
        assert self.states.setdefault(journal.index, digest) == digest, self.tell(f"two states are {journal.index}")
        self.turn += 1
        if self.turn % 3 == 0:
            self.hopper.listen(journal)


@pytest.mark.parametrize("seed", range(12))
def test_an_index_is_one_state_and_a_hopping_listener_misses_nothing(seed: int) -> None:
    names = ("abc", "abcde", "ab")[seed % 3]
    rule = QuorumRule(QuorumMode.TWO_NODE if len(names) == 2 else QuorumMode.MAJORITY)
    world = ListeningWorld(names, scenario.cib(len(names)), seed, rule=rule)
    world.checkers.expect = scenario.EXPECTED
    live_through(world, 8)
    assert world.hopper.steps > 10


def test_a_change_of_dc_costs_a_listener_at_the_others_nothing() -> None:
    world = ListeningWorld("abc", scenario.cib(3), 1)
    world.settle()
    world.turn = -10**9  # from here on the test hops by itself
    dc = world.dc()
    first, second = (name for name in "abc" if name != dc)
    hopper = Hopper()
    hopper.listen(world.journals[(first, 1)])
    assert dc is not None
    world.crash(dc)
    world.settle()
    for name in (second, first, second):
        hopper.listen(world.journals[(name, 1)])
    assert hopper.snapshots == 1
