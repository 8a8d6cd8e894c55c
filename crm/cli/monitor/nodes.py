"""Nodes as text: together by their state, or one by one with what runs on them."""

from __future__ import annotations

from collections.abc import Iterable

from crm.cli.monitor.situation import Situation
from crm.cli.monitor.view import MonitorView
from crm.cli.pacemaker import status_text
from crm.cli.pacemaker.brief_text import running_by_agent
from crm.cli.pacemaker.list_text import Show, block
from crm.cli.pacemaker.resource_text import describe
from crm.cli.pacemaker.resource_words import printable_id
from crm.cli.pacemaker.status_text import feature_set
from crm.model.values import is_true
from crm.policy_engine.picture.cluster import Node


def node_lines(situation: Situation, view: MonitorView, show: Show) -> list[str]:
    """The items of the node list."""
    nodes = situation.nodes(view)
    if view.by_node:
        return [line for node in nodes for line in _with_resources(situation, node, view, show)]
    if view.details:
        return [f"* {_one(situation, node, show)}" for node in nodes]
    return status_text.node_lines(situation.cluster, nodes, show)


def _one(situation: Situation, node: Node, show: Show) -> str:
    features = feature_set(node) if show.node_ids else None
    return status_text.node_line(situation.cluster, node, show) + (f", feature set {features}" if features else "")


def _with_resources(situation: Situation, node: Node, view: MonitorView, show: Show) -> list[str]:
    lines = list(_running(situation, node, view, show))
    if view.brief and not lines:
        return []
    return block(_one(situation, node, show), block("Resources", lines))


def _running(situation: Situation, node: Node, view: MonitorView, show: Show) -> Iterable[str]:
    running = [each for each in node.running if situation.concerns(each, view)]
    if view.brief:
        return running_by_agent(running)
    return [f"* {describe(situation.cluster, each, printable_id(each), None, show, places=False)}" for each in running
            if show.implicit or not is_true(each.meta.get("internal_rsc"))]
