"""What people ask of a cluster, said as changes of its CIB: a node in standby, a resource moved for a while.

Pure: the present document in, a change out. Ids are those that Pacemaker's tools use, so that theirs and ours undo each
other's doings. Source: manual pages of crm_resource, crm_standby, crm_attribute.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from xml.sax.saxutils import quoteattr

from crm.cib.changes import Batch, Edit, EditVerb
from crm.cib.document import Document
from crm.cib.errors import CibError
from crm.cib.expressions import literal
from crm.cib.objects.write_context import valid_id
from crm.cib.parsing import Element

# What moves and bans of crm_resource (and ours) leave in the constraints.
_MOVES = ("cli-prefer-", "cli-ban-", "cli-standby-")
_KINDS = ("primitive", "group", "clone", "master", "bundle")


def node_attribute(document: Document, node: str, name: str, value: str | None) -> Edit | None:
    """Set a permanent attribute of a node, or remove it with None; nothing to do gives None."""
    element = _node(document, node)
    known = _pair(element, "instance_attributes/nvpair", name)
    if value is None:
        return None if known is None else Edit(EditVerb.DELETE, xpath=_by_id("nvpair", known))
    node_id = element.get("id", "")
    holder = element.find("instance_attributes")
    holder_id = f"nodes-{node_id}" if holder is None else holder.get("id", "")
    pair_id = valid_id(f"{holder_id}-{name}") if known is None else known.get("id", "")
    pair = f"<nvpair id={quoteattr(pair_id)} name={quoteattr(name)} value={quoteattr(value)}/>"
    holding = f"<instance_attributes id={quoteattr(holder_id)}>{pair}</instance_attributes>"
    return Edit(EditVerb.MODIFY, f"<node id={quoteattr(node_id)}>{holding}</node>", "nodes")


def with_nodes(document: Document, nodes: Sequence[tuple[str, str]], gone: Collection[str] = ()) -> Document:
    """The CIB with an entry for each of the nodes (name, id); whoever replaces a configuration need not list them.

    And with none for the ids in `gone`: a CIB from a time when those nodes were in the cluster brings nobody back.
    """
    known = {node.get("id") for node in document.root.iterfind("configuration/nodes/node")}
    edits = tuple(
        Edit(EditVerb.CREATE, f"<node id={quoteattr(node_id)} uname={quoteattr(name)}/>", "nodes")
        for name, node_id in nodes
        if node_id not in known
    )
    edits += tuple(Edit(EditVerb.DELETE, xpath=f"/cib/configuration/nodes/node[@id={literal(node_id)}]")
                   for node_id in gone if node_id in known)
    return document.apply(Batch(edits)) if edits else document


def option(document: Document, name: str, value: str | None) -> Edit | None:
    """Set a cluster option, or remove it with None; nothing to do gives None."""
    known = _pair(document.root, "configuration/crm_config/cluster_property_set/nvpair", name)
    if value is None:
        return None if known is None else Edit(EditVerb.DELETE, xpath=_by_id("nvpair", known))
    first = document.root.find("configuration/crm_config/cluster_property_set")
    holder = first if known is None else known.getparent()
    holder_id = "cib-bootstrap-options" if holder is None else holder.get("id", "")
    pair_id = valid_id(f"{holder_id}-{name}") if known is None else known.get("id", "")
    pair = f"<nvpair id={quoteattr(pair_id)} name={quoteattr(name)} value={quoteattr(value)}/>"
    holding = f"<cluster_property_set id={quoteattr(holder_id)}>{pair}</cluster_property_set>"
    return Edit(EditVerb.UPSERT, holding, "crm_config")


def move(document: Document, resource: str, node: str, until: int | None, role: str | None = None) -> Batch:
    """Have a resource run on `node`, until that moment (epoch seconds; None: until cleared).

    With a `role` only where it has that one is meant: who is promoted, say, and not who runs.
    """
    _resource(document, resource)
    _node(document, node)
    preference = _location(f"cli-prefer-{resource}", resource, node, "INFINITY", until, role)
    return Batch((*_cleared(document, resource), Edit(EditVerb.CREATE, preference, "constraints")))


def ban(
    document: Document, resource: str, nodes: Sequence[str], until: int | None, role: str | None = None
) -> Batch:
    """Keep a resource away from some nodes (with a `role`: only from having that one there), until that moment
    (epoch seconds; None: until cleared).
    """
    _resource(document, resource)
    for node in nodes:
        _node(document, node)
    bans = (
        Edit(EditVerb.UPSERT, _location(f"cli-ban-{resource}-on-{node}", resource, node, "-INFINITY", until, role),
             "constraints")
        for node in nodes
    )
    return Batch(tuple(bans))


def bans(document: Document, resource: str) -> list[Element]:
    """The constraints that moves and bans of a resource have left."""
    found = document.root.iterfind("configuration/constraints/rsc_location[@rsc]")
    return [each for each in found if each.get("rsc") == resource and each.get("id", "").startswith(_MOVES)]


def clear(document: Document, resource: str) -> Batch | None:
    """Undo the moves and bans of a resource; None if there are none."""
    _resource(document, resource)
    edits = _cleared(document, resource)
    return Batch(edits) if edits else None


def _cleared(document: Document, resource: str) -> tuple[Edit, ...]:
    found = bans(document, resource)
    return tuple(Edit(EditVerb.DELETE, xpath=_by_id("rsc_location", constraint)) for constraint in found)


def _pair(beneath: Element, place: str, name: str) -> Element | None:
    return next((pair for pair in beneath.iterfind(place) if pair.get("name") == name), None)


def _by_id(tag: str, element: Element) -> str:
    """An XPath for one element of the configuration."""
    return f"/cib/configuration//{tag}[@id={literal(element.get('id', ''))}]"


def _location(identity: str, resource: str, node: str, score: str, until: int | None, role: str | None) -> str:
    head = f"<rsc_location id={quoteattr(identity)} rsc={quoteattr(resource)}"
    head += f" role={quoteattr(role)}" if role is not None else ""
    if until is None:
        return f"{head} node={quoteattr(node)} score={quoteattr(score)}/>"
    end = datetime.fromtimestamp(until, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    rule = quoteattr(f"{identity}-rule")
    here = f"<expression id={quoteattr(identity + '-node')} attribute='#uname' operation='eq' value={quoteattr(node)}/>"
    before = f"<date_expression id={quoteattr(identity + '-end')} operation='lt' end='{end}'/>"
    body = f"<rule id={rule} score={quoteattr(score)} boolean-op='and'>{here}{before}</rule>"
    return f"{head}>{body}</rsc_location>"


def configured_node(document: Document, name: str) -> Element:
    """The node of that name or id in the configuration. Raises CibError (no-such-node)."""
    return _node(document, name)


def _node(document: Document, name: str) -> Element:
    nodes = list(document.root.iterfind("configuration/nodes/node"))
    for node in nodes:
        if name in (node.get("uname"), node.get("id")):
            return node
    raise _unknown("node", name, [node.get("uname", "") for node in nodes])


def _resource(document: Document, name: str) -> Element:
    known = [resource for kind in _KINDS for resource in document.root.iterfind(f"configuration/resources//{kind}")]
    for resource in known:
        if resource.get("id") == name:
            return resource
    raise _unknown("resource", name, [resource.get("id", "") for resource in known])


def _unknown(what: str, name: str, known: list[str]) -> CibError:
    near = get_close_matches(name, known, 1)
    hint = f"Did you mean {near[0]}?" if near else f"There are {', '.join(known) or 'none yet'}"
    return CibError(f"no-such-{what}", f"The cluster has no {what} {name}", name, hint=hint)
