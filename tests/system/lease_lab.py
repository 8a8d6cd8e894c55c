"""What happens to a service whose node hangs, dies or is cut off while there is no fencing, to the millisecond.

    python -m tests.system.lease_lab [CASE …]     a table: how long anything ran twice, and when it ran again

Needs root. The cases are in `CASES`.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.system import machines
from tests.system.room import UNIQUE, Room, _processes

QUICK = {"lease-timeout": "4s", "lease-stop-timeout": "1s"}
_LOOK_S = 0.004
_BACK_S = 60.0


@dataclass
class Watch:
    """Where each unique resource is active, all the time. `twice_s`: for how long any of them was on two machines."""

    room: Room
    twice_s: float = 0.0
    elsewhere_s: float | None = None
    """After what time everything that ran on the home was active on another machine."""
    gone_s: float | None = None
    """After what time nothing of it was active on the home."""
    home: str = ""
    ran: tuple[str, ...] = ()
    _over: threading.Event = field(default_factory=threading.Event)

    def look(self) -> None:
        """Until told that it is over."""
        began = last = time.monotonic()
        while not self._over.wait(_LOOK_S):
            where = {resource: self.room.active(resource) for resource in UNIQUE}
            now = time.monotonic()
            if any(len(places) > 1 for places in where.values()):
                self.twice_s += now - last
            last = now
            if self.gone_s is None and all(self.home not in where[resource] for resource in self.ran):
                self.gone_s = now - began
            if self.elsewhere_s is None and all(set(where[resource]) - {self.home} for resource in self.ran):
                self.elsewhere_s = now - began

    @classmethod
    @contextmanager
    def over(cls, room: Room, home: str) -> Iterator[Watch]:
        watch = cls(room, home=home, ran=tuple(name for name in UNIQUE if home in room.active(name)))
        thread = threading.Thread(target=watch.look, daemon=True)
        thread.start()
        try:
            yield watch
        finally:
            watch._over.set()
            thread.join()


def cut(room: Room, home: str) -> Callable[[], None]:
    """The node's links are cut."""
    room.split([home], [name for name in room.names if name != home])
    return room.mend


def freeze_daemon(room: Room, home: str) -> Callable[[], None]:
    """The daemon is stopped by SIGSTOP, and nothing else."""
    room.signal_daemon(home, signal.SIGSTOP)
    return room.mend


def kill_daemon(room: Room, home: str) -> Callable[[], None]:
    """The daemon is killed, and whoever would start it again hangs."""
    watching, daemon = room.daemons(home)[:2]
    os.kill(watching, signal.SIGSTOP)
    os.kill(daemon, signal.SIGKILL)
    return room.mend


def kill_both(room: Room, home: str) -> Callable[[], None]:
    """Daemon and supervisor are killed."""
    for process in room.daemons(home):
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    return room.mend


def freeze_machine(seconds: float) -> Callable[[Room, str], Callable[[], None]]:
    """Every process of the machine stands still for that time, and then goes on."""

    def freeze(room: Room, home: str) -> Callable[[], None]:
        frozen = [each for each in _processes(room.network[home]) if each != room.network[home].process_id]
        for process in frozen:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGSTOP)
        time.sleep(seconds)
        for process in frozen:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)
        return room.mend

    return freeze


CASES: dict[str, Callable[[Room, str], Callable[[], None]]] = {
    "cut link": cut,
    "frozen daemon": freeze_daemon,
    "killed daemon, held down": kill_daemon,
    "killed supervisor and daemon": kill_both,
    "machine frozen 5 s": freeze_machine(5.0),
    "machine frozen 15 s": freeze_machine(15.0),
}


@contextmanager
def lab(options: dict[str, str] | None = None) -> Iterator[Room]:
    """Three machines without fencing."""
    with machines.network(["n1", "n2", "n3"]) as network:
        room = Room(network, fencing=False)
        try:
            room.open()
            for name, value in (options or {}).items():
                room.set_option(name, value)
            room.until_peace()
            yield room
        finally:
            room.close()


def live_through(room: Room, case: str, seconds: float) -> Watch:
    """One case at the node that runs `one`, for so many seconds; the watch over it."""
    (home,) = room.active("one")
    with Watch.over(room, home) as watch:
        began = time.monotonic()
        mend = CASES[case](room, home)
        time.sleep(max(0.0, seconds - (time.monotonic() - began)))
        mend()
        room.until_peace(_BACK_S)
    return watch


def main(cases: list[str]) -> int:
    """Print the table."""
    with lab() as room:
        for case in cases or CASES:
            room.clean_up()
            room.until_peace()
            watch = live_through(room, case, 15.0)
            times = [f"{each:.1f} s" if each is not None else "never" for each in (watch.gone_s, watch.elsewhere_s)]
            print(f"{case:30} twice {1000 * watch.twice_s:6.0f} ms   gone after {times[0]:>6}   elsewhere after "
                  f"{times[1]:>6}", flush=True)
            room.twice.clear()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
