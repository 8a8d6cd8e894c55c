"""Two real nodes of which one is enough, without fencing: what `deploy/README.md` says of them ("Two nodes")."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.machines import missing, until
from tests.system.room import UNIQUE, Room, room

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "-")


@pytest.fixture(scope="module")
def pair() -> Iterator[Room]:
    with room(2, fencing=False) as made:
        yield made


@pytest.fixture(autouse=True)
def in_peace(pair: Room) -> Iterator[None]:
    yield
    pair.mend()
    pair.audit()


def serve_all(pair: Room, *names: str) -> bool:
    """Whether each of those machines runs everything unique."""
    return all(pair.active(resource) == list(names) for resource in UNIQUE)


def started_at(pair: Room, resource: str) -> int:
    """When n2 began to run it: what its agent left behind then."""
    return Path(f"/proc/{pair.network['n2'].process_id}/root/run/crmd/Dummy-{resource}").stat().st_mtime_ns


@pytest.mark.parametrize("lost", ["n1", "n2"])
def test_the_other_takes_over_from_a_lost_one(pair: Room, lost: str) -> None:
    (other,) = set(pair.names) - {lost}
    pair.power_off(lost)
    until(lambda: serve_all(pair, other), f"{other} did not take over", 15.0)
    assert pair.value(other)["dc"] == other


def test_a_node_that_boots_alone_waits_until_it_has_seen_the_other(pair: Room) -> None:
    for name in pair.names:
        pair.power_off(name)
    pair.boot("n2")
    until(lambda: bool(pair.value("n2").get("dc")), "nobody leads on n2")
    until(lambda: pair.value("n2")["state"] == "idle", "n2 did not come to rest")
    assert not any(pair.active(resource) for resource in UNIQUE)
    pair.boot("n1")
    until(lambda: all(len(pair.active(resource)) == 1 for resource in UNIQUE), "not all is served")


def test_a_person_may_say_that_the_other_is_off(pair: Room) -> None:
    for name in pair.names:
        pair.power_off(name)
    pair.boot("n2")
    until(lambda: any(each["code"] == "started-alone" for each in pair.value("n2").get("reports", ())),
          "n2 does not say for whom it waits")
    pair.ask("POST", "/v1/fencing/nodes/n1/confirm", "n2")
    until(lambda: serve_all(pair, "n2"), "n2 did not go on", 15.0)
    pair.boot("n1")
    until(lambda: len(pair.value("n1").get("members", ())) == 2, "n1 is not taken in")
    until(lambda: all(len(pair.active(resource)) == 1 for resource in UNIQUE), "not all is served once")


def test_a_survivor_whose_daemon_is_killed_goes_on(pair: Room) -> None:
    """It need not be told twice that the other is gone."""
    pair.power_off("n1")
    until(lambda: pair.value("n2")["members"] == ["n2"], "n2 did not notice", 25.0)  # it may have run all before
    until(lambda: serve_all(pair, "n2"), "n2 did not take over", 25.0)
    before = {resource: started_at(pair, resource) for resource in UNIQUE}
    pair.signal_daemon("n2", signal.SIGKILL)
    time.sleep(0.5)
    until(lambda: pair.value("n2").get("dc") == "n2" and pair.value("n2")["quorate"], "n2 waits for the other", 25.0)
    time.sleep(3.0)
    assert {resource: started_at(pair, resource) for resource in UNIQUE} == before


def test_both_halves_of_a_split_go_on_and_one_gives_way_when_they_meet(pair: Room) -> None:
    pair.split(["n1"], ["n2"])
    until(lambda: serve_all(pair, "n1", "n2"), "a half did not go on", 15.0)
    pair.mend()
    until(lambda: all(len(pair.active(resource)) == 1 for resource in UNIQUE), "it still runs twice", 15.0)
    pair.until_peace()
    assert pair.fenced == []
    pair.twice.clear()
