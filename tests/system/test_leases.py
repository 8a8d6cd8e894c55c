"""Without fencing, with real processes: whatever happens to a node's daemon, nothing runs on two machines."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system import machines
from tests.system.lease_lab import QUICK, lab, live_through
from tests.system.room import Room

pytestmark = [pytest.mark.skipif(bool(machines.missing()), reason=machines.missing()), pytest.mark.timeout(300)]

GONE_S = 12.0


@pytest.fixture(scope="module")
def room() -> Iterator[Room]:
    with lab(QUICK) as made:
        yield made


@pytest.mark.parametrize("case", ["cut link", "frozen daemon", "killed daemon, held down",
                                  "killed supervisor and daemon"])
def test_nothing_runs_twice(room: Room, case: str) -> None:
    room.until_peace()
    watch = live_through(room, case, GONE_S)
    assert watch.twice_s == 0, f"{case}: {watch.twice_s:.3f} s on two machines\n{room.logs()}"
    assert watch.gone_s is not None, f"{case}: what ran was never stopped\n{room.logs()}"
    assert all(len(room.active(resource)) == 1 for resource in watch.ran)


def test_a_daemon_that_is_started_again_in_time_changes_nothing(room: Room) -> None:
    room.until_peace()
    room.set_option("lease-timeout", "30s")  # however busy this machine is
    (home,) = room.active("one")
    state = Path(f"/proc/{room.network[home].process_id}/root/run/crmd/Dummy-one")
    begun = state.stat().st_ctime_ns
    os.kill(room.daemons(home)[-1], signal.SIGKILL)
    room.until_peace()
    assert room.active("one") == [home]
    assert state.stat().st_ctime_ns == begun
