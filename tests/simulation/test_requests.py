"""Requests of clients who do not give up: what has a key is done once, whoever is lost; and who changed what last."""

from __future__ import annotations

import pytest
from lxml import etree

from crm.cib.changes import Edit, EditVerb, Replace
from crm.cib.queries import transient_attribute
from crm.cib.token_lists import revoked_tokens
from crm.cib.version import SeenVersion
from crm.controller import events
from crm.controller.replication.idempotency import KEPT, AppliedRequest, AppliedRequests, Requester, RequestKey
from crm.testing import World, scenario
from tests.simulation.tiny_planner import schedule

CIB = """<cib><configuration><crm_config><cluster_property_set id="made"/></crm_config><nodes/><resources/>
<constraints/></configuration><status/></cib>"""
NOT_KNOWN = ("outcome-unknown", "no-dc", "not-ready", "no-quorum")


class Insistent:
    """A client that sends one request again and again, at any node, until it knows."""

    def __init__(self, world: World, name: str, fingerprint: str = "same") -> None:
        self.world = world
        self.name = name
        self.origin = Requester("anna", "test", RequestKey(name, fingerprint))
        self.tries: list[str] = []

    def send(self, via: str) -> None:
        """Not a change that could be made twice without anybody noticing: a second one would find it there."""
        node = self.world.nodes[via]
        if node.controller is not None:
            self.tries.append(f"{self.name}-{len(self.tries)}")
            pair = f'<nvpair id="made-{self.name}" name="made-{self.name}" value="1"/>'
            change = Edit(EditVerb.CREATE, pair, xpath="//cluster_property_set[@id='made']")
            self.world.handle(node, events.ChangeRequested(self.tries[-1], change, None, self.origin))

    @property
    def codes(self) -> list[str]:
        """Of all answers so far."""
        return [self.world.answers[each].code for each in self.tries if each in self.world.answers]

    @property
    def knows(self) -> bool:
        return any(code not in NOT_KNOWN for code in self.codes)


def _world(seed: int = 1) -> World:
    world = World("abc", CIB, seed, schedule=schedule)
    world.settle()
    return world


def _made(world: World, name: str) -> set[str]:
    pairs = world.document(name).root.iterfind("configuration/crm_config/cluster_property_set[@id='made']/nvpair")
    return {str(pair.get("id")).removeprefix("made-") for pair in pairs}


@pytest.mark.parametrize("seed", range(12))
def test_a_request_with_a_key_is_done_once_whoever_is_lost(seed: int) -> None:
    world = _world(seed)
    for number in range(4):
        client = Insistent(world, f"r{number}")
        client.send(world.random.choice("abc"))
        world.run_for(world.random.choice([0.0, 0.001, 0.01, 0.02, 0.05]))
        victim = world.random.choice([world.dc() or "a", world.random.choice("abc")])
        world.random.choice([world.crash, world.kill_daemon])(victim)
        for _ in range(60):
            client.send(world.random.choice("abc"))
            world.run_for(0.3)
            if client.knows:
                break
        client.send(world.random.choice([name for name in "abc" if name != victim]))
        world.start(victim)
        world.settle()
        assert client.knows and set(client.codes) <= {"", *NOT_KNOWN}, world.tell(f"{client.name}: {client.codes}")
        for name in "abc":
            assert f"r{number}" in _made(world, name)


def test_a_repetition_changes_nothing_and_another_request_is_refused() -> None:
    world = _world()
    first, other = Insistent(world, "once"), Insistent(world, "once", "another request")
    first.send("a")
    world.run_for(1)
    version = world.answers["once-0"].version
    world.edit("b", Edit(EditVerb.DELETE, xpath="//nvpair[@id='made-once']"))
    world.run_for(1)
    first.send("c")
    world.run_for(1)
    assert (world.answers["once-1"].code, world.answers["once-1"].version) == ("", version)
    assert _made(world, "a") == set(), "what somebody took back stays so"
    other.tries = ["not", "these"]
    other.send("b")
    world.run_for(1)
    assert world.answers["once-2"].code == "idempotency-key-in-use"


def test_who_comes_later_knows_the_receipts() -> None:
    world = _world()
    world.crash("b")
    client = Insistent(world, "early")
    client.send("a")
    world.run_for(1)
    world.start("b")
    world.settle()
    controller = world.nodes["b"].controller
    assert controller is not None and controller.receipt("early") is not None


def test_an_attribute_is_counted_up_once() -> None:
    world = _world()
    key = RequestKey("count", "same")
    for number, via in enumerate("aabc"):
        request = events.AttributeRequested(f"up-{number}", "a", "load", "value++", None, Requester(key=key))
        world.handle(world.nodes[via], request)
        world.run_for(0.5)
    assert transient_attribute(world.document("b"), "1", "load") == "1"


def test_the_cib_says_who_changed_it_last() -> None:
    world = _world()
    Insistent(world, "mark").send("b")
    world.run_for(1)
    for name in "abc":
        root = world.document(name).root
        told = [root.get(each) for each in ("update-user", "update-client", "update-origin")]
        assert told == ["anna", "test", "b"]
        assert str(root.get("cib-last-written")).startswith("Tue Nov 14 22:13:")
    before = dict(world.document("a").root.attrib)
    world.handle(world.nodes["a"], events.AttributeRequested("status", "a", "load", "3"))
    world.run_for(1)
    after = dict(world.document("a").root.attrib)
    assert before.pop("num_updates") != after.pop("num_updates") and before == after, "the status leaves no mark"


def test_receipts_are_bounded_in_number_and_time() -> None:
    receipts = AppliedRequests()
    for number in range(KEPT + 5):
        receipts.add(AppliedRequest(RequestKey(f"k{number}", "f"), (0, number, 0), 1, float(number)))
    assert receipts.find("k4", 0) is None and receipts.find("k5", 0) is not None
    assert receipts.find("k5", 5 + 3600) is None
    assert len(receipts.all(KEPT + 3600)) == 4


def test_whoever_waits_for_full_disks_is_told_which() -> None:
    world = World("abc", scenario.cib(3), 3)
    world.settle()
    for name in "bc":
        world.nodes[name].disk.failing = True
    world.change("b", "x")
    world.run_for(25.0)
    answer = world.answers["x"]
    assert answer.code == "outcome-unknown"
    assert "2 disks must have it, and only a says so, not b, c" in answer.message
    world.change("b", "y")
    world.run_for(1.0)
    for name in "bc":
        world.nodes[name].disk.failing = False
    world.run_for(5.0)
    assert "y" in world.acknowledged
    assert "x" in world.markers(world.document("c"))


def _change_if(world: World, via: str, marker: str, seen: SeenVersion) -> str:
    """Ask for a change of the state that somebody has seen; the code of the answer."""
    pair = f'<nvpair id="made-{marker}" name="made-{marker}" value="1"/>'
    xml = f'<crm_config><cluster_property_set id="made">{pair}</cluster_property_set></crm_config>'
    world.handle(world.nodes[via], events.ChangeRequested(marker, Edit(EditVerb.MODIFY, xml), seen))
    world.run_for(1.0)
    return world.answers[marker].code


def _seen(world: World, name: str) -> SeenVersion:
    controller = world.nodes[name].controller
    assert controller is not None
    snapshot = controller.snapshot()
    return SeenVersion(snapshot.document.version, snapshot.cib_term)


def test_what_a_dc_that_was_cut_off_has_counted_is_no_version_of_the_others() -> None:
    world = _world(5)
    former = str(world.dc())
    world.cut_off(former)
    world.change(former, "alone")
    world.run_for(0.05)
    alone = _seen(world, former)
    world.run_for(5.0)
    dc = str(world.dc())
    assert dc != former
    world.change(dc, "together")
    world.run_for(1.0)
    present = _seen(world, dc)
    assert present.version[:2] == alone.version[:2] and present.term != alone.term
    assert _change_if(world, dc, "aba", alone) == "stale-version"
    assert _change_if(world, dc, "fine", present) == ""


def test_a_new_dc_does_not_make_stale_what_it_has_found() -> None:
    world = _world(6)
    former = str(world.dc())
    before = _seen(world, former)
    world.crash(former)
    world.run_for(5.0)
    dc = str(world.dc())
    assert _seen(world, dc).term != before.term
    assert _change_if(world, dc, "first", before) == ""
    assert _change_if(world, dc, "second", before) == "stale-version"


def test_no_change_takes_a_revocation_back_that_came_meanwhile() -> None:
    """It was made before the revocation, and says nothing of what it was made from."""
    world = World("abc", CIB)
    world.settle()
    before = world.document("a").root.find("configuration")
    assert before is not None
    option = '<crm_config><cluster_property_set id="o"><nvpair id="o-r" name="crmd-revoked-tokens" value="cert1"/>'
    world.edit("a", Edit(EditVerb.UPSERT, f"{option}</cluster_property_set></crm_config>"))
    world.run_for(1.0)
    world.edit("b", Replace(etree.tostring(before).decode(), "configuration"))
    world.run_for(1.0)
    assert revoked_tokens(world.document("c")) == ["cert1"]
