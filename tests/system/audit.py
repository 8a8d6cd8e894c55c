"""What must hold after every test with real processes, asked of processes and files. AssertionError if it does not.

One DC that all follow, one CIB, every resource active exactly where the CIB says (and nowhere twice), nothing left over
of what was stopped, no traceback in any log.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from crm.cib.document import Document
from tests.system.cluster import RealCluster, flat

STATE_FILES = {"Recorder": "Recorder-", "Dummy": "Dummy-", "Stateful": "Stateful-"}


def audit(cluster: RealCluster) -> None:
    """All of it, once the cluster is at rest."""
    cluster.settle()
    cluster.until(lambda: not list(_differences(cluster)), "the nodes do not agree")
    wrong = list(_misplaced(cluster)) + list(_tracebacks(cluster))
    assert not wrong, "\n".join(wrong)


def _differences(cluster: RealCluster) -> Iterator[str]:
    """In what the running nodes differ."""
    names = list(cluster.machines.running)
    values = [cluster.value_of(name) for name in names]
    leaders = {value["dc"] if value and value["fresh"] else None for value in values}
    if len(leaders) != 1 or None in leaders:
        yield f"no common DC: {leaders}"
        return
    digests = {Document.parse(cluster.ask(name, "GET", "/v1/cib").body).digest() for name in names}
    if len(digests) != 1:
        yield "CIBs differ"


def _misplaced(cluster: RealCluster) -> Iterator[str]:
    value = cluster.value()
    assert value is not None
    said: dict[tuple[str, str], set[str]] = {}
    for entry in flat(value["resources"]):
        kind = (entry["agent"] or "").rpartition(":")[2]
        if kind in STATE_FILES:
            said.setdefault((kind, entry["id"].partition(":")[0]), set()).update(entry["nodes"])
    for (kind, resource), nodes in said.items():
        found = really(cluster, STATE_FILES[kind], resource)
        if sorted(nodes) != found:
            yield f"{resource} is active on {found}, and the cluster says {sorted(nodes)}"


def really(cluster: RealCluster, prefix: str, resource: str) -> list[str]:
    """Where a resource's state file is, on machines that run."""
    name = prefix + resource.partition(":")[0]
    return sorted(node.name for node in cluster.machines.layout.nodes
                  if node.name in cluster.machines.running and list(node.runtime.rglob(name)))


def _tracebacks(cluster: RealCluster) -> Iterator[str]:
    for node in cluster.machines.layout.nodes:
        text = node.log.read_text(errors="replace") if node.log.exists() else ""
        if "Traceback" in text:
            yield f"{node.log.name} of {node.name}: {text[text.index('Traceback'):][:2000]}"


def calls(folder: Path) -> list[dict[str, Any]]:
    """What `Recorder` was called with, oldest first: its environment, with `action`, `instance`, `node`."""
    found = []
    for file in sorted((folder / "calls").glob("[0-9]*")):
        _, action, instance, node = file.name.split("-", 3)
        pairs = dict(line.split("=", 1) for line in file.read_text().splitlines() if "=" in line)
        found.append({**pairs, "action": action, "instance": instance, "node": node})
    return found
