"""What is wrong with a node is known at the others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from crm.daemon.errors import RequestRefused
from crm.daemon.peer_reports import MOST_REPORTS, TOPIC, PeerReports
from crm.model.report import Report, Severity

FULL = Report(Severity.ERROR, "disk-trouble", "a", "the disk is full", "make room")
CLOCK = Report(Severity.WARNING, "clock", "the clock", "it is an hour ahead", "set it")


class Room:
    """Members by name with their incarnations; who is `deaf` does not answer."""

    def __init__(self) -> None:
        self.here = {"a": "a-1", "b": "b-1", "c": "c-1"}
        self.deaf: set[str] = set()
        self.asked: list[str] = []
        self.found: dict[str, tuple[Report, ...]] = dict.fromkeys(self.here, ())
        self.takes: dict[str, Callable[[Any], Awaitable[Any]]] = {}
        self.nodes = {name: PeerReports(Peers(name, self), lambda name=name: self.found[name],  # type: ignore[misc]
                                        lambda: self.here) for name in self.here}  # type: ignore[arg-type]

    def tell(self, name: str) -> None:
        asyncio.run(self.nodes[name].tell())


class Peers:
    def __init__(self, name: str, room: Room) -> None:
        self.name, self._room = name, room

    def offer(self, _topic: str, answer: Callable[[Any], Awaitable[Any]]) -> None:
        self._room.takes[self.name] = answer

    async def ask(self, node: str, topic: str, about: Any) -> Any:
        assert topic == TOPIC
        self._room.asked.append(node)
        if node in self._room.deaf:
            raise RequestRefused("node-away", "nobody answers")
        return await self._room.takes[node](about)


@pytest.fixture
def room() -> Room:
    return Room()


def test_whoever_is_asked_knows_what_is_wrong_elsewhere(room: Room) -> None:
    room.found["a"] = (FULL, CLOCK)
    room.tell("a")
    for name in "bc":
        full, clock = room.nodes[name].reports()
        assert full == FULL and (clock.where, clock.message) == ("a: the clock", CLOCK.message)
    room.found["a"] = ()
    room.tell("a")
    assert room.nodes["b"].reports() == ()


def test_nothing_is_told_twice_and_who_was_deaf_is_told_later(room: Room) -> None:
    room.found["a"] = (FULL,)
    room.deaf = {"c"}
    for _ in range(3):
        room.tell("a")
    assert room.asked == ["b", "c", "c", "c"]
    room.deaf = set()
    room.tell("a")
    assert room.nodes["c"].reports() == (FULL,)


def test_a_daemon_that_was_started_anew_is_told_and_what_it_said_before_is_over(room: Room) -> None:
    room.found["a"] = (FULL,)
    room.tell("a")
    room.here["a"] = "a-2"
    assert room.nodes["b"].reports() == ()
    room.here["b"] = "b-2"
    room.asked.clear()
    room.tell("a")
    assert room.asked == ["b"] and room.nodes["b"].reports() == (FULL,)


def test_who_has_nothing_to_say_says_nothing(room: Room) -> None:
    room.tell("a")
    assert room.asked == []


@pytest.mark.parametrize("about", [None, {}, {"from": "a"}, {"from": "a", "reports": [1]},
                                   {"from": "a", "reports": [{"severity": "odd", "code": "", "where": "",
                                                              "message": "", "hint": ""}]}])
def test_what_is_no_report_is_refused(room: Room, about: Any) -> None:
    with pytest.raises(RequestRefused, match="no reports"):
        asyncio.run(room.takes["b"](about))


def test_what_one_says_is_bounded(room: Room) -> None:
    room.found["a"] = tuple(Report(Severity.NOTICE, f"n{number}", "a", "x" * 10_000) for number in range(1000))
    room.tell("a")
    told = room.nodes["b"].reports()
    assert len(told) == MOST_REPORTS and all(len(report.message) == 2_000 for report in told)


def test_nobody_can_tell_more(room: Room) -> None:
    told = {"severity": "notice", "code": "n", "where": "a", "message": "x", "hint": ""}
    asyncio.run(room.takes["b"]({"from": "a", "reports": [told] * 1000}))
    assert len(room.nodes["b"].reports()) == MOST_REPORTS
