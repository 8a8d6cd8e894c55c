"""What people ask of resources, nodes and tickets, as changes of a document: values set within objects.

Source: manual pages of crm_resource, crm_ticket; Pacemaker Explained, "Resource Meta-Attributes".
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from datetime import UTC, datetime
from xml.sax.saxutils import quoteattr

from lxml import etree

from crm.cib.changes import Batch, Change, Edit, EditVerb
from crm.cib.document import Document
from crm.cib.edits import cluster
from crm.cib.expressions import literal
from crm.cib.objects.catalogue import RESOURCES
from crm.cib.objects.codec import Pairs, plain_set
from crm.cib.objects.write_context import WriteContext
from crm.cib.parsing import Element

Values = Mapping[str, str | None]
"""New values by name; None removes one."""


def resource_values(document: Document, resource: str, tag: str, values: Values) -> Batch | None:
    """Set parameters (`instance_attributes`), `meta_attributes` or `utilization` of a resource."""
    return _exchange(document, [(RESOURCES.element(document, resource), values)], tag)


def stop(document: Document, resource: str) -> Batch | None:
    """Have a resource stopped, until it is told to start."""
    return resource_values(document, resource, "meta_attributes", {"target-role": "Stopped"})


def start(document: Document, resource: str) -> Batch | None:
    """End what keeps a resource stopped, or unpromoted: in it and in all that it is made of."""
    element = RESOURCES.element(document, resource)
    within = [each for each in element.iter(etree.Element) if each.tag in _RESOURCES and _target_role(each)]
    return _exchange(document, [(each, {"target-role": None}) for each in within], "meta_attributes")


def target_role(document: Document, resource: str) -> str | None:
    """The role that a resource is told to have, None if nothing is said."""
    return _target_role(RESOURCES.element(document, resource))


def stopped_above(document: Document, resource: str) -> str | None:
    """The group, clone or bundle around a resource that is to be stopped, if there is one."""
    around = RESOURCES.element(document, resource).iterancestors(*_RESOURCES)
    stopped = (each for each in around if (_target_role(each) or "").lower() == "stopped")
    return next((str(each.get("id")) for each in stopped), None)


def node_utilization(document: Document, node: str, values: Values) -> Batch | None:
    """Set what a node has to offer."""
    return _exchange(document, [(cluster.configured_node(document, node), values)], "utilization")


def ticket(
    document: Document, ticket_id: str, *, granted: bool | None, standby: bool | None, now: int
) -> Change | None:
    """Grant or revoke a ticket, or put it in standby; `now` in epoch seconds. What is None stays as it is."""
    known = next((each for each in _tickets(document) if each.get("id") == ticket_id), None)
    attributes = {"id": ticket_id}
    if granted is not None:
        attributes["granted"] = str(granted).lower()
        if granted:
            attributes["last-granted"] = str(now)
    if standby is not None:
        attributes["standby"] = str(standby).lower()
    if known is not None and all(known.get(name) == value for name, value in attributes.items()
                                 if name != "last-granted"):
        return None
    text = " ".join(f"{name}={quoteattr(value)}" for name, value in attributes.items())
    return Edit(EditVerb.UPSERT, f"<ticket_state {text}/>", "tickets")


def forget_ticket(document: Document, ticket_id: str) -> Change | None:
    """Remove a ticket from the state of the cluster, as if it had never been granted."""
    known = [each for each in _tickets(document) if each.get("id") == ticket_id]
    return Edit(EditVerb.DELETE, f"<ticket_state id={quoteattr(ticket_id)}/>", "tickets") if known else None


def granted_at(state: Mapping[str, str]) -> str | None:
    """When a ticket was granted last, as a date; `state`: the attributes of its record."""
    seconds = state.get("last-granted", "")
    return datetime.fromtimestamp(int(seconds), UTC).isoformat() if seconds.isdecimal() else None


_RESOURCES = ("primitive", "group", "clone", "master", "bundle", "template")


def _tickets(document: Document) -> list[Element]:
    return document.root.findall("status/tickets/ticket_state")


def _target_role(element: Element) -> str | None:
    return Pairs("meta_attributes").read(element, ()).get("target-role")


def _exchange(document: Document, wanted: list[tuple[Element, Values]], tag: str) -> Batch | None:
    """Elements with some values set, one edit for each; None if that changes nothing."""
    around, marker = WriteContext(document.root), Pairs(tag)
    edits = []
    for element, values in wanted:
        present = marker.read(element, ())
        merged = {name: value for name, value in {**present, **values}.items() if value is not None}
        if merged == present:
            continue
        copy = deepcopy(element)
        marker.write(copy, merged, (), around)
        edits += _holder_edits(element, plain_set(element, tag), plain_set(copy, tag), tag)
    return Batch(tuple(edits)) if edits else None


def _holder_edits(element: Element, before: Element | None, after: Element | None, tag: str) -> list[Edit]:
    """The smallest edit that makes a set of values another one: others may change the rest of the object meanwhile."""
    owner = f"/cib/configuration//{element.tag}[@id={literal(element.get('id', ''))}]"
    text = "" if after is None else etree.tostring(after, encoding="unicode", with_tail=False)
    if before is None:
        return [Edit(EditVerb.CREATE, text, xpath=owner)]
    place = f"{owner}/{tag}[@id={literal(before.get('id', ''))}]"
    return [Edit(EditVerb.DELETE, xpath=place) if after is None else Edit(EditVerb.REPLACE, text, xpath=place)]
