"""Reading the constraints section, in document order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from lxml import etree

from crm.cib.reading.attributes import Reader, text
from crm.model.cib import ConfiguredNode
from crm.model.constraints import Colocation, Constraint, Location, Order, ResourceSet, TicketConstraint
from crm.model.rules import AttributeExpression, Combine, Comparison, Rule
from crm.model.values import parse_bool


def read_constraints(reader: Reader, section: etree._Element | None) -> tuple[Constraint, ...]:
    """Every constraint that has an id and a kind that is known."""
    constraints: list[Constraint] = []
    for element in section.iterchildren(etree.Element) if section is not None else ():
        build = _READERS.get(text(element.tag))
        identity = text(element.get("id", ""))
        if build is None or not identity:
            what = "has no id" if build else f"is of the unknown kind {text(element.tag)}"
            reader.report("invalid-constraint", identity, f"A constraint {what} and is ignored.", "", element)
            continue
        constraints.append(build(reader, element, identity))
    return tuple(constraints)


def keep_off_ping_nodes(nodes: Iterable[ConfiguredNode]) -> Iterator[Location]:
    """What older releases meant by a node of the type `ping`: one on which nothing runs and nothing is asked about."""
    for node in nodes:
        if node.type == "ping":
            yield Location(f"{node.id}-ping", pattern="", node=node.name, score="-INFINITY", discovery="never")


def _sets(reader: Reader, element: etree._Element) -> tuple[ResourceSet, ...]:
    found = (reader.resolve(child) for child in element.iterchildren("resource_set"))
    return tuple(_set(child) for child in found if child is not None)


def _set(element: etree._Element) -> ResourceSet:
    return ResourceSet(
        id=text(element.get("id", "")),
        members=tuple(text(ref.get("id")) for ref in element.iterchildren("resource_ref") if ref.get("id")),
        sequential=parse_bool(element.get("sequential")),
        require_all=parse_bool(element.get("require-all")),
        ordering=element.get("ordering"),
        role=element.get("role"),
        action=element.get("action"),
        score=element.get("score"),
        kind=element.get("kind"),
    )


def _location(reader: Reader, element: etree._Element, identity: str) -> Location:
    location = Location(
        id=identity,
        resource=element.get("rsc"),
        pattern=element.get("rsc-pattern"),
        node=element.get("node"),
        score=element.get("score"),
        role=element.get("role"),
        discovery=element.get("resource-discovery"),
        rules=_rules(reader, element),
        sets=_sets(reader, element),
    )
    lifetime = element.find("lifetime")
    return location if lifetime is None else _limited(location, _rules(reader, lifetime))


def _rules(reader: Reader, element: etree._Element) -> tuple[Rule, ...]:
    rules = (reader.rule(child) for child in element.iterchildren("rule"))
    return tuple(rule for rule in rules if isinstance(rule, Rule))


def _limited(location: Location, lifetime: tuple[Rule, ...]) -> Location:
    """The constraint with its `lifetime`, an older way to say when it counts, as a condition of its rules."""
    limit = Rule(f"{location.id}-lifetime", lifetime, Combine.OR)
    rules = location.rules
    if location.node is not None:
        here = AttributeExpression(f"{location.id}-node", "#uname", Comparison.EQUAL, location.node)
        rules = (Rule(location.id, (here,), score=location.score, role=location.role),)
    limited = tuple(replace(rule, conditions=(replace(rule, score=None), limit), combine=Combine.AND) for rule in rules)
    return replace(location, node=None, score=None, rules=limited)


def _colocation(reader: Reader, element: etree._Element, identity: str) -> Colocation:
    return Colocation(
        id=identity,
        resource=element.get("rsc"),
        with_resource=element.get("with-rsc"),
        score=element.get("score"),
        role=element.get("rsc-role"),
        with_role=element.get("with-rsc-role"),
        node_attribute=element.get("node-attribute"),
        influence=element.get("influence"),
        instance=element.get("rsc-instance"),
        with_instance=element.get("with-rsc-instance"),
        sets=_sets(reader, element),
    )


def _order(reader: Reader, element: etree._Element, identity: str) -> Order:
    return Order(
        id=identity,
        first=element.get("first"),
        then=element.get("then"),
        first_action=element.get("first-action"),
        then_action=element.get("then-action"),
        kind=element.get("kind"),
        score=element.get("score"),
        symmetrical=parse_bool(element.get("symmetrical")),
        require_all=parse_bool(element.get("require-all")),
        first_instance=element.get("first-instance"),
        then_instance=element.get("then-instance"),
        sets=_sets(reader, element),
    )


def _ticket(reader: Reader, element: etree._Element, identity: str) -> TicketConstraint:
    return TicketConstraint(
        id=identity,
        ticket=text(element.get("ticket", "")),
        resource=element.get("rsc"),
        role=element.get("rsc-role"),
        loss_policy=element.get("loss-policy"),
        sets=_sets(reader, element),
    )


_READERS: dict[str, Callable[[Reader, etree._Element, str], Constraint]] = {
    "rsc_location": _location,
    "rsc_colocation": _colocation,
    "rsc_order": _order,
    "rsc_ticket": _ticket,
}
