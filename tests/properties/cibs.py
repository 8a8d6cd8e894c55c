"""CIBs that hypothesis makes: sensible ones with odd values here and there, and known ones changed at random."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

from hypothesis import strategies as st
from lxml import etree

NAMES = ("a", "b", "c", "d", "g", "k", "nobody", "a:0", "web", "")
NODES = ("n1", "n2", "n3", "n4")
SCORES = ("0", "1", "-1", "100", "INFINITY", "-INFINITY", "+INFINITY", "1000000", "99999999999999", "much", "", "-")
TIMES = ("0", "10", "10s", "1min", "-5", "PT1M", "P40S", "soon", "", "99999999999999999999", "1e9")
TRUTHS = ("true", "false", "yes", "0", "1", "maybe", "")
ROLES = ("Started", "Stopped", "Promoted", "Unpromoted", "Master", "Slave", "King", "")
TASKS = ("start", "stop", "promote", "demote", "monitor", "migrate_to", "migrate_from", "notify", "delete", "dance", "")
META: dict[str, tuple[str, ...]] = {
    "target-role": ROLES,
    "is-managed": TRUTHS,
    "resource-stickiness": SCORES,
    "migration-threshold": SCORES,
    "failure-timeout": TIMES,
    "multiple-active": ("block", "stop_only", "stop_start", "stop_unexpected", "x"),
    "priority": SCORES,
    "allow-migrate": TRUTHS,
    "requires": ("nothing", "quorum", "fencing", "unfencing", "x"),
    "critical": TRUTHS,
    "maintenance": TRUTHS,
    "clone-max": ("0", "1", "2", "5", "-1", "x"),
    "clone-node-max": ("0", "1", "2", "x"),
    "promoted-max": ("0", "1", "2", "-1"),
    "promoted-node-max": ("0", "1", "2"),
    "promotable": TRUTHS,
    "interleave": TRUTHS,
    "ordered": TRUTHS,
    "notify": TRUTHS,
    "globally-unique": TRUTHS,
    "clone-min": ("0", "1", "9", "x"),
    "remote-node": NAMES,
    "container": NAMES,
}
OPTIONS: dict[str, tuple[str, ...]] = {
    "stonith-enabled": TRUTHS,
    "no-quorum-policy": ("stop", "freeze", "ignore", "demote", "fence", "suicide", "x"),
    "placement-strategy": ("default", "utilization", "minimal", "balanced", "x"),
    "stop-all-resources": TRUTHS,
    "maintenance-mode": TRUTHS,
    "symmetric-cluster": TRUTHS,
    "node-health-strategy": ("none", "migrate-on-red", "only-green", "progressive", "custom"),
    "shutdown-lock": TRUTHS,
    "shutdown-lock-limit": TIMES,
    "start-failure-is-fatal": TRUTHS,
    "concurrent-fencing": TRUTHS,
    "priority-fencing-delay": TIMES,
    "enable-startup-probes": TRUTHS,
    "have-watchdog": TRUTHS,
    "stonith-watchdog-timeout": TIMES,
    "batch-limit": ("0", "5", "-1", "x"),
}

Draw = Callable[[st.SearchStrategy[str]], str]


class _Maker:
    """Draws one CIB."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.count = 0

    def id(self) -> str:
        self.count += 1
        return f"i{self.count}"

    def one(self, values: tuple[str, ...]) -> str:
        return self.draw(st.sampled_from(values))

    def chance(self, percent: int) -> bool:
        return self.draw(st.integers(0, 99)) < percent

    def number(self, most: int) -> int:
        return self.draw(st.integers(0, most))

    def pairs(self, parent: etree._Element, tag: str, table: dict[str, tuple[str, ...]], most: int) -> None:
        block = etree.SubElement(parent, tag, id=self.id())
        for name in self.draw(st.lists(st.sampled_from(sorted(table)), max_size=most, unique=True)):
            etree.SubElement(block, "nvpair", id=self.id(), name=name, value=self.one(table[name]))

    def cib(self) -> etree._Element:
        root = etree.Element("cib", {"validate-with": "pacemaker-3.9", "have-quorum": self.one(("1", "0", "true"))})
        configuration = etree.SubElement(root, "configuration")
        self.pairs(etree.SubElement(configuration, "crm_config"), "cluster_property_set", OPTIONS, 5)
        nodes = etree.SubElement(configuration, "nodes")
        resources = etree.SubElement(configuration, "resources")
        constraints = etree.SubElement(configuration, "constraints")
        status = etree.SubElement(root, "status")
        names = NODES[: 1 + self.number(3)]
        for name in names:
            self.node(etree.SubElement(nodes, "node", id=name, uname=name))
        for name in ("a", "b", "c", "d")[: 1 + self.number(3)]:
            self.resource(resources, name)
        for _ in range(self.number(6)):
            self.constraint(constraints)
        for name in names:
            self.state(status, name)
        return root

    def node(self, node: etree._Element) -> None:
        if self.chance(30):
            attributes = {
                "standby": TRUTHS,
                "#health-disk": ("red", "green", "-50"),
                "zone": ("x", "y"),
                "maintenance": TRUTHS,
            }
            self.pairs(node, "instance_attributes", attributes, 2)
        if self.chance(30):
            self.pairs(node, "utilization", {"cpu": ("1", "4", "x", "-3"), "ram": ("0", "8")}, 2)

    def resource(self, parent: etree._Element, name: str) -> None:
        kind = self.number(9)
        if kind < 5:
            self.primitive(parent, name)
        elif kind < 7:
            group = etree.SubElement(parent, "group", id=f"g{name}")
            self.pairs(group, "meta_attributes", META, 2)
            for suffix in ("", "1", "2")[: 1 + self.number(2)]:
                self.primitive(group, name + suffix)
        else:
            clone = etree.SubElement(parent, "clone", id=f"k{name}")
            self.pairs(clone, "meta_attributes", META, 4)
            self.resource(clone, name) if self.chance(20) else self.primitive(clone, name)

    def primitive(self, parent: etree._Element, name: str) -> None:
        agents = (("ocf", "pacemaker", "Dummy"), ("ocf", "pacemaker", "Stateful"), ("stonith", "", "fence_x"))
        standard, provider, kind = self.draw(st.sampled_from((*agents, ("ocf", "pacemaker", "remote"))))
        element = etree.SubElement(parent, "primitive", {"id": name, "class": standard, "type": kind})
        if provider:
            element.set("provider", provider)
        self.pairs(element, "meta_attributes", META, 3)
        if self.chance(20):
            self.pairs(element, "utilization", {"cpu": ("1", "9"), "ram": ("2", "x")}, 2)
        operations = etree.SubElement(element, "operations")
        for _ in range(self.number(3)):
            operation = etree.SubElement(operations, "op", id=self.id(), name=self.one(TASKS), interval=self.one(TIMES))
            for attribute, values in (
                ("role", ROLES),
                ("timeout", TIMES),
                ("on-fail", ("block", "fence", "stop", "ban", "x")),
            ):
                if self.chance(30):
                    operation.set(attribute, self.one(values))

    def name(self) -> str:
        return self.one((*NAMES, "ga", "gb", "ka", "kb", "kc", "a1"))

    def constraint(self, parent: etree._Element) -> None:
        kind = self.number(3)
        if kind == 0:
            element = etree.SubElement(parent, "rsc_location", id=self.id(), rsc=self.name(), score=self.one(SCORES))
            element.set("node", self.one((*NODES, "nobody")))
        elif kind == 1:
            element = etree.SubElement(
                parent, "rsc_colocation", {"id": self.id(), "rsc": self.name(), "with-rsc": self.name()}
            )
            element.set("score", self.one(SCORES))
            self.perhaps(element, ("rsc-role", "with-rsc-role"), ROLES)
        elif kind == 2:
            element = etree.SubElement(parent, "rsc_order", id=self.id(), first=self.name(), then=self.name())
            element.set("kind", self.one(("Mandatory", "Optional", "Serialize", "x")))
            self.perhaps(element, ("first-action", "then-action"), TASKS)
            self.perhaps(element, ("symmetrical", "require-all"), TRUTHS)
        else:
            element = etree.SubElement(parent, "rsc_ticket", id=self.id(), rsc=self.name(), ticket="t")
            self.perhaps(element, ("rsc-role",), ROLES)
            self.perhaps(element, ("loss-policy",), ("stop", "demote", "fence", "freeze", "x"))

    def perhaps(self, element: etree._Element, names: tuple[str, ...], values: tuple[str, ...]) -> None:
        for name in names:
            if self.chance(30):
                element.set(name, self.one(values))

    def state(self, status: etree._Element, name: str) -> None:
        state = etree.SubElement(status, "node_state", id=name, uname=name)
        state.set("in_ccm", self.one(("true", "false", "1700000000", "0")))
        state.set("crmd", self.one(("online", "offline", "1700000000", "0")))
        state.set("join", self.one(("member", "down", "pending")))
        state.set("expected", self.one(("member", "down")))
        transient = {
            "shutdown": ("0", "1699990000"),
            "master-a": SCORES,
            "fail-count-a#monitor_10000": SCORES,
            "terminate": TRUTHS,
        }
        attributes = etree.SubElement(state, "transient_attributes", id=name)
        self.pairs(attributes, "instance_attributes", transient, 2)
        resources = etree.SubElement(etree.SubElement(state, "lrm", id=name), "lrm_resources")
        for resource in self.draw(st.lists(st.sampled_from(("a", "b", "c", "a:0", "gone")), max_size=3, unique=True)):
            history = etree.SubElement(resources, "lrm_resource", {"id": resource, "class": "ocf", "type": "Dummy"})
            history.set("provider", "pacemaker")
            for call in range(1, 1 + self.number(3)):
                self.entry(history, resource, call)

    def entry(self, history: etree._Element, resource: str, call: int) -> None:
        task, interval = self.one(TASKS), self.one(("0", "10000", "x"))
        rc, target, status = (
            self.one(("0", "7", "8", "1", "5", "x")),
            self.one(("0", "7", "8")),
            self.one(("0", "4", "-1", "2", "x")),
        )
        key = f"{call}:1:{target}:00000000-0000-0000-0000-000000000000"
        entry = etree.SubElement(
            history, "lrm_rsc_op", id=f"{resource}_{self.one(('last_0', 'last_failure_0', 'monitor_10000'))}"
        )
        values = {
            "operation": task,
            "operation_key": f"{resource}_{task}_{interval}",
            "transition-key": key,
            "transition-magic": f"{status}:{rc};{key}",
            "call-id": self.one((str(call), "-1", "x")),
            "rc-code": rc,
            "op-status": status,
            "interval": interval,
        }
        for name, value in values.items():
            if not self.chance(5):
                entry.set(name, value)


@st.composite
def built(draw: st.DrawFn) -> bytes:
    """A CIB from nothing."""
    return etree.tostring(_Maker(draw).cib())


@st.composite
def mutated(draw: st.DrawFn, originals: list[bytes]) -> bytes:
    """A known CIB, changed in a few places."""
    root = etree.fromstring(draw(st.sampled_from(originals)))
    for _ in range(draw(st.integers(1, 4))):
        elements = [each for each in root.iter(tag=etree.Element) if each is not root]
        if elements:
            _change(draw, elements[draw(st.integers(0, len(elements) - 1))], elements)
    return etree.tostring(root)


def _change(draw: st.DrawFn, element: etree._Element, elements: list[etree._Element]) -> None:
    parent = element.getparent()
    assert parent is not None
    kind = draw(st.sampled_from(("remove", "double", "move", "set", "unset", "swap", "rename")))
    if kind == "remove":
        parent.remove(element)
    elif kind == "double":
        parent.append(deepcopy(element))
    elif kind == "move":
        goal = elements[draw(st.integers(0, len(elements) - 1))]
        if element not in [goal, *goal.iterancestors()]:
            goal.append(element)
    elif kind == "rename":
        element.tag = draw(st.sampled_from(("primitive", "group", "clone", "nvpair", "rule", "bundle", "nonsense")))
    elif element.attrib:
        name = draw(st.sampled_from(sorted(map(str, element.attrib))))
        if kind == "unset":
            del element.attrib[name]
        elif kind == "set":
            element.set(name, draw(st.sampled_from((*SCORES, *TIMES, *ROLES, *NAMES, *TRUTHS))))
        else:
            others = [str(each.get(name)) for each in elements if each.get(name) is not None]
            element.set(name, draw(st.sampled_from(others)))
