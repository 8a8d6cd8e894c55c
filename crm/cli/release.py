"""Which crmd this is, for `--version` of every command; looked up only when it is asked for, as that takes its time."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn


def name() -> str:
    """The name of the release, such as `crmd 0.1.0`."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"crmd {version('crmd')}"
    except PackageNotFoundError:
        return "crmd"


class _Show(argparse.Action):
    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> NoReturn:
        parser.exit(0, f"{name()}\n")


def add_version(parser: argparse.ArgumentParser | argparse._ArgumentGroup, *options: str) -> None:
    """The options that print the release, `--version` and further spellings."""
    parser.add_argument("--version", *options, action=_Show, nargs=0, help="print which crmd this is")
