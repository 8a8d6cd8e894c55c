"""What the cluster writes of itself when it is told something: failures forgotten, a node known to be off, a value set.

Pure, and apart from the controller that writes it, because what would be written is also what a dry run plans with.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Set

from lxml import etree

from crm.cib.document import Document
from crm.cib.parsing import Element
from crm.cib.queries import operations, primitives_of, recorded_resources, transient_attributes
from crm.cib.status_updates import (
    AttributesRemoval,
    HistoryRemoval,
    LeftRunningUpdate,
    NodeUpdate,
    StatusUpdate,
    TransientAttributeUpdate,
    left_running,
)
from crm.model import score
from crm.model.history import ExitCode, OperationStatus
from crm.model.lease import NOT_AWAITED
from crm.model.values import parse_integer

_TELL_NOTHING = ("notify", "reload", "reload-agent")
_NOT_ACTIVE = (str(int(ExitCode.NOT_RUNNING)), str(int(ExitCode.NOT_INSTALLED)))
_FAILURES = ("fail-count-", "last-failure-")
_LET_GO = {"expected": "down", "lease": NOT_AWAITED}
_EXPRESSION = re.compile(r"(?P<name>value)?(?:(?P<one>\+\+)|(?P<sign>[+-])=(?P<by>-?\w+))")


def node_left(node_id: str, name: str, left: Collection[StatusUpdate] = ()) -> list[StatusUpdate]:
    """A node is gone, and known to be off: what it ran is gone, too, but for what it has `left` running."""
    keeping = frozenset(each for note in left if isinstance(note, LeftRunningUpdate) for each in note.resources)
    return [*_absent(node_id, name, _LET_GO), HistoryRemoval(node_id, keeping=keeping), *left]


def lost(node_id: str, name: str, lease: str, unsure: Iterable[str] = ()) -> list[StatusUpdate]:
    """A node is gone, and may run what it ran. `lease`: see `crm.model.lease`.

    `unsure`: resources of which nobody can tell whether they run there.
    """
    return [*_absent(node_id, name, {"lease": lease}), *(HistoryRemoval(node_id, resource) for resource in unsure)]


def doubted(document: Document, node_id: str, name: str, lease: str) -> list[StatusUpdate]:
    """A node that is lost may also run what its history does not tell of."""
    running = may_run_on(document, node_id)
    unsure = [resource for resource in recorded_resources(document, node_id) if resource not in running]
    return [*lost(node_id, name, lease, unsure), NodeUpdate(node_id, name, {"expected": "member"})]


def node_removed(document: Document, node_id: str, name: str) -> list[StatusUpdate]:
    """A node has left as it was allowed to. Its machine is on, and what it has not stopped still runs.

    In maintenance nothing is stopped. What may run stays in the history, so the planner has the node fenced before it
    starts any of it elsewhere.
    """
    return [*_absent(node_id, name, _LET_GO), HistoryRemoval(node_id, keeping=may_run_on(document, node_id))]


def _absent(node_id: str, name: str, further: dict[str, str]) -> list[StatusUpdate]:
    attributes = {"in_ccm": "0", "crmd": "0", "join": "down", "crm-debug-origin": "left", **further}
    return [NodeUpdate(node_id, name, attributes), AttributesRemoval(node_id)]


def may_run_anything(document: Document, node_id: str) -> bool:
    """Whether something may be active on a node, as far as its history says."""
    return bool(may_run_on(document, node_id))


def may_run_on(document: Document, node_id: str) -> frozenset[str]:
    """Resources that the last that was done with them on a node may have left active there."""
    last: dict[str, tuple[int, Mapping[str, str]]] = {}
    for each in operations(document.root, node_id):
        if each.attributes.get("operation") not in _TELL_NOTHING:
            call = parse_integer(each.attributes.get("call-id")) or 0
            if each.resource not in last or call > last[each.resource][0]:
                last[each.resource] = call, each.attributes
    return frozenset(resource for resource, (_, entry) in last.items() if _may_have_left_active(entry))


def _may_have_left_active(last: Mapping[str, str]) -> bool:
    operation, rc, done = last.get("operation"), last.get("rc-code"), last.get("op-status", "0") == "0"
    if operation == "monitor":
        return not (rc in _NOT_ACTIVE or last.get("op-status") == str(int(OperationStatus.NOT_INSTALLED)))
    return not (operation in ("stop", "migrate_to") and done and rc == "0")


def fenced_remotely(name: str) -> list[StatusUpdate]:
    """A remote node is off."""
    return [HistoryRemoval(name), AttributesRemoval(name), NodeUpdate(name, name, {"node_fenced": "1"})]


def cleanup(document: Document, node_id: str, resource: str | None, everything: bool = False,
            changing: Set[str] = frozenset()) -> tuple[list[StatusUpdate], list[HistoryRemoval]]:
    """Forget the failures of a resource (None: of all) on a node, with the histories that they are in; and which.

    What is `changing` there, by an operation that has not ended, keeps all but its failures: no probe can tell what it
    is before that ends, and until then it is what it was.

    With `everything` also histories without a failure. Pacemaker draws the same line between `crm_resource --cleanup`
    and `--refresh`: what is healthy is not to be doubted, as what depends on it would be stopped meanwhile.
    """
    wanted = None if resource is None else primitives_of(document, resource) | {resource}

    def meant(name: str) -> bool:
        return wanted is None or name in wanted or name.split(":")[0] in wanted

    attributes = [name for name in transient_attributes(document, node_id)
                  if name.startswith(_FAILURES) and meant(_resource_of(name))]
    counted = {_resource_of(name).split(":")[0] for name in attributes}
    failed = _failed_entries(document, node_id)
    left = left_running(document).get(node_id, ())  # Not a failure, but all that is known of a node that is away.
    recorded = [name for name in recorded_resources(document, node_id)
                if meant(name) and name not in left and (everything or name in failed or name.split(":")[0] in counted)]
    forgotten = [HistoryRemoval(node_id, name) for name in recorded if name not in changing]
    forgotten += [HistoryRemoval(node_id, name, tuple(entries)) for name, entries in failed.items()
                  if name in recorded and name in changing]
    return [*forgotten, *(TransientAttributeUpdate(node_id, name, None) for name in attributes)], forgotten


def cleanup_with_count(document: Document, node_ids: Iterable[str], resource: str | None, everything: bool = False
                      ) -> list[StatusUpdate]:
    """What is left when that is done on several nodes and everything is then found as it was recorded.

    For plans: failures are gone, what succeeded stays.
    """
    found: list[StatusUpdate] = []
    for node_id in node_ids:
        notes, forgotten = cleanup(document, node_id, resource, everything)
        recorded = [note.resource for note in forgotten if note.resource is not None]
        found += [note for note in notes if isinstance(note, TransientAttributeUpdate)]
        failed = _failed_entries(document, node_id)
        found += [HistoryRemoval(node_id, name, tuple(failed[name])) for name in recorded if name in failed]
    return found


def _failed_entries(document: Document, node_id: str) -> dict[str, list[str]]:
    """Ids of the entries of a node's history that tell of a failure, by resource."""
    found = document.root.xpath("status/node_state[@id=$node]/lrm/lrm_resources/lrm_resource", node=node_id)
    resources = [each for each in found if isinstance(each, etree._Element)] if isinstance(found, list) else []
    failed = {str(resource.get("id")): [str(entry.get("id")) for entry in resource.iterfind("lrm_rsc_op")
                                        if _is_failure(entry)] for resource in resources}
    return {resource: entries for resource, entries in failed.items() if entries}


def _is_failure(entry: Element) -> bool:
    """Whether an operation did not end as it was expected to (its transition key says what was expected)."""
    if entry.get("op-status") == str(int(OperationStatus.PENDING)):
        return False
    expected = entry.get("transition-key", "").split(":")[2:3]
    return entry.get("op-status", "0") != "0" or (bool(expected) and entry.get("rc-code") != expected[0])


def set_attribute(text: str, present: str | None) -> str:
    """The value that an attribute gets: `value++`, `value+=5` and `value-=5` add to the present one."""
    found = _EXPRESSION.fullmatch(text)
    if found is None:
        return text
    step = 1 if found["one"] else score.parse(found["by"])
    signed = -step if found["sign"] == "-" else step
    return score.render(score.add(score.parse(present), signed))


def _resource_of(attribute: str) -> str:
    """The resource that a failure attribute is about."""
    return attribute.removeprefix(_FAILURES[0]).removeprefix(_FAILURES[1]).rpartition("#")[0]
