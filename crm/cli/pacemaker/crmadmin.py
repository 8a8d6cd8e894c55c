"""`crmadmin`: who leads, in which state a node's daemon is, who belongs to the cluster; with Pacemaker's option names.

Source: its manual page. It asks the daemon of this node; of other nodes it says what this one knows.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from crm.cli.connection import NO_SUCH_OBJECT, CommandError
from crm.cli.crmctl_commands import api_calls
from crm.cli.pacemaker.arguments import Arguments, spellings
from crm.cli.pacemaker.tool import PacemakerTool
from crm.cli.terminal import fitted

_OPTIONS = spellings(
    dc="-D --dc_lookup --dc-lookup", status="-S --status", nodes="-N --nodes", daemon="-P --pacemakerd",
    timeout="-t --timeout", bash="-B --bash-export", quiet="-q --quiet", verbose="-V --verbose",
    help="-h --help -?", version="-$ --version",
)
_VALUED = frozenset({"status", "timeout"})
_HELP = """usage: crmadmin {-D | -S NODE | -N | -P} [-q]
Prints the node that leads (-D), the state of a node's controller (-S), all nodes (-N; -B: as shell commands), and
whether the daemon of this node works (-P)."""


@fitted
def main(arguments: Sequence[str] | None = None) -> int:
    """Does the one thing that the options name."""
    return _TOOL.run(arguments)


def _dc(options: Arguments) -> None:
    leader = _cluster()["dc"]
    if not leader:
        raise CommandError("the cluster has no DC at the moment", "see who is there: crmctl status", NO_SUCH_OBJECT)
    print(leader if "quiet" in options else f"Designated Controller is: {leader}")


def _status(options: Arguments) -> None:
    cluster, name = _cluster(), api_calls.read("nodes", options.values["status"])["name"]
    if name == cluster["answered_by"]:
        state = "S_" + cluster["state"].replace("-", "_").upper()
    elif name not in cluster["members"]:
        raise CommandError(f"{name} is not here", "see who is there: crmctl status", NO_SUCH_OBJECT)
    else:
        # What the DC is at, only it knows.
        state = "S_DC" if name == cluster["dc"] else "S_NOT_DC"
    print(state if "quiet" in options else f"Controller on {name} in state {state}: ok")


def _nodes(options: Arguments) -> None:
    for node in _cluster()["nodes"]:
        name, identity = node["name"], node["id"]
        print(f"export {name}={identity}" if "bash" in options else f"member node: {name} ({identity})")


def _daemon(options: Arguments) -> None:
    node = api_calls.read("health", "live")["node"]
    print("running" if "quiet" in options else f"Status of crmd on {node}: running")


_ACTIONS: dict[str, Callable[[Arguments], None]] = {
    "dc": _dc,
    "status": _status,
    "nodes": _nodes,
    "daemon": _daemon,
}
_TOOL = PacemakerTool("crmadmin", _HELP, _OPTIONS, _VALUED, _ACTIONS)


def _cluster() -> dict[str, Any]:
    return dict(api_calls.read("cluster"))


if __name__ == "__main__":
    sys.exit(main())
