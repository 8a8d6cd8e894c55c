"""Which views follow from corosync's total order: several members fed the same events, without any corosync."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.messaging import LayerSettings, LayerViewChanged, NodeAddress, QuorumMode, QuorumRule
from crm.messaging.corosync.frames import (
    Announcement,
    Chunk,
    Dismissal,
    ForeignVersionError,
    MessageAssembly,
    Process,
    chunks,
    parse,
)
from crm.messaging.corosync.group import GroupOutput, ProcessGroup

A, B, C = (1, 100), (2, 200), (3, 300)
NAMES = {1: "a", 2: "b", 3: "c"}


class Ring:
    """Corosync as one process sees it: everybody gets the same events in the same order."""

    def __init__(self, disks: str = "majority", quorum: QuorumRule | None = None) -> None:
        self.quorum = quorum or QuorumRule()
        self.disks = disks
        self.groups: dict[Process, ProcessGroup] = {}
        self.views: dict[Process, list[LayerViewChanged]] = {}
        self.held: list[tuple[Process, Process]] = []
        self.sequence = 0

    def join(self, *processes: Process, quorate: bool = True, cluster: str = "test") -> None:
        for process in processes:
            nodes = tuple(NodeAddress(name, str(number)) for number, name in NAMES.items())
            settings = LayerSettings(NAMES[process[0]], cluster, nodes, b"", self.quorum,
                                     incarnation=f"{NAMES[process[0]]}{process[1]}")
            self.groups[process] = ProcessGroup(settings, 1000)
            self.views[process] = []
            self.ring(quorate)
            self.membership()

    def leave(self, process: Process, killed: bool = False) -> None:
        del self.groups[process]
        self.membership([process] if killed else [])

    def ring(self, quorate: bool = True, nodes: tuple[int, ...] = (1, 2, 3)) -> None:
        self.sequence += 1
        self.everybody(lambda group: group.ring_changed(self.sequence, nodes))
        self.everybody(lambda group: group.quorum_changed(self.sequence, quorate, self.disks))

    def membership(self, killed: list[Process] | None = None) -> None:
        members = tuple(self.groups)
        self.everybody(lambda group: group.membership(members, killed or []))

    def everybody(self, event: Callable[[ProcessGroup], GroupOutput]) -> None:
        frames: list[tuple[Process, Announcement | Dismissal]] = []
        for process, group in self.groups.items():
            frames += self._performed(process, event(group))
        for sender, frame in frames:
            told = parse(frame.frame())
            if isinstance(told, Announcement):
                self.everybody(lambda group, sender=sender, told=told: group.announced(sender, told))
            elif isinstance(told, Dismissal):
                self.everybody(lambda group, told=told: group.dismissed(told))

    def _performed(self, process: Process, output: GroupOutput) -> list[tuple[Process, Announcement | Dismissal]]:
        if output.view is not None:
            self.views[process].append(output.view)
        self.held += [(process, held) for held in output.hold]
        return [(process, frame) for frame in output.announce]

    def last(self, process: Process) -> LayerViewChanged:
        return self.views[process][-1]


def test_all_members_install_the_same_view_with_the_same_number() -> None:
    ring = Ring()
    ring.join(A, B, C)
    assert ring.last(A) == ring.last(B) == ring.last(C)
    assert ring.last(A).names == ("a", "b", "c")
    assert ring.last(A).quorate


def test_a_quorate_corosync_with_too_few_daemons_is_not_enough() -> None:
    ring = Ring()
    ring.join(A)
    assert not ring.last(A).quorate
    ring.join(B)
    assert ring.last(A).quorate


def test_nobody_announces_before_corosyncs_quorum_speaks_of_the_same_ring() -> None:
    ring = Ring()
    ring.join(A, B)
    before = len(ring.views[A])
    ring.sequence += 1
    ring.everybody(lambda group: group.ring_changed(ring.sequence, (1, 2, 3)))
    del ring.groups[B]
    ring.membership()
    assert len(ring.views[A]) == before
    ring.everybody(lambda group: group.quorum_changed(ring.sequence, False, "majority"))
    assert ring.last(A).names == ("a",)
    assert not ring.last(A).quorate


def test_quorum_that_is_lost_or_gained_makes_a_new_view_of_the_same_members() -> None:
    ring = Ring()
    ring.join(A, B, C)
    ring.ring(quorate=False)
    assert not ring.last(A).quorate and ring.last(A).names == ("a", "b", "c")
    assert ring.last(A) == ring.last(B)
    number = ring.last(A).number
    ring.ring(quorate=True)
    assert ring.last(C).quorate and ring.last(C).number > number


def test_a_killed_daemon_is_held_until_it_is_back() -> None:
    ring = Ring()
    ring.join(A, B, C)
    before = [len(views) for views in ring.views.values()]
    ring.leave(C, killed=True)
    assert [len(views) for views in ring.views.values()] == before
    assert {held for _, held in ring.held} == {C}
    ring.join((3, 301))
    assert ring.last(A).names == ("a", "b", "c")
    assert ring.last(A).members[2].incarnation == "c301"
    assert ring.last(A) == ring.last((3, 301))


def test_a_killed_daemon_that_stays_away_is_dismissed_by_all_at_once() -> None:
    ring = Ring()
    ring.join(A, B, C)
    ring.leave(C, killed=True)
    ring.everybody(lambda group: group.overdue(C))
    assert ring.last(A).names == ("a", "b")
    assert ring.last(A) == ring.last(B)


def test_a_newcomer_waits_for_a_held_daemon_with_the_others() -> None:
    ring = Ring()
    ring.join(A, C)
    ring.leave(C, killed=True)
    ring.join(B)
    assert ring.views[B] == []
    ring.everybody(lambda group: group.overdue(C))
    assert ring.last(A) == ring.last(B)
    assert ring.last(B).names == ("a", "b")


def test_nobody_waits_for_the_daemon_of_a_lost_node() -> None:
    ring = Ring()
    ring.join(A, B, C)
    ring.leave(C, killed=True)
    ring.ring(nodes=(1, 2))
    assert ring.last(A).names == ("a", "b") == ring.last(B).names


def test_a_stuck_member_is_left_out_until_it_joins_anew() -> None:
    ring = Ring()
    ring.join(A, B, C)
    ring.everybody(lambda group: group.stuck(C))
    assert ring.last(A).names == ("a", "b") == ring.last(B).names
    ring.leave(C)
    assert ring.last(A).names == ("a", "b")
    ring.join(C)
    assert ring.last(A).names == ("a", "b", "c")
    assert ring.last(A) == ring.last(C)


def test_a_dismissal_that_a_stalled_corosync_sends_late_is_not_obeyed() -> None:
    ring = Ring()
    ring.join(A, B, C)
    late = ring.groups[A].stuck(B).announce[0]
    assert isinstance(late, Dismissal)
    before = ring.last(C)
    ring.ring()
    ring.membership()
    views = len(ring.views[C])
    ring.everybody(lambda group: group.dismissed(late))
    assert len(ring.views[C]) == views
    assert ring.last(C).names == before.names
    older_release = Dismissal(B)
    ring.everybody(lambda group: group.dismissed(older_release))
    ring.membership()
    assert ring.last(C).names == ("a", "c")


def test_a_killed_daemon_is_found_overdue_in_a_new_ring_too() -> None:
    ring = Ring()
    ring.join(A, B, C)
    ring.leave(C, killed=True)
    late = ring.groups[A].overdue(C).announce[0]
    assert isinstance(late, Dismissal)
    ring.held.clear()
    ring.ring()
    ring.everybody(lambda group: group.dismissed(late))
    assert ring.last(A).names == ("a", "b", "c")
    assert set(ring.held) == {(A, C), (B, C)}
    ring.everybody(lambda group: group.overdue(C))
    assert ring.last(A).names == ("a", "b")


def test_a_graceful_leave_is_not_waited_for() -> None:
    ring = Ring()
    ring.join(A, B, C)
    ring.leave(C)
    assert ring.last(A).names == ("a", "b")


def test_a_foreign_cluster_takes_no_part_and_is_named() -> None:
    ring = Ring()
    ring.join(A, B)
    ring.groups[A].membership((A, B, C), [])
    stranger = Announcement("c", "other", "c300", 1000, (A, B, C), (), 0, True, "majority")
    assert "belongs to cluster 'other'" in ring.groups[A].announced(C, stranger).complaint


def test_another_release_takes_no_part_and_is_named_once() -> None:
    ring = Ring()
    ring.join(A)
    group = ring.groups[A]
    (announcement,) = group.membership((A, B), []).announce
    assert isinstance(announcement, Announcement)
    assert group.announced(A, announcement).view is None
    output = group.foreign(B, 2)
    assert "protocol version 2" in output.complaint
    assert output.view is not None and output.view.names == ("a",)
    assert group.foreign(B, 2).complaint == ""


def test_where_votes_are_not_plain_all_members_must_have_a_change() -> None:
    ring = Ring(disks="all")
    ring.join(A)
    assert ring.last(A).quorate and ring.last(A).disks_needed == 1
    ring.join(B)
    assert ring.last(B).disks_needed == 2


def test_one_of_two_is_enough_once_both_were_seen() -> None:
    ring = Ring(disks="one", quorum=QuorumRule(QuorumMode.TWO_NODE))
    ring.join(A, B, C)
    ring.leave(C)
    ring.leave(B)
    assert ring.last(A).quorate and ring.last(A).disks_needed == 1


def test_without_corosync_a_node_is_alone_and_numbers_still_grow() -> None:
    ring = Ring()
    ring.join(A, B)
    number = ring.last(A).number
    view = ring.groups[A].disconnected().view
    assert view is not None
    assert view.names == ("a",) and not view.quorate and view.number > number


def test_messages_of_before_we_met_are_not_taken() -> None:
    ring = Ring()
    ring.join(A, B)
    early = ring.last(A).number
    ring.join(C)
    assert ring.groups[C].sender(A, early) is None
    assert ring.groups[C].sender(A, ring.last(C).number) == "a"
    assert ring.groups[B].sender(A, early) == "a"


@given(st.lists(st.binary(max_size=2000), max_size=6), st.integers(1, 700))
def test_messages_survive_being_cut_and_put_together(messages: list[bytes], size: int) -> None:
    assembly = MessageAssembly(2000)
    got = []
    for message in messages:
        for chunk in chunks(7, 0, message, size):
            told = parse(chunk.frame())
            assert isinstance(told, Chunk)
            whole = assembly.add(told)
            if whole is not None:
                got.append(whole)
    assert got == messages


def test_half_a_message_of_a_sender_that_went_is_dropped() -> None:
    assembly = MessageAssembly(1000)
    first, second, *_ = chunks(1, 0, b"x" * 100, 50)
    assert assembly.add(second) is None
    assert assembly.add(first) is None
    assert assembly.add(first) is None
    assert assembly.add(second) == b"x" * 100
    assert assembly.add(Chunk(1, 0, 5000, 0, b"")) is None


@pytest.mark.parametrize("data", [b"", b"CRMC", b"XXXX\x01D", b"CRMC\x01D123", b"CRMC\x01A[]", b"CRMC\x01A{}",
                                  b"CRMC\x01Z", b"CRMC\x01G{\"process\": 3}", b"CRMC\x01A\xff\xff"])
def test_garbage_is_no_frame(data: bytes) -> None:
    with pytest.raises(ValueError):
        parse(data)


def test_another_version_is_told_from_garbage() -> None:
    with pytest.raises(ForeignVersionError, match="version 2"):
        parse(b"CRMC\x02Aanything")
