"""What there is to show: the CIB as it is understood, and what only a running daemon knows."""

from __future__ import annotations

from dataclasses import dataclass, replace

from crm.cib.document import Document
from crm.cli.monitor.view import MonitorView
from crm.cli.pacemaker.status_text import feature_set
from crm.controller.fencing.fencing_history import FencingRecord
from crm.model.report import Report
from crm.policy_engine.picture.cluster import Cluster, Node, Resource


@dataclass(frozen=True, slots=True)
class Live:
    """Of the daemon that answers."""

    node: str
    dc: str | None
    term: int
    quorate: bool
    stack: str
    fencings: tuple[FencingRecord, ...]
    reports: tuple[Report, ...]


@dataclass(frozen=True, slots=True)
class Situation:
    """A cluster at a moment; `live` is None for a CIB that is only looked at."""

    document: Document
    cluster: Cluster
    live: Live | None = None

    @property
    def stack(self) -> str:
        """What carries the messages."""
        return self.live.stack if self.live else self.cluster.options.get("cluster-infrastructure", "unknown")

    @property
    def dc(self) -> Node | None:
        """The node that leads."""
        if self.live is None:
            return self.cluster.dc
        return self.cluster.nodes_by_name.get(self.live.dc or "")

    @property
    def quorate(self) -> bool:
        return self.live.quorate if self.live else self.cluster.quorate

    @property
    def version(self) -> str:
        """Of the software that leads, and our term of office where there is one."""
        if self.live is not None:
            return f"crmd, term {self.live.term}"
        return self.cluster.options.get("dc-version", "unknown")

    @property
    def mixed(self) -> bool:
        """Whether nodes of different releases are here."""
        told = {feature_set(node) for node in self.cluster.nodes} - {None}
        return len(told) > 1

    @property
    def last_change(self) -> tuple[str, str, str, str]:
        """When (as it was written), by whom, with what, on which node; empty texts for what is not known."""
        names = ("cib-last-written", "update-user", "update-client", "update-origin")
        values = [self.document.root.get(name, "") for name in names]
        return values[0], values[1], values[2], values[3]

    def nodes(self, view: MonitorView) -> list[Node]:
        """The nodes that are wanted."""
        wanted = self._named(view.node)
        return [node for node in self.cluster.nodes if not wanted or node.name in wanted]

    def resources(self, view: MonitorView) -> list[Resource]:
        """The top-level resources that are wanted, with those of their parts that are."""
        names, nodes = self._named(view.resource), self._named(view.node)
        shown = (_narrowed(top, names, nodes) for top in self.cluster.resources)
        return [top for top in shown if top is not None]

    def concerns(self, resource: Resource, view: MonitorView) -> bool:
        """Whether a part of a resource is wanted."""
        wanted = self._named(view.resource)
        return not wanted or any(_has_name(part, wanted) for part in (resource, resource.top))

    def _named(self, name: str) -> frozenset[str]:
        """A name, with what is tagged with it."""
        return frozenset({name, *self.cluster.tags.get(name, ())}) if name else frozenset()


def _narrowed(resource: Resource, names: frozenset[str], nodes: frozenset[str]) -> Resource | None:
    """A resource with those parts that have a name and are not active elsewhere only; None if there are none.

    Empty names or nodes are all of them. What a name is of is shown with all its parts; a bundle is shown whole.
    """
    if _has_name(resource, names):
        names = frozenset()
    if not resource.children:
        elsewhere = nodes and resource.active_on and not any(node.name in nodes for node in resource.active_on)
        return None if names or elsewhere else resource
    parts = [part for child in resource.children if (part := _narrowed(child, names, nodes)) is not None]
    if not parts:
        return None
    return resource if len(parts) == len(resource.children) or resource.bundle else replace(resource, children=parts)


def _has_name(resource: Resource, names: frozenset[str]) -> bool:
    return resource.id in names or (resource.definition is not None and resource.definition.id in names)
