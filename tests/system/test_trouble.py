"""Real processes in trouble: split networks, frozen and killed daemons, lost stores. After each, peace and an audit.

A short selection; `python -m tests.system.soak` goes on for hours, by chance.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.machines import missing, until
from tests.system.room import UNIQUE, Room, room

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "-")


@pytest.fixture(scope="module")
def five() -> Iterator[Room]:
    with room(5) as made:
        yield made


@pytest.fixture(autouse=True)
def in_peace(five: Room) -> Iterator[None]:
    five.fenced.clear()
    yield
    five.mend()
    five.audit()


def others(five: Room, *names: str) -> list[str]:
    return [name for name in five.names if name not in names]


def until_served_by(five: Room, names: list[str], resources: tuple[str, ...] = UNIQUE) -> None:
    """Everything unique (or some of it) runs, on these machines only."""
    until(lambda: all(len(where := five.active(resource)) == 1 and where[0] in names for resource in resources),
          f"not all is served by {names}", 40.0)


def test_a_split_minority_is_fenced_and_comes_back(five: Room) -> None:
    (home,) = five.active("one")
    minority = [home, others(five, home)[0]]
    majority = others(five, *minority)
    five.split(minority, majority)
    until_served_by(five, majority)
    assert set(five.fenced) == set(minority)


def test_with_no_majority_anywhere_nothing_runs_twice_and_nothing_is_fenced(five: Room) -> None:
    names = list(five.names)
    five.split(names[:2], names[2:4], names[4:])
    until(lambda: not any(five.active(resource) for resource in ("three", "all")), "they did not stop", 30.0)
    assert five.fenced == []


def test_a_node_that_is_not_heard_is_replaced(five: Room) -> None:
    """One way only: it hears the others, they do not hear it."""
    (home,) = five.active("one")
    for name in others(five, home):
        five.deafen(home, name)
    until(lambda: five.fenced == [home], "it was not fenced")
    until_served_by(five, others(five, home))


def test_a_frozen_dc_is_replaced_and_does_no_harm_when_it_wakes(five: Room) -> None:
    dc = five.value()["dc"]
    five.signal_daemon(dc, signal.SIGSTOP, whole=True)
    until(lambda: five.value(others(five, dc)[0]).get("dc") not in (None, dc), "nobody took over")
    five.signal_daemon(dc, signal.SIGCONT, whole=True)
    until_served_by(five, list(five.names))


def test_disks_that_take_nothing_end_no_recovery(five: Room) -> None:
    """All of them are full, and then the DC is lost: the others elect another, fence it, and start what it ran."""
    dc = five.value()["dc"]
    for name in five.names:
        five.spoil_disk(name)
    five.power_off(dc)
    until_served_by(five, others(five, dc))
    assert five.fenced == [dc]


def test_each_daemon_is_killed_in_turn_and_nothing_is_touched(five: Room) -> None:
    homes = {resource: five.active(resource) for resource in UNIQUE}
    for name in five.names:
        five.signal_daemon(name, signal.SIGKILL)
        time.sleep(0.3)
    five.until_peace()
    assert {resource: five.active(resource) for resource in UNIQUE} == homes
    assert five.fenced == []


def test_a_killed_supervisor_takes_its_node_with_it(five: Room) -> None:
    """A daemon that nobody watches over would be half a node: it ends, too, and the node is fenced and comes back."""
    (home,) = five.active("one")
    _, daemon = five.daemons(home)
    five.kill_supervisor(home)
    until(lambda: not Path(f"/proc/{daemon}").exists(), "its daemon lives on", 5.0)
    until(lambda: five.fenced == [home], "it was not fenced")
    until_served_by(five, list(five.names))
    assert five.active("one") != []


@pytest.fixture
def slow_start(five: Room) -> Iterator[tuple[str, int]]:
    """`three` has died, and its start is under way: on which machine, and the process id of its agent."""
    five.tell_agent("three", delay_seconds="3")
    five.break_service("three")
    until(lambda: bool(five.agents("start", "three")), "it is not started again")
    (found,) = five.agents("start", "three")
    yield found
    five.tell_agent("three", delay_seconds="0")
    five.clean_up()


def test_a_killed_agent_is_a_failed_operation(five: Room, slow_start: tuple[str, int]) -> None:
    home, agent = slow_start
    os.killpg(agent, signal.SIGKILL)
    until(lambda: [where for where, _ in five.agents("start", "three")] not in ([], [home]), "nobody else starts it")
    until_served_by(five, others(five, home), ("three",))
    assert "The agent was killed by signal 9" in five.ask("GET", "/v1/cib").body.decode()
    assert five.fenced == []


def test_a_daemon_that_is_killed_while_an_agent_works_starts_anew_and_once(
        five: Room, slow_start: tuple[str, int]) -> None:
    home, agent = slow_start
    five.signal_daemon(home, signal.SIGKILL)
    until(lambda: [process for _, process in five.agents("start", "three")] not in ([], [agent]), "not started again")
    assert not Path(f"/proc/{agent}").exists(), "the former start was ended before"
    assert len(five.agents("start", "three")) == 1
    until_served_by(five, list(five.names))


def test_a_lost_store_is_filled_again(five: Room) -> None:
    name = others(five, five.value()["dc"])[0]
    five.leave(name)
    until(lambda: not five.daemons(name), "it did not leave")
    for file in sorted((five.network[name].disk / "state").rglob("*"), reverse=True):
        file.unlink() if file.is_file() else file.rmdir()
    five.start_daemon(five.network[name])
    five.until_peace()
    kept = (five.network[name].disk / "state").rglob("*")
    assert any(b"two-after-one" in file.read_bytes() for file in kept if file.is_file())


def test_near_the_quorum_point(five: Room) -> None:
    """Two of five go at once, one comes while a third goes."""
    first, second, third = list(five.names)[:3]
    five.power_off(first)
    five.leave(second)
    time.sleep(1.0)
    five.power_off(third)
    with five._lock:
        if five.network[first].process_id is None:
            five.boot(first)
    time.sleep(3.0)


def test_everything_stops_and_starts_again(five: Room) -> None:
    for name in five.names:
        five.leave(name)
    until(lambda: not any(five.daemons(name) for name in five.names), "not all have left", 60.0)
    assert not any(five.active(resource) for resource in (*UNIQUE, "state", "all"))


def test_a_person_fences_a_node_from_another(five: Room) -> None:
    target, asked = others(five, five.value()["dc"])[:2]
    five.ask("POST", f"/v1/fencing/nodes/{target}", asked, body=json.dumps({"action": "reboot"}).encode(),
             content_type="application/json", timeout_seconds=40.0)
    assert five.fenced == [target]
