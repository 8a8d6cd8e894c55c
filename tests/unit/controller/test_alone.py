"""What one controller does and does not, whatever the others say: votes, office, disks, orders, joining, fencing."""

from __future__ import annotations

import pytest

from crm.cib.changes import Edit, EditVerb
from crm.cib.queries import recorded_nodes
from crm.cib.version import CibVersion
from crm.controller import commands, events
from crm.controller.cluster_state import CibPosition
from crm.controller.core import EMPTY_CIB
from crm.controller.fencing.fencing_history import FencingRecord
from crm.controller.hard_state import HardState
from crm.controller.protocol.messages import (
    Acknowledge,
    ActionRefused,
    Announce,
    CibPatch,
    CleanHistory,
    EndYourself,
    Execute,
    FenceOrder,
    FenceReport,
    FencingHistoryUpdate,
    JoinConfirm,
    JoinOffer,
    RequestAnswer,
    Resync,
    Vote,
    VoteRequest,
)
from crm.controller.replication.idempotency import AppliedRequest, AppliedRequests, Requester, RequestKey
from crm.model.transition import ActionKind, AgentReference, GraphAction
from tests.unit.controller.alone import START, Alone

CHANGE = events.ChangeRequested("q", Edit(EditVerb.MODIFY, '<crm_config><cluster_property_set id="o">'
                                          '<nvpair id="x" name="batch-limit" value="3"/></cluster_property_set>'
                                          "</crm_config>"))
ACTION = GraphAction(1, ActionKind.RESOURCE, "start", "r_start_0", "a", "1",
                     resource=AgentReference("r", "ocf", "Dummy", "crmd"), attributes={"CRM_meta_timeout": "20000"})


def request(alone: Alone, term: int, position: CibPosition = CibPosition(), trial: bool = False,  # noqa: B008
            sender: str = "b") -> Vote | None:
    """What the voter answers to a candidate."""
    answers = alone.sent(Vote, alone.hear(sender, VoteRequest(term, alone.number, position, trial)))
    return answers[-1] if answers else None


# Votes


@pytest.mark.parametrize("position", [CibPosition(2, 0, 9, 0), CibPosition(3, 0, 4, 9)])
def test_a_candidate_with_an_older_cib_gets_no_vote(position: CibPosition) -> None:
    alone = Alone(hard_state=HardState(3, "b", 3), cib=EMPTY_CIB.replace('epoch="0" num', 'epoch="5" num'))
    vote = request(alone, 9, position)
    assert vote is not None and not vote.granted and "older" in vote.because


def test_a_voter_votes_once_in_a_term() -> None:
    alone = Alone()
    first, second = request(alone, 9), request(alone, 9, sender="c")
    assert first is not None and first.granted
    assert second is not None and not second.granted
    again = request(alone, 9)
    assert again is not None and again.granted


def test_no_vote_in_a_term_that_is_over() -> None:
    vote = request(Alone(hard_state=HardState(12, None, 0)), 9)
    assert vote is not None and not vote.granted and vote.known_term == 12


def test_no_vote_in_another_view() -> None:
    alone = Alone()
    (vote,) = alone.sent(Vote, alone.hear("b", VoteRequest(9, alone.number - 1, CibPosition())))
    assert not vote.granted


def test_no_vote_without_quorum() -> None:
    vote = request(Alone("abcde", present="ab"), 9)
    assert vote is not None and not vote.granted


def test_a_vote_is_on_disk_before_it_is_told() -> None:
    alone = Alone()
    alone.disk = False
    assert request(alone, 9) is None
    persist = alone.wanted(commands.Persist)[-1]
    assert persist.hard_state == HardState(9, "b", 0)
    (vote,) = alone.sent(Vote, alone.do(events.Persisted(persist.token)))
    assert vote.granted and vote.kept


def test_a_vote_that_no_disk_has_says_so() -> None:
    alone = Alone()
    alone.disk = False
    request(alone, 9)
    (vote,) = alone.sent(Vote, alone.do(events.PersistFailed(alone.wanted(commands.Persist)[-1].token)))
    assert vote.granted and not vote.kept


def test_a_trial_writes_nothing_and_uses_no_term() -> None:
    alone = Alone()
    before = len(alone.wanted(commands.Persist))
    vote = request(alone, 9, trial=True)
    assert vote is not None and vote.granted and vote.trial
    assert len(alone.wanted(commands.Persist)) == before and alone.controller.snapshot().term == 0


def test_a_trial_is_refused_while_somebody_leads() -> None:
    alone = Alone()
    alone.follow("c", term=5)
    vote = request(alone, 9, alone.position, trial=True)
    assert vote is not None and not vote.granted


def test_a_leader_steps_down_for_a_higher_term() -> None:
    alone = Alone()
    alone.elect()
    alone.do(CHANGE)
    request(alone, 99, alone.position)
    assert alone.controller.leads is None
    assert alone.wanted(commands.RequestAnswered)[-1].code == "outcome-unknown"


def test_a_leader_that_hears_of_a_higher_term_steps_down() -> None:
    alone = Alone()
    alone.elect()
    alone.hello("b", term=99)
    assert alone.controller.leads is None


def test_votes_of_less_than_a_majority_elect_nobody() -> None:
    alone = Alone("abcde")
    for name in "bcde":
        alone.hello(name)
    term = alone.sent(VoteRequest)[-1].term
    alone.hear("b", Vote(term, True, CibPosition(), "", term))
    alone.fire("election", 1)
    assert alone.controller.leads is None
    alone.hear("c", Vote(term, True, CibPosition(), "", term))
    assert alone.controller.leads is None, "all of the view are waited for, up to a limit"
    alone.fire("election", 1)
    assert alone.controller.leads == term


def test_one_of_two_is_not_elected_without_the_other_s_vote_while_that_is_here() -> None:
    alone = Alone("ab", disks_needed=1)
    alone.hello("b")
    term = alone.sent(VoteRequest)[-1].term
    alone.fire("election", 1)
    assert alone.controller.leads is None
    alone.hear("b", Vote(term, True, CibPosition(), "", term))
    assert alone.controller.leads == term


def test_a_voter_leaves_the_candidate_some_rounds() -> None:
    alone = Alone()
    request(alone, 9)
    timer = [each for each in alone.wanted(commands.SetTimer) if each.name == "election"][-1]
    assert timer.at >= alone.now + 1


@pytest.mark.parametrize("vote", [Vote(1, True, CibPosition(), "", 1), Vote(4, True, CibPosition(), "", 4, trial=True)])
def test_votes_of_another_term_or_on_trial_count_for_nothing(vote: Vote) -> None:
    alone = Alone()
    for name in "bc":
        alone.hello(name)
    term = alone.sent(VoteRequest)[-1].term
    vote = vote if not vote.trial else Vote(term, True, CibPosition(), "", term, trial=True)
    for name in "bc":
        alone.hear(name, vote if vote.trial else Vote(term + 3, True, CibPosition(), "", term))
    alone.fire("election", 1)
    assert alone.controller.leads is None


def test_a_candidate_s_own_vote_is_on_disk_before_it_asks() -> None:
    alone = Alone()
    alone.disk = False
    for name in "bc":
        alone.hello(name)
    assert not alone.sent(VoteRequest)
    alone.do(events.Persisted(alone.wanted(commands.Persist)[-1].token))
    assert alone.sent(VoteRequest)


def test_a_dc_without_quorum_is_none() -> None:
    alone = Alone()
    alone.elect()
    alone.see("a")
    assert alone.controller.leads is None


def test_a_leader_that_has_restarted_is_not_followed() -> None:
    alone = Alone()
    alone.follow("b", term=5)
    view = alone.view("abc", number=alone.number + 1)
    members = tuple(each if each.name != "b" else type(each)("b", "2", each.joined_at, "b-2") for each in view.members)
    alone.do(events.ViewInstalled(type(view)(view.number, members, True)))
    assert alone.controller.snapshot().dc is None


# Office and disks


def test_a_dc_whose_term_is_on_too_few_disks_takes_no_office() -> None:
    alone = Alone()
    alone.elect(kept=False)
    leads = alone.controller.leads
    assert leads is not None and alone.controller.snapshot().cib_term == 0
    alone.do(CHANGE)
    assert alone.wanted(commands.RequestAnswered)[-1].code == "not-ready"
    alone.hear("b", Vote(leads, True, CibPosition(), "", leads, kept=True))
    assert alone.controller.snapshot().cib_term == leads


def test_one_of_two_takes_no_office_before_the_other_is_known_to_be_off() -> None:
    alone = Alone("ab", disks_needed=1)
    alone.follow("b", term=5)
    alone.see("a")
    alone.fire("election", 1)
    leads = alone.controller.leads
    assert leads is not None and alone.controller.snapshot().cib_term == 5
    alone.do(CHANGE)
    assert alone.wanted(commands.RequestAnswered)[-1].code == "not-ready"


def test_a_leader_brings_its_change_to_its_own_disk() -> None:
    alone = Alone()
    alone.elect()
    alone.do(CHANGE)
    written = alone.wanted(commands.Persist)[-1].document
    assert written is not None and written.version == alone.controller.snapshot().document.version


def test_a_change_is_answered_when_a_majority_has_it_on_disk() -> None:
    alone = Alone("abcde")
    alone.elect()
    term = alone.controller.leads or 0
    alone.do(CHANGE)
    version = alone.controller.snapshot().document.version
    alone.hear("b", Acknowledge(term, version))
    assert not alone.wanted(commands.RequestAnswered)
    alone.hear("b", Acknowledge(term, version))
    alone.hear("c", Acknowledge(term - 1, version))
    alone.hear("d", Acknowledge(term, CibVersion(0, 0, 0)))
    assert not alone.wanted(commands.RequestAnswered)
    alone.hear("c", Acknowledge(term, version))
    assert alone.wanted(commands.RequestAnswered)[-1].version == version


def test_the_leader_s_own_disk_counts_when_it_has_it() -> None:
    alone = Alone()
    alone.elect()
    alone.disk = False
    alone.do(CHANGE)
    alone.hear("b", Acknowledge(alone.controller.leads or 0, alone.controller.snapshot().document.version))
    assert not alone.wanted(commands.RequestAnswered)
    write = alone.wanted(commands.Persist)[-1]
    assert write.document is alone.controller.snapshot().document
    alone.do(events.Persisted(write.token))
    assert alone.wanted(commands.RequestAnswered)[-1].version is not None


def test_who_waits_for_disks_is_told_when_the_leader_steps_down() -> None:
    alone = Alone()
    alone.elect()
    alone.do(CHANGE)
    alone.hello("b", term=99)
    assert alone.wanted(commands.RequestAnswered)[-1].code == "outcome-unknown"


def test_who_waits_for_disks_for_too_long_is_told() -> None:
    alone = Alone()
    alone.elect()
    alone.do(CHANGE)
    alone.fire("commit", 19)
    assert not alone.wanted(commands.RequestAnswered)
    alone.fire("commit", 2)
    assert alone.wanted(commands.RequestAnswered)[-1].code == "outcome-unknown"


def step(alone: Alone, term: int = 5, durable: bool = True, sender: str = "b", caretaker: bool = False,
         patch: str = "") -> list[commands.Command]:
    """The leader's next state of the CIB."""
    from crm.cib import patch as patches

    former = alone.controller.snapshot().document
    made = patches.make(former, former.apply(CHANGE.change)).xml
    return alone.hear(sender, CibPatch(term, caretaker, patch or made, durable))


@pytest.mark.parametrize("wrong", [{"sender": "c"}, {"term": 4}, {"caretaker": True}])
def test_only_the_leader_s_steps_are_taken(wrong: dict[str, object]) -> None:
    alone = Alone()
    alone.follow("b", term=5)
    before = alone.controller.snapshot().document
    step(alone, **wrong)  # type: ignore[arg-type]
    assert alone.controller.snapshot().document is before
    step(alone)
    assert alone.controller.snapshot().document is not before


def test_a_follower_acknowledges_what_its_disk_has() -> None:
    alone = Alone()
    alone.follow("b", term=5)
    alone.disk = False
    assert not alone.sent(Acknowledge, step(alone))
    (told,) = alone.sent(Acknowledge, alone.do(events.Persisted(alone.wanted(commands.Persist)[-1].token)))
    assert (told.term, told.version) == (5, alone.controller.snapshot().document.version)
    assert alone.wanted(commands.Persist)[-1].document is alone.controller.snapshot().document


def test_a_follower_that_missed_a_step_asks_for_the_whole() -> None:
    alone = Alone()
    alone.follow("b", term=5)
    assert alone.sent(Resync, step(alone, patch="<nonsense/>"))


def test_a_follower_s_cib_is_of_its_leader_s_term_on_disk() -> None:
    alone = Alone()
    alone.follow("b", term=5)
    assert alone.wanted(commands.Persist)[-1].hard_state == HardState(5, None, 5)


# Joining


@pytest.mark.parametrize("wrong", [{"term": 4}, {"view": 0}])
def test_a_welcome_of_another_time_is_not_taken(wrong: dict[str, int]) -> None:
    alone = Alone(hard_state=HardState(5, None, 0))
    told = {"term": 6, "view": alone.number, **wrong}
    alone.hear("b", JoinOffer(told["term"], False, told["view"], 0, (0, 0, 0), EMPTY_CIB))
    assert alone.controller.snapshot().dc is None


@pytest.mark.parametrize(("cib_term", "followed"), [(4, False), (5, True)])
def test_a_caretaker_is_followed_only_if_it_takes_nothing_away(cib_term: int, followed: bool) -> None:
    alone = Alone("abcde", HardState(5, None, 5), present="ab")
    alone.hello("b", CibPosition(cib_term, 0, 0, 0), 5, leads=True)
    empty = alone.controller.snapshot().document
    alone.hear("b", JoinOffer(5, True, alone.number, cib_term, empty.version, empty.to_bytes().decode()))
    assert (alone.controller.snapshot().dc == "b") is followed


def test_a_caretaker_is_not_followed_with_quorum_nor_a_dc_without() -> None:
    alone = Alone()
    alone.hear("b", JoinOffer(6, True, alone.number, 0, (0, 0, 0), EMPTY_CIB))
    assert alone.controller.snapshot().dc is None
    alone = Alone("abcde", present="ab")
    alone.hear("b", JoinOffer(6, False, alone.number, 0, (0, 0, 0), EMPTY_CIB))
    assert alone.controller.snapshot().dc != "b"


@pytest.mark.parametrize("wrong", [{"term": -1}, {"incarnation": "b-0"}])
def test_who_joins_another_term_or_as_another_start_has_not_joined(wrong: dict[str, object]) -> None:
    alone = Alone()
    alone.elect()
    term = alone.controller.snapshot().term
    told = {"term": term, "view": alone.number, "incarnation": "b-1", "records": (), **wrong}
    alone.hear("b", JoinConfirm(**told))  # type: ignore[arg-type]
    assert "b" not in alone.controller.snapshot().joined
    alone.join("b")
    assert "b" in alone.controller.snapshot().joined


def test_nothing_is_planned_before_all_have_joined_or_had_the_time() -> None:
    alone = Alone()
    alone.elect()
    alone.join("b")
    assert not alone.wanted(commands.MakePlan)
    alone.fire("join", 2)
    assert alone.wanted(commands.MakePlan)


def test_a_member_that_is_lost_is_noted_and_planned_for() -> None:
    alone = Alone()
    alone.elect()
    alone.join("b")
    alone.join("c")
    alone.see("ab")
    alone.fire("flush")
    state = alone.controller.snapshot().document.root.find("status/node_state[@uname='c']")
    assert state is not None and state.get("in_ccm") == "0"
    assert "c" not in alone.controller.snapshot().joined


def test_a_node_that_is_lost_is_recorded_as_gone() -> None:
    alone = Alone()
    alone.elect()
    alone.join("b")
    alone.fire("flush", 1)
    alone.see("ac")
    alone.fire("flush", 1)
    state = recorded_nodes(alone.controller.snapshot().document)["2"]
    assert (state["in_ccm"], state["crmd"], state["expected"]) == ("0", "0", "member")


# Orders


@pytest.mark.parametrize("wrong", [{"sender": "c"}, {"term": 4}, {"caretaker": True}])
def test_only_the_leader_s_orders_are_carried_out(wrong: dict[str, object]) -> None:
    alone = Alone()
    alone.follow("b", term=5)
    told = {"sender": "b", "term": 5, "caretaker": False, **wrong}
    came = alone.hear(str(told["sender"]), Execute(int(str(told["term"])), bool(told["caretaker"]), "1:0:0:u", ACTION))
    assert alone.sent(ActionRefused, came) and not alone.wanted(commands.RunOperation)
    alone.hear("b", Execute(5, False, "1:0:0:u", ACTION))
    assert len(alone.wanted(commands.RunOperation)) == 1


def test_what_is_sent_twice_is_carried_out_once() -> None:
    alone = Alone()
    alone.follow("b", term=5)
    for _ in range(2):
        alone.do(events.MessageReceived("b", Execute(5, False, "1:0:0:u", ACTION), 7))
    assert len(alone.wanted(commands.RunOperation)) == 1


def test_a_change_asked_of_a_follower_is_answered_by_its_leader() -> None:
    alone = Alone()
    alone.follow("b", term=5)
    alone.do(CHANGE)
    assert not alone.wanted(commands.RequestAnswered)
    alone.hear("b", RequestAnswer("q", (0, 1, 0), 5))
    assert alone.wanted(commands.RequestAnswered)[-1].version == (0, 1, 0)
    alone.do(events.ChangeRequested("r", CHANGE.change))
    alone.see("a")
    assert alone.wanted(commands.RequestAnswered)[-1].code == "outcome-unknown"


def test_only_a_leader_has_history_forgotten() -> None:
    alone = Alone()
    alone.follow("b", term=5)
    alone.hear("b", Execute(5, False, "1:0:0:u", ACTION))
    alone.do(events.OperationEnded(1, 0, 0))
    alone.hear("c", CleanHistory(5, "r"))
    joined = alone.sent(JoinConfirm, alone.follow("b", term=5))[-1]
    assert [record.id for record in joined.records] == ["r"]
    alone.hear("b", CleanHistory(5, "r"))
    assert not alone.sent(JoinConfirm, alone.follow("b", term=5))[-1].records


# Fencing


ORDER = FenceOrder(5, False, "f-1", "device", "fence_demo", {}, "off", "c", "c", 20_000, conclusive=True,
                   incarnation="c-1")


def test_only_the_leader_has_nodes_fenced() -> None:
    alone = Alone()
    alone.follow("b", term=5)
    came = alone.hear("c", ORDER)
    assert not alone.sent(FenceReport, came)[0].ok and not alone.wanted(commands.RunFencing)
    alone.hear("b", ORDER)
    assert alone.wanted(commands.RunFencing)
    (report,) = alone.sent(FenceReport, alone.do(events.FencingEnded("f-1", True)))
    assert report.ok and report.incarnation == "c-1"


def test_a_node_that_has_joined_anew_is_not_what_was_fenced() -> None:
    alone = Alone()
    alone.elect()
    alone.join("b")
    for incarnation in ("b-0", "b-1"):
        assert "b" in alone.controller.snapshot().joined
        alone.hear("c", FenceReport("f-1", "device", "b", "off", True, conclusive=True, incarnation=incarnation))
    assert "b" not in alone.controller.snapshot().joined


@pytest.mark.parametrize(("incarnation", "state", "action", "ends"), [
    ("a-1", "success", "off", True), ("a-0", "success", "off", False), ("a-1", "failed", "off", False),
    ("a-1", "success", "on", False)])
def test_who_is_said_to_have_been_fenced_ends_itself(incarnation: str, state: str, action: str, ends: bool) -> None:
    alone = Alone()
    record = FencingRecord("f-1", "a", action, "b", state, int(START), int(START), "device", "b",
                           incarnation=incarnation)
    alone.hear("b", FencingHistoryUpdate((record,)))
    assert bool(alone.wanted(commands.FenceSelf)) == ends


def test_only_the_leader_can_ask_a_node_to_end_itself() -> None:
    alone = Alone()
    alone.follow("b", term=5)
    alone.hear("c", EndYourself(5, "x"))
    assert not alone.wanted(commands.FenceSelf)
    alone.hear("b", EndYourself(5, "x"))
    assert alone.wanted(commands.FenceSelf)


# Receipts


def receipt(name: str, version: tuple[int, int, int] = (0, 1, 0), term: int = 3, at: float = START) -> AppliedRequest:
    return AppliedRequest(RequestKey(name, "f"), version, term, at)


def test_a_receipt_from_disk_counts_if_the_cib_has_its_change() -> None:
    kept = AppliedRequests()
    kept.recall([receipt("has"), receipt("later", (0, 2, 0)), receipt("newer term", term=4)], (0, 1, 0), 3)
    assert kept.find("has", START) is not None
    assert kept.find("later", START) is None and kept.find("newer term", START) is None


def test_the_leader_s_receipts_replace_a_follower_s() -> None:
    alone = Alone()
    alone.controller.recall_receipts([receipt("own", (0, 0, 0), 0)])
    alone.follow("b", term=5, receipts=(receipt("told"),))
    assert alone.controller.receipt("own") is None and alone.controller.receipt("told") is not None


def test_a_request_with_the_key_of_another_is_refused() -> None:
    alone = Alone("a", present="a")
    for fingerprint in ("f", "g"):
        origin = Requester("u", "c", RequestKey("k", fingerprint))
        alone.do(events.ChangeRequested(fingerprint, CHANGE.change, None, origin))
    assert [answer.code for answer in alone.wanted(commands.RequestAnswered)] == ["", "idempotency-key-in-use"]


def test_a_hello_of_another_view_is_of_no_account() -> None:
    alone = Alone()
    alone.elect()
    alone.hear("b", Announce(alone.number - 1, "b-1", CibPosition(), 99))
    assert alone.controller.leads is not None
