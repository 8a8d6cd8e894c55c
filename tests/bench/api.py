"""Requests per second of one node of three, for status and for writes, without and with a hundred event listeners."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.bench.tables import table
from tests.system.cluster import RealCluster, running

CONNECTIONS = 8
LISTENERS = 100


@dataclass(frozen=True)
class Asked:
    """A kind of request: its name, and the request number so many as it goes over the wire."""

    name: str
    make: Callable[[int], bytes]


def bench(seconds: int) -> None:
    with running() as cluster:
        rows = asyncio.run(_measure(cluster, seconds))
    table(("one node, 8 connections", "requests/s", "median ms", "99 % ms", "events/s heard"), rows)


async def _measure(cluster: RealCluster, seconds: int) -> list[tuple[str, ...]]:
    rows = []
    names = list(cluster.machines.running)
    for count in (0, LISTENERS):
        heard = [0]
        ears = [asyncio.create_task(_listen(cluster, names[number % 3], heard)) for number in range(count)]
        await asyncio.sleep(1)
        for asked in _KINDS:
            name = f"{asked.name}, {count} listeners"
            rows.append((name, *await _load(cluster, names[0], asked, seconds, heard)))
        for ear in ears:
            ear.cancel()
        await asyncio.gather(*ears, return_exceptions=True)
    return rows


async def _load(cluster: RealCluster, node: str, asked: Asked, seconds: int, heard: list[int]) -> tuple[str, ...]:
    end, before = time.monotonic() + seconds, heard[0]
    path = str(cluster.machines.files(node).socket)
    several = await asyncio.gather(*(_ask_until(path, asked, number, end) for number in range(CONNECTIONS)))
    took = sorted(duration * 1000 for one in several for duration in one)
    slowest = took[int(len(took) * 0.99) - 1]
    return (f"{len(took) / seconds:.0f}", f"{statistics.median(took):.1f}", f"{slowest:.1f}",
            f"{(heard[0] - before) / seconds:.0f}")


async def _ask_until(path: str, asked: Asked, place: int, end: float) -> list[float]:
    """How long each request took, on one connection that is kept."""
    reader, writer = await asyncio.open_unix_connection(path, limit=1 << 24)
    took, number = [], place * 1_000_000
    while (began := time.monotonic()) < end:
        writer.write(asked.make(number))
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        assert b" 200 " in head[:20], head
        await reader.readexactly(int(head.partition(b"content-length: ")[2].split(b"\r\n")[0]))
        took.append(time.monotonic() - began)
        number += 1
    writer.close()
    return took


async def _listen(cluster: RealCluster, node: str, heard: list[int]) -> None:
    reader, writer = await asyncio.open_unix_connection(str(cluster.machines.files(node).socket), limit=1 << 24)
    writer.write(b"GET /v1/events HTTP/1.0\r\nHost: x\r\n\r\n")
    try:
        while line := await reader.readline():
            heard[0] += line == b"event: change\n"
    finally:
        writer.close()


def _request(method: str, path: str, value: object = None) -> bytes:
    body = b"" if value is None else json.dumps(value).encode()
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def _attribute(number: int) -> bytes:
    place = number // 1_000_000
    return _request("PUT", f"/v1/nodes/node1/attributes/load-{place}", {"value": str(number)})


def _configuration(number: int) -> bytes:
    place = number // 1_000_000
    pair = f'<nvpair id="load-{place}" name="load-{place}" value="{number}"/>'
    xml = f'<crm_config><cluster_property_set id="load">{pair}</cluster_property_set></crm_config>'
    return _request("PATCH", "/v1/cib", {"verb": "modify", "xml": xml, "section": "configuration"})


_KINDS = (
    Asked("health", lambda number: _request("GET", "/v1/health/ready")),
    Asked("the whole status", lambda number: _request("GET", "/v1/cluster")),
    Asked("write an attribute", _attribute),
    Asked("write the configuration (on two disks)", _configuration),
)
