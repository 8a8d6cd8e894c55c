"""Small parts of the controller: digests, keys, messages, notes in the status section."""

from __future__ import annotations

import pytest

from crm.cib import patch
from crm.cib.changes import Batch, Edit, Replace
from crm.cib.document import Document
from crm.cib.queries import transient_attribute
from crm.cib.status_updates import (
    HistoryRemoval,
    NodeUpdate,
    OperationUpdate,
    ResourceUpdate,
    RootUpdate,
    TransientAttributeUpdate,
    apply_updates,
)
from crm.controller.cluster_state import CibPosition
from crm.controller.core import EMPTY_CIB
from crm.controller.execution.operation_digests import name_list, operation_digest
from crm.controller.protocol.codec import BadMessage, UnknownMessage, decode, encode
from crm.controller.protocol.keys import TransitionKey
from crm.controller.protocol.messages import Announce, ChangeForward, Execute, Message
from crm.model.release import UNTOLD
from crm.model.transition import ActionKind, AgentReference, GraphAction


def test_digests_are_those_that_pacemaker_was_seen_to_write() -> None:
    assert operation_digest({}, 0) == "f2317cad3d54cec5d7d7aa7d0bf35cf8"
    assert operation_digest({"CRM_meta_timeout": "20000"}, 10_000) == "4811cef7f7f94e3a35a70be7916cb2fd"
    assert operation_digest({"CRM_meta_timeout": "20000", "crm_feature_set": "3"}, 0) == operation_digest({}, 0)
    assert operation_digest({"a": "1", "b": "2"}, 0, without={"b"}) == operation_digest({"a": "1"}, 0)
    assert name_list({"ip", "cidr"}) == " cidr ip "


def test_a_transition_key_is_read_as_it_is_written() -> None:
    key = TransitionKey(3, 17, 7, "dc:with:colons")
    assert TransitionKey.parse(str(key)) == key
    assert TransitionKey.parse("nonsense") is None


ACTION = GraphAction(
    1,
    ActionKind.RESOURCE,
    "start",
    "r_start_0",
    "a",
    "1",
    resource=AgentReference("r", "ocf", "Dummy", "crmd"),
    attributes={"CRM_meta_timeout": "20000"},
)


@pytest.mark.parametrize(
    "message",
    [
        Announce(1, "x", CibPosition(1, 2, 3, 4), 5, follows="b"),
        Execute(1, False, "1:2:0:u", ACTION),
        ChangeForward("q", Batch((Edit("create", "<a/>"), Replace("<x/>", "status"))), (0, 1, 2)),
    ],
    ids=lambda message: type(message).__name__,
)
def test_messages_survive_the_wire(message: Message) -> None:
    assert decode(encode(message, 7)) == (message, 7)


@pytest.mark.parametrize("raw", [b"", b"Hello", b"Hello {}", b"Nobody 1 {}", b'Hello 1 {"view": "x"}', b"Hello x {}",
                                 b"\xff\xfe {}"])
def test_what_is_no_message_is_refused(raw: bytes) -> None:
    with pytest.raises(BadMessage):
        decode(raw)


@pytest.mark.parametrize("value", ["a\x1bb", "\x00", "\ud800", "\uffff", "\x9b31m"])
def test_no_text_ends_the_recording(value: str) -> None:
    """Whatever an agent, a client or a node of another release has said."""
    failed = ResourceUpdate("r", "ocf", "Dummy", "crmd", {"r_last_0": {"operation": "start", "exit-reason": value}})
    notes = [NodeUpdate("1", "a", {"join": value}), OperationUpdate("1", "a", failed),
             TransientAttributeUpdate("1", f"n{value}", value)]
    after = apply_updates(Document.parse(EMPTY_CIB), notes)
    assert Document.parse(after.to_bytes()).digest() == after.digest()


def test_notes_become_a_patch_that_leads_to_the_same_cib() -> None:
    before = Document.parse(EMPTY_CIB)
    dummy = ResourceUpdate("r", "ocf", "Dummy", "crmd", {"r_last_0": {"operation": "start", "exit-reason": "slow"}})
    after = apply_updates(
        before,
        [
            NodeUpdate("1", "a", {"join": "member"}),
            OperationUpdate("1", "a", dummy),
            TransientAttributeUpdate("1", "fail-count-r#start_0", "INFINITY"),
            RootUpdate({"dc-uuid": "1"}),
        ],
    )
    assert after.version == before.version.after_status_change()
    assert before.apply(patch.make(before, after)).digest() == after.digest()
    assert transient_attribute(after, "1", "fail-count-r#start_0") == "INFINITY"


def test_an_entry_is_replaced_as_a_whole() -> None:
    old = ResourceUpdate("r", "ocf", "Dummy", "crmd", {"r_last_0": {"operation": "start", "exit-reason": "slow"}})
    new = ResourceUpdate("r", "ocf", "Dummy", "crmd", {"r_last_0": {"operation": "stop"}})
    before = apply_updates(Document.parse(EMPTY_CIB), [OperationUpdate("1", "a", old)])
    after = apply_updates(before, [OperationUpdate("1", "a", new)])
    assert [dict(entry.attrib) for entry in after.root.iter("lrm_rsc_op")] == [{"id": "r_last_0", "operation": "stop"}]
    assert before.apply(patch.make(before, after)).digest() == after.digest()


def test_notes_that_change_nothing_make_no_version() -> None:
    before = apply_updates(Document.parse(EMPTY_CIB), [NodeUpdate("1", "a", {"join": "member"})])
    assert apply_updates(before,
                         [NodeUpdate("1", "a", {"join": "member"}),
                          TransientAttributeUpdate("1", "none", None)]).version[:2] == (
        0,
        0,
    )
    assert apply_updates(before, [NodeUpdate("1", "a", {"join": "member"})]) is before
    assert apply_updates(before, []) is before


def test_forgetting_takes_entries_or_all() -> None:
    both = {"r_last_0": {"operation": "start"}, "r_last_failure_0": {"operation": "start"}}
    before = apply_updates(
        Document.parse(EMPTY_CIB), [OperationUpdate("1", "a", ResourceUpdate("r", "ocf", "Dummy", None, both))]
    )
    one = apply_updates(before, [HistoryRemoval("1", "r", ("r_last_failure_0",))])
    assert [entry.get("id") for entry in one.root.iter("lrm_rsc_op")] == ["r_last_0"]
    assert list(apply_updates(before, [HistoryRemoval("1", "r")]).root.iter("lrm_resource")) == []


def test_what_newer_releases_say_in_addition_is_not_looked_at() -> None:
    raw = encode(Announce(1, "x", CibPosition(1, 2, 3, 4), 5), 1)
    assert decode(raw[:-1] + b',"since_next_year":{"a":[1]}}') == decode(raw)


def test_what_older_releases_do_not_say_has_a_meaning() -> None:
    raw = encode(Announce(1, "x", CibPosition(1, 2, 3, 4), 5), 1).partition(b',"tainted"')[0] + b"}"
    hello, _ = decode(raw)
    assert isinstance(hello, Announce)
    assert hello.release == UNTOLD


def test_a_message_of_an_unknown_kind_is_told_from_a_bad_one() -> None:
    with pytest.raises(UnknownMessage, match="Whisper"):
        decode(b'Whisper 1 {"words":"none"}')
    with pytest.raises(BadMessage) as error:
        decode(b'Hello 1 {"words":"none"}')
    assert not isinstance(error.value, UnknownMessage)
