"""`crm_attribute`, `crm_master`, `attrd_updater`: attributes of nodes and the cluster, as agents and people set them.

Agents call these at every monitor, so they start fast: the standard library, one request, done. Names and meanings of
the options are those of Pacemaker's tools (their manual pages).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from crm.cli.connection import USAGE, CommandError, request
from crm.cli.pacemaker.arguments import Arguments, spellings
from crm.cli.pacemaker.attribute_places import (
    AttributePlace,
    ClusterOptionsPlace,
    DefaultsPlace,
    NodeAttributesPlace,
    Nowhere,
    UtilizationPlace,
)
from crm.cli.pacemaker.cib_file import run_on_cluster
from crm.cli.terminal import fitted
from crm.keeper import ALONE

NO_SUCH = 105
_LIFETIMES = {"reboot": "reboot", "forever": "forever", "status": "reboot", "nodes": "forever", None: None}


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

ATTRIBUTE = spellings(
    name="-n --name --attr-name", update="-v --update --attr-value", query="-G --query", delete="-D --delete",
    node="-N --node -U --uname", lifetime="-l --lifetime", type="-t --type", promotion="-p --promotion",
    quiet="-q --quiet -Q", default="-d --default", help="-h --help -?", pattern="-P --pattern",
    delete_value="--delete-value", verbose="-V --verbose", set="-s --set-name", id="-i --id",
    utilization="-z --utilization",
)
ATTRIBUTE_FLAGS = frozenset({"query", "delete", "quiet", "help", "verbose", "utilization"})
_HELP = """usage: crm_attribute -n NAME {-G | -v VALUE | -D} [-N NODE] [-l reboot|forever]
       crm_attribute -n NAME {-G | -v VALUE | -D} [-t crm_config|rsc_defaults|op_defaults]
       crm_attribute -n NAME {-G | -v VALUE | -D} -z [-N NODE]
       crm_attribute --promotion[=RESOURCE] {-G | -v VALUE | -D} [-N NODE] [-l reboot|forever]
Reads, sets or removes an attribute of a node; without a node an option of the cluster, or (-t) a default of resources
or operations; with -z (--utilization) a capacity of a node. -P PATTERN instead of -n: all whose names match. -q: only
the value. -d VALUE: what to tell if there is none."""


@fitted
def main(arguments: Sequence[str] | None = None) -> int:
    """`crm_attribute`."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    return run_on_cluster("crm_attribute", lambda: change_attribute(given))


def change_attribute(given: list[str]) -> int:
    """What `crm_attribute` does with these options. Raises CommandError."""
    options = Arguments(ATTRIBUTE, ATTRIBUTE_FLAGS, _with_promotion_value(given))
    if "help" in options:
        print(_HELP)
        return 0
    place = _place(options)
    names = _attribute_names(options, place)
    for name in names:
        if "update" in options:
            place.set(name, options.values["update"])
        elif "delete" in options:
            place.remove(name)
    if "update" not in options and "delete" not in options:
        _show(options, place, names)
    return 0


def _with_promotion_value(given: list[str]) -> list[str]:
    """The value of --promotion is optional: the resource that the agent is called for."""
    found = []
    for place, word in enumerate(given):
        following = given[place + 1] if place + 1 < len(given) else "-"
        if word in ("-p", "--promotion") and following.startswith("-"):
            word = f"--promotion={os.environ.get('OCF_RESOURCE_INSTANCE', '')}"
        found.append(word)
    return found


def _place(options: Arguments) -> AttributePlace:
    """Where the attribute stands: of the cluster if nothing says that it is a node's."""
    if os.environ.get(ALONE):
        return Nowhere()
    kind, lifetime = options.get("type"), options.get("lifetime")
    if kind is None and not any(name in options for name in ("node", "lifetime", "promotion", "utilization")):
        kind = "crm_config"
    if kind == "crm_config":
        return ClusterOptionsPlace()
    if kind in ("rsc_defaults", "op_defaults"):
        return DefaultsPlace(kind)
    wanted = lifetime or kind
    if wanted not in _LIFETIMES:
        hint = ("a lifetime is reboot or forever" if lifetime else
                "a type is nodes, status, crm_config, rsc_defaults or op_defaults; tickets: see crm_ticket")
        raise CommandError(f"there is no {'lifetime' if lifetime else 'type'} {wanted}", hint, USAGE)
    node = node_name(options.get("node"))
    if "utilization" in options:
        return UtilizationPlace(node)
    return NodeAttributesPlace(node, _LIFETIMES[wanted] or ("reboot" if "promotion" in options else "forever"))


def _attribute_names(options: Arguments, place: AttributePlace) -> list[str]:
    """The attribute that is meant, or with --pattern those that are there and match."""
    if "promotion" in options:
        resource = options.get("promotion")
        if not resource:
            raise CommandError("which resource?", "--promotion=RESOURCE, or call it from an agent", USAGE)
        return [f"master-{resource}"]
    if "pattern" in options:
        return place.matching(options.values["pattern"])
    name = options.get("name")
    if not name:
        raise CommandError("which attribute?", "say it with --name, or several with --pattern", USAGE)
    return [name]


def _show(options: Arguments, place: AttributePlace, names: list[str]) -> None:
    for name in names:
        found = place.value(name)
        value = options.get("default") if found is None else found
        if value is None:
            raise CommandError(f"there is no attribute {name}", code=NO_SUCH)
        print(value if "quiet" in options else f"scope={place.scope}  name={name} value={value}")


# crm_master

@fitted
def master(arguments: Sequence[str] | None = None) -> int:
    """`crm_master`: the older name of `crm_attribute --promotion`."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    promotion = f"--promotion={os.environ.get('OCF_RESOURCE_INSTANCE', '')}"
    return run_on_cluster("crm_master", lambda: change_attribute([promotion, *given]))


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


@fitted
def updater(arguments: Sequence[str] | None = None) -> int:
    """`attrd_updater`."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    return run_on_cluster("attrd_updater", lambda: _updater(given))


def _updater(given: list[str]) -> int:
    options = Arguments(_UPDATER, _UPDATER_FLAGS, given)
    if "help" in options:
        print(_UPDATER_HELP)
        return 0
    if os.environ.get(ALONE):  # see `Nowhere`
        return NO_SUCH if "query" in options else 0
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
        NodeAttributesPlace(node, "reboot").set(name, value, dampening_ms)
    elif "delete" in options:
        NodeAttributesPlace(node, "reboot").remove(name)
    elif "delay_only" in options:
        transient = NodeAttributesPlace(node, "reboot")
        transient.set(name, transient.value(name) or "", dampening_ms)
    else:
        raise CommandError("what is to be done?", "-U VALUE sets it, -D removes it, -Q shows it", USAGE)
    return 0


def _query(name: str, options: Arguments) -> int:
    nodes = [node_name(options.get("node"))]
    if "all" in options:
        listed = request("GET", "/v1/nodes").json()
        assert isinstance(listed, list), "the API answers with a list"
        nodes = [str(node["name"]) for node in listed]
    found = [(node, value) for node in nodes if (value := NodeAttributesPlace(node, "reboot").value(name)) is not None]
    if not found:
        raise CommandError(f"there is no attribute {name}", code=NO_SUCH)
    for node, value in found:
        print(value if "quiet" in options else f'name="{name}" host="{node}" value="{value}"')
    return 0


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
