"""What is wrong between this node and others, for people: names, keys, lists."""

from __future__ import annotations

from crm.messaging import MessageLayer
from crm.model.report import Report, Severity


def link_reports(layer: MessageLayer) -> tuple[Report, ...]:
    """A report for each complaint of a layer, if it makes any (`complaints()`: texts by node or address)."""
    told: dict[str, str] = getattr(layer, "complaints", dict)()
    return tuple(Report(Severity.WARNING, "link-trouble", where, text[:1].upper() + text[1:],
                        "Is it on, and the network between both whole? Then compare the key, the node list and the "
                        "names of both nodes: crmd --check on each")
                 for where, text in sorted(told.items()))
