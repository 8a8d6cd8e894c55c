"""The demo for people: shows the cluster's state as it changes, and takes a few words from the keyboard."""

from __future__ import annotations

import select
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from crm.cli.connection import CommandError
from crm.cli.crmctl_commands.status_overview import overview
from crm.cli.demo.cluster import DemoCluster

_LOOK_SECONDS = 0.2
_RETURN_SECONDS = 15.0
_CALM_LOOKS = 3


@dataclass
class _Return:
    """Of a daemon that was killed: until when it is waited for, and how often in a row all was calm with it there."""

    until: float
    calm_looks: int = 0


class Console:
    """Runs until it is told to stop or standard input says quit."""

    def __init__(self, cluster: DemoCluster) -> None:
        self._cluster = cluster
        self._shown: dict[str, str] = {}
        self._returning: dict[str, _Return] = {}
        self._words: dict[str, Callable[[str], None]] = {
            "kill": self._kill,
            "kill-daemon": self._kill_daemon,
            "start": self._start,
            "status": lambda _name: self.show_overview(),
        }
        self._reads = sys.stdin is not None and sys.stdin.readable()

    def run(self) -> None:
        """Look, show, listen, over and over."""
        while True:
            self.look()
            line = self._read(_LOOK_SECONDS)
            if line in ("quit", "exit"):
                return
            if line:
                self._obey(*line.split())

    def look(self) -> None:
        """Print what has changed since the last look."""
        for name in self._cluster.machines.sweep():
            self._say(f"{name} is dead; its daemon and everything that its agents started ended with it")
        value = self._cluster.value()
        if value is None:
            return
        returned = self._returned()
        facts = dict(_facts(value))
        if self._returning:
            # What a new daemon has not yet looked at counts as stopped meanwhile: nothing to alarm anybody with.
            facts |= {each["id"]: self._shown.get(each["id"], "") for each in _told(value["resources"])}
        news = [f"{subject} {fact}" for subject, fact in facts.items() if self._shown.get(subject) != fact]
        for name in returned:
            untouched = "" if news else ": it found everything as it was, and nothing was touched"
            self._say(f"the daemon of {name} is back{untouched}")
        for line in news:
            self._say(line)
        self._shown = facts

    def _returned(self) -> list[str]:
        """The nodes whose killed daemon has come back and has looked at what runs; or that took too long to."""
        if not self._returning:
            return []
        calm = self._cluster.idle()
        for name, wait in self._returning.items():
            wait.calm_looks = wait.calm_looks + 1 if calm and self._cluster.follows(name) else 0
        now = time.monotonic()
        done = [name for name, wait in self._returning.items() if wait.calm_looks >= _CALM_LOOKS or now > wait.until]
        for name in done:
            del self._returning[name]
        return done

    def show_overview(self) -> None:
        value = self._cluster.value()
        print("\n".join(overview(value)) if value else "No node answers", flush=True)

    def _read(self, seconds: float) -> str:
        if not self._reads:
            time.sleep(seconds)
            return ""
        if not select.select([sys.stdin], [], [], seconds)[0]:
            return ""
        line = sys.stdin.readline()
        if not line:
            # End of input is not a wish to end: the demo may run without a terminal.
            self._reads = False
        return line.strip()

    def _obey(self, word: str, name: str = "", *_rest: str) -> None:
        act = self._words.get(word)
        if act is None:
            print(f"Words are {', '.join(self._words)} and quit; for example: kill node1", flush=True)
            return
        if not name and act is not self._words["status"]:
            print(f"Which node? For example: {word} node1", flush=True)
            return
        try:
            act(name)
        except CommandError as error:
            print(". ".join(part for part in (str(error), error.hint) if part), flush=True)

    def _kill(self, name: str) -> None:
        self._returning.pop(name, None)
        self._cluster.machines.kill(name)
        self._say(f"{name} was killed; to boot it again: start {name}")

    def _kill_daemon(self, name: str) -> None:
        process_id = self._cluster.machines.kill_daemon(name)
        self._returning[name] = _Return(time.monotonic() + _RETURN_SECONDS)
        self._say(f"the daemon of {name} (process {process_id}) was killed; what it had started goes on")

    def _start(self, name: str) -> None:
        self._cluster.machines.start(name)
        self._say(f"{name} boots")

    def _say(self, text: str) -> None:
        now = time.time()
        print(f"{time.strftime('%H:%M:%S', time.localtime(now))}.{int(now * 1000) % 1000:03d}  {text}", flush=True)


def _facts(value: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What is worth a line when it changes, by subject."""
    yield "the cluster", (f"is led by {value['dc']} (term {value['term']})" if value["dc"] else "has no leader")
    for node in value["nodes"]:
        yield node["name"], f"is {node['state']}"
    for resource in _told(value["resources"]):
        where = f" on {', '.join(sorted(resource['nodes']))}" if resource["nodes"] else ""
        yield resource["id"], f"is {resource['role'].lower()}{where}" + (", but failed" if resource["failed"] else "")


def _told(resources: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Primitives, and clones as a whole: which of its instances runs where means nothing."""
    for resource in resources:
        if resource["kind"] in ("primitive", "clone"):
            yield resource
        else:
            yield from _told(resource["children"])
