"""The REST API of a stand-in node on a unix socket, for commands."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from crm.api.app import create
from crm.api.resources.monitor_routes import Display
from tests.unit.api.node import FakeNode


@contextmanager
def serving(node: FakeNode, socket: Path, display: Display | None = None) -> Iterator[None]:
    """While the block runs, `node` answers on that socket; `display` writes what `crm_mon` shows."""
    config = uvicorn.Config(create(node, display=display), uds=str(socket), log_config=None, lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 10
    while not server.started and time.monotonic() < until:
        time.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(10)
