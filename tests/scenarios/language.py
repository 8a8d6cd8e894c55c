"""The words of a case, to a CIB. One line, one object; `name=value` pairs are its attributes or meta attributes.

    nodes n1 n2 …                        members of the cluster, online
    node n3 [STATE] k=v … [utilization k=v …] [transient k=v …]
                                         one node; STATE is online, offline (left in order), lost (must be fenced),
                                         pending, leaving (asked to shut down), stuck (without its daemons), unseen,
                                         remote (a remote or guest node that was connected)
    options k=v …                        cluster options; without a fence device stonith-enabled is false unless said
    defaults k=v …    op-defaults k=v …  rsc_defaults and op_defaults
    primitive a [ocf:pacemaker:Dummy | @TEMPLATE] k=v … [params k=v …] [utilization k=v …] [op monitor interval=10s …] …
    template t AGENT …                   as primitive
    group g a b k=v …                    members were named before, and move into it; so with clone and bundle
    clone c a k=v …                      promotable with promotable=true
    bundle b [a] replicas=2 … [network k=v …] [meta k=v …]
    location a n1 100 k=v …              score on a node, or with `when zone eq east` for it on all such nodes
    colocation a with b INFINITY k=v …
    order a then b k=v …
    ticket t a k=v …                     a ticket constraint
    granted t k=v …   revoked t k=v …    the state of a ticket
    tag t a b …
    level n1 1 f1,f2                     fencing-topology: target, index, devices
    quorum no    schema NAME    attributes k=v …   attributes of the CIB itself
    <xml …>                              anything else, as it stands in a CIB; its lines go to where its tag belongs
    show status why capacities verify    what is shown besides changes, steps, and scores; all is status and why, verify
                                         what `crm_verify` says; `show why a` explains a only, which may be removed

The words for what happened are in `history`. What is not mentioned was probed everywhere and did not run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lxml import etree

from tests.scenarios.history import WORDS as HISTORY_WORDS
from tests.scenarios.history import History

NOW = 1_772_634_600  # 2026-03-04 14:30 UTC, a Wednesday
DUMMY = "ocf:pacemaker:Dummy"
Pairs = dict[str, str]
_SECTIONS = {
    "rsc_location": "constraints",
    "rsc_colocation": "constraints",
    "rsc_order": "constraints",
    "rsc_ticket": "constraints",
    "primitive": "resources",
    "template": "resources",
    "group": "resources",
    "clone": "resources",
    "bundle": "resources",
    "cluster_property_set": "crm_config",
    "meta_attributes": "rsc_defaults",
    "node": "nodes",
}
_STATES = {  # in_ccm, crmd, join, expected
    "online": ("true", "online", "member", "member"),
    "leaving": ("true", "online", "member", "member"),
    "offline": ("false", "offline", "down", "down"),
    "lost": ("false", "offline", "down", "member"),
    "pending": ("true", "online", "pending", "member"),
    "stuck": ("true", "offline", "down", "member"),
}


class LanguageError(Exception):
    """A line that cannot be understood."""


def cib(lines: list[str]) -> bytes:
    """The CIB that the lines tell of, as a document."""
    writer = _Writer()
    for line in _statements(lines):
        if line.startswith("<"):
            writer.xml(line)
            continue
        word, *rest = line.split()
        if word in HISTORY_WORDS:
            writer.history.tell(word, rest)
        elif word != "show":
            _write(writer, word, rest)
    return writer.document()


def shown(lines: list[str]) -> set[str]:
    """What the case wants to be shown besides what always is."""
    words = {word for line in lines if line.startswith("show ") for word in line.split()[1:]}
    return words | {"status", "why"} if "all" in words else words


def _statements(lines: list[str]) -> Iterator[str]:
    """Lines without comments; an element that spans several of them as one."""
    element = ""
    for line in lines:
        text = line.strip()
        if element:
            element += " " + text
        elif text.startswith("<"):
            element = text
        elif text and not text.startswith("#"):
            yield text
        if element and _is_whole(element):
            yield element
            element = ""
    if element:
        raise LanguageError(f"an element does not end: {element}")


def _is_whole(text: str) -> bool:
    try:
        etree.fromstring(text)
    except etree.XMLSyntaxError:
        return False
    return True


def _write(writer: _Writer, word: str, rest: list[str]) -> None:
    handler: Callable[[list[str]], None] | None = getattr(writer, word.replace("-", "_"), None)
    if handler is None:
        raise LanguageError(f"no such word: {word}")
    handler(rest)


def pairs_of(words: list[str]) -> tuple[list[str], Pairs]:
    """Plain words, and `name=value` pairs."""
    plain = [word for word in words if "=" not in word]
    return plain, dict(word.split("=", 1) for word in words if "=" in word)


def _parts(words: list[str], *starts: str) -> Iterator[tuple[str, list[str]]]:
    """The words cut where one of `starts` stands; the first part is named ''."""
    name, part = "", list[str]()
    for word in words:
        if word in starts:
            yield name, part
            name, part = word, []
        else:
            part.append(word)
    yield name, part


def _nvpairs(parent: etree._Element, tag: str, pairs: Pairs) -> None:
    if not pairs:
        return
    owner = parent.get("id") or parent.tag
    block = etree.SubElement(parent, tag, id=f"{owner}-{tag}")
    for number, (name, value) in enumerate(pairs.items()):
        etree.SubElement(block, "nvpair", id=f"{owner}-{tag}-{number}", name=name, value=value)


class _Writer:
    """Writes a CIB; a method for each word."""

    def __init__(self) -> None:
        self.root = etree.Element(
            "cib",
            {"validate-with": "pacemaker-3.9", "crm_feature_set": "3.16.2", "admin_epoch": "0", "epoch": "1"}
            | {"num_updates": "0", "have-quorum": "1", "execution-date": str(NOW)},
        )
        self.configuration = etree.SubElement(self.root, "configuration")
        names = ("crm_config", "nodes", "resources", "constraints")
        self.sections = {name: etree.SubElement(self.configuration, name) for name in names}
        self.status = etree.SubElement(self.root, "status")
        self.history = History(self.root, self.status, NOW)
        self._count = 0
        self._options: Pairs = {}

    def document(self) -> bytes:
        if not self.root.findall(".//primitive[@class='stonith']"):
            self._options.setdefault("stonith-enabled", "false")
        _nvpairs(self.sections["crm_config"], "cluster_property_set", self._options)
        self.history.complete()
        return etree.tostring(self.root, pretty_print=True)

    def _id(self, name: str) -> str:
        self._count += 1
        return f"{name}-{self._count}"

    def _section(self, name: str) -> etree._Element:
        if name not in self.sections:
            self.sections[name] = etree.SubElement(self.configuration, name)
        return self.sections[name]

    def xml(self, text: str) -> None:
        element = etree.fromstring(text)
        section = _SECTIONS.get(str(element.tag))
        if section is not None:
            self._section(section).append(element)
        elif element.tag == "node_state":
            self.status.append(element)
        else:
            self.configuration.append(element)

    # Nodes and options

    def nodes(self, words: list[str]) -> None:
        for name in words:
            self.node([name])

    def node(self, words: list[str]) -> None:
        name, *rest = words
        state = rest.pop(0) if rest and "=" not in rest[0] and rest[0] not in ("utilization", "transient") else "online"
        parts = dict(_parts(rest, "utilization", "transient"))
        kind = {"type": "remote"} if state == "remote" else {}
        element = etree.Element("node", {"id": name, "uname": name} | kind)
        if state != "remote" or rest:
            self.sections["nodes"].append(element)
        _nvpairs(element, "instance_attributes", pairs_of(parts[""])[1])
        _nvpairs(element, "utilization", pairs_of(parts.get("utilization", []))[1])
        if state == "unseen":
            return
        self._state(name, state)
        for key, value in pairs_of(parts.get("transient", []))[1].items():
            self.history.attribute(name, key, value)

    def _state(self, name: str, state: str) -> None:
        if state == "remote":
            etree.SubElement(self.status, "node_state", {"id": name, "uname": name, "remote_node": "true"})
            self.history.node(name, is_online=True)
            return
        values = dict(zip(("in_ccm", "crmd", "join", "expected"), _STATES[state], strict=True))
        etree.SubElement(self.status, "node_state", {"id": name, "uname": name} | values)
        if "dc-uuid" not in self.root.attrib and state == "online":
            self.root.set("dc-uuid", name)
        if state == "leaving":
            self.history.attribute(name, "shutdown", str(NOW - 10))
        self.history.node(name, is_online=values["crmd"] == "online")

    def options(self, words: list[str]) -> None:
        self._options |= pairs_of(words)[1]

    def defaults(self, words: list[str]) -> None:
        _nvpairs(self._section("rsc_defaults"), "meta_attributes", pairs_of(words)[1])

    def op_defaults(self, words: list[str]) -> None:
        _nvpairs(self._section("op_defaults"), "meta_attributes", pairs_of(words)[1])

    def quorum(self, words: list[str]) -> None:
        self.root.set("have-quorum", "0" if words == ["no"] else "1")

    def attributes(self, words: list[str]) -> None:
        self.root.attrib.update(pairs_of(words)[1])

    def schema(self, words: list[str]) -> None:
        self.root.set("validate-with", words[0])

    # Resources

    def primitive(self, words: list[str], tag: str = "primitive") -> None:
        name, *rest = words
        agent = rest.pop(0) if rest and (":" in rest[0] or "@" in rest[0]) and "=" not in rest[0] else DUMMY
        element = etree.SubElement(self.sections["resources"], tag, id=name)
        _set_agent(element, agent)
        operations: list[list[str]] = []
        for part, given in _parts(rest, "params", "utilization", "op"):
            if part == "op":
                operations.append(given)
            else:
                kinds = {"": "meta_attributes", "params": "instance_attributes", "utilization": "utilization"}
                _nvpairs(element, kinds[part], pairs_of(given)[1])
        if operations:
            _add_operations(etree.SubElement(element, "operations"), name, operations)

    def template(self, words: list[str]) -> None:
        self.primitive(words, "template")

    def _take(self, parent: etree._Element, names: list[str]) -> None:
        for name in names:
            found = self.sections["resources"].find(f"*[@id='{name}']")
            if found is None:
                raise LanguageError(f"no such resource at the top: {name}")
            parent.append(found)

    def _collective(self, tag: str, words: list[str]) -> None:
        (name, *members), meta = pairs_of(words)
        element = etree.SubElement(self.sections["resources"], tag, id=name)
        _nvpairs(element, "meta_attributes", meta)
        self._take(element, members)

    def group(self, words: list[str]) -> None:
        self._collective("group", words)

    def clone(self, words: list[str]) -> None:
        self._collective("clone", words)

    def bundle(self, words: list[str]) -> None:
        parts = dict(_parts(words, "network", "meta"))
        (name, *inner), values = pairs_of(parts[""])
        element = etree.SubElement(self.sections["resources"], "bundle", id=name)
        _nvpairs(element, "meta_attributes", pairs_of(parts.get("meta", []))[1])
        etree.SubElement(element, "docker", {"image": "image"} | values)
        network = pairs_of(parts.get("network", []))[1]
        if network:
            etree.SubElement(element, "network", network)
        self._take(element, inner)

    # Constraints

    def location(self, words: list[str]) -> None:
        plain, attributes = pairs_of(words)
        element = etree.SubElement(self.sections["constraints"], "rsc_location", id=self._id("location"))
        for name, value in ({"rsc": plain[0]} | attributes).items():
            element.set(name, value)
        if plain[1] != "when":
            element.set("node", plain[1])
            element.set("score", plain[2])
            return
        rule = etree.SubElement(element, "rule", id=f"{element.get('id')}-rule", score=plain[-1])
        names = ("attribute", "operation", "value")
        etree.SubElement(rule, "expression", {"id": f"{element.get('id')}-expression"} | dict(
            zip(names, plain[2:-1], strict=False)))

    def colocation(self, words: list[str]) -> None:
        plain, attributes = pairs_of(words)
        values = {"id": self._id("colocation"), "rsc": plain[0], "with-rsc": plain[2], "score": plain[3]}
        etree.SubElement(self.sections["constraints"], "rsc_colocation", values | attributes)

    def order(self, words: list[str]) -> None:
        plain, attributes = pairs_of(words)
        values = {"id": self._id("order"), "first": plain[0], "then": plain[2]}
        etree.SubElement(self.sections["constraints"], "rsc_order", values | attributes)

    def ticket(self, words: list[str]) -> None:
        plain, attributes = pairs_of(words)
        values = {"id": self._id("ticket"), "ticket": plain[0], "rsc": plain[1]}
        etree.SubElement(self.sections["constraints"], "rsc_ticket", values | attributes)

    def granted(self, words: list[str], granted: str = "true") -> None:
        plain, attributes = pairs_of(words)
        tickets = self.status.find("tickets")
        if tickets is None:
            tickets = etree.SubElement(self.status, "tickets")
        etree.SubElement(tickets, "ticket_state", {"id": plain[0], "granted": granted} | attributes)

    def revoked(self, words: list[str]) -> None:
        self.granted(words, "false")

    def tag(self, words: list[str]) -> None:
        element = etree.SubElement(self._section("tags"), "tag", id=words[0])
        for name in words[1:]:
            etree.SubElement(element, "obj_ref", id=name)

    def level(self, words: list[str]) -> None:
        target, index, devices = words
        values = {"id": self._id("level"), "index": index, "devices": devices}
        name = "target-pattern" if "*" in target else "target"
        etree.SubElement(self._section("fencing-topology"), "fencing-level", values | {name: target})


def _set_agent(element: etree._Element, agent: str) -> None:
    if agent.startswith("@"):
        element.set("template", agent[1:])
        return
    standard, *provider, kind = agent.split(":")
    element.set("class", standard)
    if provider:
        element.set("provider", provider[0])
    element.set("type", kind)


def _add_operations(parent: etree._Element, owner: str, operations: list[list[str]]) -> None:
    for name, *rest in operations:
        values = pairs_of(rest)[1]
        interval = values.pop("interval", "0")
        meta = {key: values.pop(key) for key in list(values) if key not in _OPERATION_ATTRIBUTES}
        identity = f"{owner}-{name}-{interval}" + (f"-{values['role']}" if "role" in values else "")
        element = etree.SubElement(parent, "op", {"id": identity, "name": name, "interval": interval} | values)
        _nvpairs(element, "meta_attributes", meta)


_OPERATION_ATTRIBUTES = ("timeout", "role", "on-fail", "start-delay", "enabled", "record-pending", "interval-origin")
