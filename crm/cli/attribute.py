"""`crm_attribute`, `crm_master`, `attrd_updater`: attributes of nodes and the cluster, as agents and people set them.

Agents call these at every monitor, so they start fast: the standard library, one request, done. Names and meanings of
the options are those of Pacemaker's tools (their manual pages).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from crm.cli.connection import USAGE, CommandError, request, run

NO_SUCH = 105
_LIFETIMES = {"reboot": "reboot", "forever": "forever", "status": "reboot", "nodes": "forever", None: None}


class Arguments:
    """Options in the style of GNU: `-n x`, `-nx`, `--name x`, `--name=x`. argparse would take as long as all the rest.

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


def node_name(given: str | None) -> str:
    """The node that is meant: as given, else the one on which this runs."""
    if given:
        return given
    for variable in ("OCF_RESKEY_CRM_meta_on_node", "CRMD_NODE"):
        if os.environ.get(variable):
            return os.environ[variable]
    value = request("GET", "/v1/health/live").json()
    assert isinstance(value, dict), "the API answers with an object"
    return str(value["node"])


# crm_attribute

_ATTRIBUTE = spellings(
    name="-n --name --attr-name", update="-v --update --attr-value", query="-G --query", delete="-D --delete",
    node="-N --node -U --uname", lifetime="-l --lifetime", type="-t --type", promotion="-p --promotion",
    quiet="-q --quiet -Q", default="-d --default", help="-h --help -?", pattern="-P --pattern",
    delete_value="--delete-value", verbose="-V --verbose", set="-s --set-name", id="-i --id",
)
_ATTRIBUTE_FLAGS = frozenset({"query", "delete", "quiet", "help", "verbose"})
_ATTRIBUTE_HELP = """usage: crm_attribute -n NAME {-G | -v VALUE | -D} [-N NODE] [-l reboot|forever] [-t crm_config]
       crm_attribute --promotion[=RESOURCE] {-G | -v VALUE | -D} [-N NODE] [-l reboot|forever]
Reads, sets or removes an attribute of a node (or, with -t crm_config or without a node, an option of the cluster)."""


def main(arguments: Sequence[str] | None = None) -> int:
    """`crm_attribute`."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    return run("crm_attribute", lambda: _attribute(given))


def _attribute(given: list[str]) -> int:
    options = Arguments(_ATTRIBUTE, _ATTRIBUTE_FLAGS, _with_promotion_value(given))
    if "help" in options:
        print(_ATTRIBUTE_HELP)
        return 0
    name = _attribute_name(options)
    if _is_option(options):
        return _cluster_option(options, name)
    node = node_name(options.get("node"))
    wanted = options.get("lifetime") or options.get("type")
    if wanted not in _LIFETIMES:
        raise CommandError(f"there is no lifetime {wanted}", "it is reboot or forever", USAGE)
    lifetime = _LIFETIMES[wanted] or ("reboot" if "promotion" in options else "forever")
    if "update" in options:
        set_attribute(node, name, options.values["update"], lifetime)
        return 0
    if "delete" in options:
        request("DELETE", f"{path_of(node)}/{name_in_path(name)}", query={"lifetime": lifetime})
        return 0
    return _show(options, name, _value_of(node, name, lifetime))


def _with_promotion_value(given: list[str]) -> list[str]:
    """The value of --promotion is optional: the resource that the agent is called for."""
    found = []
    for place, word in enumerate(given):
        following = given[place + 1] if place + 1 < len(given) else "-"
        if word in ("-p", "--promotion") and following.startswith("-"):
            word = f"--promotion={os.environ.get('OCF_RESOURCE_INSTANCE', '')}"
        found.append(word)
    return found


def _attribute_name(options: Arguments) -> str:
    if "promotion" in options:
        resource = options.get("promotion")
        if not resource:
            raise CommandError("which resource?", "--promotion=RESOURCE, or call it from an agent", USAGE)
        return f"master-{resource}"
    name = options.get("name")
    if not name:
        raise CommandError("which attribute?", "say it with --name", USAGE)
    return name


def _is_option(options: Arguments) -> bool:
    kind = options.get("type")
    if kind is not None:
        return kind == "crm_config"
    return not any(name in options for name in ("node", "lifetime", "promotion"))


def _cluster_option(options: Arguments, name: str) -> int:
    path = f"/v1/options/{name_in_path(name)}"
    if "update" in options:
        import json

        body = json.dumps({"value": options.values["update"]}).encode()
        request("PUT", path, body=body, content_type="application/json")
        return 0
    if "delete" in options:
        request("DELETE", path)
        return 0
    try:
        value = request("GET", path).json()
    except CommandError as error:
        if error.code != NO_SUCH:
            raise
        return _show(options, name, None, scope="crm_config")
    assert isinstance(value, dict), "the API answers with an object"
    return _show(options, name, str(value["value"]), scope="crm_config")


def _show(options: Arguments, name: str, value: str | None, scope: str = "nodes") -> int:
    value = options.get("default") if value is None else value
    if value is None:
        raise CommandError(f"there is no attribute {name}", code=NO_SUCH)
    print(value if "quiet" in options else f"scope={scope}  name={name} value={value}")
    return 0


# crm_master

def master(arguments: Sequence[str] | None = None) -> int:
    """`crm_master`: the older name of `crm_attribute --promotion`."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    return run("crm_master", lambda: _attribute([f"--promotion={os.environ.get('OCF_RESOURCE_INSTANCE', '')}", *given]))


# attrd_updater

_UPDATER = spellings(
    name="-n --name", update="-U --update -v", both="-B --update-both", delay_only="-Y --update-delay",
    delete="-D --delete", query="-Q --query", delay="-d --delay", node="-N --node", all="-A --all",
    refresh="-R --refresh", help="-h --help -?", quiet="-q --quiet", lifetime="-l --lifetime",
    set="-s --set-name -S", private="-p --private", wait="-W --wait", pattern="-P --pattern", verbose="-V --verbose",
)
_UPDATER_FLAGS = frozenset({"delete", "query", "all", "refresh", "help", "quiet", "private", "verbose", "delay_only"})
_UPDATER_HELP = """usage: attrd_updater -n NAME {-U VALUE | -B VALUE | -D | -Q [-A] | -Y} [-d DELAY] [-N NODE]
Sets, removes or shows a transient attribute of a node. VALUE may be value++ or value+=N. With a delay (-d, taken by -B
and for a new attribute), a change is written when nothing has changed for that long."""


def updater(arguments: Sequence[str] | None = None) -> int:
    """`attrd_updater`."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    return run("attrd_updater", lambda: _updater(given))


def _updater(given: list[str]) -> int:
    options = Arguments(_UPDATER, _UPDATER_FLAGS, given)
    if "help" in options:
        print(_UPDATER_HELP)
        return 0
    if "refresh" in options:
        return 0  # every value is written as soon as its delay is over: there is nothing to write again
    name = options.get("name")
    if not name:
        raise CommandError("which attribute?", "say it with --name", USAGE)
    if "query" in options:
        return _query(name, options)
    node = node_name(options.get("node"))
    dampening_ms = _milliseconds(options.get("delay"))
    value = options.get("update") if "update" in options else options.get("both")
    if value is not None:
        set_attribute(node, name, value, "reboot", dampening_ms)
    elif "delete" in options:
        request("DELETE", f"{path_of(node)}/{name_in_path(name)}", query={"lifetime": "reboot"})
    elif "delay_only" in options:
        present = _value_of(node, name, "reboot")
        set_attribute(node, name, present or "", "reboot", dampening_ms)
    else:
        raise CommandError("what is to be done?", "-U VALUE sets it, -D removes it, -Q shows it", USAGE)
    return 0


def _query(name: str, options: Arguments) -> int:
    nodes = [node_name(options.get("node"))]
    if "all" in options:
        listed = request("GET", "/v1/nodes").json()
        assert isinstance(listed, list), "the API answers with a list"
        nodes = [str(node["name"]) for node in listed]
    found = [(node, value) for node in nodes if (value := _value_of(node, name, "reboot")) is not None]
    if not found:
        raise CommandError(f"there is no attribute {name}", code=NO_SUCH)
    for node, value in found:
        print(value if "quiet" in options else f'name="{name}" host="{node}" value="{value}"')
    return 0


# Both

def set_attribute(node: str, name: str, value: str, lifetime: str, dampening_ms: int | None = None) -> None:
    """Ask the daemon to set an attribute."""
    import json

    wish = {"value": value, "lifetime": lifetime, "dampening_ms": dampening_ms}
    request("PUT", f"{path_of(node)}/{name_in_path(name)}", body=json.dumps(wish).encode(),
            content_type="application/json")


def path_of(node: str) -> str:
    return f"/v1/nodes/{name_in_path(node)}/attributes"


def name_in_path(name: str) -> str:
    """A name as a part of a path: `fail-count-db#start_0` has a character that would end it."""
    from urllib.parse import quote

    return quote(name, safe="")


def _value_of(node: str, name: str, lifetime: str) -> str | None:
    value = request("GET", path_of(node)).json()
    assert isinstance(value, dict), "the API answers with an object"
    found = value["transient" if lifetime == "reboot" else "permanent"].get(name)
    return None if found is None else str(found)


def _milliseconds(text: str | None) -> int | None:
    import re

    if text is None:
        return None
    found = re.fullmatch(r"(\d+)\s*(ms|s|sec|m|min|h)?", text.strip())
    if found is None:
        raise CommandError(f"“{text}” is not a time", "write it as 5s or 500ms", USAGE)
    units = {"ms": 1, "s": 1000, "sec": 1000, "m": 60_000, "min": 60_000, "h": 3_600_000}
    return int(found[1]) * units[found[2] or "s"]


if __name__ == "__main__":
    sys.exit(main())
