"""`crm_node`: who this node is and who is here, as agents and scripts ask; and forgetting a node that is gone for good.

Source: its manual page. Standard library and one request: agents call it at every monitor.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from crm.cli.connection import NO_SUCH_OBJECT, CommandError, request
from crm.cli.crmctl_commands import api_calls
from crm.cli.pacemaker.arguments import Arguments, spellings
from crm.cli.pacemaker.tool import PacemakerTool
from crm.cli.terminal import fitted

_OPTIONS = spellings(
    name="-n --name", id="-i --cluster-id", list="-l --list", partition="-p --partition", quorum="-q --quorum",
    name_for_id="-N --name-for-id", remove="-R --remove", force="-f --force", help="-h --help -?",
    version="-$ --version", quiet="-Q --quiet", verbose="-V --verbose",
)
_VALUED = frozenset({"name_for_id", "remove"})
_HELP = """usage: crm_node {-n | -i | -l | -p | -q | -N ID | -R NAME --force}
Prints this node's name (-n) or id (-i); all nodes (-l); the members (-p); whether there is quorum, 1 or 0 (-q); the
name of the node with an id (-N). -R takes a node that is gone for good out of the configuration."""
_FORCE_NEEDED = 107


@fitted
def main(arguments: Sequence[str] | None = None) -> int:
    """Does the one thing that the options name."""
    return _TOOL.run(arguments)


def _name(_options: Arguments) -> None:
    print(_cluster()["answered_by"])


def _id(_options: Arguments) -> None:
    cluster = _cluster()
    print(next(node["id"] for node in cluster["nodes"] if node["name"] == cluster["answered_by"]))


def _list(_options: Arguments) -> None:
    for node in _cluster()["nodes"]:
        print(node["id"], node["name"], "member" if node["online"] else "lost")


def _partition(_options: Arguments) -> None:
    print(" ".join(_cluster()["members"]))


def _quorum(_options: Arguments) -> None:
    print(1 if _cluster()["quorate"] else 0)


def _name_for_id(options: Arguments) -> None:
    wanted, nodes = options.values["name_for_id"], _cluster()["nodes"]
    found = next((node["name"] for node in nodes if node["id"] == wanted), None)
    if found is None:
        there = ", ".join(f"{node['id']} ({node['name']})" for node in nodes)
        raise CommandError(f"no node has the id {wanted}", f"there are {there}", NO_SUCH_OBJECT)
    print(found)


def _remove(options: Arguments) -> None:
    node = api_calls.read("nodes", options.values["remove"])
    if node["name"] in _cluster()["members"]:
        raise CommandError(f"{node['name']} is a member of the cluster", "stop its crmd, and take it out of the list "
                           "of nodes in the settings of the others; then come again")
    if "force" not in options:
        hint = "its attributes are lost with it. If that is what you want, add --force"
        raise CommandError(f"{node['name']} is to be forgotten. Nothing was done", hint, _FORCE_NEEDED)
    api_calls.send("PATCH", "/v1/cib", {"verb": "delete", "xml": f'<node id="{node["id"]}"/>', "section": "nodes"})


_ACTIONS: dict[str, Callable[[Arguments], None]] = {
    "name": _name,
    "id": _id,
    "list": _list,
    "partition": _partition,
    "quorum": _quorum,
    "name_for_id": _name_for_id,
    "remove": _remove,
}
_TOOL = PacemakerTool("crm_node", _HELP, _OPTIONS, _VALUED, _ACTIONS, last_counts=True)


def _cluster() -> Mapping[str, Any]:
    value = request("GET", "/v1/cluster").json()
    assert isinstance(value, dict), "the API answers with an object"
    return value


if __name__ == "__main__":
    sys.exit(main())
