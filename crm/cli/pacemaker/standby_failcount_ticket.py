"""`crm_standby`, `crm_failcount`, `crm_ticket`: the smaller tools of the field, with Pacemaker's option names.

Source: their manual pages. Each asks one thing or changes one.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from crm.cli.connection import USAGE, CommandError
from crm.cli.crmctl_commands import api_calls
from crm.cli.pacemaker.arguments import Arguments, spellings
from crm.cli.pacemaker.cib_file import run_on_cluster
from crm.cli.pacemaker.crm_attribute import ATTRIBUTE, ATTRIBUTE_FLAGS, change_attribute, node_name
from crm.cli.terminal import fitted
from crm.model.values import parse_bool

# crm_standby


_STANDBY_HELP = """usage: crm_standby {-G | -v on|off | -D} [-N NODE] [-l reboot|forever]
Reads, sets or ends the standby of a node."""


@fitted
def standby(arguments: Sequence[str] | None = None) -> int:
    """`crm_standby` is crm_attribute for one attribute."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] in ("-h", "--help"):
        print(_STANDBY_HELP)
        return 0
    return run_on_cluster("crm_standby", lambda: _standby(given))


def _standby(given: list[str]) -> int:
    options = Arguments(ATTRIBUTE, ATTRIBUTE_FLAGS, given)
    value = options.get("update")
    if value is not None and parse_bool(value) is None:
        raise CommandError(f"“{value}” is neither on nor off", "write -v on, or -v off", USAGE)
    query = ["-d", "off"] if "query" in options else []
    # The type says that it is a node's, this one's if none is named; a lifetime among the options counts more.
    return change_attribute(["-n", "standby", "-t", "nodes", *query, *given])


# crm_failcount


_FAILCOUNT = spellings(resource="-r --resource", node="-N --node -U --uname", query="-G --query",
                       delete="-D --delete", operation="-n --operation", interval="-I --interval",
                       quiet="-q --quiet -Q", help="-h --help", value="-v --value")
_FAILCOUNT_HELP = """usage: crm_failcount {-G | -D} -r RESOURCE [-N NODE] [-n OPERATION [-I INTERVAL]]
Tells how often operations of a resource failed on a node, or forgets that."""


@fitted
def failcount(arguments: Sequence[str] | None = None) -> int:
    """`crm_failcount`."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    return run_on_cluster("crm_failcount", lambda: _failcount(given))


def _failcount(given: list[str]) -> int:
    options = Arguments(_FAILCOUNT, frozenset({"query", "delete", "quiet", "help"}), given)
    if "help" in options or not given:
        print(_FAILCOUNT_HELP)
        return 0
    if "resource" not in options or "value" in options:
        raise CommandError("give the resource (-r), and -G or -D: counts can only be read and deleted",
                           _FAILCOUNT_HELP, USAGE)
    name, node = options.values["resource"], node_name(options.get("node"))
    if "delete" in options:
        api_calls.send("POST", api_calls.path("resources", name, "cleanup"), None, {"node": node})
        print(f"Cleaned up {name} on {node}")
        return 0
    counts = [each["count"] for each in api_calls.read("failures", "counts", resource=name, node=node)
              if options.get("operation") in (None, each["operation"])]
    total = "INFINITY" if "INFINITY" in counts else str(sum(int(count) for count in counts))
    print(total if "quiet" in options else f"scope=status  name=fail-count-{name} value={total}")
    return 0


# crm_ticket


_TICKET = spellings(ticket="-t --ticket", info="-l --info", details="-L --details", raw="-w --raw", grant="-g --grant",
                    revoke="-r --revoke", standby="-s --standby", activate="-a --activate",
                    get="-G --get-attr", cleanup="-c --cleanup", force="-f --force", help="-h --help",
                    quiet="-Q --quiet", constraints="-C --constraints")
_TICKET_HELP = """usage: crm_ticket {-l | -L | -C} [-t TICKET] | -t TICKET {-g | -r} --force | -t TICKET {-s | -a}
       crm_ticket -t TICKET {-G granted|standby|last-granted | -c --force}
Shows tickets, grants and revokes them by hand (--force: the ticket may be managed by somebody else)."""
_WISHES = {"grant": {"granted": True}, "revoke": {"granted": False}, "standby": {"standby": True},
           "activate": {"standby": False}}


@fitted
def ticket(arguments: Sequence[str] | None = None) -> int:
    """`crm_ticket`."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    return run_on_cluster("crm_ticket", lambda: _ticket(given))


def _ticket(given: list[str]) -> int:
    options = Arguments(_TICKET, frozenset(_TICKET.values()) - {"ticket", "get"}, given)
    if "help" in options:
        print(_TICKET_HELP)
        return 0
    wish = next((name for name in (*_WISHES, "cleanup") if name in options), None)
    if wish is not None:
        _change_ticket(options, wish)
    elif "get" in options:
        _ticket_attribute(options)
    else:
        _show_tickets(options)
    return 0


def _name(options: Arguments) -> str:
    if "ticket" not in options:
        raise CommandError("give the ticket: -t TICKET", _TICKET_HELP, USAGE)
    return options.values["ticket"]


def _change_ticket(options: Arguments, wish: str) -> None:
    name = _name(options)
    if wish in ("grant", "revoke", "cleanup") and "force" not in options:
        hint = f"See what it does: crmctl ticket {wish} {name} --dry-run. If that is what you want, add --force"
        raise CommandError(f"To {wish} the ticket {name} by hand may stop or double what depends on it", hint, 107)
    where = api_calls.path("tickets", name)
    api_calls.send("DELETE" if wish == "cleanup" else "PATCH", where, _WISHES.get(wish))


def _ticket_attribute(options: Arguments) -> None:
    found = api_calls.read("tickets", _name(options))
    value = found.get(options.values["get"].replace("-", "_"))
    if value is None:
        raise CommandError(f"The ticket {found['id']} has no {options.values['get']}", code=105)
    print(str(value).lower() if isinstance(value, bool) else value)


def _show_tickets(options: Arguments) -> None:
    for each in api_calls.read("tickets"):
        if options.get("ticket") not in (None, each["id"]):
            continue
        state = "granted" if each["granted"] else "revoked"
        marks = " [standby]" if each["standby"] else ""
        last = f" last-granted='{each['last_granted']}'" if each["last_granted"] and "details" in options else ""
        print(f"{each['id']}\t{state}{marks}{last}")
        if "constraints" in options:
            for constraint in each["constraints"]:
                print(f"  * {constraint}")
