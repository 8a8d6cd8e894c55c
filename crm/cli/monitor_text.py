"""The text of `crm_mon -1`: a summary, the nodes and resources as `crm_simulate` shows them too, failures, and reports.

Made in the daemon, because understanding a CIB takes libraries that a command should not have to load.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from crm.api.picture import Picture
from crm.cli.status_text import Show, node_lines, resource_section
from crm.cli.text import block
from crm.daemon.service import NodeStatus

_FEATURES = "crmd"


def monitor_text(picture: Picture, status: NodeStatus) -> str:
    """The whole text, with its last line break."""
    show = Show()
    cluster = picture.cluster
    sections = (
        ["Cluster Summary:", *(f"  * {line}" for line in _summary(picture, status))],
        ["Node List:", *(f"  {line}" for line in node_lines(cluster, show))],
        list(resource_section(cluster, show)),
        list(_failures(picture)),
        list(_advice(picture, status)),
    )
    return "\n\n".join("\n".join(section) for section in sections if section) + "\n"


def _summary(picture: Picture, status: NodeStatus) -> Iterator[str]:
    quorum = "with" if status.quorate else "WITHOUT"
    leader = status.dc or "NONE"
    now = time.strftime("%a %b %e %H:%M:%S %Y", time.localtime(picture.cluster.now))
    yield f"Stack: {_FEATURES}"
    yield f"Current DC: {leader} (term {status.term}) - partition {quorum} quorum"
    yield f"Last updated: {now} on {status.node}"
    yield f"Configuration: version {picture.document.version}"
    yield f"{len(picture.cluster.nodes)} nodes configured"
    yield f"{picture.cluster.instance_count} resource instances configured"


def _failures(picture: Picture) -> Iterator[str]:
    failures = picture.failures()
    if failures:
        lines = (
            f"* {failure.resource} {failure.operation} on {failure.node} returned {failure.rc}"
            f"{': ' + failure.reason if failure.reason else ''} ({failure.next_step})"
            for failure in failures
        )
        yield from block("Failed Resource Actions", lines)


def _advice(picture: Picture, status: NodeStatus) -> Iterator[str]:
    reports = [report for report in picture.whole(status).reports if report.severity != "notice"]
    if reports:
        yield from block("To Look At", (f"* {report.where}: {report.message}. {report.hint}" for report in reports))
