"""`crm_mon`: the cluster's status as text, once or again and again. The text is made by the daemon."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from crm.cli.connection import request, run


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 102: no daemon on this node."""
    parser = argparse.ArgumentParser(prog="crm_mon", description="Show the cluster's status.", allow_abbrev=False)
    parser.add_argument("-1", "--one-shot", action="store_true", help="print once and end")
    parser.add_argument("-i", "--interval", type=float, default=2.0, metavar="SECONDS", help="time between two looks")
    parser.add_argument("-r", "--inactive", action="store_true", help="also what does not run (always shown)")
    options = parser.parse_args(arguments)
    return run("crm_mon", _once if options.one_shot else lambda: _watch(options.interval))


def _once() -> None:
    sys.stdout.write(request("GET", "/v1/cluster/text").text)


def _watch(interval_seconds: float) -> None:
    while True:
        text = request("GET", "/v1/cluster/text").text
        # Home, the text, then clear what the last one left below: no flicker.
        sys.stdout.write("\033[H\033[2J" + text)
        sys.stdout.flush()
        time.sleep(interval_seconds)


if __name__ == "__main__":
    sys.exit(main())
