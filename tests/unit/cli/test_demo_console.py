"""What the demo tells of a cluster, and what it makes of what is typed."""

from __future__ import annotations

from typing import Any

import pytest

from crm.cli.connection import CommandError
from crm.cli.demo import console as module
from crm.cli.demo.console import Console


def told(kind: str, name: str, *nodes: str, children: tuple[Any, ...] = ()) -> dict[str, Any]:
    return {"id": name, "kind": kind, "role": "Started" if nodes else "Stopped", "nodes": list(nodes),
            "failed": False, "children": list(children)}


class Cluster:
    """Two nodes; `web` is on one, a daemon can be killed."""

    def __init__(self) -> None:
        self.web: tuple[str, ...] = ("one",)
        self.joined = self.calm = True
        self.machines = self
        self.killed: list[str] = []

    def value(self) -> dict[str, Any]:
        clone = told("clone", "watch", "two", "one", children=(told("primitive", "watch:0", "two"),))
        group = told("group", "g", children=(told("primitive", "web", *self.web), clone))
        return {"dc": "one", "term": 1, "nodes": [{"name": "one", "state": "online"}], "resources": [group]}

    def sweep(self) -> list[str]:
        return []

    def idle(self) -> bool:
        return self.calm

    def follows(self, _name: str) -> bool:
        return self.joined

    def kill_daemon(self, name: str) -> int:
        if name != "one":
            raise CommandError(f"There is no node {name}", "There are one")
        self.killed.append(name)
        return 7


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def console(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Console:
    monkeypatch.setattr(module.sys, "stdin", None)
    return Console(cluster)  # type: ignore[arg-type]


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [line.partition("  ")[2] for line in capsys.readouterr().out.splitlines()]


def test_changes_are_told_once(cluster: Cluster, console: Console, capsys: pytest.CaptureFixture[str]) -> None:
    console.look()
    assert said(capsys) == ["the cluster is led by one (term 1)", "one is online", "web is started on one",
                            "watch is started on one, two"]
    cluster.web = ()
    console.look()
    console.look()
    assert said(capsys) == ["web is stopped"]


def test_a_daemon_that_comes_back_is_not_told_as_an_outage(
    cluster: Cluster, console: Console, capsys: pytest.CaptureFixture[str]
) -> None:
    console.look()
    said(capsys)
    console._obey("kill-daemon", "one")
    cluster.web, cluster.joined, cluster.calm = (), False, False
    console.look()
    cluster.web, cluster.joined, cluster.calm = ("one",), True, True
    for _ in range(5):
        console.look()
    assert said(capsys) == ["the daemon of one (process 7) was killed; what it had started goes on",
                            "the daemon of one is back: it found everything as it was, and nothing was touched"]


def test_what_has_become_of_it_meanwhile_is_told_afterwards(
    cluster: Cluster, console: Console, capsys: pytest.CaptureFixture[str]
) -> None:
    console.look()
    console._obey("kill-daemon", "one")
    said(capsys)
    cluster.web = ("two",)
    for _ in range(5):
        console.look()
    assert said(capsys) == ["the daemon of one is back", "web is started on two"]


@pytest.mark.parametrize(("line", "answer"), [
    ("kill-daemon", "Which node? For example: kill-daemon node1\n"),
    ("kill-daemon nine", "There is no node nine. There are one\n"),
    ("dance one", "Words are kill, kill-daemon, start, status and quit; for example: kill node1\n"),
])
def test_what_cannot_be_done_is_explained(
    console: Console, capsys: pytest.CaptureFixture[str], line: str, answer: str
) -> None:
    console._obey(*line.split())
    assert capsys.readouterr().out == answer
