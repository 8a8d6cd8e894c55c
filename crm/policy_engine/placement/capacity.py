"""Capacities of nodes and what resources use of them. Source: Pacemaker Explained, "Utilization and Placement
Strategy".
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping

from crm.model.values import parse_integer
from crm.policy_engine.picture.cluster import Node

_LARGEST = 2**31 - 1


def amount(text: str | None) -> int:
    """A utilization value; what is not a number counts as 0."""
    return parse_integer(text) or 0


def compare_capacity(left: Node, right: Node) -> int:
    """Negative when `left` has more of more kinds of capacity than `right`, positive when less, else 0."""
    result = 0
    for name, value in left.utilization.items():
        result += _order(amount(value), amount(right.utilization.get(name)))
    for name, value in right.utilization.items():
        if name not in left.utilization:
            result += _order(0, amount(value))
    return result


def _order(left: int, right: int) -> int:
    return (left < right) - (left > right)


def consume(capacity: MutableMapping[str, str], used: Mapping[str, str]) -> None:
    """Take away what a resource uses."""
    for name, value in used.items():
        capacity[name] = str(_within(amount(capacity.get(name)) - amount(value)))


def release(capacity: MutableMapping[str, str], used: Mapping[str, str]) -> None:
    """Give back what a resource used (or add up what several use)."""
    for name, value in used.items():
        capacity[name] = str(_within(amount(capacity.get(name)) + amount(value)))


def _within(value: int) -> int:
    return max(-_LARGEST - 1, min(_LARGEST, value))


def is_enough(capacity: Mapping[str, str], needed: Mapping[str, str]) -> bool:
    """Whether a node with this capacity can take what is needed."""
    return all(amount(value) <= amount(capacity.get(name)) for name, value in needed.items())
