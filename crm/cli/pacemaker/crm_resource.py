"""`crm_resource`: what scripts and agents ask about resources and have done to them, with Pacemaker's option names.

Source: the manual page of crm_resource. Standard library and one request for most of it: it is called by the hundred.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

from crm.cib.expressions import literal
from crm.cli import release
from crm.cli.connection import USAGE, CommandError, request
from crm.cli.crmctl_commands import api_calls
from crm.cli.pacemaker import resource_data as data
from crm.cli.pacemaker.arguments import Arguments, spellings
from crm.cli.pacemaker.attribute_places import tell
from crm.cli.pacemaker.cib_file import run_on_cluster
from crm.cli.terminal import fitted

_OPTIONS = spellings(
    resource="-r --resource", node="-N --node -H --host", quiet="-Q --quiet", force="-f --force", help="-h --help -?",
    list="-L --list", list_raw="-l --list-raw", query_xml="-q --query-xml", query_xml_raw="-w --query-xml-raw",
    locate="-W --locate", move="-M --move", ban="-B --ban", clear="-U --clear --un-move", lifetime="-u --lifetime",
    expired="-e --expired", cleanup="-C --cleanup", refresh="-R --refresh -P --reprobe", meta="-m --meta",
    utilization="-z --utilization", get="-g --get-parameter", set="-p --set-parameter",
    delete_parameter="-d --delete-parameter", value="-v --parameter-value", delete="-D --delete",
    type="-t --resource-type", restart="--restart", wait="--wait", timeout="-T --timeout", why="-Y --why",
    list_agents="--list-agents", list_standards="--list-standards", show_metadata="--show-metadata",
    operations="-O --list-operations", all_operations="-o --list-all-operations", output_as="--output-as",
    list_providers="--list-ocf-providers", list_alternatives="--list-ocf-alternatives",
    constraints="-A --stack -a --constraints", verbose="-V --verbose",
    recursive="--recursive", promoted="--promoted --master", version="--version -$",
    operation="-n --operation", interval="-I --interval",
)
_VALUED = frozenset({"resource", "node", "lifetime", "get", "set", "delete_parameter", "value", "type", "timeout",
                     "list_agents", "list_alternatives", "show_metadata", "operation", "interval", "output_as"})
_HELP = """usage: crm_resource {-L | -l | -Y | -O | -o} | -r RESOURCE {-W | -q | -Y | -a | -O | -o}
       crm_resource -r RESOURCE {-M | -B} [-N NODE] [-u PT1H] [--promoted] | -r RESOURCE -U
       crm_resource {-C | -R} [-r RESOURCE] [-N NODE]
       crm_resource -r RESOURCE {-g NAME | -p NAME -v VALUE | -d NAME} [--meta | --utilization]
       crm_resource -r RESOURCE {--restart | -D -t primitive} | --wait
       crm_resource --list-standards | --list-agents STANDARD[:PROVIDER] | --show-metadata AGENT
                    | --list-ocf-providers | --list-ocf-alternatives TYPE
With --output-as=xml the answer is XML, as Pacemaker's schemas describe it.
Asks about resources, and has things done to them."""


@fitted
def main(arguments: Sequence[str] | None = None) -> int:
    """The one action that the options name."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    return run_on_cluster("crm_resource", lambda: _perform(given))


def _perform(given: list[str]) -> int | None:
    options = Arguments(_OPTIONS, frozenset(_OPTIONS.values()) - _VALUED, given)
    if "help" in options:
        print(_HELP)
        return 0
    if "version" in options:
        print(release.name())
        return 0
    wanted = [name for name in _ACTIONS if name in options] if given else ["list"]
    if len(wanted) != 1:
        raise CommandError("give exactly one thing to do", "see crm_resource --help", USAGE)
    match options.get("output_as") or "text":
        case "text":
            return _ACTIONS[wanted[0]](options)
        case "xml":
            return _as_xml(wanted[0], options, given)
        case other:
            raise CommandError(f"there is no output format {other}", "it is text or xml", USAGE)


def _as_xml(name: str, options: Arguments, given: list[str]) -> int:
    """The same with an XML document as the answer, whatever comes of it."""
    from crm.cli.pacemaker import resource_xml

    options.values.setdefault("quiet", "")
    try:
        status = 0 if name in resource_xml.QUERIES else _ACTIONS[name](options) or 0
        text = resource_xml.document(name, options, given)
    except CommandError as error:
        status, text = error.code, resource_xml.problem(error, given)
    print(text, end="")
    return status


# Asking


def _list(_options: Arguments) -> None:
    """The section of `crm_mon` that is about resources."""
    query = {"sections": "resources", "inactive": "true"}
    print(request("GET", "/v1/cluster/text", query=query).text, end="")


def _list_raw(_options: Arguments) -> None:
    for each in data.primitives():
        print(each["id"])


def _locate(options: Arguments) -> None:
    name, places = data.located(options)
    if not places:
        print(f"resource {name} is NOT running")
    for node, role in places:
        if "quiet" in options:
            print(node)
        else:
            print(f"resource {name} is running on: {node}{' Promoted' if role == 'Promoted' else ''}")


def _query_xml(options: Arguments) -> None:
    found = data.found(options)
    if "query_xml" in options and "quiet" not in options:
        agent = f" ({found['agent']})" if found["agent"] else ""
        print(f"{found['id']}{agent}: {found['role']}" + (f" on {' '.join(found['nodes'])}" if found["nodes"] else ""))
        print("Resource XML:")
    print(data.configured_xml(found["id"]), end="")


def _why(options: Arguments) -> None:
    names = [options.values["resource"]] if "resource" in options else [each["id"]
                                                                        for each in api_calls.read("resources")]
    for name in names:
        for instance in api_calls.read("resources", name, "explain")["instances"]:
            print(f"{instance['id']} {instance['headline']}")
            for line in instance["why"]:
                print(f"  {line}")


def _constraints(options: Arguments) -> None:
    for each in data.constraints_of(data.found(options)["id"]):
        print(f"  * {each['id']}: {each['effect']}")


def _operations(options: Arguments) -> None:
    for each in data.operations(options):
        interval = f", interval={each['interval_ms']}ms" if each["interval_ms"] else ""
        print(f"{data.operation_key(each)} (node={each['node']}, call={each['call']}, rc={each['rc']}{interval})")


def _list_standards(_options: Arguments) -> None:
    print("\n".join(data.standards()))


def _list_agents(options: Arguments) -> None:
    print("\n".join(data.agents(*data.wanted_agents(options))))


def _list_providers(options: Arguments) -> None:
    print("\n".join(data.providers(options.get("list_providers") or options.get("list_alternatives") or None)))


def _show_metadata(options: Arguments) -> None:
    print(data.metadata(options.values["show_metadata"]), end="")


# Having done


def _move(options: Arguments) -> None:
    name, node = data.resource_name(options), options.get("node")
    wish = {"node": node, "for_seconds": _lifetime_seconds(options), "promoted": "promoted" in options}
    answer = api_calls.send("POST", api_calls.path("resources", name, "move"), wish)
    where = f"to {node}" if node else "away from where it is"
    _say(options, f"{name} moves {where}; undo it with: crm_resource --clear -r {name}", answer)


def _ban(options: Arguments) -> None:
    name, node = data.resource_name(options), options.get("node")
    wish = {"node": node, "for_seconds": _lifetime_seconds(options), "promoted": "promoted" in options}
    answer = api_calls.send("POST", api_calls.path("resources", name, "ban"), wish)
    where = node or "where it is"
    _say(options, f"{name} keeps away from {where}; undo it with: crm_resource --clear -r {name}", answer)


def _say(options: Arguments, text: str, answer: dict[str, Any]) -> None:
    """What remains of a move is a warning for people, so it goes where Pacemaker's goes."""
    if "quiet" not in options and not answer.get("unchanged"):
        print(text, file=sys.stderr)


def _lifetime_seconds(options: Arguments) -> int | None:
    from crm.model.values import parse_duration_seconds

    text = options.get("lifetime")
    if text is None:
        return None
    seconds = parse_duration_seconds(text)
    if not seconds:
        raise CommandError(f"“{text}” is not a duration", "write it as ISO 8601 does, such as PT1H30M", USAGE)
    return seconds


def _clear(options: Arguments) -> None:
    name = data.resource_name(options)
    answer = api_calls.send("POST", api_calls.path("resources", name, "clear"))
    if answer.get("unchanged") and "quiet" not in options:
        print(f"There is no move or ban of {name}", file=sys.stderr)


def _cleanup(options: Arguments) -> None:
    name, node = options.get("resource"), options.get("node")
    where = api_calls.path("resources", name, "cleanup") if name else "/v1/cluster/cleanup"
    everything = "true" if "refresh" in options else None
    api_calls.send("POST", where, None, {"node": node, "everything": everything})
    if "quiet" not in options:
        print(f"Cleaned up {name or 'all resources'} on {node or 'all nodes'}")


def _delete(options: Arguments) -> None:
    if "type" not in options:
        raise CommandError("say what it is: -t primitive (or group, clone …)", "see crm_resource --help", USAGE)
    api_calls.send("DELETE", api_calls.path("resources", data.resource_name(options)))


def _restart(options: Arguments) -> int:
    return _follow(options, api_calls.path("resources", data.resource_name(options), "restart"), options.get("node"))


def _wait(options: Arguments) -> int:
    return _follow(options, "/v1/tasks/wait")


def _follow(options: Arguments, where: str, node: str | None = None) -> int:
    from crm.cli.connection import duration_seconds
    from crm.cli.crmctl_commands.task_progress import follow

    limit = options.get("timeout")
    query = {"timeout": str(duration_seconds(limit)) if limit else None, "node": node}
    return follow(api_calls.send("POST", where, None, query), quiet=True)


# Parameters and meta attributes


def _get(options: Arguments) -> None:
    print(data.value(options)[2])


def _set(options: Arguments) -> None:
    name, key, value = data.resource_name(options), options.values["set"], options.get("value")
    if value is None:
        raise CommandError("give the value: -v VALUE", "see crm_resource --help", USAGE)
    # Pacemaker's tool takes whatever it is given; who is to be stopped from a mistake uses crmctl.
    where = api_calls.path("resources", name, data.kind(options), key)
    tell(api_calls.send("PUT", where, {"value": value}, {"force": "true"}), key)
    if "quiet" not in options:
        identity, holder = _ids(options, name, key)
        print(f"Set '{name}' option: id={identity} set={holder} name={key} value={value}")


def _delete_parameter(options: Arguments) -> None:
    name, key = data.resource_name(options), options.values["delete_parameter"]
    identity, _ = _ids(options, name, key)
    api_calls.send("DELETE", api_calls.path("resources", name, data.kind(options), key), None, {"force": "true"})
    if identity and "quiet" not in options:
        print(f"Deleted '{name}' option: id={identity} name={key}")


_TAGS = {"meta": "meta_attributes", "utilization": "utilization", "parameters": "instance_attributes"}


def _ids(options: Arguments, name: str, key: str) -> tuple[str, str]:
    """The ids of a value and of the set that it is in, empty if it is not set."""
    tag = _TAGS[data.kind(options)]
    where = f"/cib/configuration/resources//*[@id={literal(name)}]/{tag}[nvpair/@name={literal(key)}]"
    try:
        text = request("GET", "/v1/cib", query={"xpath": where}).text
    except CommandError:
        return "", ""
    holder = re.search(rf'<{tag} [^>]*?id="([^"]*)"', text)
    pairs = re.findall(r"<nvpair [^>]*>", text)
    pair = next((each for each in pairs if f'name="{key}"' in each), "")
    identity = re.search(r'id="([^"]*)"', pair)
    return identity[1] if identity else "", holder[1] if holder else ""


_ACTIONS: dict[str, Callable[[Arguments], int | None]] = {
    "list": _list,
    "list_raw": _list_raw,
    "query_xml": _query_xml,
    "query_xml_raw": _query_xml,
    "locate": _locate,
    "why": _why,
    "constraints": _constraints,
    "operations": _operations,
    "all_operations": _operations,
    "list_standards": _list_standards,
    "list_agents": _list_agents,
    "list_providers": _list_providers,
    "list_alternatives": _list_providers,
    "show_metadata": _show_metadata,
    "move": _move,
    "ban": _ban,
    "clear": _clear,
    "cleanup": _cleanup,
    "refresh": _cleanup,
    "get": _get,
    "set": _set,
    "delete_parameter": _delete_parameter,
    "delete": _delete,
    "restart": _restart,
    "wait": _wait,
}


if __name__ == "__main__":
    sys.exit(main())
