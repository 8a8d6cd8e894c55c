"""A write with an Idempotency-Key is done once, also when every daemon of the cluster was killed in between."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from crm.cli.connection import CommandError
from tests.system.machines import until
from tests.system.single_node import SingleNode, single_node

CREATE = {"verb": "create", "section": "resources",
          "xml": '<primitive id="once" class="ocf" provider="crmd" type="Dummy"/>'}


def _create(node: SingleNode, edit: dict[str, str], key: str) -> dict[str, object]:
    told: dict[str, object] = node.ask("PATCH", "/v1/cib", body=json.dumps(edit).encode(), headers={
        "Idempotency-Key": key}, content_type="application/json").json()  # type: ignore[assignment]
    return told


def _leads(node: SingleNode) -> bool:
    try:
        return node.ask("GET", "/v1/health/ready").status == 200
    except CommandError:
        return False


def test_a_request_is_known_after_all_daemons_were_killed() -> None:
    with single_node() as node:
        first = _create(node, CREATE, "order-4711")
        node.ask("POST", "/v1/cluster/cleanup", headers={"Idempotency-Key": "c1"})
        # The receipt of what is no change of the configuration is not waited for before the answer.
        kept = node.folder / "state" / "receipts.json"
        until(lambda: kept.read_text().count('"count"') == 2, "no receipts on disk")
        node.process.kill()
        node.process.wait()
        command = [sys.executable, "-m", "crm.cli.crmd", "--alone", "--config", str(node.folder / "crmd.toml")]
        again = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            until(lambda: _leads(node), "no DC after the restart")
            repeated = _create(node, CREATE, "order-4711")
            assert repeated["version"] == first["version"]
            for key, known in (("c1", "true"), ("c2", "")):
                answer = node.ask("POST", "/v1/cluster/cleanup", headers={"Idempotency-Key": key})
                assert answer.headers.get("idempotency-replayed", "") == known
            with pytest.raises(CommandError, match="already"):
                _create(node, CREATE, "order-4712")
        finally:
            again.terminate()
            again.wait(20)
