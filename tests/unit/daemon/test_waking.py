"""A daemon that slept keeps back what happens until its view is confirmed."""

from __future__ import annotations

from crm.controller import events
from crm.controller.messages import LeaveRequest
from crm.controller.values import Member, View
from crm.daemon.waking import Waking


class Story:
    """A daemon whose clocks a test sets; `looks` counts how often the layer was asked."""

    def __init__(self) -> None:
        self.clock = self.monotonic = 100.0
        self.looks = 0
        self.waking = Waking(0.8, self._look, lambda: self.clock, lambda: self.monotonic)
        self.waking.begin()

    def _look(self) -> None:
        self.looks += 1

    def sleep(self, seconds: float, suspended: bool = False) -> None:
        self.clock += seconds
        self.monotonic += 0.0 if suspended else seconds


def view(number: int, *names: str) -> events.ViewChanged:
    return events.ViewChanged(View(number, tuple(Member(name, name, 1, name) for name in names), len(names) > 1))


TIMER = events.TimerFired("election")
TOLD = events.MessageReceived("b", LeaveRequest(), 1)


def test_nothing_is_kept_back_while_a_daemon_is_awake() -> None:
    story = Story()
    for _ in range(20):
        story.sleep(0.7)
        assert not story.waking.keeps(TIMER)
    assert story.looks == 0


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


def test_a_confirmation_from_before_another_sleep_is_none() -> None:
    story = Story()
    story.sleep(5)
    assert story.waking.check()
    asked_at = story.monotonic
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


def test_a_layer_in_doubt_has_everything_kept_back_without_being_asked() -> None:
    story = Story()
    story.waking.doubt(story.monotonic)
    assert story.waking.keeps(TIMER)
    assert story.looks == 0
    assert story.waking.confirmed(story.monotonic + 0.1) == [TIMER]
