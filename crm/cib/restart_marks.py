"""Restarts that somebody has asked for, as marks in the status: one on each history of what is to be restarted.

A mark makes the planner stop what runs and start it again in the same place (see `crm.policy_engine.picture.restarts`),
so that a restart needs nobody who waits for the stop in order to ask for the start: who asked may die in between. The
mark goes with the recorded results: `stop` (it is to be stopped) becomes `start` once it is stopped, and goes when it
is started. `stop-promoted` and `start-promoted` stand for an instance that is to be promoted again; they go with its
promotion. Marks are ours: other cluster managers know nothing of them and leave them alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from xml.sax.saxutils import quoteattr

from crm.cib.changes import Batch, Edit, EditVerb
from crm.cib.document import Document
from crm.cib.expressions import literal
from crm.cib.parsing import Element

MARK = "restart-requested"
STOP, START = "stop", "start"
_PROMOTED = "-promoted"
_SUCCESS = ("0", "8")


def promoted(mark: str) -> bool:
    """Whether it is to be promoted again."""
    return mark.endswith(_PROMOTED)


def is_to_stop(mark: str) -> bool:
    """Whether the restart has not got further than being asked for."""
    return mark.startswith(STOP)


def request(document: Document, places: Iterable[tuple[str, str, bool]]) -> Batch | None:
    """Have what runs there restarted: ids of nodes and histories, and whether it is promoted. None for no places."""
    wanted = {(node_id, name): STOP + (_PROMOTED if role else "") for node_id, name, role in places}
    edits = [Edit(EditVerb.MODIFY, f"<lrm_resource id={quoteattr(name)} {MARK}={quoteattr(mark)}/>", xpath=where)
             for node_id, name, history in _histories(document) if (mark := wanted.get((node_id, name)))
             and (where := _path(node_id, history)) is not None]
    return Batch(tuple(edits)) if edits else None


def withdraw(document: Document, places: Iterable[tuple[str, str]]) -> Batch | None:
    """End the wish for those restarts, however far they are; None if there is none.

    The marks are emptied: whoever changes an attribute only does not write over results that come at the same time.
    """
    meant = set(places)
    edits = [Edit(EditVerb.MODIFY, f"<lrm_resource id={quoteattr(name)} {MARK}=''/>", xpath=where)
             for node_id, name, history in _histories(document)
             if (node_id, name) in meant and history.get(MARK) and (where := _path(node_id, history)) is not None]
    return Batch(tuple(edits)) if edits else None


def marks(document: Document) -> dict[tuple[str, str], str]:
    """The marks that there are, by ids of nodes and histories."""
    return {(node_id, name): str(history.get(MARK)) for node_id, name, history in _histories(document)
            if history.get(MARK)}


def after(mark: str, operation: str, succeeded: bool) -> str:
    """What becomes of a mark with the result of an operation; empty: it goes."""
    if not succeeded:
        return mark
    if operation == "stop":
        return START + (_PROMOTED if promoted(mark) else "")
    over = "promote" if promoted(mark) else "start"
    return "" if operation == over and not is_to_stop(mark) else mark


def follow(history: Element, entries: Iterable[Mapping[str, str]]) -> None:
    """Take a history's mark on, with results that are recorded in it now."""
    for attributes in entries:
        mark = history.get(MARK)
        if mark is None:
            return
        following = mark and after(mark, attributes.get("operation", ""), _succeeded(attributes))
        if following:
            history.set(MARK, following)
        else:
            del history.attrib[MARK]


def carry_over(old: Element, new: Element) -> None:
    """Keep a mark when a node tells its whole history anew. What is only found by a probe was started by nobody."""
    mark, before, now = old.get(MARK), _last(old), _last(new)
    if not mark or now is None or now.get("operation") == "monitor":
        return
    new.set(MARK, mark)
    if before is None or before.get("transition-magic") != now.get("transition-magic"):
        follow(new, [{str(key): str(value) for key, value in now.attrib.items()}])


def _last(history: Element) -> Element | None:
    identity = f"{history.get('id')}_last_0"
    return next((entry for entry in history if entry.get("id") == identity), None)


def _succeeded(attributes: Mapping[str, str]) -> bool:
    return attributes.get("op-status", "0") == "0" and attributes.get("rc-code", "0") in _SUCCESS


def _histories(document: Document) -> Iterator[tuple[str, str, Element]]:
    for state in document.root.iterfind("status/node_state"):
        for history in state.iterfind("lrm/lrm_resources/lrm_resource"):
            yield str(state.get("id")), str(history.get("id")), history


def _path(node_id: str, history: Element) -> str | None:
    """An XPath for a history; None for names that cannot be written in one."""
    name = str(history.get("id"))
    if "'" in node_id + name:
        return None
    return f"/cib/status/node_state[@id={literal(node_id)}]/lrm/lrm_resources/lrm_resource[@id={literal(name)}]"
