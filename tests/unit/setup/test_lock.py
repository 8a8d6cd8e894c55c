"""requirements.lock pins what pyproject.toml asks for, with hashes, and names no index."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[3]
ASKED = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
LOCK = (ROOT / "requirements.lock").read_text()
PINS = re.findall(r"^([\w.-]+)==(\S+)[^\n]*\\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", LOCK, re.MULTILINE)


@pytest.mark.parametrize("asked", ASKED)
def test_each_dependency_is_pinned_within_its_range(asked: str) -> None:
    wanted = Requirement(asked)
    pinned = [Version(version) for name, version, _ in PINS
              if canonicalize_name(name) == canonicalize_name(wanted.name)]
    assert pinned and all(version in wanted.specifier for version in pinned)


@pytest.mark.parametrize("asked", ASKED)
def test_each_range_has_a_floor_and_a_ceiling(asked: str) -> None:
    assert {each.operator for each in Requirement(asked).specifier} == {">=", "<"}


def test_each_pin_has_its_hashes() -> None:
    assert len(PINS) == sum(not line.startswith((" ", "#")) for line in LOCK.splitlines())


def test_no_index_is_named() -> None:
    assert "://" not in LOCK and "--index" not in LOCK and "--find-links" not in LOCK
