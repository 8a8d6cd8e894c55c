"""The world that an agent finds: its environment, its tools, and what Debian's own shell functions make of them."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from crm.executor import ExecutorSettings, OperationRequest
from crm.executor.agent_files import AgentFile
from crm.executor.environment import build
from crm.executor.tools import TOOLS, lay_tools
from crm.model.transition import AgentReference

REPOSITORY = Path(__file__).parents[3]
DEBIAN = Path("/usr/lib/ocf")
EXAMPLE = REPOSITORY / "cib_examples" / "database.xml"


def environment(root: Path, folder: Path, *roots: Path, **parameters: str) -> dict[str, str]:
    settings = ExecutorSettings(ocf_roots=(root, *roots), agent_state=folder / "state",
                                tool_folder=lay_tools(folder / "bin"),
                                extra_environment=(("CRMD_SOCKET", str(folder / "socket")),))
    request = OperationRequest(1, AgentReference("web", "ocf", "Web", "test"), "start", parameters=parameters)
    return build(request, AgentFile(root / "resource.d/test/Web", root), settings)


def functions_in(root: Path) -> Path:
    path = root / "lib/heartbeat/ocf-shellfuncs"
    path.parent.mkdir(parents=True)
    path.write_text(": here\n")
    return root


def test_tools_of_this_cluster_are_found_where_agents_look(tmp_path: Path) -> None:
    folder = Path(environment(tmp_path, tmp_path)["HA_SBIN_DIR"])
    assert all(os.access(folder / tool, os.X_OK) for tool in ("crm_attribute", "crm_master", "attrd_updater"))


def test_an_agent_outside_the_systems_root_finds_the_shell_functions(tmp_path: Path) -> None:
    system = functions_in(tmp_path / "system")
    assert environment(tmp_path / "mine", tmp_path, system)["OCF_ROOT"] == str(system)


def test_a_root_with_functions_of_its_own_is_its_agents_root(tmp_path: Path) -> None:
    system, mine = functions_in(tmp_path / "system"), functions_in(tmp_path / "mine")
    assert environment(mine, tmp_path, system)["OCF_ROOT"] == str(mine)


def test_where_nobody_has_the_functions_an_agents_root_is_its_own(tmp_path: Path) -> None:
    assert environment(tmp_path / "mine", tmp_path, tmp_path / "other")["OCF_ROOT"] == str(tmp_path / "mine")


@pytest.mark.skipif(not (DEBIAN / "lib/heartbeat/ocf-shellfuncs").exists(), reason="needs resource-agents")
def test_debians_functions_keep_what_they_are_given_and_fill_in_the_rest(tmp_path: Path) -> None:
    script = """. ${OCF_ROOT}/lib/heartbeat/ocf-shellfuncs
    echo $HA_SBIN_DIR; echo $HA_RSCTMP; echo $HA_BIN; echo $HA_VARRUN; ocf_log err told; ocf_log debug hidden"""
    given = environment(tmp_path / "mine", tmp_path, DEBIAN)
    done = subprocess.run(["/bin/sh", "-c", script], env=given, capture_output=True, text=True, check=True)
    sbin, temporary, binaries, run = done.stdout.splitlines()
    assert (sbin, temporary) == (given["HA_SBIN_DIR"], str(tmp_path / "state"))
    assert binaries and run
    assert "ERROR: told" in done.stderr and "hidden" not in done.stderr


@pytest.mark.skipif(not (DEBIAN / "lib/heartbeat/ocf-shellfuncs").exists(), reason="needs resource-agents")
def test_an_agent_can_be_traced(tmp_path: Path) -> None:
    given = environment(tmp_path / "mine", tmp_path, DEBIAN, trace_ra="1", trace_dir=str(tmp_path / "traces"))
    script = ". ${OCF_ROOT}/lib/heartbeat/ocf-shellfuncs; true a traced line"
    subprocess.run(["/bin/bash", "-c", script, "Web", "start"], env=given, capture_output=True, check=True)
    (trace,) = (tmp_path / "traces" / "Web").iterdir()
    assert "a traced line" in trace.read_text()


def test_every_command_of_the_package_is_laid_for_agents() -> None:
    scripts = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["scripts"]
    assert {name: place for name, place in scripts.items() if name != "crmd"} == TOOLS


@pytest.mark.parametrize("tool", ["crm_mon -1", "cibadmin -Q"])
def test_a_laid_tool_reads_a_file_by_itself(tmp_path: Path, tool: str) -> None:
    name, *arguments = tool.split()
    given = environment(tmp_path, tmp_path)
    done = subprocess.run([f"{given['HA_SBIN_DIR']}/{name}", *arguments], env={**given, "CIB_file": str(EXAMPLE)},
                          capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_laid_tool_reads_what_an_agent_pipes_to_it(tmp_path: Path) -> None:
    """As `crm_mon_no_validation` of ocf-shellfuncs has it."""
    given = environment(tmp_path, tmp_path)
    script = f"CIB_file=<(cat {EXAMPLE}) $HA_SBIN_DIR/crm_mon -1"
    done = subprocess.run(["/bin/bash", "-c", script], env=given, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("tool", sorted(TOOLS))
def test_a_laid_tool_needs_nothing_of_its_caller(tmp_path: Path, tool: str) -> None:
    folder = lay_tools(tmp_path)
    done = subprocess.run([str(folder / tool), "--help"], env={}, cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    assert sys.executable in (folder / tool).read_text()
