"""Real clusters of real processes for the system tests, made with the demo's own machines."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from crm.cli.connection import Answer, request
from crm.cli.demo.cluster import DemoCluster
from crm.cli.demo.layout import lay_out, short_folder
from crm.cli.demo.machine import Machines


class RealCluster(DemoCluster):
    """A demo cluster with the handles that tests want."""

    def ask(self, name: str, method: str, path: str, **options: Any) -> Answer:
        """One node's answer to a request."""
        return request(method, path, via=str(self.machines.files(name).socket), **options)

    def where(self, resource: str) -> list[str]:
        """Where the cluster says that a resource is active."""
        value = self.value()
        found = [entry for entry in _flat(value["resources"] if value else []) if entry["id"] == resource]
        return list(found[0]["nodes"]) if found else []

    def settle(self) -> None:
        self.until(self.idle, "the cluster did not come to rest")


def _flat(entries: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for entry in entries:
        yield entry
        yield from _flat(entry["children"])


@contextmanager
def running(nodes: int = 3, example: bool = True) -> Iterator[RealCluster]:
    """A cluster of `nodes` daemons on loopback, with the example's configuration; everything ends with the block."""
    folder: Path = short_folder()
    machines = Machines(lay_out(folder, nodes))
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
