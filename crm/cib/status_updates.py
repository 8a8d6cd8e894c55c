"""Notes on what happened, written into the status section: membership, operation histories, transient attributes.

The controllers' way of changing a CIB. Apart from `crm.cib.edits.verbs`, whose verbs are for people and merge what they
are given: a history entry is replaced as a whole, so that nothing of an older operation shines through. Values are made
fit for XML here once more: whoever noted them, a node of an older release too, no text may end a daemon. Formats as in
Pacemaker Explained, "Status"; ids of transient attributes are `status-NODE-NAME`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field

from lxml import etree

from crm.cib import paths, restart_marks
from crm.cib.document import Document
from crm.cib.parsing import Element
from crm.cib.paths import Path
from crm.model import score
from crm.model.score import Score
from crm.model.text import fit

_NOT_IN_AN_ID = re.compile(r"[^A-Za-z0-9._-]")


_LOCK = "shutdown-lock"
LEFT_RUNNING = "left-running"
"""Marks what a lost node was not managing, so that neither the node nor its keeper has stopped it."""


@dataclass(frozen=True, slots=True)
class ResourceUpdate:
    """One `lrm_resource`: its id and agent, and its entries (attributes of `lrm_rsc_op`, by entry id)."""

    id: str
    standard: str
    type: str
    provider: str | None = None
    entries: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NodeUpdate:
    """Attributes of a `node_state` to set."""

    node_id: str
    name: str
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class HistoryUpdate:
    """A node's complete history: replaces what is there."""

    node_id: str
    name: str
    resources: tuple[ResourceUpdate, ...]


@dataclass(frozen=True, slots=True)
class OperationUpdate:
    """Entries of one resource to put in place of those with the same ids."""

    node_id: str
    name: str
    resource: ResourceUpdate


@dataclass(frozen=True, slots=True)
class HistoryRemoval:
    """Drop a resource's history on a node, or (with `entries`) only those entries, or (no resource) all but locks.

    `keeping`: with no resource, those whose history stays.
    """

    node_id: str
    resource: str | None = None
    entries: tuple[str, ...] = ()
    keeping: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class LockUpdate:
    """Keep a resource for a node that is shut down, since then (epoch seconds); None: no more."""

    node_id: str
    resource: str
    since: int | None


@dataclass(frozen=True, slots=True)
class LeftRunningUpdate:
    """Mark what a node leaves running: its history stays until the node is back, or known to be off."""

    node_id: str
    resources: frozenset[str]


@dataclass(frozen=True, slots=True)
class TransientAttributeUpdate:
    """Set a transient attribute of a node; with no value, drop it."""

    node_id: str
    name: str
    value: str | None


@dataclass(frozen=True, slots=True)
class FailCountUpdate:
    """Add to a count that a transient attribute of a node holds: one failure, or infinitely many.

    Added when it is applied, so that failures which are written together are all counted.
    """

    node_id: str
    name: str
    step: Score


@dataclass(frozen=True, slots=True)
class AttributesRemoval:
    """Drop all transient attributes of a node."""

    node_id: str


@dataclass(frozen=True, slots=True)
class NodeRemoval:
    """Drop all that is known of a node: it belongs to the cluster no more."""

    node_id: str


@dataclass(frozen=True, slots=True)
class RootUpdate:
    """Attributes of the `<cib>` element to set, such as `dc-uuid` and `have-quorum`."""

    attributes: Mapping[str, str]


StatusUpdate = (NodeUpdate | HistoryUpdate | OperationUpdate | HistoryRemoval | LockUpdate | LeftRunningUpdate
                | TransientAttributeUpdate | FailCountUpdate | AttributesRemoval | NodeRemoval | RootUpdate)


def apply_updates(document: Document, notes: Iterable[StatusUpdate]) -> Document:
    """The document with all notes taken, one version step for all; itself if they change nothing."""
    root = deepcopy(document.root)
    touched: set[Path] = set()
    for note in notes:
        element = _take(root, note)
        if element is not root:
            touched.add(paths.path_of(element))
    return document._successor(root, touched)


def left_running(document: Document) -> dict[str, list[str]]:
    """What each lost node has left running, by node id."""
    found: dict[str, list[str]] = {}
    for state in document.root.iterfind("status/node_state"):
        for resource in state.iterfind(f"lrm/lrm_resources/lrm_resource[@{LEFT_RUNNING}]"):
            found.setdefault(str(state.get("id")), []).append(str(resource.get("id")))
    return found


def _take(root: Element, note: StatusUpdate) -> Element:
    """Take one note; the element whose subtree may have changed."""
    match note:
        case RootUpdate(attributes):
            _set(root, attributes)
            return root
        case NodeRemoval(node_id):
            status = _status(root)
            for old in [state for state in status.iterchildren("node_state") if state.get("id") == node_id]:
                status.remove(old)
            return status
        case NodeUpdate(node_id, name, attributes):
            state = _node_state(root, node_id, name)
            _set(state, attributes)
            return state
        case HistoryUpdate(node_id, name, resources):
            state = _node_state(root, node_id, name)
            return _put_history(state, node_id, resources)
        case OperationUpdate(node_id, name, resource):
            state = _node_state(root, node_id, name)
            return _put_entries(state, node_id, resource)
        case HistoryRemoval(node_id, resource_id, entries, keeping):
            state = _node_state(root, node_id)
            _forget(state, node_id, resource_id, entries, keeping)
            return state
        case LockUpdate(node_id, resource_id, since):
            state = _node_state(root, node_id)
            _lock(state, node_id, resource_id, since)
            return state
        case LeftRunningUpdate(node_id, left):
            state = _node_state(root, node_id)
            for history in state.iterfind("lrm/lrm_resources/lrm_resource"):
                if history.get("id") in left:
                    history.set(LEFT_RUNNING, "true")
            return state
        case TransientAttributeUpdate(node_id, name, value):
            state = _node_state(root, node_id)
            _put_attribute(state, node_id, name, value)
            return state
        case FailCountUpdate(node_id, name, step):
            state = _node_state(root, node_id)
            present = score.parse(_attribute(state, name))
            _put_attribute(state, node_id, name, score.render(score.add(present, step)))
            return state
        case AttributesRemoval(node_id):
            state = _node_state(root, node_id)
            for old in state.findall("transient_attributes"):
                state.remove(old)
            return state


def _set(element: Element, attributes: Mapping[str, str]) -> None:
    for name, value in attributes.items():
        element.set(name, fit(value))


def _status(root: Element) -> Element:
    status = root.find("status")
    return etree.SubElement(root, "status") if status is None else status


def _child(parent: Element, tag: str, identity: str | None = None) -> Element:
    for child in parent.iterchildren(tag):
        if identity is None or child.get("id") == identity:
            return child
    attributes = {} if identity is None else {"id": identity}
    return etree.SubElement(parent, tag, attributes)


def _node_state(root: Element, node_id: str, name: str | None = None) -> Element:
    state = _child(_status(root), "node_state", node_id)
    if name is not None and state.get("uname") != name:
        state.set("uname", name)
    return state


def _resources(state: Element, node_id: str) -> Element:
    return _child(_child(state, "lrm", node_id), "lrm_resources")


def _put_history(state: Element, node_id: str, resources: tuple[ResourceUpdate, ...]) -> Element:
    marked = [old for old in state.iterfind("lrm/lrm_resources/lrm_resource") if old.get(restart_marks.MARK)]
    _forget_all(state, node_id)
    _resources(state, node_id)
    for resource in resources:
        _put_entries(state, node_id, resource)
    for old in marked:
        for new in _resources(state, node_id):
            if new.get("id") == old.get("id"):
                restart_marks.carry_over(old, new)
    return state


def _lock(state: Element, node_id: str, resource_id: str, since: int | None) -> None:
    for resource in _resources(state, node_id):
        if resource.get("id") == resource_id and since is not None:
            resource.set(_LOCK, str(since))
        elif resource.get("id") == resource_id and _LOCK in resource.attrib:
            del resource.attrib[_LOCK]


def _forget_all(state: Element, node_id: str, keeping: frozenset[str] = frozenset()) -> None:
    """Forget what was done; what is locked to the node stays so."""
    known = state.iterfind("lrm/lrm_resources/lrm_resource")
    left = [deepcopy(resource) for resource in known if resource.get(_LOCK) or resource.get("id") in keeping]
    for old in state.findall("lrm"):
        state.remove(old)
    for resource in left:
        if resource.get("id") not in keeping:
            del resource[:]
            if LEFT_RUNNING in resource.attrib:
                del resource.attrib[LEFT_RUNNING]
        _resources(state, node_id).append(resource)


def _put_entries(state: Element, node_id: str, resource: ResourceUpdate) -> Element:
    element = _child(_resources(state, node_id), "lrm_resource", resource.id)
    agent = {"type": resource.type, "class": resource.standard, "provider": resource.provider}
    _set(element, {name: value for name, value in agent.items() if value is not None})
    for entry_id, attributes in resource.entries.items():
        entry = etree.Element("lrm_rsc_op", {"id": entry_id})
        _set(entry, attributes)
        old = next((child for child in element if child.get("id") == entry_id), None)
        if old is None:
            element.append(entry)
        else:
            element.replace(old, entry)
    restart_marks.follow(element, resource.entries.values())
    return element


def _forget(state: Element, node_id: str, resource_id: str | None, entries: tuple[str, ...],
            keeping: frozenset[str]) -> None:
    if resource_id is None:
        _forget_all(state, node_id, keeping)
        return
    resources = _resources(state, node_id)
    for resource in [child for child in resources if child.get("id") == resource_id]:
        if not entries:
            resources.remove(resource)
        for entry in [child for child in resource if child.get("id") in entries]:
            resource.remove(entry)


def _attribute(state: Element, name: str) -> str | None:
    pairs = state.iterfind("transient_attributes/instance_attributes/nvpair")
    return next((pair.get("value") for pair in pairs if pair.get("name") == fit(name)), None)


def _put_attribute(state: Element, node_id: str, name: str, value: str | None) -> None:
    name = fit(name)
    attributes = _child(_child(state, "transient_attributes", node_id), "instance_attributes", f"status-{node_id}")
    pair = next((child for child in attributes if child.get("name") == name), None)
    if value is None:
        if pair is not None:
            attributes.remove(pair)
        return
    if pair is None:
        pair = etree.SubElement(attributes, "nvpair", id=f"status-{node_id}-{_NOT_IN_AN_ID.sub('.', name)}", name=name)
    _set(pair, {"value": value})
