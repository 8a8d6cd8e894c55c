"""A CIB to play with, whose status can be changed as if things had happened.

For simulation only: it is changed in place (hand in a copy if the original matters), and keeps no versions. Texts say
what was done, as `crm_simulate` prints it.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy

from lxml import etree

from crm.cib import restart_marks
from crm.cib.history_entry import FinishedOperation, entries_for
from crm.model import score
from crm.model.score import INFINITY, Score

_UP = {"in_ccm": "true", "crmd": "online", "join": "member", "expected": "member"}
_DOWN = {"in_ccm": "false", "crmd": "offline", "join": "down", "expected": "down"}


class SimulatedCib:
    """`root` is its `cib` element, which is changed."""

    def __init__(self, root: etree._Element) -> None:
        self.root = root
        self._status = _child(self.root, "status")
        self._histories: dict[etree._Element, dict[str, etree._Element]] = {}
        self._states = {state.get("uname"): state for state in reversed(self._status.findall("node_state"))}

    def add_node(self, name: str) -> None:
        """Configure a node, unless it is."""
        nodes = self.root.find("configuration/nodes")
        assert nodes is not None, "a CIB of the newest schema has its sections"
        if name not in {node.get("uname") for node in nodes}:
            etree.SubElement(nodes, "node", id=name, uname=name)

    def configure(self, configuration: etree._Element) -> None:
        """Put a configuration in place of the present one."""
        present = self.root.find("configuration")
        assert present is not None, "a CIB has a configuration"
        self.root.replace(present, deepcopy(configuration))

    def set_standby(self, name: str) -> None:
        """Configure a node to be in standby, whatever it says now."""
        node = next(each for each in self.root.iterfind("configuration/nodes/node") if each.get("uname") == name)
        identity = f"simulated-{node.get('id')}"
        attributes = etree.SubElement(node, "instance_attributes", id=identity)
        for pair in node.iterfind("instance_attributes/nvpair"):
            if pair.get("name") == "standby":
                pair.set("value", "on")
        etree.SubElement(attributes, "nvpair", id=f"{identity}-standby", name="standby", value="on")

    def set_quorum(self, quorate: str) -> None:
        """Say whether there is quorum."""
        self.root.set("have-quorum", quorate)

    def set_option(self, name: str, value: str) -> None:
        """Set a cluster option in the first property set, or wherever it is set already."""
        section = _child(_child(self.root, "configuration"), "crm_config")
        pair = next((each for each in section.iter("nvpair") if each.get("name") == name), None)
        if pair is None:
            identity = "cib-bootstrap-options"
            properties = section.find("cluster_property_set")
            if properties is None:
                properties = etree.SubElement(section, "cluster_property_set", id=identity)
            pair = etree.SubElement(properties, "nvpair", id=f"{properties.get('id')}-{name}", name=name)
        pair.set("value", value)

    def set_ticket(self, ticket: str, attribute: str, value: bool) -> None:
        """Set `granted` or `standby` of a ticket."""
        tickets = _child(self._status, "tickets")
        state = next((each for each in tickets if each.get("id") == ticket), None)
        if state is None:
            state = etree.SubElement(tickets, "ticket_state", id=ticket)
        state.set(attribute, "true" if value else "false")

    def node_state(self, name: str, node_id: str | None = None) -> etree._Element:
        """The state of a node by its name, else by its id, else a new one."""
        state = self._states.get(name)
        if state is None:
            identity = node_id or self._configured_id(name)
            state = next((each for each in self._status.iter("node_state") if each.get("id") == identity), None)
            if state is None:
                state = etree.SubElement(self._status, "node_state", id=identity)
            state.set("uname", name)
            self._states[name] = state
        return state

    def _configured_id(self, name: str) -> str:
        nodes = self.root.iterfind("configuration/nodes/node")
        return next((str(node.get("id")) for node in nodes if node.get("uname") == name), name)

    def node_up(self, name: str) -> None:
        """The node is a member and ready."""
        self._set_state(name, _UP)

    def node_down(self, name: str) -> None:
        """The node has left, in order or by being fenced; what was recorded of it is forgotten."""
        state = self._set_state(name, _DOWN)
        for gone in state.findall("lrm") + state.findall("transient_attributes"):
            state.remove(gone)

    def node_fails(self, name: str) -> None:
        """The node is lost although nobody expected it to go."""
        state = self._set_state(name, {**_UP, "in_ccm": "false"})
        # What becomes of it is asked for, not when: a lease that it holds is over by then.
        if "lease" in state.attrib:
            del state.attrib["lease"]

    def _set_state(self, name: str, values: Mapping[str, str]) -> etree._Element:
        state = self.node_state(name)
        for attribute, value in values.items():
            state.set(attribute, value)
        state.set("crm-debug-origin", "crm_simulate")
        return state

    def resource_history(
        self, state: etree._Element, names: tuple[str, ...], standard: str, provider: str | None, agent_type: str
    ) -> etree._Element:
        """A resource's history on a node under the first of its names that is known there, else a new one under the
        last name."""
        resources = _child(_child(state, "lrm", {"id": str(state.get("id"))}), "lrm_resources")
        known = self._known_histories(resources)
        found = next((known[name] for name in names if name in known), None)
        if found is None:
            attributes = {"id": names[-1], "class": standard, "provider": provider, "type": agent_type}
            given = {name: value for name, value in attributes.items() if value is not None}
            found = known[names[-1]] = etree.SubElement(resources, "lrm_resource", given)
        return found

    def _known_histories(self, resources: etree._Element) -> dict[str, etree._Element]:
        """The histories of a node by id; looking through thousands of them for each operation would take minutes."""
        known = self._histories.get(resources)
        if known is None or len(known) != len(resources):
            known = self._histories[resources] = {str(each.get("id")): each for each in reversed(resources)}
        return known

    def record(self, history: etree._Element, operation: FinishedOperation) -> None:
        """Put down a finished operation."""
        known = {entry.get("id"): entry for entry in history}
        entries = entries_for(operation)
        restart_marks.follow(history, entries.values())
        for entry_id, values in entries.items():
            entry = known.get(entry_id)
            if entry is None:
                etree.SubElement(history, "lrm_rsc_op", values)
            else:
                for name, value in values.items():
                    entry.set(name, value)

    def count_failure(
        self, state: etree._Element, resource: str, task: str, interval_ms: int, fatal: bool, at: int
    ) -> dict[str, str]:
        """Add one to a fail count (or set it to INFINITY) and note the time; the attributes that were set."""
        operation = f"{resource}#{task}_{interval_ms}"
        current = score.parse(self._transient(state, f"fail-count-{operation}"))
        count: Score = INFINITY if fatal else current + 1
        values = {f"fail-count-{operation}": score.render(count), f"last-failure-{operation}": str(at)}
        for name, value in values.items():
            self.set_transient_attribute(state, name, value)
        return values

    def forget_failures(self, node: str, resource: str) -> None:
        """A resource's failures on a node no longer count."""
        state = self.node_state(node)
        for pair in list(state.iterfind("transient_attributes/instance_attributes/nvpair")):
            if str(pair.get("name")).startswith((f"fail-count-{resource}#", f"last-failure-{resource}#")):
                _remove(pair)
        for entry in list(state.iterfind("lrm/lrm_resources/lrm_resource/lrm_rsc_op")):
            if str(entry.get("id")).startswith(f"{resource}_last_failure_"):
                _remove(entry)

    def forget_operation(self, node: str, key: str) -> None:
        """A recurring operation does not run any more."""
        for entry in list(self.node_state(node).iterfind("lrm/lrm_resources/lrm_resource/lrm_rsc_op")):
            if entry.get("id") == key:
                _remove(entry)

    def _transient(self, state: etree._Element, name: str) -> str | None:
        pairs = state.iterfind("transient_attributes/instance_attributes/nvpair")
        return next((pair.get("value") for pair in pairs if pair.get("name") == name), None)

    def set_transient_attribute(self, state: etree._Element, name: str, value: str) -> None:
        """Set an attribute that a node has until it leaves."""
        identity = str(state.get("id"))
        attributes = _child(state, "transient_attributes", {"id": identity})
        holder = _child(attributes, "instance_attributes", {"id": identity})
        pair = next((each for each in holder if each.get("name") == name), None)
        if pair is None:
            pair = etree.SubElement(holder, "nvpair", id=f"{identity}-{name.replace('#', '.')}", name=name)
        pair.set("value", value)


def next_call_id(history: etree._Element) -> int:
    """One more than the greatest call id in a history."""
    calls = [int(entry.get("call-id", "0")) for entry in history if entry.get("call-id", "").lstrip("-").isdecimal()]
    return max([0, *calls]) + 1


def _remove(element: etree._Element) -> None:
    parent = element.getparent()
    assert parent is not None
    parent.remove(element)


def _child(parent: etree._Element, tag: str, attributes: Mapping[str, str] | None = None) -> etree._Element:
    """The first child of this kind, made when there is none."""
    found = parent.find(tag)
    return etree.SubElement(parent, tag, dict(attributes or {})) if found is None else found
