"""`stonith_admin`: fencing as scripts and shells know it, with Pacemaker's option names. For people: `crmctl fence` …

Source: its manual page. Devices and levels are a part of the configuration here, so those options that tell the fencer
of a device behind the configuration's back are refused, with what does the same.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from crm.cli.connection import ERROR, NO_SUCH_OBJECT, USAGE, CommandError
from crm.cli.crmctl_commands import api_calls
from crm.cli.pacemaker import resource_data as data
from crm.cli.pacemaker.arguments import Arguments, spellings
from crm.cli.pacemaker.tool import PacemakerTool
from crm.cli.terminal import fitted

_OPTIONS = spellings(
    list="-l --list", registered="-L --list-registered", installed="-I --list-installed",
    targets="-s --list-targets", metadata="-M --metadata", query="-Q --query", history="-H --history",
    last="-h --last", fence="-F --fence", reboot="-B --reboot", unfence="-U --unfence", confirm="-C --confirm",
    agent="-a --agent", timeout="-t --timeout", register="-R --register", deregister="-D --deregister",
    register_level="-r --register-level", deregister_level="-d --deregister-level", validate="-K --validate",
    tag="-T --tag", broadcast="-b --broadcast", quiet="-q --quiet", verbose="-V --verbose", help="-? --help",
    version="-$ --version",
)
_VALUED = frozenset({"list", "targets", "query", "history", "last", "fence", "reboot", "unfence", "confirm", "agent",
                     "timeout", "register", "deregister", "register_level", "deregister_level", "tag"})
_HELP = """usage: stonith_admin {-F NODE | -B NODE | -U NODE | -C NODE} [-t SECONDS]
       stonith_admin {-l NODE | -L | -I | -s DEVICE | -Q DEVICE | -M -a AGENT | -H NODE | -h NODE}
Fences a node (-F off, -B reboot), turns it on (-U), or says that it is off because you have made sure of it (-C).
Lists the devices that can fence a node (-l), all (-L), agents (-I), the nodes of a device (-s); asks a device whether
it answers (-Q); shows an agent's description (-M), what was fenced (-H; * for all nodes), and when last (-h)."""
_PATIENCE_S = 120.0


@fitted
def main(arguments: Sequence[str] | None = None) -> int:
    """Does the one thing that the options name."""
    return _TOOL.run(arguments)


def _refused(instead: str) -> Callable[[Arguments], None]:
    def refuse(_options: Arguments) -> None:
        raise CommandError("devices and levels are a part of the configuration", instead, USAGE)

    return refuse


# Doing


def _fence(option: str, action: str) -> Callable[[Arguments], None]:
    def fence(options: Arguments) -> None:
        where = api_calls.path("fencing", "nodes", options.values[option])
        api_calls.send("POST", where, {"action": action}, timeout_seconds=_patience(options))

    return fence


def _confirm(options: Arguments) -> None:
    api_calls.send("POST", api_calls.path("fencing", "nodes", options.values["confirm"], "confirm"))


def _patience(options: Arguments) -> float:
    text = options.get("timeout") or str(_PATIENCE_S)
    try:
        return float(text.removesuffix("s"))
    except ValueError:
        raise CommandError(f"“{text}” is not a number of seconds", code=USAGE) from None


# Asking


def _devices_of(options: Arguments) -> None:
    node = api_calls.read("nodes", options.values["list"])["name"]
    ways = [way for each in api_calls.read("fencing", "coverage") if each["node"] == node for way in each["ways"]]
    _tell(sorted({device for way in ways for device in way}))
    if not ways:
        raise CommandError(f"no device can fence {node}", "see: crmctl fence-coverage", NO_SUCH_OBJECT)


def _registered(_options: Arguments) -> None:
    _tell([each["id"] for each in _devices()])


def _devices() -> list[dict[str, Any]]:
    return [each for each in data.primitives() if str(each["agent"]).startswith("stonith:")]


def _tell(devices: list[str]) -> None:
    print("\n".join([*devices, f"{len(devices)} fence device{'' if len(devices) == 1 else 's'} found"]))


def _installed(_options: Arguments) -> None:
    _tell(data.agents("stonith", None))


def _device(name: str) -> str:
    known = [each["id"] for each in _devices()]
    if name not in known:
        there = ", ".join(known) or "none"
        raise CommandError(f"there is no fence device {name}", f"there are {there}", NO_SUCH_OBJECT)
    return name


def _targets(options: Arguments) -> None:
    device = _device(options.values["targets"])
    for each in api_calls.read("fencing", "coverage"):
        if any(device in way for way in each["ways"]):
            print(each["node"])


def _query(options: Arguments) -> None:
    """Fails if the device does not answer on behalf of every node that it can fence."""
    device = _device(options.values["query"])
    told = {line for each in api_calls.read("fencing", "coverage", test="true") for line in each["tested"]}
    silent = sorted(line for line in told if line.startswith(f"{device}: ") and line != f"{device}: answers")
    if silent:
        raise CommandError("; ".join(silent), f"see what it is given: crmctl resource show {device}", ERROR)
    if "quiet" not in options:
        print(f"{device} answers")


def _metadata(options: Arguments) -> None:
    agent = options.get("agent")
    if not agent:
        raise CommandError("which agent?", "say it with --agent; see them: stonith_admin --list-installed", USAGE)
    print(data.metadata(f"stonith:{agent.removeprefix('stonith:')}"), end="")


def _entries(node: str) -> list[dict[str, Any]]:
    return list(api_calls.read("fencing", "history", node=None if node == "*" else node))


def _history(options: Arguments) -> None:
    entries = _entries(options.values["history"])
    if "quiet" in options:
        print(max((each["ended_at"] for each in entries if each["state"] == "success"), default=0))
        return
    for each in entries:
        clock = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(each["ended_at"] or each["begun_at"]))
        reason = f" ({each['reason']})" if each["reason"] else ""
        print(f"{each['action']} of {each['target']} {_STATES[each['state']]}{reason}: device={each['device'] or '-'}, "
              f"client={each['origin']}, executor={each['executor'] or '-'}, at '{clock}'")
    print(f"{len(entries)} event{'' if len(entries) == 1 else 's'} found")


_STATES = {"success": "successful", "failed": "failed", "pending": "is under way"}


def _last(options: Arguments) -> None:
    ended = [each["ended_at"] for each in _entries(options.values["last"]) if each["state"] == "success"]
    node = options.values["last"]
    print(f"Node {node} last fenced at: {time.ctime(max(ended))}" if ended else f"Node {node} has never been fenced")


_ACTIONS: dict[str, Callable[[Arguments], None]] = {
    "fence": _fence("fence", "off"),
    "reboot": _fence("reboot", "reboot"),
    "unfence": _fence("unfence", "on"),
    "confirm": _confirm,
    "list": _devices_of,
    "registered": _registered,
    "installed": _installed,
    "targets": _targets,
    "query": _query,
    "metadata": _metadata,
    "history": _history,
    "last": _last,
    "register": _refused("crmctl resource create DEVICE stonith:AGENT …"),
    "deregister": _refused("crmctl resource delete DEVICE"),
    "register_level": _refused("crmctl fence-level create LEVEL DEVICE --node NODE"),
    "deregister_level": _refused("crmctl fence-level delete ID"),
    "validate": _refused("crmctl resource create DEVICE stonith:AGENT … --dry-run"),
}
_TOOL = PacemakerTool("stonith_admin", _HELP, _OPTIONS, _VALUED, _ACTIONS)


if __name__ == "__main__":
    sys.exit(main())
