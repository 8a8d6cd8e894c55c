"""What `crm_resource` asks the daemon, for its text and its XML alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from crm.cib.expressions import literal
from crm.cli.connection import NO_SUCH_OBJECT, USAGE, CommandError, request
from crm.cli.crmctl_commands import api_calls
from crm.cli.pacemaker.arguments import Arguments

RUNNABLE = ("ocf", "stonith", "systemd", "lsb", "service")
"""Standards of agents that crmd can run."""
_OTHERS = ("upstart", "nagios", "heartbeat")
"""Standards that Pacemaker has known beside those."""


def resource_name(options: Arguments) -> str:
    """The resource that the options name. Raises CommandError."""
    name = options.get("resource")
    if not name:
        raise CommandError("give the resource: -r RESOURCE", "see crm_resource --help", USAGE)
    return name


def found(options: Arguments) -> dict[str, Any]:
    """The resource that the options name, as it is. Raises CommandError."""
    value = api_calls.read("resources", resource_name(options))
    assert isinstance(value, dict), "the API answers with an object"
    return value


def primitives(resource: dict[str, Any] | None = None) -> Iterator[dict[str, Any]]:
    """All primitives, or those that a resource is made of."""
    waiting = api_calls.read("resources") if resource is None else [resource]
    for each in waiting:
        if each["kind"] == "primitive":
            yield each
        for child in each["children"]:
            yield from primitives(child)


def located(options: Arguments) -> tuple[str, list[tuple[str, str]]]:
    """The resource that the options name, with its places; a name without number means all of its instances."""
    name, resource = resource_name(options), found(options)
    if resource["id"] == name:
        return name, places(resource)
    several = [each for each in primitives() if each["id"].rpartition(":")[0] == name]
    return name, [place for each in several for place in places(each)]


def places(resource: dict[str, Any]) -> list[tuple[str, str]]:
    """Where a resource is active, and in which role."""
    return list(dict.fromkeys((node, each["role"]) for each in primitives(resource) for node in each["nodes"]))


def configured_xml(name: str) -> str:
    """A resource as the CIB has it."""
    return request("GET", "/v1/cib", query={"xpath": f"/cib/configuration/resources//*[@id={literal(name)}]"}).text


def target_role(name: str) -> str:
    """The role that a resource is told to have, empty if nothing is said; instances are not told any."""
    try:
        meta = api_calls.read("resources", name, "definition").get("meta", {})
    except CommandError:
        return ""
    return str(meta.get("target-role", ""))


def constraints_of(name: str) -> list[dict[str, Any]]:
    """The constraints that name a resource."""
    keys = ("resource", "with_resource", "first", "then")
    return [each for each in api_calls.read("constraints") if name in (each.get(key) for key in keys)]


def operations(options: Arguments) -> list[dict[str, Any]]:
    """Last results of operations; unless all are wanted, only of resources that are active."""
    told = api_calls.read("operations", resource=options.get("resource"), node=options.get("node"))
    if "all_operations" in options:
        return list(told)
    active = {base_name(each["id"]) for each in primitives() if each["nodes"]}
    return [each for each in told if base_name(each["resource"]) in active]


def base_name(name: str) -> str:
    """A resource's name without the number of an instance."""
    return name.partition(":")[0]


def operation_key(operation: dict[str, Any]) -> str:
    """An operation's name in histories and graphs."""
    return f"{operation['resource']}_{operation['operation']}_{operation['interval_ms']}"


def standards() -> list[str]:
    """Standards of the agents on this node."""
    return list(api_calls.read("agents", "standards"))


def wanted_agents(options: Arguments) -> tuple[str, str | None]:
    """Standard and provider that `--list-agents` names. Raises CommandError for what crmd cannot run."""
    standard, _, provider = options.values["list_agents"].partition(":")
    if standard in _OTHERS:
        raise CommandError(f"crmd cannot run agents of the standard {standard}",
                           f"it runs those of {', '.join(RUNNABLE)}; many services have an ocf agent, else see "
                           "resource_agents/template", NO_SUCH_OBJECT)
    return standard, provider or None


def agents(standard: str, provider: str | None) -> list[str]:
    """Types of agents."""
    return [str(each["type"]) for each in api_calls.read("agents", standard=standard, provider=provider)]


def providers(agent: str | None) -> list[str]:
    """Providers of OCF agents, or of those of one type."""
    told = api_calls.read("agents", standard="ocf")
    return sorted({str(each["provider"]) for each in told if agent in (None, each["type"])})


def metadata(agent: str) -> str:
    """What an agent says about itself, as it says it."""
    return request("GET", api_calls.path("agents", agent, "metadata")).text


def kind(options: Arguments) -> str:
    """The kind of value that is meant."""
    return "meta" if "meta" in options else "utilization" if "utilization" in options else "parameters"


def value(options: Arguments) -> tuple[str, str, str]:
    """Resource, name and value that `--get-parameter` asks for. Raises CommandError if it is not set."""
    name, key = resource_name(options), options.values["get"]
    values = api_calls.read("resources", name, "definition").get(kind(options), {})
    if key not in values:
        raise CommandError(f"Attribute '{key}' not found for '{name}'", code=NO_SUCH_OBJECT)
    return name, key, str(values[key])
