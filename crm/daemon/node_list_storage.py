"""The list of the cluster's nodes at one daemon: what a node begins with, and what is to be said of it in status."""

from __future__ import annotations

from dataclasses import replace

from crm.controller import ControllerSnapshot
from crm.controller.hard_state import HardState
from crm.controller.membership.node_list import ListedNode, NodeList, first_list
from crm.daemon.storage import RecalledState
from crm.messaging import LayerSettings, ListedLayer, QuorumMode
from crm.model.report import Report, Severity


def remembered_or_first(recalled: RecalledState, settings: LayerSettings, invited: bool) -> HardState:
    """What the disk held; a node that has no list yet begins with that of its settings.

    Whether it waits for the others at its start is its own matter, so the present settings tell.
    """
    kept = recalled.hard_state.nodes
    if kept is not None:
        return replace(recalled.hard_state, nodes=replace(kept, wait_for_all=settings.quorum.wait_for_all))
    nodes = tuple(ListedNode(node.name, node.id, node.host, node.port) for node in settings.nodes)
    blank = recalled.document is None and recalled.hard_state.term == 0
    first = first_list(nodes, two_node=settings.quorum.mode is QuorumMode.TWO_NODE,
                       wait_for_all=settings.quorum.wait_for_all, found=not invited, all_at_first=blank)
    return replace(recalled.hard_state, nodes=first)


class MemberReports:
    """What people should know of this node's list: that it differs from the settings, who is refused, who refuses."""

    def __init__(self, settings: LayerSettings, layer: ListedLayer | None) -> None:
        self._settings = settings
        self._layer = layer

    def __call__(self, seen: ControllerSnapshot) -> tuple[Report, ...]:
        nodes = seen.nodes
        if nodes is None or self._layer is None:
            return ()
        found = [self._differing(nodes), self._of_this_node(nodes), self._waiting(nodes, seen)]
        refused = [Report(Severity.WARNING, "node-refused", peer, f"No link with {peer}: {why}",
                          "see crmctl cluster nodes, on both") for peer, why in sorted(self._layer.refusals.items())]
        return (*(report for report in found if report is not None), *refused)

    def _differing(self, nodes: NodeList) -> Report | None:
        kept = {(node.name, node.host, node.port) for node in nodes.nodes}
        written = {(node.name, node.host, node.port) for node in self._settings.nodes}
        if nodes.version <= 0 or kept == written:
            return None
        names = sorted({name for name, _, _ in kept ^ written})
        return Report(Severity.NOTICE, "node-list-differs", "nodes",
                      f"The settings of {self._settings.name} list other nodes than the cluster, whose list counts "
                      f"(they differ in {', '.join(names)})",
                      "to change the cluster: crmctl cluster add, cluster remove; the settings only found it")

    def _of_this_node(self, nodes: NodeList) -> Report | None:
        name = self._settings.name
        if nodes.node(name) is not None:
            return None
        return Report(Severity.ERROR, "not-listed", name,
                      f"{name} does not belong to the cluster: " + ("it was removed" if nodes.was_removed(name)
                                                                    else "it is not in the list of nodes"),
                      f"on another node: crmctl cluster add {name}=ADDRESS")

    def _waiting(self, nodes: NodeList, seen: ControllerSnapshot) -> Report | None:
        missing = sorted(set(nodes.names) - set(seen.view.names))
        if not nodes.all_at_first or not missing or seen.view.quorate:
            return None
        return Report(Severity.WARNING, "cluster-not-founded", "nodes",
                      f"A new cluster begins when all of its nodes are here once; missing: {', '.join(missing)}",
                      "start crmd there; or correct [[nodes]] in the settings of every node")
