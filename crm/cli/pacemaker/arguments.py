"""Command lines of the field's tools that agents call at every monitor: argparse would take as long as all the rest."""

from __future__ import annotations

from collections.abc import Sequence

from crm.cli.connection import USAGE, CommandError


class Arguments:
    """Options in the style of GNU: `-n x`, `-nx`, `--name x`, `--name=x`.

    `names`: what an option is called inside, by each of its spellings; those of `flags` take no value.
    """

    def __init__(self, names: dict[str, str], flags: frozenset[str], given: Sequence[str]) -> None:
        self.values: dict[str, str] = {}
        rest = list(given)
        while rest:
            word = rest.pop(0)
            spelling, value = _split(word)
            name = names.get(spelling)
            if name is None:
                raise CommandError(f"there is no option {spelling}", "see --help", USAGE)
            if name in flags:
                self.values[name] = value or ""
                continue
            if value is None:
                if not rest:
                    raise CommandError(f"{spelling} needs a value", "see --help", USAGE)
                value = rest.pop(0)
            self.values[name] = value

    def get(self, name: str) -> str | None:
        return self.values.get(name)

    def __contains__(self, name: str) -> bool:
        return name in self.values


def _split(word: str) -> tuple[str, str | None]:
    if word.startswith("--"):
        spelling, equals, value = word.partition("=")
        return spelling, value if equals else None
    return word[:2], word[2:] or None


def spellings(**several_of: str) -> dict[str, str]:
    """What an option is called inside, by each of its spellings."""
    return {spelling: name for name, several in several_of.items() for spelling in several.split()}
