"""A CIB written for Pacemaker 1.x or 2.x, said in the vocabulary of 3.x. In memory: the author's file is not touched.

Names and what became of them: Pacemaker's release notes and Pacemaker Explained, "Upgrading the Configuration". The
tables say what is renamed, moved or dropped; the functions say only how. Everything done is reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass

from lxml import etree

from crm.cib import sections
from crm.cib.document import Document
from crm.cib.parsing import Element, line_of
from crm.model.report import Report, Severity

CURRENT = "pacemaker-3.10"
_OLD = re.compile(r"pacemaker-(0|1|2)\.|transitional-")


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of an option: another `name` (None: dropped), in another `home`, with another `value`."""

    name: str | None
    home: str | None = None
    value: str | None = None
    only_if: str | None = None


_DROPPED = (Fate(None),)
_ONE_FAILURE = Fate("migration-threshold", value="1", only_if="-INFINITY")
_ONE_FAILURE_BY_DEFAULT = Fate("migration-threshold", "rsc_defaults", "1", "-INFINITY")
_DISABLED = (Fate("target-role", value="Stopped"),)

# The first fate whose condition holds applies. Underscores are the spelling of the very first releases.
_CLUSTER: dict[str, tuple[Fate, ...]] = {
    **{
        name.replace("-", "_"): (Fate(name),)
        for name in (
            "cluster-recheck-interval",
            "dc-deadtime",
            "election-timeout",
            "no-quorum-policy",
            "remove-after-stop",
            "shutdown-escalation",
            "startup-fencing",
            "stonith-action",
            "stonith-enabled",
            "stop-orphan-actions",
            "stop-orphan-resources",
            "symmetric-cluster",
        )
    },
    "transition_idle_timeout": (Fate("cluster-delay"),),
    **dict.fromkeys(("default-action-timeout", "default_action_timeout"), (Fate("timeout", "op_defaults"),)),
    **dict.fromkeys(
        ("default-resource-stickiness", "default_resource_stickiness"), (Fate("resource-stickiness", "rsc_defaults"),)
    ),
    **dict.fromkeys(
        ("default-resource-failure-stickiness", "default_resource_failure_stickiness"),
        (_ONE_FAILURE_BY_DEFAULT, Fate(None)),
    ),
    **dict.fromkeys(("is-managed-default", "is_managed_default"), (Fate("is-managed", "rsc_defaults"),)),
    **dict.fromkeys(
        (
            "default-migration-threshold",
            "default_migration_threshold",
            "expected-quorum-votes",
            "notification-agent",
            "notification-recipient",
        ),
        _DROPPED,
    ),
    "cluster-infrastructure": tuple(
        Fate(None, only_if=stack)
        for stack in ("heartbeat", "openais", "classic openais", "classic openais (with plugin)", "cman")
    ),
}
_META: dict[str, tuple[Fate, ...]] = {
    **dict.fromkeys(("isolation", "isolation-host", "isolation-instance", "isolation-wrapper"), _DISABLED),
    **dict.fromkeys(("resource-failure-stickiness", "resource_failure_stickiness"), (_ONE_FAILURE, Fate(None))),
}
_RENAMED_PARAMETERS: dict[str, tuple[Fate, ...]] = {
    f"pcmk_{action}_cmd": (Fate(f"pcmk_{action}_action"),)
    for action in ("list", "monitor", "off", "on", "reboot", "status")
}
_PARAMETERS = {**_RENAMED_PARAMETERS, "pcmk_arg_map": _DROPPED}
_OPERATION_META = ("interval-origin", "start-delay", "enabled", "on-fail", "record-pending", "role", "timeout")


def is_older(document: Document) -> bool:
    """Whether the CIB says that it was written for a schema before 3.0."""
    return _OLD.match(document.root.get("validate-with", "")) is not None


def upgrade(document: Document) -> tuple[Document, list[Report]]:
    """The CIB in today's vocabulary and what was changed; the very same document if it is of today."""
    if not is_older(document):
        return document, []
    root = deepcopy(document.root)
    reports = [report for step in STEPS for report in step(root)]
    root.set("validate-with", CURRENT)
    return Document(root), reports


def _cluster_options(root: Element) -> Iterator[Report]:
    for pair in root.findall("configuration/crm_config/cluster_property_set/nvpair"):
        yield from _meet_fate(root, pair, _CLUSTER)


def _resource_options(root: Element) -> Iterator[Report]:
    for kind in ("primitive", "template", "group", "clone", "master"):
        for pair in root.findall(f"configuration//{kind}/meta_attributes/nvpair"):
            yield from _meet_fate(root, pair, _META)
    for kind in ("primitive", "template"):
        for pair in root.findall(f"configuration//{kind}/instance_attributes/nvpair"):
            yield from _meet_fate(root, pair, _PARAMETERS)


def _meet_fate(root: Element, pair: Element, fates: dict[str, tuple[Fate, ...]]) -> Iterator[Report]:
    name, value = pair.get("name", ""), pair.get("value", "")
    fate = next((fate for fate in fates.get(name, ()) if fate.only_if in (None, value)), None)
    if fate is None:
        return
    yield _done(pair, f"Option {name} is now {fate.name}" if fate.name else f"Option {name} is gone and was left out")
    parent = pair.getparent()
    assert parent is not None
    if fate.name is None:
        parent.remove(pair)
        return
    pair.set("name", fate.name)
    if fate.value is not None:
        pair.set("value", fate.value)
    if fate.home is not None:
        _set_for(sections.require(root, fate.home), f"{fate.home}-upgraded").append(pair)


def _set_for(holder: Element, identity: str) -> Element:
    """The first set of meta attributes of a holder, made under the given id if there is none."""
    found = holder.find("meta_attributes")
    if found is not None and found.get("id-ref") is None:
        return found
    made = etree.Element("meta_attributes", id=identity)
    operations = holder.find("operations")
    if operations is None:
        holder.append(made)
    else:
        operations.addprevious(made)
    return made


def _operations(root: Element) -> Iterator[Report]:
    """`requires` belongs to the resource now; an operation's own properties are not parameters any more."""
    for operation in root.findall("configuration//op"):
        requires = _pop(operation, "requires")
        if requires is not None:
            yield _done(operation, "Property requires moved from the operation to the resource")
            _require(operation, requires)
        for pair in operation.findall("instance_attributes/nvpair"):
            if pair.get("name") in _OPERATION_META:
                yield _done(pair, f"Property {pair.get('name')} moved to the operation's meta attributes")
                _set_for(operation, f"{operation.get('id')}-meta").append(pair)


def _require(operation: Element, requires: str) -> None:
    resource = next(operation.iterancestors("primitive", "template"), None)
    if resource is None or operation.get("name") not in ("start", "promote"):
        return
    options = _set_for(resource, f"{resource.get('id')}-meta")
    if options.find("nvpair[@name='requires']") is None:
        etree.SubElement(options, "nvpair", id=f"{resource.get('id')}-requires", name="requires", value=requires)


def _nodes_and_colocations(root: Element) -> Iterator[Report]:
    for node in root.findall("configuration/nodes/node[@type='normal']"):
        node.set("type", "member")
        yield _done(node, "Node type normal is now member")
    for constraint in root.findall("configuration/constraints/rsc_colocation"):
        for name in ("score-attribute", "score-attribute-mangle"):
            if _pop(constraint, name) is not None:
                yield _done(constraint, f"Attribute {name} never had an effect and was left out")


def _access_control(root: Element) -> Iterator[Report]:
    """Users with permissions of their own become targets with a role of their own."""
    for reference in root.findall("configuration/acls//role_ref"):
        reference.tag = "role"
    for user in root.findall("configuration/acls/acl_user"):
        yield _done(user, "acl_user is now acl_target")
        user.tag = "acl_target"
        own = [child for child in user if child.tag in ("read", "write", "deny")]
        if own:
            role = etree.Element("acl_role", id=f"auto-{user.get('id')}")
            role.extend(own)
            user.addnext(role)
            etree.SubElement(user, "role", id=f"auto-{user.get('id')}")
    for permission in list(root.iterfind("configuration/acls//*")):
        if permission.tag in ("read", "write", "deny"):
            _generalise(permission)


def _generalise(permission: Element) -> None:
    permission.set("kind", str(permission.tag))
    permission.tag = "acl_permission"
    reference, kind, attribute = (_pop(permission, name) for name in ("ref", "tag", "attribute"))
    if reference is not None:
        permission.set("reference", reference)
    elif kind is not None:
        permission.set("object-type", kind)
        if attribute is not None:
            permission.set("attribute", attribute)
    elif attribute is not None:
        permission.set("xpath", f"{permission.get('xpath', '//*')}[@{attribute}]")


def _pop(element: Element, name: str) -> str | None:
    value = element.get(name)
    if value is not None:
        del element.attrib[name]
    return value


STEPS = (_cluster_options, _resource_options, _operations, _nodes_and_colocations, _access_control)


def _done(element: Element, message: str) -> Report:
    hint = "Save the CIB once to keep the new names"
    return Report(Severity.NOTICE, "upgraded", element.get("id", str(element.tag)), message, hint, line_of(element))
