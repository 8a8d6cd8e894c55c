"""Real clusters of real processes for the system tests, made with the demo's own machines."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from crm.cli.connection import HttpAnswer, request
from crm.cli.demo.cluster import DemoCluster
from crm.cli.demo.layout import lay_out, short_folder
from crm.cli.demo.machine import Machines


class RealCluster(DemoCluster):
    """A demo cluster with the handles that tests want."""

    def ask(self, name: str, method: str, path: str, **options: Any) -> HttpAnswer:
        """One node's answer to a request."""
        return request(method, path, via=str(self.machines.files(name).socket), **options)

    def where(self, resource: str) -> list[str]:
        """Where the cluster says that a resource is active."""
        value = self.value()
        found = [entry for entry in flat(value["resources"] if value else []) if entry["id"] == resource]
        return list(found[0]["nodes"]) if found else []

    def role(self, resource: str, role: str) -> list[str]:
        """Where the cluster says that a resource has that role."""
        value = self.value()
        return sorted(node for entry in flat(value["resources"] if value else [])
                      if entry["id"].split(":")[0] == resource and entry["role"] == role for node in entry["nodes"])

    def put(self, xml: str) -> None:
        """Give the cluster a configuration."""
        self._ask("PUT", "/v1/cib", body=xml.encode(), section="configuration")

    def set_option(self, name: str, value: str) -> None:
        """Set a cluster option."""
        pair = f'<nvpair id="option-{name}" name="{name}" value="{value}"/>'
        edit = {"verb": "upsert", "section": "crm_config",
                "xml": f'<cluster_property_set id="options">{pair}</cluster_property_set>'}
        self.ask(next(iter(self.machines.running)), "PATCH", "/v1/cib", body=json.dumps(edit).encode(),
                 content_type="application/json")

    def settle(self) -> None:
        self.until(self.idle, "the cluster did not come to rest")


def flat(entries: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for entry in entries:
        yield entry
        yield from flat(entry["children"])


@contextmanager
def running(nodes: int = 3, example: bool = True, settings: str = "") -> Iterator[RealCluster]:
    """A cluster of `nodes` daemons on loopback, with the example's configuration; everything ends with the block.

    `settings` are lines of TOML for every node.
    """
    folder: Path = short_folder()
    layout = lay_out(folder, nodes)
    for node in layout.nodes:
        node.settings.write_text(settings + node.settings.read_text())
    machines = Machines(layout)
    cluster = RealCluster(machines)
    try:
        cluster.boot()
        if example:
            cluster.load()
            cluster.until(lambda: cluster.serving() is not None, "the service did not answer")
            cluster.settle()
        yield cluster
    finally:
        machines.stop()
        shutil.rmtree(folder, ignore_errors=True)
