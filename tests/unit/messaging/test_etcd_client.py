"""Etcd's gateway when it is not there, or is something else."""

from __future__ import annotations

import asyncio

import pytest

from crm.messaging import EtcdAccess, LayerError, LayerSettings, NodeAddress
from crm.messaging.etcd import EtcdLayer, layer
from tests.unit.messaging.test_contract import free_ports


def joined(endpoints: tuple[str, ...], **changes: object) -> LayerError:
    (port,) = free_ports(1)
    access = EtcdAccess(endpoints, **changes)  # type: ignore[arg-type]
    settings = LayerSettings("a", "test", (NodeAddress("a", "1", port=port),), b"k" * 32, etcd=access)

    async def attempt() -> LayerError:
        try:
            await EtcdLayer(settings).join()
        except LayerError as error:
            return error
        raise AssertionError("it was let in")

    return asyncio.run(attempt())


def test_without_endpoints_or_with_too_short_a_lease() -> None:
    assert joined(()).code == "no-endpoints"
    assert joined(("http://127.0.0.1:1",), lease_s=1).code == "lease-too-short"


def test_an_etcd_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layer, "_JOIN_LIMIT_S", 0.3)
    (port,) = free_ports(1)
    error = joined((f"http://127.0.0.1:{port}",))
    assert error.code == "no-etcd"
    assert str(port) in str(error)


def test_certificates_that_are_missing_are_named() -> None:
    error = joined(("https://127.0.0.1:1",), ca_file="/nowhere/ca.pem")
    assert error.code == "etcd-certificate" and "/nowhere/ca.pem" in str(error)


@pytest.mark.parametrize("answer", [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
                                    b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nnot found",
                                    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
                                    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"])
def test_what_answers_nonsense_is_not_taken_for_etcd(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layer, "_JOIN_LIMIT_S", 0.3)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    async def story() -> LayerError:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            return await asyncio.to_thread(joined, (f"http://127.0.0.1:{port}",))
        finally:
            server.close()

    assert asyncio.run(story()).code == "not-etcd"
