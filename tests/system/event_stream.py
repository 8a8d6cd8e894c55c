"""A listener at a node's event stream, over its unix socket."""

from __future__ import annotations

import json
import socket
import time
from types import TracebackType
from typing import Any

from tests.system.cluster import RealCluster

_PATIENCE_S = 20.0


class EventStream:
    """Hears events until the block ends. `names` holds those of all events heard, `last_id` the place to go on."""

    def __init__(self, cluster: RealCluster, node: str, since: str | None = None) -> None:
        self.names: list[str] = []
        self.last_id = since or ""
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(20)
        self._socket.connect(str(cluster.machines.files(node).socket))
        place = f"Last-Event-ID: {since}\r\n" if since else ""
        self._socket.sendall(f"GET /v1/events HTTP/1.0\r\nHost: x\r\n{place}\r\n".encode())
        self._lines = self._socket.makefile("r", encoding="utf-8", newline="\n")
        while self._lines.readline().strip():
            pass  # the head of the answer

    def __enter__(self) -> EventStream:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._lines.close()
        self._socket.close()

    def next(self) -> tuple[str, Any]:
        """Name and value of the next event."""
        fields: dict[str, str] = {}
        end = time.monotonic() + _PATIENCE_S
        while True:
            assert time.monotonic() < end, f"nothing was heard after {self.last_id}"
            line = self._lines.readline().rstrip("\n")
            if not line and "data" in fields:
                break
            name, _, value = line.partition(": ")
            if name in ("id", "event", "data"):
                fields[name] = value
            if name == "id":
                self.last_id = value
        self.names.append(fields["event"])
        return fields["event"], json.loads(fields["data"])

    def until(self, name: str) -> Any:
        """The value of the next event of that name."""
        while True:
            told, value = self.next()
            if told == name:
                return value

    def values(self, attribute: str, count: int) -> list[str]:
        """The next values of a transient attribute."""
        found: list[str] = []
        while len(found) < count:
            name, value = self.next()
            assert name != "end", value
            if name == "change":
                found += [each["value"] for each in value["changes"]
                          if each["kind"] == "attribute" and each["name"] == attribute]
        return found
