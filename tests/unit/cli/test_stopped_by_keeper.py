"""Agents that the keeper runs ask for attributes while no daemon is there: they get an answer at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from crm.cli.connection import SOCKET_VARIABLE
from crm.cli.pacemaker import crm_attribute
from crm.keeper import ALONE

Tool = Callable[[Sequence[str]], int]


@pytest.fixture(autouse=True)
def no_daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SOCKET_VARIABLE, str(tmp_path / "none"))
    monkeypatch.setenv("OCF_RESOURCE_INSTANCE", "pgsql")


@pytest.mark.parametrize(("tool", "arguments", "code"), [
    (crm_attribute.main, ["-n", "pgsql-status", "-v", "STOP", "-l", "reboot", "-N", "node1"], 0),
    (crm_attribute.main, ["-n", "pgsql-status", "-D", "-l", "reboot"], 0),
    (crm_attribute.main, ["-n", "pgsql-status", "-G", "-q", "-l", "forever"], 105),
    (crm_attribute.main, ["-n", "db_REPL_INFO", "-s", "x", "-t", "crm_config", "-G", "-q", "-d", "none"], 0),
    (crm_attribute.updater, ["-n", "x", "-U", "1"], 0),
    (crm_attribute.updater, ["-n", "x", "-D"], 0),
    (crm_attribute.updater, ["-n", "x", "-Q"], 105),
    (crm_attribute.master, ["-D", "-l", "reboot"], 0),
    (crm_attribute.master, ["-v", "100", "-l", "reboot"], 0),
])
def test_what_would_be_told_needs_nobody(tool: Tool, arguments: list[str], code: int,
                                         monkeypatch: pytest.MonkeyPatch) -> None:
    assert tool(arguments) == 102, "no daemon"
    monkeypatch.setenv(ALONE, "1")
    assert tool(arguments) == code
