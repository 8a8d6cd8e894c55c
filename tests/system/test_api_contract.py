"""The contract of the API on a real cluster of three: the whole schema, lost updates, events across a change of DC."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from crm.cli.connection import CommandError
from tests.system.cluster import RealCluster, running
from tests.system.event_stream import EventStream

WRITERS, TURNS = 6, 15


@pytest.fixture(scope="module")
def cluster() -> Iterator[RealCluster]:
    with running(example=False) as started:
        yield started


def _names(cluster: RealCluster) -> list[str]:
    return list(cluster.machines.running)


def test_concurrent_writers_with_if_match_lose_no_update(cluster: RealCluster) -> None:
    """Each reads a counter, adds one and writes it back, at any node; a stale write is refused and tried again."""
    _write(cluster, "node1", "0", None)

    def count_up(writer: int) -> int:
        refused, node = 0, _names(cluster)[writer % 3]
        for _ in range(TURNS):
            while True:
                value, version = _read(cluster, node)
                try:
                    _write(cluster, node, str(int(value) + 1), version)
                    break
                except CommandError as error:
                    assert error.code == 103, error
                    refused += 1
                    time.sleep(0.01 * writer)
        return refused

    with ThreadPoolExecutor(WRITERS) as pool:
        refused = sum(pool.map(count_up, range(WRITERS)))
    cluster.until(lambda: all(_read(cluster, name)[0] == str(WRITERS * TURNS) for name in _names(cluster)),
                  "the nodes do not agree on the count")
    assert refused > 0, "nobody was in another's way: this has tested nothing"


def _read(cluster: RealCluster, node: str) -> tuple[str, str]:
    answer = cluster.ask(node, "GET", "/v1/cib", query={"xpath": "//nvpair[@name='counter']"})
    value = answer.text.partition('value="')[2].partition('"')[0]
    return value, answer.headers["etag"]


def _write(cluster: RealCluster, node: str, value: str, version: str | None) -> None:
    pair = f'<nvpair id="counter" name="counter" value="{value}"/>'
    xml = f'<crm_config><cluster_property_set id="counters">{pair}</cluster_property_set></crm_config>'
    body = json.dumps({"verb": "modify", "xml": xml, "section": "configuration"}).encode()
    headers = {"If-Match": version} if version else {}
    cluster.ask(node, "PATCH", "/v1/cib", body=body, content_type="application/json", headers=headers)


def test_a_repeated_write_is_done_once_wherever_it_is_repeated(cluster: RealCluster) -> None:
    before = cluster.ask("node2", "GET", "/v1/cib/version").json()
    headers = {"Idempotency-Key": "standby-once"}
    first: Any = cluster.ask("node2", "POST", "/v1/nodes/node3/standby", headers=headers).json()
    cluster.ask("node2", "POST", "/v1/nodes/node3/online")
    for name in _names(cluster):
        again = cluster.ask(name, "POST", "/v1/nodes/node3/standby", headers=headers)
        assert first.items() >= {**again.json(), "reports": first["reports"]}.items()
        assert again.headers["idempotency-replayed"] == "true"
    assert before != cluster.ask("node2", "GET", "/v1/cib/version").json()
    node: Any = cluster.ask("node2", "GET", "/v1/nodes/node3").json()
    assert node["state"] == "online"
    text = cluster.ask("node1", "GET", "/v1/cluster/text", query={"sections": "times"}).text
    assert "by root via" in text and "on node2" in text, text


def test_a_blocking_query_answers_with_the_change(cluster: RealCluster) -> None:
    index = cluster.ask("node3", "GET", "/v1/nodes").headers["crmd-index"]
    threading.Timer(0.5, lambda: _attribute(cluster, "node1", "woken", "1")).start()
    began = time.monotonic()
    answer = cluster.ask("node3", "GET", "/v1/nodes", query={"index": index, "wait": "20"})
    assert 0.3 < time.monotonic() - began < 5
    assert answer.headers["crmd-index"] != index


def _attribute(cluster: RealCluster, via: str, name: str, value: str) -> None:
    body = json.dumps({"value": value}).encode()
    cluster.ask(via, "PUT", f"/v1/nodes/{via}/attributes/{name}", body=body, content_type="application/json")


def _index(cluster: RealCluster, name: str) -> list[int]:
    return _numbers(cluster.ask(name, "GET", "/v1/nodes").headers["crmd-index"])


def _numbers(index: str) -> list[int]:
    """The term and the version of an index, to compare with others."""
    version, _, term = index.partition("@")
    return [int(term), *(int(part) for part in version.split("."))]


def test_events_go_on_at_another_node_when_the_dc_is_lost(cluster: RealCluster) -> None:
    """What is written before, during and after the loss is heard once, in order."""
    value = cluster.value()
    assert value is not None
    dc = value["dc"]
    others = [name for name in _names(cluster) if name != dc]
    with EventStream(cluster, dc) as stream:
        stream.until("snapshot")
        for number in range(5):
            _attribute(cluster, others[1], f"story-{number}", f"before-{number}")
        heard = stream.values("story-", 5)
        place = stream.last_id
    # A step that only the DC had heard of would be lost with it: then there is a snapshot, and nothing to compare.
    cluster.until(lambda: _index(cluster, others[1]) >= _numbers(place), "the DC's last step did not arrive")
    cluster.machines.kill(dc)
    cluster.until(lambda: _leader(cluster, others) not in (None, dc), "nobody leads")
    for number in range(5):
        _attribute(cluster, others[1], f"story-{number}", f"after-{number}")
    with EventStream(cluster, others[1], since=place) as stream:
        heard += stream.values("story-", 5)
        assert "snapshot" not in stream.names
        place = stream.last_id
    with EventStream(cluster, others[0], since=place) as stream:
        _attribute(cluster, others[1], "story-end", "end")
        heard += stream.values("story-", 1)
        assert "snapshot" not in stream.names
    cluster.machines.start(dc)
    cluster.until(lambda: _leader(cluster, [dc]) is not None, f"{dc} does not come back")
    assert heard == [*(f"before-{number}" for number in range(5)), *(f"after-{number}" for number in range(5)), "end"]


def _leader(cluster: RealCluster, names: list[str]) -> str | None:
    values = [cluster.value_of(name) for name in names]
    leaders = {value["dc"] for value in values if value is not None and value["fresh"]}
    return leaders.pop() if len(leaders) == 1 and None not in values else None
