"""A daemon that slept keeps back what happens until its view is confirmed."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from crm.controller import events
from crm.controller.cluster_state import Member, View
from crm.controller.protocol.messages import LeaveRequest
from crm.daemon.wake_guard import MOST_TOLD, WakeGuard
from crm.messaging import LayerSettings
from crm.messaging.embedded.detector import Detector


class Story:
    """A daemon whose clocks a test sets; `looks` counts how often the layer was asked."""

    def __init__(self) -> None:
        self.clock = self.monotonic = 100.0
        self.looks = 0
        self.waking = WakeGuard(0.6, self._look, lambda: self.clock, lambda: self.monotonic)
        self.waking.begin()

    def _look(self) -> None:
        self.looks += 1

    def sleep(self, seconds: float, suspended: bool = False) -> None:
        self.clock += seconds
        self.monotonic += 0.0 if suspended else seconds


def view(number: int, *names: str) -> events.ViewInstalled:
    return events.ViewInstalled(View(number, tuple(Member(name, name, 1, name) for name in names), len(names) > 1))


TIMER = events.TimerFired("election")
TOLD = events.MessageReceived("b", LeaveRequest(), 1)


def test_nothing_is_kept_back_while_a_daemon_is_awake() -> None:
    story = Story()
    for _ in range(20):
        story.sleep(0.5)
        assert not story.waking.keeps(TIMER)
        story.waking.beat()
    assert story.looks == 0


def test_what_counts_is_how_long_the_others_have_heard_nothing() -> None:
    """Two pauses with something done in between are one silence; a beat on waking ends it, but not unnoticed."""
    story = Story()
    story.sleep(0.4)
    assert not story.waking.keeps(TIMER)
    story.sleep(0.4)
    story.waking.beat()
    assert story.waking.keeps(TIMER)
    assert story.looks == 1


def test_the_limit_is_what_the_others_wait_at_the_least() -> None:
    settings = LayerSettings("a", "c", (), b"")
    detector = Detector(0.0, settings.heartbeat_ms, settings.failure_limit_ms)
    for at in range(0, 20_000, settings.heartbeat_ms):
        detector.heard(float(at))
    assert detector.limit_ms == settings.earliest_loss_ms


def test_after_a_sleep_everything_waits_for_the_confirmation() -> None:
    story = Story()
    story.sleep(0.9)
    assert story.waking.keeps(TIMER)
    assert story.looks == 1
    assert story.waking.keeps(TOLD)
    assert story.waking.confirmed(story.monotonic - 0.1) == []
    assert story.waking.check()
    assert story.waking.confirmed(story.monotonic) == [TOLD, TIMER]
    assert not story.waking.check()
    assert story.looks == 1


def test_a_suspended_machine_slept_although_its_monotonic_clock_stood_still() -> None:
    story = Story()
    story.sleep(60, suspended=True)
    assert story.waking.check()


def test_the_clock_is_the_one_that_goes_on_while_the_machine_is_suspended(monkeypatch: pytest.MonkeyPatch) -> None:
    now = {time.CLOCK_BOOTTIME: 100.0}
    monkeypatch.setattr(time, "clock_gettime", lambda clock: now[clock])
    waking = WakeGuard(0.6, lambda: None)
    waking.begin()
    now[time.CLOCK_BOOTTIME] += 60
    assert waking.check()


def test_a_confirmation_from_before_another_sleep_is_none() -> None:
    story = Story()
    story.sleep(5)
    assert story.waking.check()
    asked_at = story.monotonic
    story.waking.beat()
    story.sleep(5)
    assert story.waking.keeps(TIMER)
    assert story.waking.confirmed(asked_at) == []
    assert story.waking.confirmed(story.monotonic) == [TIMER]


def test_a_new_view_comes_first_and_what_was_told_in_the_former_one_is_left_out() -> None:
    story = Story()
    story.sleep(5)
    later = events.MessageReceived("c", LeaveRequest(), 2)
    for event in (TIMER, TOLD, view(2, "a"), view(3, "a", "c"), later):
        assert story.waking.keeps(event)
    assert story.waking.confirmed(story.monotonic) == [view(2, "a"), view(3, "a", "c"), later, TIMER]


def test_what_is_kept_is_bounded_but_for_what_this_node_did() -> None:
    story = Story()
    story.sleep(5)
    for number in range(MOST_TOLD + 10):
        assert story.waking.keeps(events.MessageReceived("b", LeaveRequest(), number))
        assert story.waking.keeps(events.LoadMeasured(number, 1))
        assert story.waking.keeps(events.OperationEnded(number, 0, 0))
    assert story.waking.dropped == 10
    kept = Counter(type(event) for event in story.waking.confirmed(story.monotonic))
    assert kept == {events.MessageReceived: MOST_TOLD, events.LoadMeasured: 1, events.OperationEnded: MOST_TOLD + 10}


def test_what_was_told_in_a_view_that_is_over_is_not_kept() -> None:
    story = Story()
    story.sleep(5)
    for number in range(300):
        assert story.waking.keeps(TOLD)
        assert story.waking.keeps(view(number, "a"))
    assert story.waking._told == [] and len(story.waking._views) == 100


def test_a_layer_in_doubt_has_everything_kept_back_without_being_asked() -> None:
    story = Story()
    story.waking.doubt(story.monotonic)
    assert story.waking.keeps(TIMER)
    assert story.looks == 0
    assert story.waking.confirmed(story.monotonic + 0.1) == [TIMER]
