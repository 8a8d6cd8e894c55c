"""Which views follow from the records in etcd: the same at every node, and only of those who can reach each other."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from crm.messaging import LayerSettings, NodeAddress, QuorumMode, QuorumRule
from crm.messaging.etcd.membership import MemberRecord, Stranger, groups, parse, view_of

KEY = b"k" * 32
NAMES = "abcde"


def settings(name: str = "a", quorum: QuorumRule | None = None, names: str = NAMES) -> LayerSettings:
    nodes = tuple(NodeAddress(one, str(number)) for number, one in enumerate(names, 1))
    return LayerSettings(name, "test", nodes, KEY, quorum or QuorumRule())


def record(name: str, *unreachable: str) -> MemberRecord:
    return MemberRecord(name, str(ord(name)), f"{name}1", 1000, "10.0.0.1", 5407, 7, tuple(unreachable))


def test_a_record_survives_writing_and_reading() -> None:
    assert parse("a", record("a", "b").text(KEY), settings()) == record("a", "b")


def test_strangers_are_named_with_their_problem() -> None:
    def problem(name: str, text: str) -> str:
        found = parse(name, text, settings())
        assert isinstance(found, Stranger)
        return found.problem

    assert "does not hold this cluster's key" in problem("a", record("a").text(b"x" * 32))
    assert "not in the node list" in problem("z", record("z").text(KEY))
    assert "not in the node list" in problem("b", record("a").text(KEY))
    assert "not one of crmd" in problem("a", "hello")
    assert "not one of crmd" in problem("a", "[]")
    other = json.loads(record("a").text(KEY)) | {"protocol": 9}
    assert "protocol version 9" in problem("a", json.dumps(other))


def test_all_who_reach_each_other_are_one_view() -> None:
    records = {name: record(name) for name in "abc"}
    view = view_of(settings(), records, 8, False)
    assert view.names == ("a", "b", "c")
    assert view.quorate


def test_whom_the_others_miss_is_left_alone_without_quorum() -> None:
    records = {"a": record("a"), "b": record("b", "c"), "c": record("c"), "d": record("d")}
    assert groups(records.values()) == [("a", "b", "d"), ("c",)]
    views = {name: view_of(settings(name), records, 8, False) for name in records}
    assert sum(1 for view in views.values() if view.quorate) == 3
    lost = next(name for name, view in views.items() if not view.quorate)
    assert views[lost].names == (lost,)


def test_of_two_who_cannot_reach_each_other_only_one_goes_on() -> None:
    two = QuorumRule(QuorumMode.TWO_NODE)
    records = {"a": record("a", "b"), "b": record("b", "a")}
    views = [view_of(settings(name, two, "ab"), records, 8, True) for name in "ab"]
    assert [view.quorate for view in views] == [True, False]


@given(st.sets(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES))))
def test_groups_part_the_members_and_hold_nobody_who_misses_another(missing: set[tuple[str, str]]) -> None:
    records = [record(name, *(other for one, other in sorted(missing) if one == name != other)) for name in NAMES]
    found = groups(records)
    assert sorted(name for group in found for name in group) == list(NAMES)
    for group in found:
        assert not any(one in group and other in group and one != other for one, other in missing)
