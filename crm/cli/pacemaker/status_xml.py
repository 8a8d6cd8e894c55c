"""A cluster's state as XML, as Pacemaker's tools give it with `--output-as=xml`.

Structure: its published schemas nodes, resources, node-attrs, failure. What is shown is what `observe` found.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from lxml import etree

from crm.cli.pacemaker.resource_words import active, agent, displayed_state, full_exit_text, printable_id
from crm.cli.pacemaker.section_text import is_masked, status_text
from crm.cli.pacemaker.status_text import feature_set
from crm.model.resources import Bundle
from crm.policy_engine.observe.counting import is_disabled
from crm.policy_engine.picture.cluster import Cluster, FailedOperation, Node, NodeKind, Resource, ResourceKind, Role
from crm.policy_engine.picture.health import node_health
from crm.policy_engine.picture.names import natural_key

_TYPES = {NodeKind.MEMBER: "member", NodeKind.REMOTE: "remote", NodeKind.GUEST: "remote"}
_NOT_SHOWN = ("fail-count-", "last-failure-", "shutdown", "terminate", "standby", "#")


def status_element(cluster: Cluster, name: str, attributes: bool = False) -> etree._Element:
    """Nodes and resources, and node attributes if wanted, in an element of this name; failures if there are any."""
    element = etree.Element(name)
    add_nodes(element, cluster, cluster.nodes)
    add_resources(element, cluster.resources)
    if attributes:
        add_attributes(element, cluster.nodes)
    add_failures(element, cluster.failed_operations)
    return element


def add_nodes(parent: etree._Element, cluster: Cluster, nodes: Iterable[Node]) -> list[tuple[Node, etree._Element]]:
    """The list of nodes; each with its element, for what is to go below it."""
    element = etree.SubElement(parent, "nodes")
    return [(node, etree.SubElement(element, "node", _node(cluster, node))) for node in nodes]


def add_resources(parent: etree._Element, resources: Iterable[Resource]) -> None:
    """The list of resources; removed ones only while they are active."""
    element = etree.SubElement(parent, "resources")
    for resource in resources:
        if not resource.removed or active(resource, whole=True):
            add_resource(element, resource)


def add_failures(parent: etree._Element, failed: Iterable[FailedOperation]) -> None:
    """Operations that failed, if there are any."""
    shown = [each for each in failed if not is_masked(each.entry)]
    if shown:
        failures = etree.SubElement(parent, "failures")
        for each in shown:
            etree.SubElement(failures, "failure", _failure(each))


def truth(value: bool) -> str:
    """A truth value as XML schemas have it."""
    return "true" if value else "false"


def _node(cluster: Cluster, node: Node) -> dict[str, str]:
    values = {
        "name": node.name,
        "id": node.id,
        "online": truth(node.online),
        "standby": truth(node.standby),
        "standby_onfail": truth(node.standby_on_fail),
        "maintenance": truth(node.maintenance),
        "pending": truth(node.pending),
        "unclean": truth(node.unclean),
        "health": node_health(cluster, node).value,
    }
    features = feature_set(node)
    if features is not None:
        values["feature_set"] = features
    values |= {
        "shutdown": truth(node.shutting_down),
        "expected_up": truth(node.expected_up),
        "is_dc": truth(node.is_dc),
        "resources_running": str(len(node.running)),
        "type": _TYPES[node.kind],
    }
    if node.kind is NodeKind.GUEST and node.remote is not None and node.remote.launcher is not None:
        values["id_as_resource"] = node.remote.launcher.id
    return values


def add_resource(parent: etree._Element, resource: Resource) -> None:
    """A resource of any kind with what is in it."""
    match resource.kind:
        case ResourceKind.PRIMITIVE:
            _add_primitive(parent, resource)
        case ResourceKind.GROUP:
            _add_all(etree.SubElement(parent, "group", _group(resource)), resource.children)
        case ResourceKind.CLONE:
            _add_all(etree.SubElement(parent, "clone", _clone(resource)), resource.children)
        case ResourceKind.BUNDLE:
            _add_bundle(parent, resource)


def _add_all(parent: etree._Element, resources: list[Resource]) -> None:
    for resource in resources:
        add_resource(parent, resource)


def _group(group: Resource) -> dict[str, str]:
    return {
        "id": group.id,
        "number_resources": str(len(group.children)),
        "maintenance": truth(group.maintenance),
        "managed": truth(group.managed),
        "disabled": truth(is_disabled(group)),
    }


def _clone(clone: Resource) -> dict[str, str]:
    values = {
        "id": clone.id,
        "multi_state": truth(clone.promotable),
        "unique": truth(clone.unique),
        "maintenance": truth(clone.maintenance),
        "managed": truth(clone.managed),
        "disabled": truth(is_disabled(clone)),
        "failed": truth(clone.failed),
        "failure_ignored": truth(clone.ignore_failure),
    }
    return _with_target_role(values, clone)


def _with_target_role(values: dict[str, str], resource: Resource) -> dict[str, str]:
    wanted = resource.meta.get("target-role")
    return values if wanted is None else {**values, "target_role": wanted}


def _add_bundle(parent: etree._Element, bundle: Resource) -> None:
    assert bundle.bundle is not None and isinstance(bundle.definition, Bundle)
    element = etree.SubElement(
        parent,
        "bundle",
        {
            "id": bundle.id,
            "type": bundle.bundle.launcher,
            "image": bundle.bundle.image,
            "unique": truth(bundle.unique),
            "maintenance": truth(bundle.maintenance),
            "managed": truth(bundle.managed),
            "failed": truth(bundle.failed),
        },
    )
    for replica in bundle.bundle.replicas:
        inside = etree.SubElement(element, "replica", id=str(replica.offset))
        for part in (replica.ip, replica.child, replica.container, replica.remote):
            if part is not None:
                add_resource(inside, part)


def _add_primitive(parent: etree._Element, resource: Resource) -> None:
    values = {"id": printable_id(resource), "resource_agent": agent(resource), "role": displayed_state(resource)}
    values = _with_target_role(values, resource)
    values |= {
        "active": truth(active(resource, whole=True)),
        "orphaned": truth(resource.removed),
        "removed": truth(resource.removed),
        "blocked": truth(resource.blocked),
        "maintenance": truth(resource.maintenance),
        "managed": truth(resource.managed),
        "failed": truth(resource.failed),
        "failure_ignored": truth(resource.ignore_failure),
        "nodes_running_on": str(len(resource.active_on)),
    }
    if resource.pending_task is not None and resource.role is not Role.UNKNOWN:
        values["pending"] = displayed_state(resource, pending_only=True)
    if resource.lock_node is not None:
        values["locked_to"] = resource.lock_node.name
    element = etree.SubElement(parent, "resource", {name: value for name, value in values.items() if value})
    for node in resource.active_on:
        etree.SubElement(element, "node", name=node.name, id=node.id, cached=truth(node.online))


def add_attributes(parent: etree._Element, nodes: Iterable[Node]) -> None:
    """Attributes that people and agents set, of every node that is online."""
    attributes = etree.Element("node_attributes")
    for node in nodes:
        names = sorted((name for name in node.attributes if not name.startswith(_NOT_SHOWN)), key=natural_key)
        if node.online and names:
            element = etree.SubElement(attributes, "node", name=node.name)
            for name in names:
                etree.SubElement(element, "attribute", name=name, value=node.attributes[name])
    if len(attributes):
        parent.append(attributes)


def _failure(failed: FailedOperation) -> dict[str, str]:
    entry = failed.entry
    values = {
        "op_key" if entry.key is not None else "id": entry.key or entry.id,
        "node": failed.node.name,
        "exitstatus": full_exit_text(entry.rc),
        "exitreason": entry.exit_reason or "none",
        "exitcode": str(max(entry.rc or 0, 0)),
        "call": str(entry.call_id),
        "status": status_text(entry),
    }
    if entry.last_rc_change:
        values |= {
            "last-rc-change": _when(entry.last_rc_change),
            "queued": entry.queue_time or "0",
            "exec": entry.exec_time or "0",
            "interval": str(entry.interval_ms),
            "task": entry.operation or "",
        }
    return values


def _when(moment: int) -> str:
    """A moment as date and time with the offset of the reader's time zone; the number where no calendar reaches."""
    try:
        return datetime.fromtimestamp(moment).astimezone().strftime("%Y-%m-%d %H:%M:%S %z")
    except (OverflowError, ValueError, OSError):
        return str(moment)
