"""A message layer in a process of its own, inside a test machine, spoken to over standard input and output.

Each line is JSON. In: {"do": "join" | "send" | "broadcast" | "leave", …}. Out: {"done": n} or {"error": …, "code": …},
{"view": …}, {"from": …, "message": …}. `RemoteLayer` is the other end and looks like any message layer.
"""

from __future__ import annotations

import asyncio
import base64
import concurrent.futures.thread  # noqa: F401 - asyncio loads it late, when another user may not read it
import json
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from crm.messaging import (
    LayerError,
    LayerMember,
    LayerSettings,
    LayerViewChanged,
    MessageLayer,
    NodeAddress,
    QuorumMode,
    QuorumRule,
    Received,
    find_layer,
)
from crm.messaging.layer import EtcdAccess
from tests.system.machines import Machine

_LINE_BYTES = 1 << 28


class RemoteLayer:
    """A layer of `kind` in a machine's process."""

    def __init__(self, kind: str, settings: LayerSettings, machine: Machine, user: int = 0) -> None:
        self.user = user
        self.kind = kind
        self.settings = settings
        self.machine = machine
        self.process: asyncio.subprocess.Process | None = None
        self._events: asyncio.Queue[LayerViewChanged | Received | None] = asyncio.Queue()
        self._answers: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._reader: asyncio.Task[None] | None = None
        self._asking = asyncio.Lock()

    async def join(self) -> None:
        log = (self.machine.disk / f"layer-{self.settings.name}.log").open("ab")
        self.process = await asyncio.create_subprocess_exec(
            *self.machine.python("-m", "tests.system.layer_process"), stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE, stderr=log, limit=_LINE_BYTES)
        self._reader = asyncio.create_task(self._read())
        settings = asdict(replace(self.settings, key=b"", listening=None)) | {"key": self.settings.key.hex()}
        try:
            await self._ask({"do": "join", "kind": self.kind, "settings": settings, "user": self.user})
        except LayerError:
            await self._end()
            raise

    async def send(self, to: str, message: bytes) -> None:
        await self._ask({"do": "send", "to": to, "message": base64.b64encode(message).decode()})

    async def broadcast(self, message: bytes) -> None:
        await self._ask({"do": "broadcast", "message": base64.b64encode(message).decode()})

    async def events(self) -> AsyncIterator[LayerViewChanged | Received]:
        while (event := await self._events.get()) is not None:
            yield event

    async def leave(self) -> None:
        if self.process is not None and self.process.returncode is None:
            await self._ask({"do": "leave"})
        await self._end()

    def kill(self) -> None:
        """As a daemon that is killed."""
        self.signal(signal.SIGKILL)

    def signal(self, number: int) -> None:
        assert self.process is not None
        outer = self.process.pid  # nsenter, which waits for its child
        inner = Path(f"/proc/{outer}/task/{outer}/children").read_text().split()[0]
        os.kill(int(inner), number)
        if number == signal.SIGCONT:
            os.kill(outer, number)  # nsenter stops itself when its child is stopped

    async def _end(self) -> None:
        if self.process is not None:
            assert self.process.stdin is not None
            self.process.stdin.close()
            await self.process.wait()
        if self._reader is not None:
            await self._reader

    async def _ask(self, question: dict[str, Any]) -> None:
        async with self._asking:
            assert self.process is not None and self.process.stdin is not None
            self.process.stdin.write(json.dumps(question).encode() + b"\n")
            await self.process.stdin.drain()
            answer = await self._answers.get()
        if "error" in answer:
            raise LayerError(answer["code"], answer["error"], answer["hint"])

    async def _read(self) -> None:
        assert self.process is not None and self.process.stdout is not None
        while line := await self.process.stdout.readline():
            value = json.loads(line)
            if "view" in value:
                members = tuple(LayerMember(**member) for member in value["view"].pop("members"))
                self._events.put_nowait(LayerViewChanged(members=members, **value["view"]))
            elif "from" in value:
                self._events.put_nowait(Received(value["from"], base64.b64decode(value["message"])))
            else:
                self._answers.put_nowait(value)
        self._answers.put_nowait({"error": "the process has ended", "code": "ended", "hint": ""})
        self._events.put_nowait(None)


def _settings(fields: dict[str, Any]) -> LayerSettings:
    nodes = tuple(NodeAddress(**node) for node in fields.pop("nodes"))
    quorum = fields.pop("quorum")
    rule = QuorumRule(QuorumMode(quorum["mode"]), quorum["wait_for_all"])
    etcd = fields.pop("etcd", None)
    access = EtcdAccess(**(etcd | {"endpoints": tuple(etcd["endpoints"])})) if etcd else None
    return LayerSettings(**(fields | {"nodes": nodes, "quorum": rule, "key": bytes.fromhex(fields["key"]),
                                      "etcd": access}))


def _say(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


async def _tell(layer: MessageLayer) -> None:
    async for event in layer.events():
        if isinstance(event, LayerViewChanged):
            _say({"view": asdict(event)})
        elif isinstance(event, Received):
            _say({"from": event.sender, "message": base64.b64encode(event.message).decode()})


async def _obey(layer: MessageLayer | None, order: dict[str, Any]) -> MessageLayer:
    if order["do"] == "join":
        factory = find_layer(order["kind"])
        os.seteuid(order["user"])
        layer = factory(_settings(order["settings"]))
        await layer.join()
        return layer
    assert layer is not None
    message = base64.b64decode(order.get("message", ""))
    match order["do"]:
        case "send":
            await layer.send(order["to"], message)
        case "broadcast":
            await layer.broadcast(message)
        case "leave":
            await layer.leave()
    return layer


async def _main() -> None:
    logging.basicConfig(level=logging.DEBUG, format="%(asctime)s %(levelname)s %(message)s")
    reader = asyncio.StreamReader(limit=_LINE_BYTES)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    layer: MessageLayer | None = None
    telling: asyncio.Task[None] | None = None
    while line := await reader.readline():
        try:
            layer = await _obey(layer, json.loads(line))
            telling = telling or asyncio.create_task(_tell(layer))
        except LayerError as error:
            _say({"error": str(error), "code": error.code, "hint": error.hint})
        else:
            _say({"done": True})
    if telling is not None:
        telling.cancel()


if __name__ == "__main__":
    asyncio.run(_main())
