"""One failover, measured from outside: what the survivors say as they say it, and when clients are served again."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from crm.cli.connection import CommandError
from crm.cli.demo.cluster import DemoCluster, holds
from crm.client import Client

_PATIENCE_SECONDS = 30.0
_LATEST_WORD_SECONDS = 2.0
"""The survivors tell what they did when they have done it: their last words may come after the service answers."""


@dataclass
class FailoverTimeline:
    """When what happened, in milliseconds after the node was killed; None for what did not happen or was not needed."""

    victim: str
    successor: str | None = None
    detected_ms: float | None = None
    elected_ms: float | None = None
    planned_ms: float | None = None
    fenced_ms: float | None = None
    started_ms: float | None = None
    answering_ms: float | None = None
    notes: dict[str, str] = field(default_factory=dict)

    def lines(self) -> Iterator[str]:
        """The timeline for people."""
        yield _line(0.0, f"{self.victim} is killed: its daemon and everything that its agents started")
        entries = (
            (self.detected_ms, f"detected: {self.notes.get('detected', 'a survivor')} has lost {self.victim}"),
            (self.elected_ms, f"elected: {self.notes.get('elected', '?')} leads now"),
            (self.planned_ms, f"planned: {self.notes.get('planned', '?')} actions"),
            (self.fenced_ms, f"fenced: {self.notes.get('fenced', '?')}"),
            (self.started_ms, f"started: the service's port is held again on {self.successor}"),
            (self.answering_ms, f"answering: the page is served by {self.successor}"),
        )
        yield from (_line(moment, text) for moment, text in entries if moment is not None)


def _line(moment_ms: float, text: str) -> str:
    return f"{moment_ms:7.0f} ms  {text}"


def fail_over(cluster: DemoCluster) -> FailoverTimeline:
    """Kill the node that serves, wait until another one does. Raises CommandError with the reason if none does."""
    victim = cluster.serving()
    if victim is None:
        raise CommandError("The web service does not answer, so there is nothing to fail over")
    timeline = FailoverTimeline(victim)
    survivors = [name for name in cluster.machines.running if name != victim]
    watchers = [_Watcher(cluster, name, timeline) for name in survivors]
    for watcher in watchers:
        watcher.ready.wait(2.0)
    began = time.monotonic()
    for watcher in watchers:
        watcher.began = began
    cluster.machines.kill(victim)
    try:
        _wait_for_service(cluster, timeline, began)
        _wait_for_words(timeline)
    finally:
        for watcher in watchers:
            watcher.close()
    return timeline


def _wait_for_service(cluster: DemoCluster, timeline: FailoverTimeline, began: float) -> None:
    """Ask as an impatient client would, every few milliseconds."""
    port = cluster.machines.layout.web_port
    while time.monotonic() - began < _PATIENCE_SECONDS:
        if timeline.started_ms is None:
            if not holds(port):
                time.sleep(0.002)
                continue
            timeline.started_ms = (time.monotonic() - began) * 1000
        serving = cluster.serving()
        if serving is not None and serving != timeline.victim:
            timeline.answering_ms = (time.monotonic() - began) * 1000
            timeline.successor = serving
            return
        time.sleep(0.002)
    value = cluster.value()
    seen = "no node answers" if value is None else f"DC {value['dc']}, members {', '.join(value['members'])}"
    raise CommandError(
        f"{_PATIENCE_SECONDS:g} s after {timeline.victim} was killed the service does not answer ({seen})",
        "\n".join(timeline.lines()),
    )


def _wait_for_words(timeline: FailoverTimeline) -> None:
    end = time.monotonic() + _LATEST_WORD_SECONDS
    while timeline.planned_ms is None and time.monotonic() < end:
        time.sleep(0.002)


class _Watcher:
    """Listens to the events of one survivor and notes the first time of each step."""

    def __init__(self, cluster: DemoCluster, name: str, timeline: FailoverTimeline) -> None:
        self.began = float("inf")
        self.ready = threading.Event()
        self._name = name
        self._timeline = timeline
        self._plan: int | None = None
        self._closed = False
        client = Client(str(cluster.machines.files(name).socket))
        threading.Thread(target=self._listen, args=(client,), daemon=True).start()

    def close(self) -> None:
        """What is told from now on is of no interest."""
        self._closed = True

    def _listen(self, client: Client) -> None:
        for event in client.events():
            if self._closed:
                return
            if event.name == "status":
                self._note(event.value)
                self.ready.set()

    def _note(self, status: dict[str, Any]) -> None:
        timeline, victim = self._timeline, self._timeline.victim
        moment = (time.monotonic() - self.began) * 1000
        progress = status.get("transition") or {}
        if moment < 0:
            self._plan = progress.get("id")
            timeline.notes["leader"] = str(status["dc"])
            return

        if timeline.detected_ms is None and victim not in status["members"]:
            timeline.detected_ms, timeline.notes["detected"] = moment, self._name
        fenced = status.get("fenced") or {}
        if timeline.fenced_ms is None and fenced.get("target") == victim and fenced.get("state") == "success":
            timeline.fenced_ms = moment
            timeline.notes["fenced"] = f"{victim} is off, confirmed by {fenced['device']} from {fenced['executor']}"
        leader = status["dc"]
        if timeline.detected_ms is None or leader in (None, victim):
            return
        if timeline.elected_ms is None and "leader" in timeline.notes and timeline.notes["leader"] != leader:
            timeline.elected_ms, timeline.notes["elected"] = moment, f"{leader} (term {status['term']})"
        planned = progress.get("total") and progress.get("id") != self._plan
        if timeline.planned_ms is None and planned:
            timeline.planned_ms, timeline.notes["planned"] = moment, str(progress["total"])
