"""The demo for people: shows the cluster's state as it changes, and takes a few words from the keyboard."""

from __future__ import annotations

import select
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from crm.cli.connection import CommandError
from crm.cli.demo.cluster import DemoCluster
from crm.cli.overview import overview

_LOOK_SECONDS = 0.2


class Console:
    """Runs until it is told to stop or standard input says quit."""

    def __init__(self, cluster: DemoCluster) -> None:
        self._cluster = cluster
        self._shown: dict[str, str] = {}
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
        facts = dict(_facts(value))
        for subject, fact in facts.items():
            if self._shown.get(subject) != fact:
                self._say(f"{subject} {fact}")
        self._shown = facts

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
        try:
            act(name)
        except CommandError as error:
            print(f"{error}. {error.hint}", flush=True)

    def _kill(self, name: str) -> None:
        self._cluster.machines.kill(name)
        self._say(f"{name} was killed; to boot it again: start {name}")

    def _kill_daemon(self, name: str) -> None:
        process_id = self._cluster.machines.kill_daemon(name)
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
    for resource in _primitives(value["resources"]):
        where = f" on {', '.join(resource['nodes'])}" if resource["nodes"] else ""
        yield resource["id"], f"is {resource['role'].lower()}{where}" + (", but failed" if resource["failed"] else "")


def _primitives(resources: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for resource in resources:
        if resource["children"]:
            yield from _primitives(resource["children"])
        elif resource["kind"] == "primitive":
            yield resource
