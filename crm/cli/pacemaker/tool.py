"""What the field's tools that do one thing per call have in common: a table of actions, help, the release."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from crm.cli import release
from crm.cli.connection import USAGE, CommandError
from crm.cli.pacemaker.arguments import Arguments
from crm.cli.pacemaker.cib_file import run_on_cluster


@dataclass(frozen=True, slots=True)
class PacemakerTool:
    """A tool that works on the running cluster.

    options  what an option is called inside, by each of its spellings; `help` and `version` are among them
    valued   the options that take a value
    actions  what can be done, by the option that asks for it; a call names exactly one,
             or with `last_counts` the last one is done, as agents rely on (`crm_node -l -p`)
    """

    name: str
    help: str
    options: Mapping[str, str]
    valued: frozenset[str]
    actions: Mapping[str, Callable[[Arguments], int | None]]
    last_counts: bool = False

    def run(self, arguments: Sequence[str] | None) -> int:
        """Do what the command line says; the exit code."""
        given = list(sys.argv[1:] if arguments is None else arguments)
        return run_on_cluster(self.name, lambda: self._act(given))

    def _act(self, given: list[str]) -> int | None:
        options = Arguments(dict(self.options), frozenset(self.options.values()) - self.valued, given)
        if "version" in options:
            print(release.name())
        elif "help" in options or not given:
            print(self.help)
        else:
            return self.actions[self.wanted(options)](options)
        return None

    def wanted(self, options: Arguments) -> str:
        """The action that the options ask for. Raises CommandError."""
        named = [name for name in options.values if name in self.actions]
        if len(named) != 1 and not (named and self.last_counts):
            raise CommandError("give exactly one thing to do", f"see {self.name} --help", USAGE)
        return named[-1]
