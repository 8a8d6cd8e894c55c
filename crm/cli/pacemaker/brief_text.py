"""Resources counted by agent, for clusters with many: how many run where, of how many there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from crm.cli.pacemaker.resource_words import active, agent
from crm.policy_engine.picture.cluster import Node, Resource


def running_by_agent(resources: Iterable[Resource]) -> list[str]:
    """What runs on one node."""
    counts = Counter(agent(resource) for resource in resources)
    return [f"* {count}\t({name}):\tActive " for name, count in sorted(counts.items())]


def by_agent(resources: Sequence[Resource], totals: bool) -> list[str]:
    """Primitives by agent and node; with `totals` also how many there are, and those that run nowhere."""
    running = Counter((agent(each), node.name) for each in resources for node in _places(each))
    all_of = Counter(agent(each) for each in resources if not each.removed or _places(each))
    lines = []
    for name in sorted(all_of):
        of = f"/{all_of[name]}" if totals else ""
        places = {node: count for (kind, node), count in sorted(running.items()) if kind == name}
        lines += [f"* {count}{of}\t({name}):\tActive {node}" for node, count in places.items()]
        if totals and not places:
            lines.append(f"* 0{of}\t({name}):\tActive")
    return lines


def _places(resource: Resource) -> Sequence[Node]:
    return resource.active_on[:1] if active(resource, whole=True) else ()
