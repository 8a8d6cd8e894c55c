"""The API's sockets: a port that is held keeps no node out."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from crm.daemon import api_sockets
from crm.daemon.api_settings import ApiSettings
from crm.daemon.api_sockets import ApiSockets
from crm.messaging import LayerError


def _settings(folder: Path, port: int) -> ApiSettings:
    return ApiSettings(socket=folder / "crmd.sock", host="127.0.0.1", port=port)


def test_a_port_that_is_held_is_said_and_served_once_it_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_sockets, "RETRY_S", 0.02)
    holder = socket.create_server(("127.0.0.1", 0))
    port = holder.getsockname()[1]

    async def story() -> None:
        sockets = ApiSockets(_settings(tmp_path, port))
        served: list[socket.socket] = []
        serving = asyncio.ensure_future(sockets.serve_port(served.append))
        await asyncio.sleep(0.05)
        (report,) = sockets.reports()
        assert report.code == "api-port" and f"127.0.0.1 port {port}" in report.message and not served
        holder.close()
        await asyncio.wait_for(serving, 5)
        assert served[0].getsockname()[1] == port and sockets.reports() == ()
        served[0].close()
        sockets.close()
        assert not (tmp_path / "crmd.sock").exists()

    asyncio.run(story())


def test_without_the_unix_socket_nobody_could_repair_anything(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LayerError, match="cannot be made"):
        ApiSockets(_settings(tmp_path / "file", 0))
