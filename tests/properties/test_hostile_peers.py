"""Whatever a peer sends that can be read as a message: a controller takes it, or lets it go by, and does not end."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.cib.changes import Edit, EditVerb
from crm.cib.status_updates import ResourceUpdate
from crm.controller.cluster_state import CibPosition
from crm.controller.core import EMPTY_CIB
from crm.controller.fencing.fencing_history import FencingRecord
from crm.controller.membership.node_list import ListedNode
from crm.controller.protocol import codec
from crm.controller.protocol import messages as said
from crm.controller.replication.idempotency import AppliedRequest, Requester, RequestKey
from crm.model.transition import ActionKind, AgentReference, GraphAction
from tests.unit.controller.alone import START, Alone

ACTION = GraphAction(1, ActionKind.RESOURCE, "start", "r_start_0", "a", "1",
                     resource=AgentReference("r", "ocf", "Dummy", "crmd"), attributes={"CRM_meta_timeout": "20000"})
RECORD = ResourceUpdate("r", "ocf", "Dummy", "crmd", {"r_last_0": {"operation": "start", "call-id": "1",
                                                                   "transition-key": "1:2:0:u", "rc-code": "0"}})
RESULT = said.ActionResult("1:2:0:u", "start", 0, 1, 0, RECORD, exit_reason="x", clock=START)
RECEIPT = AppliedRequest(RequestKey("k", "f"), (0, 1, 0), 5, START)


def templates(alone: Alone) -> tuple[said.Message, ...]:
    """One of each kind, as a peer of this controller would say it."""
    seen = alone.controller.snapshot()
    term, view = seen.term, alone.number
    return (
        said.Announce(view, "b-1", CibPosition(1, 0, 1, 0), term),
        said.VoteRequest(term + 3, view, CibPosition(9, 9, 9, 9)),
        said.Vote(term, True, CibPosition()), said.JoinRefused(term, "x", "y", "z"),
        said.JoinOffer(term + 3, False, view, 1, (0, 1, 0), EMPTY_CIB, 1, (RECEIPT,)),
        said.JoinConfirm(term, view, "b-1", (RECORD,), ("1:2:0:u",), ("1:2:0:u",), START,
                         (said.OwnAttribute("n", "v", 1),), 1, (RESULT,), (said.ActionInFlight("1:2:0:u", ACTION),)),
        said.CibPatch(term, False, "<diff/>", True, RECEIPT, term), said.RequestApplied(term, RECEIPT),
        said.Acknowledge(term, seen.document.version), said.Resync(term), said.Execute(term, False, "1:2:0:u", ACTION),
        said.ActionRefused("1:2:0:u", "no"), said.CleanHistory(term, "r", ("r_last_0",)), RESULT,
        said.ChangeForward("q", Edit(EditVerb.MODIFY, "<crm_config/>"), (0, 1, 0),
                           Requester("u", "c", RequestKey("k", "f"))),
        said.CleanupForward("q", "r", "b"), said.RequestAnswer("q", (0, 1, 0), term), said.LeaveRequest(),
        said.FenceOrder(term, False, "o", "d", "fence_demo", {"a": "b"}, "off", "c", "c", 20_000),
        said.FenceReport("o", "d", "c", "off", True, conclusive=True, incarnation="c-1"),
        said.FencingInFlight("o", "d", "c", "off", "c-1", 20_000),
        said.FencingHistoryUpdate((FencingRecord("f", "c", "off", "b", "pending", int(START)),)),
        said.FenceForward("q", "c", "off"), said.AttributeUpdate("b", "n", "v", 1), said.AttributeAccepted("n", "v", 1),
        said.NodeLoad(1.0, 2, 3), said.EndSafeMode(term), said.StoreLossAccepted("b"), said.ReadForward("q"),
        said.FollowProbe(term, 1), said.Following(term, 1), said.NodeListCommitted(term, 1),
        said.MembersForward("q", "add", (ListedNode("d", "4", "10.0.0.4"),), Requester("u")),
    )


HOSTILE = st.sampled_from((
    "", " ", "evil", "<", "<cib/>", "<cib><a></cib>", "\x00", "\ud800", "9" * 400, "-1", "b", "c", "a", "nobody",
    "1:2:0:u", "x" * 5000, "é٣", "²", "--5", "off", "on", "list", None, -1, 0, 10**18, -(10**30), 1e308, -1e308, True,
    [], {}, [[]], {"x": "y"},
))


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where values stand in JSON: everything that can be replaced."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, each in inner for found in leaves(each, (*path, key)))]


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(copy[path[0]], path[1:], new)
    return copy


def follower() -> Alone:
    alone = Alone()
    alone.follow("b", term=5)
    alone.hear("b", said.Execute(5, False, "7:7:0:u", ACTION))
    return alone


def leader() -> Alone:
    alone = Alone()
    alone.elect()
    alone.join("b")
    return alone


peers_say = settings(
    max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "300")), deadline=timedelta(seconds=60),
    suppress_health_check=list(HealthCheck), derandomize="HYPOTHESIS_EXAMPLES" not in os.environ,
)


@peers_say
@given(st.sampled_from((follower, leader)), st.integers(0, 32), st.data())
def test_no_message_ends_a_controller(make: Callable[[], Alone], kind: int, data: st.DataObject) -> None:
    message = templates(make())[kind]
    name, body = written(message)
    for _ in range(data.draw(st.integers(1, 2))):
        body = replaced(body, data.draw(st.sampled_from(leaves(body))), data.draw(HOSTILE))
    take(make(), name, body)


ONE_BY_ONE = ("", "<cib/>", "9" * 400, "\u00b2", "--5", None, -1, 10**18, [], True)


@pytest.mark.parametrize("kind", range(33))
@pytest.mark.parametrize("make", [follower, leader])
def test_no_single_value_ends_a_controller(make: Callable[[], Alone], kind: int) -> None:
    """Each place of each message, with each of these."""
    name, body = written(templates(make())[kind])
    for place in leaves(body):
        for value in ONE_BY_ONE:
            take(make(), name, replaced(body, place, value))


def test_each_kind_but_those_that_end_a_node_is_tried() -> None:
    tried = {type(message) for message in templates(leader())}
    assert set(said.Message.__args__) - tried == {said.Released, said.EndYourself}


def written(message: said.Message) -> tuple[bytes, Any]:
    """A message's name and JSON."""
    name, _, body = codec.encode(message, 1).split(b" ", 2)
    return name, json.loads(body)


def take(alone: Alone, name: bytes, body: Any) -> None:
    """Have a peer send that; what is no message is refused."""
    try:
        told, _number = codec.decode(b"%s 1 %s" % (name, json.dumps(body).encode()))
    except codec.BadMessage:
        return
    alone.hear("b", told)
    for timer in ("flush", "election", "join"):
        alone.fire(timer, 1)
    assert alone.controller.snapshot().node == "a"
