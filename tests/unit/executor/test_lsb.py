"""Init scripts as resources: their words, their exit codes, their heads."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from crm.executor import Executor, ExecutorSettings, OperationRequest, OperationResult, Status
from crm.executor.lsb import head
from crm.model.transition import AgentReference

HEAD = """#!/bin/sh
### BEGIN INIT INFO
# Provides:          web
# Required-Start:    $network $remote_fs
# Default-Stop:
# Short-Description: serves <pages>
# Description:       Serves pages
#                    and more pages
### END INIT INFO
"""


def executor(folder: Path, results: list[OperationResult]) -> Executor:
    (folder / "init.d").mkdir(exist_ok=True)
    return Executor(ExecutorSettings(ocf_roots=(), init_folder=folder / "init.d", systemd_bus="unix:path=/nowhere"),
                    results.append)


def script(folder: Path, body: str, name: str = "web", mode: int = 0o755) -> None:
    path = folder / "init.d" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"{HEAD}{body}\n")
    path.chmod(mode)


def run(folder: Path, operation: str, name: str = "web", **parameters: str) -> OperationResult:
    async def story() -> OperationResult:
        results: list[OperationResult] = []
        one = executor(folder, results)
        one.submit(OperationRequest(1, AgentReference("r", "lsb", name), operation, parameters=parameters))
        async with asyncio.timeout(10):
            while not results:
                await asyncio.sleep(0.005)
        await one.close()
        return results[0]

    return asyncio.run(story())


@pytest.mark.parametrize(("code", "rc"), [(0, 0), (1, 7), (2, 7), (3, 7), (4, 1), (150, 5), (151, 4), (99, 1)])
def test_what_status_says_in_terms_of_ocf(tmp_path: Path, code: int, rc: int) -> None:
    script(tmp_path, f'[ "$1" = status ] && exit {code}; exit 99')
    assert (run(tmp_path, "monitor").status, run(tmp_path, "monitor").rc) == (Status.DONE, rc)


@pytest.mark.parametrize(("code", "rc"), [(0, 0), (1, 1), (5, 5), (7, 7), (8, 1), (255, 1)])
def test_what_other_actions_say(tmp_path: Path, code: int, rc: int) -> None:
    script(tmp_path, f"exit {code}")
    assert (run(tmp_path, "start").rc, run(tmp_path, "stop").rc) == (rc, rc)


def test_a_script_gets_one_word_and_no_parameters(tmp_path: Path) -> None:
    script(tmp_path, f'echo "$# $1" > {tmp_path}/log; env | grep OCF_ >> {tmp_path}/log; exit 0')
    run(tmp_path, "start", ip="10.0.0.1")
    assert (tmp_path / "log").read_text() == "1 start\n"


def test_what_is_not_there_is_not_installed(tmp_path: Path) -> None:
    (tmp_path / "init.d").mkdir()
    result = run(tmp_path, "monitor")
    assert (result.status, result.rc) == (Status.NOT_INSTALLED, 5)
    assert "There is no init script" in result.exit_reason
    assert "chmod" in (script(tmp_path, "exit 0", mode=0o644) or run(tmp_path, "start").exit_reason)


@pytest.mark.parametrize("name", ["../web", "a/b", ".hidden", ""])
def test_names_cannot_leave_the_folder(tmp_path: Path, name: str) -> None:
    script(tmp_path, "exit 0")
    assert run(tmp_path, "start", name).rc != 0


def test_scripts_have_no_other_actions(tmp_path: Path) -> None:
    script(tmp_path, "exit 0")
    assert run(tmp_path, "promote").rc == 3


def test_the_head_describes_a_script(tmp_path: Path) -> None:
    assert head(HEAD)["Required-Start"] == "$network $remote_fs"
    assert head(HEAD)["Description"] == "Serves pages and more pages"
    assert head("#!/bin/sh\n") == {}
    script(tmp_path, "exit 0")
    known = asyncio.run(executor(tmp_path, []).metadata(AgentReference("r", "lsb", "web")))
    assert known.description == "serves <pages>" and "Required-Start: $network" in known.details
    assert known.parameters == () and "monitor" in {action.name for action in known.actions}


def test_scripts_that_can_be_run_are_listed(tmp_path: Path) -> None:
    script(tmp_path, "exit 0")
    script(tmp_path, "exit 0", "README", 0o644)
    found = asyncio.run(executor(tmp_path, []).installed())
    assert [agent.type for agent in found if agent.standard == "lsb"] == ["web"]
