"""A clock that does not jump, and a load that is others'."""

from __future__ import annotations

import pytest

from crm.daemon.clock import RATE, SteadyClock
from crm.daemon.machine_load import CpuUsed, OwnLoadShare, used_now


class Machine:
    """Its clocks."""

    def __init__(self) -> None:
        self.wall, self.monotonic = 1_700_000_000.0, 100.0

    def run(self, seconds: float) -> None:
        self.wall += seconds
        self.monotonic += seconds


@pytest.mark.parametrize("step_s", [3600.0, -3600.0, 20.0, -20.0])
def test_a_step_of_the_wall_clock_is_followed_slowly(step_s: float) -> None:
    machine = Machine()
    clock = SteadyClock(lambda: machine.wall, lambda: machine.monotonic)
    last = clock.now()
    machine.wall += step_s
    seconds = 0
    while abs(clock.behind_s()) > 0.01:
        machine.run(1.0)
        seconds += 1
        now = clock.now()
        assert 1 - RATE - 1e-6 <= now - last <= 1 + RATE + 1e-6, "it neither jumps nor goes back"
        last = now
        assert seconds <= abs(step_s) / RATE + 2
    assert seconds == pytest.approx(abs(step_s) / RATE, rel=0.1)


def test_people_are_told_of_a_clock_that_was_set() -> None:
    machine = Machine()
    clock = SteadyClock(lambda: machine.wall, lambda: machine.monotonic)
    assert clock.reports() == ()
    machine.wall += 3600
    (report,) = clock.reports()
    assert report.code == "clock-stepped" and "3600 s ahead" in report.message
    machine.wall -= 7200
    assert "3600 s back" in clock.reports()[0].message


def test_load_is_shared_out_by_who_used_the_processors() -> None:
    share = OwnLoadShare(CpuUsed(0.0, 0.0))
    assert share.foreign(4.0) == 4.0, "nothing is known yet"
    for second in range(5, 65, 5):
        share.sample(CpuUsed(second * 2.0, second * 1.5), 5.0)
    assert share.foreign(8.0) == pytest.approx(2.0)
    for second in range(65, 365, 5):
        share.sample(CpuUsed(second * 2.0, 60 * 1.5), 5.0)
    assert share.foreign(8.0) == pytest.approx(8.0, rel=0.02), "what was long ago fades"


def test_more_than_all_cannot_be_ones_own() -> None:
    share = OwnLoadShare(CpuUsed(0.0, 0.0))
    share.sample(CpuUsed(1.0, 5.0), 5.0)
    assert share.foreign(3.0) == 0.0


def test_what_this_process_uses_is_counted() -> None:
    before = used_now()
    sum(number * number for number in range(3_000_000))
    after = used_now()
    assert 0 < after.own - before.own <= after.all - before.all + 0.5
