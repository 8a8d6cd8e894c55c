"""What `crm_resource` answers with `--output-as=xml`: the elements that Pacemaker's published schema names.

Source: the schema crm_resource-2.24 (its form), and what Pacemaker's tool was seen to print. Loaded only when XML is
wanted: it needs lxml, which the tool has no time for otherwise.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from lxml import etree

from crm.cli.connection import CommandError, request
from crm.cli.crmctl_commands import api_calls
from crm.cli.pacemaker import resource_data as data
from crm.cli.pacemaker.arguments import Arguments
from crm.cli.pacemaker.result_xml import PacemakerResult

_STATES = {-1: "pending", 0: "complete", 1: "Cancelled", 2: "Timed Out", 3: "NOT SUPPORTED", 4: "Error"}
_UNKNOWN = "unknown"


def document(name: str, options: Arguments, given: Sequence[str]) -> str:
    """The answer to a query, by the inner name of its option. Raises CommandError."""
    result = PacemakerResult("crm_resource", given)
    builder = _BUILDERS.get(name)
    if builder is not None:
        builder(result.root, options)
    return result.finish(0)


def problem(error: CommandError, given: Sequence[str]) -> str:
    """The answer when nothing came of it."""
    return PacemakerResult("crm_resource", given).finish(error.code, [str(error)])


def _element(parent: etree._Element, tag: str, text: str | None = None, **attributes: object) -> etree._Element:
    """A new element; attributes that are None are left out, underscores stand for hyphens."""
    told = {name.rstrip("_").replace("_", "-"): _word(value) for name, value in attributes.items() if value is not None}
    element = etree.SubElement(parent, tag, told)
    element.text = text
    return element


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _list(root: etree._Element, name: str, items: Iterable[str], item_name: str | None = None) -> None:
    found = list(items)
    element = _element(root, "list", name=name, count=len(found))
    for item in found:
        _element(element, "item", item, name=item_name)


def _shown() -> etree._Element:
    """The resources as `crm_mon` shows them."""
    query = {"format": "xml", "sections": "resources", "inactive": "true"}
    text = request("GET", "/v1/cluster/text", query=query).body
    shown = etree.fromstring(text, etree.XMLParser(remove_blank_text=True, resolve_entities=False, no_network=True))
    found = shown.find("resources")
    return etree.Element("resources") if found is None else found


def _all(root: etree._Element, _options: Arguments) -> None:
    root.append(_shown())


def _names(root: etree._Element, _options: Arguments) -> None:
    _list(root, "resource names", (each["id"] for each in data.primitives()), "resource")


def _locate(root: etree._Element, options: Arguments) -> None:
    name, places = data.located(options)
    element = _element(root, "nodes", resource=name)
    for node, role in places:
        _element(element, "node", node, state="promoted" if role == "Promoted" else None)


def _configuration(root: etree._Element, options: Arguments) -> None:
    name = data.found(options)["id"]
    element = _element(root, "resource_config")
    element.extend(each for each in _shown().iter("resource", "group", "clone", "bundle") if each.get("id") == name)
    del element[1:]  # Instances of an anonymous clone are called alike.
    _element(element, "xml").text = etree.CDATA(data.configured_xml(name))


def _reasons(root: etree._Element, options: Arguments) -> None:
    node = options.get("node")
    if "resource" in options:
        found = data.found(options)
        here = node is not None and node in found["nodes"]
        running = bool(found["nodes"]) if node is None else None
        _check(_element(root, "reason", running=running, running_on_=node if here else None), found)
        return
    resources = _element(_element(root, "reason"), "resources")
    for found in api_calls.read("resources"):
        host = node if node in found["nodes"] else None
        running = bool(found["nodes"]) if node is None else host is not None
        _check(_element(resources, "resource", id=found["id"], running=running, host=host), found)


def _check(parent: etree._Element, found: dict[str, Any]) -> None:
    if "running-on" in parent.attrib:
        parent.set("running_on", parent.attrib.pop("running-on"))
    stopped = data.target_role(found["id"]).lower() == "stopped"
    attributes = {"remain_stopped": "true"} if stopped else {}
    if not found["managed"]:
        attributes["unmanaged"] = "true"
    etree.SubElement(parent, "check", {"id": found["id"], **attributes})


def _constraints(root: etree._Element, options: Arguments) -> None:
    element = _element(root, "constraints")
    for each in data.constraints_of(data.found(options)["id"]):
        if each["kind"] == "location" and each["node"]:
            _element(element, "rsc_location", node=each["node"], rsc=each["resource"], id=each["id"],
                     score=each["score"])
        elif each["kind"] == "colocation" and each["resource"]:
            _element(element, "rsc_colocation", id=each["id"], rsc=each["resource"], with_rsc=each["with_resource"],
                     score=each["score"] or "INFINITY", node_attribute=each["node_attribute"], rsc_role=each["role"],
                     with_rsc_role=each["with_role"])


def _operations(root: etree._Element, options: Arguments) -> None:
    found = [each for each in data.operations(options) if each["call"] is not None and each["rc"] is not None]
    agents = {data.base_name(each["id"]): each["agent"] for each in data.primitives()}
    if found:
        element = _element(root, "operations")
        for each in found:
            agent = agents.get(data.base_name(each["resource"]))
            timed = each["at"] is not None and each["took_ms"] is not None
            _element(element, "operation", op=data.operation_key(each), node=each["node"], call=each["call"],
                     rc=each["rc"], status=_STATES.get(each["status"], _UNKNOWN),
                     rsc=each["resource"] if agent else None, agent=agent,
                     last_rc_change=time.ctime(each["at"]) if timed else None,
                     exec_time=each["took_ms"] if timed else None)


def _standards(root: etree._Element, _options: Arguments) -> None:
    _list(root, "standards", data.standards())


def _agents(root: etree._Element, options: Arguments) -> None:
    standard, provider = data.wanted_agents(options)
    element = _element(root, "agents", standard=standard, provider=provider)
    for each in data.agents(standard, provider):
        _element(element, "agent", each)


def _providers(root: etree._Element, options: Arguments) -> None:
    agent = options.get("list_providers") or None
    element = _element(root, "providers", standard="ocf", agent=agent)
    for each in data.providers(agent):
        _element(element, "provider", each)


def _alternatives(root: etree._Element, options: Arguments) -> None:
    agent = options.values["list_alternatives"]
    element = _element(root, "providers", for_=agent)
    for each in data.providers(agent):
        _element(element, "provider", each)


def _metadata(root: etree._Element, options: Arguments) -> None:
    _element(root, "metadata").text = etree.CDATA(data.metadata(options.values["show_metadata"]))


def _value(root: etree._Element, options: Arguments) -> None:
    _, key, value = data.value(options)
    element = _element(root, "list", name="attributes", count=1)
    _element(element, "item", value, name=key)


_BUILDERS: dict[str, Callable[[etree._Element, Arguments], None]] = {
    "list": _all,
    "list_raw": _names,
    "query_xml": _configuration,
    "query_xml_raw": _configuration,
    "locate": _locate,
    "why": _reasons,
    "constraints": _constraints,
    "operations": _operations,
    "all_operations": _operations,
    "list_standards": _standards,
    "list_agents": _agents,
    "list_providers": _providers,
    "list_alternatives": _alternatives,
    "show_metadata": _metadata,
    "get": _value,
}
"""What is not here changes something, and answers with the status alone."""

QUERIES = frozenset(_BUILDERS)
