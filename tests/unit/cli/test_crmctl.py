"""`crmctl` as a whole: every command is where the table of families says."""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
from typing import Any

import pytest

from crm.cli import crmctl


def commands_of(parser: argparse.ArgumentParser) -> tuple[str, ...]:
    (found,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return tuple(found.choices)


@pytest.mark.parametrize("name", crmctl._FAMILIES)
def test_a_family_has_the_commands_that_the_table_says(name: str) -> None:
    parser = argparse.ArgumentParser()
    subparsers: Any = parser.add_subparsers()
    importlib.import_module(f"crm.cli.{name}").add_to(subparsers)
    assert tuple(subparsers.choices) == crmctl._FAMILIES[name]


def test_only_what_was_asked_for_is_there_and_all_when_that_is_nothing() -> None:
    assert commands_of(crmctl._parser("status")) == crmctl._OWN
    assert set(commands_of(crmctl._parser("tag"))) == {*crmctl._OWN,
                                                       *crmctl._FAMILIES["crmctl_commands.access_commands"]}
    everything = {*crmctl._OWN, *(name for names in crmctl._FAMILIES.values() for name in names)}
    assert set(commands_of(crmctl._parser("--help"))) == set(commands_of(crmctl._parser("tgas"))) == everything


def test_a_simple_command_loads_no_family() -> None:
    code = "import sys; from crm.cli import crmctl; crmctl._parser('status'); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {f"crm.cli.{name}" for name in crmctl._FAMILIES} & set(loaded)
    assert "dataclasses" not in loaded and "crm.model" not in loaded


@pytest.mark.parametrize(("words", "said"), [
    (["stauts"], "there is no stauts; did you mean status?"),
    (["zzz"], "there is no zzz; see crmctl --help"),
    (["resource", "lst"], "there is no lst; did you mean list?"),
    (["token", "create", "--scope", "admin"], "there are monitor, read, operate, write"),
    ([], "nodes, resources, failures, and what should be looked at"),
    (["history"], "usage: crmctl history"),
])
def test_who_does_not_know_the_word_is_helped(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        crmctl.main(words)
    told = capsys.readouterr().err
    assert left.value.code == 2
    assert said in told
    assert "choose from" not in told
