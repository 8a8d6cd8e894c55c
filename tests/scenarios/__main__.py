"""`python -m tests.scenarios`: see the package."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from difflib import unified_diff

from tests.scenarios.answer import ask_planner, ask_program, release_of
from tests.scenarios.case import Case, all_cases, all_files
from tests.scenarios.differences import known_difference
from tests.scenarios.generator import lines


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status."""
    options = _parser().parse_args(arguments)
    if options.rewrite:
        return _rewrite()
    if options.generate is not None:
        return _generated(options.generate, options.against)
    cases = [case for case in all_cases() if not options.only or options.only in f"{case.topic}: {case.sentence}"]
    if options.cib is not None:
        print("\n".join(case.cib().decode() for case in cases if options.cib in case.sentence))
        return 0
    return _compare(cases, options.against)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.scenarios", description="The planner's own cases.")
    parser.add_argument("--rewrite", action="store_true")
    parser.add_argument("--cib", metavar="WORDS")
    parser.add_argument("--only", metavar="WORDS")
    parser.add_argument("--against", metavar="PROGRAM")
    parser.add_argument("--generate", type=int, metavar="SEED")
    return parser


def _rewrite() -> int:
    for file in all_files():
        file.path.write_text(file.rewritten().text(), encoding="utf-8")
    return 0


def _generated(seed: int, program: str | None) -> int:
    case = Case("generated", f"seed {seed}", tuple(lines(seed)), ())
    if program is None:
        print(case.cib().decode(), end="")
        return 0
    return _compare([replace(case, expected=case.decided())], program)


def _compare(cases: list[Case], program: str | None) -> int:
    bad, ask = 0, ask_program(program) if program else ask_planner
    release = release_of(program) if program else ""
    for case in cases:
        expected = case.comparable() if program else case.expected
        got = case.decided(ask)
        known = known_difference(case.sentence, release) if program else None
        if (got != expected) == (known is not None):
            continue
        bad += 1
        print(f"{case.topic}: {case.sentence}" + (" (known to differ, but does not)" if known else ""))
        print("\n".join(unified_diff(expected, got, "expected", "decided", lineterm="", n=99)), end="\n\n")
    print(f"{len(cases) - bad} of {len(cases)} cases are as expected")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
