"""`crm_node`: who this node is and who is here, as agents ask."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from crm.cli.connection import USAGE, CommandError, request, run

_HELP = """usage: crm_node {-n | -l | -p | -q | -i}
Prints this node's name; all nodes; the members; whether there is quorum (1 or 0); this node's id."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints one answer."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    return run("crm_node", lambda: _answer(given))


def _answer(given: list[str]) -> int:
    wanted = given[0] if given else "--help"
    match wanted:
        case "-n" | "--name":
            print(_cluster()["answered_by"])
        case "-i" | "--cluster-id":
            cluster = _cluster()
            print(next(node["id"] for node in cluster["nodes"] if node["name"] == cluster["answered_by"]))
        case "-l" | "--list":
            for node in _cluster()["nodes"]:
                print(node["id"], node["name"], "member" if node["online"] else "lost")
        case "-p" | "--partition":
            print(" ".join(_cluster()["members"]))
        case "-q" | "--quorum":
            print(1 if _cluster()["quorate"] else 0)
        case "-h" | "--help":
            print(_HELP)
        case _:
            raise CommandError(f"there is no option {wanted}", _HELP, USAGE)
    return 0


def _cluster() -> Mapping[str, Any]:
    value = request("GET", "/v1/cluster").json()
    assert isinstance(value, dict), "the API answers with an object"
    return value


if __name__ == "__main__":
    sys.exit(main())
