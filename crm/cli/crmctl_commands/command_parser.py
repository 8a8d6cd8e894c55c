"""argparse for people: a word that is not known is answered with the nearest one that is, not with all of them."""

from __future__ import annotations

import argparse
import re
import sys
from difflib import get_close_matches
from typing import Any, NoReturn

_FEW = 12
_NEGATIVE = re.compile(r"-(\d+|\d*\.\d+|infinity)", re.IGNORECASE)
"""What begins with a dash and is a score, not an option."""


class CommandParser(argparse.ArgumentParser):
    """A parser, also of all commands below it."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._negative_number_matcher = re.compile(rf"^(?:{_NEGATIVE.pattern})$", re.IGNORECASE)

    def error(self, message: str) -> NoReturn:
        # Who says nothing wants to know what there is to say.
        if self._subparsers is not None and "the following arguments are required: COMMAND" in message:
            self.print_help(sys.stderr)
            self.exit(2)
        super().error(message)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        known = [str(each) for each in action.choices]
        near = get_close_matches(str(value), known, 1)
        there = f"there are {', '.join(known)}" if len(known) <= _FEW else f"see {self.prog} --help"
        raise argparse.ArgumentError(action, f"there is no {value}; {f'did you mean {near[0]}?' if near else there}")
