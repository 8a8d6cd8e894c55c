"""What deploy/environment.sh may remove: an environment that it has made, and nothing else."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "deploy" / "environment.sh"


def remove(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", "-c", f'set -u -o pipefail; . "{SCRIPT}"; remove_broken_environment'], text=True,
                          capture_output=True, env={**os.environ, "CRMD_VENV": str(folder)}, check=False)


@pytest.mark.parametrize("content", [("thesis.txt",), ("pyvenv.cfg", "thesis.txt"), ("crmd-environment",)])
def test_what_is_somebody_else_s_is_not_touched(tmp_path: Path, content: tuple[str, ...]) -> None:
    for name in content:
        (tmp_path / name).write_text("precious")
    done = remove(tmp_path)
    assert done.returncode == 1 and "nothing in it was touched" in done.stderr
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted(content)


def test_an_environment_whose_python_is_gone_makes_room(tmp_path: Path) -> None:
    for name in ("pyvenv.cfg", "crmd-environment"):
        (tmp_path / name).touch()
    assert remove(tmp_path).returncode == 0
    assert not tmp_path.exists()


@pytest.mark.parametrize("there", [True, False])
def test_an_empty_folder_and_none_at_all_are_fine(tmp_path: Path, there: bool) -> None:
    folder = tmp_path / "new"
    if there:
        folder.mkdir()
    assert remove(folder).returncode == 0
    assert not folder.exists()
