"""What a step of the CIB tells those who look on: its differences, in the words of the field.

Pure, and the same on every node: news are worked out of two states of the CIB and nothing else, so that a listener can
go on at another node. They hold enough to carry the old state on to the new one. Secrets are replaced, whoever listens.

A piece of news is a JSON object: `kind` (cluster, node, operation, history, attribute, ticket, configuration, status),
`change` (created, modified, deleted, moved), `path` within the CIB, and what the kind has to say beside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from weakref import WeakKeyDictionary

from lxml import etree

from crm.cib import paths, tree_diff
from crm.cib.document import Document
from crm.cib.parsing import Element
from crm.cib.paths import Path
from crm.cib.redaction import REDACTED, is_secret_name, redacted, redacted_text, secret_pairs
from crm.cib.tree_diff import attributes_of

News = dict[str, object]

KINDS = ("cluster", "node", "operation", "history", "attribute", "ticket", "configuration", "status")
_ids: WeakKeyDictionary[Document, frozenset[str]] = WeakKeyDictionary()
"""Of the secrets of a CIB: a change of it may be told in thousands of news."""
_DONE = {"create": "created", "modify": "modified", "delete": "deleted", "move": "moved"}
_NO = ("0", "false", "")


def change_events(before: Document, after: Document) -> tuple[News, ...]:
    """What `after` has that `before` had not, in the order of the patch; empty if only the version differs."""
    changes = after.changes_since(before)
    if changes is None:
        changes = tree_diff.make(before.root, after.root)
    return tuple(each for change in changes for each in _told(change, before, after))


def _told(change: Element, before: Document, after: Document) -> Iterator[News]:
    operation, path = change.get("operation", ""), paths.parse(change.get("path", ""))
    subject = _subject(change, operation)
    if operation == "create" and subject is not None:
        path = (*path, paths.step_of(subject))
    if len(path) == 1:
        yield from _cluster(change, after)
    elif path[1][0] == "configuration":
        yield _configuration(_DONE[operation], path, change, subject, (before, after))
    elif path[1][0] == "status":
        if operation == "delete":
            subject = paths.find(before.root, path)
        for inner, element in _parts(path, subject):
            yield _status(_DONE[operation], inner, element, (before, after))


def _subject(change: Element, operation: str) -> Element | None:
    """The element as it is after the change; None when it is gone, or only moved."""
    if operation == "create":
        return change[0]
    return change.find("change-result/*") if operation == "modify" else None


def _parts(path: Path, subject: Element | None) -> Iterator[tuple[Path, Element | None]]:
    """The elements that a change of the status is about: what came or went as a whole is told one by one."""
    found = [] if subject is None else list(subject.iter(*_SPEAKING))
    if subject is None or not found:
        yield path, subject
    for element in found:
        yield (*path, *_steps_between(subject, element)), element


def _steps_between(upper: Element | None, lower: Element) -> Path:
    return () if upper is None else paths.path_of(lower)[len(paths.path_of(upper)) :]


class _Names:
    """Names of nodes by their ids, old and new."""

    def __init__(self, before: Document, after: Document) -> None:
        self._trees = (after.root, before.root)

    def node(self, path: Path) -> str:
        """The name of the node that a place in the status belongs to."""
        identity = next((step[1] for step in path if step[0] == "node_state"), None) or ""
        return self.of(identity)

    def of(self, identity: str) -> str:
        for root in self._trees:
            for element in (*root.iterfind("status/node_state"), *root.iterfind("configuration/nodes/node")):
                if element.get("id") == identity and element.get("uname"):
                    return element.get("uname", "")
        return identity


def _cluster(change: Element, after: Document) -> Iterator[News]:
    """The root's attributes: who leads, and whether there is a quorum. The version is told by the step itself."""
    changed = {entry.get("name") for entry in change.iterfind("change-list/change-attr")}
    if changed & {"dc-uuid", "have-quorum"}:
        root = after.root
        leader = _Names(after, after).of(root.get("dc-uuid", "")) or None
        quorate = root.get("have-quorum", "0") not in _NO
        yield {"kind": "cluster", "change": "modified", "path": "/cib", "dc": leader, "quorate": quorate}


def _configuration(
    done: str, path: Path, change: Element, subject: Element | None, documents: tuple[Document, Document]
) -> News:
    tag, identity = path[-1]
    section = path[2][0] if len(path) > 2 else tag
    told: News = {"kind": "configuration", "change": done, "path": paths.render(path),
                  "section": section, "element": tag, "id": identity}
    if done == "created" and subject is not None:
        told["xml"] = _without_secrets(subject, documents)
    if done == "modified":
        told["attributes"] = _new_attributes(change, identity, documents)
    if "position" in change.attrib:
        told["position"] = int(change.get("position", "0"))
    return told


def _without_secrets(subject: Element, documents: tuple[Document, Document]) -> str:
    secret = _secret_ids(documents)
    copy = redacted(subject)
    for pair in copy.iter("nvpair"):
        if pair.get("id") in secret and pair.get("value"):
            pair.set("value", REDACTED)
    return etree.tostring(copy, encoding="unicode", with_tail=False)


def _new_attributes(change: Element, identity: str | None, documents: tuple[Document, Document]) -> News:
    """Attributes that have another value now; None stands for one that is gone."""
    secret = change.find("change-result/nvpair") is not None and identity in _secret_ids(documents)
    return {
        entry.get("name", ""): REDACTED if secret and entry.get("name") == "value" else entry.get("value")
        for entry in change.iterfind("change-list/change-attr")
    }


def _secret_ids(documents: tuple[Document, Document]) -> frozenset[str]:
    return _ids_in(documents[0]) | _ids_in(documents[1])


def _ids_in(document: Document) -> frozenset[str]:
    if document not in _ids:
        _ids[document] = frozenset(pair.get("id", "") for pair in secret_pairs(document.root))
    return _ids[document]


def _status(done: str, path: Path, element: Element | None, documents: tuple[Document, Document]) -> News:
    tell = _SPEAKING.get(path[-1][0], _other)
    told: News = {**tell(path, {} if element is None else attributes_of(element))}
    for words in ("reason", "output"):
        if told.get(words):
            told[words] = redacted_text(documents[1], str(told[words]))
    if done == "deleted" and "value" in told:
        told["value"] = None
    if any(tag == "node_state" for tag, _ in path):
        told["node"] = _Names(*documents).node(path)
    return {**told, "change": done, "path": paths.render(path)}


def _node(path: Path, state: dict[str, str]) -> News:
    """A node's state: whether the message layer sees it, whether its daemon takes part, what is expected of it."""
    return {"kind": "node", "id": path[-1][1], "member": state.get("in_ccm", "0") not in _NO,
            "daemon": state.get("crmd", "0") not in _NO, "join": state.get("join"), "expected": state.get("expected")}


def _operation(path: Path, entry: dict[str, str]) -> News:
    """An entry of a resource's history: the result of an operation, or that it is under way (status -1)."""
    key = entry.get("transition-key", "").split(":")
    return {"kind": "operation", "resource": path[-2][1], "entry": path[-1][1], "operation": entry.get("operation"),
            "interval_ms": _number(entry.get("interval")), "rc": _number(entry.get("rc-code")),
            "expected_rc": _number(key[2]) if len(key) > 3 else None, "status": _number(entry.get("op-status")),
            "reason": entry.get("exit-reason", ""), "output": entry.get("agent-output", ""),
            "at": _number(entry.get("last-rc-change"))}


def _history(path: Path, _resource: dict[str, str]) -> News:
    return {"kind": "history", "resource": path[-1][1]}


def _attribute(path: Path, pair: dict[str, str]) -> News:
    """A transient attribute of a node; the value of one that is gone is None."""
    name, value = pair.get("name", ""), pair.get("value")
    return {"kind": "attribute", "name": name, "value": REDACTED if value and is_secret_name(name) else value}


def _ticket(path: Path, ticket: dict[str, str]) -> News:
    granted = ticket.get("granted", "false") not in _NO
    return {"kind": "ticket", "ticket": path[-1][1], "granted": granted, "attributes": ticket}


def _other(path: Path, _attributes: dict[str, str]) -> News:
    return {"kind": "history" if path[-1][0] in ("lrm", "lrm_resources") else "status"}


_SPEAKING: dict[str, Callable[[Path, dict[str, str]], News]] = {
    "node_state": _node,
    "lrm_resource": _history,
    "lrm_rsc_op": _operation,
    "nvpair": _attribute,
    "ticket_state": _ticket,
}


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.lstrip("-").isdecimal() else None
