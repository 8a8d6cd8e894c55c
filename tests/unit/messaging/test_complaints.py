"""What a layer complains of is true: by the names of nodes, in words, and no longer than there is no link."""

from __future__ import annotations

import asyncio
import errno
import os
from dataclasses import replace

import pytest

from crm.messaging import NodeAddress
from crm.messaging.embedded import EmbeddedLayer
from crm.messaging.embedded.link import PeerIdentity, PeerLink
from tests.unit.messaging.test_contract import Cluster, play, until


def layer_of(cluster: Cluster, name: str) -> EmbeddedLayer:
    layer = cluster.nodes[name].layer
    assert isinstance(layer, EmbeddedLayer)
    return layer


def test_a_lost_node_is_complained_of_by_its_name_until_it_is_back() -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.start("a", "b")
        await cluster.agree("a", "b")
        layer = layer_of(cluster, "b")  # which was dialed: it knows the other end by its address first
        layer._lost("a", layer._links["a"], "silent for 1.2 s")
        await until(lambda: bool(layer.complaints()) or "a" in layer._links)
        assert "127.0.0.1" not in str(layer.complaints())
        await cluster.agree("a", "b")
        assert layer.complaints() == {}

    play("embedded", story)


class Transport(asyncio.Transport):
    """A connection from an address."""

    def __init__(self, host: str) -> None:
        super().__init__({"peername": (host, 4711)})

    def write(self, data: object) -> None:
        """Nobody reads."""

    def abort(self) -> None:
        """Nothing is open."""


def given_up(layer: EmbeddedLayer, host: str, error: Exception | None, identity: str = "") -> None:
    """A connection from there comes to nothing."""
    link = PeerLink(layer, lambda: 0.0)
    link.connection_made(Transport(host))
    if identity:
        link.identity = PeerIdentity("demo", identity, "1")
    link._hello = b"?"
    link.connection_lost(error)


def test_who_hangs_up_is_named_by_the_list_and_in_words() -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.start("a")
        layer = layer_of(cluster, "a")
        layer.settings = replace(layer.settings, nodes=(NodeAddress("a", "1", "10.0.0.1"),
                                                        NodeAddress("b", "2", "10.0.0.2")))
        given_up(layer, "10.0.0.2", OSError(errno.EPIPE, os.strerror(errno.EPIPE)))
        assert layer.complaints() == {"b": "no link with b: the connection broke"}
        given_up(layer, "10.0.0.9", None)
        assert "a connection from 10.0.0.9 came to nothing: " in layer.complaints()["10.0.0.9"]

    play("embedded", story)


@pytest.mark.parametrize("identity", ["b", ""])
def test_a_connection_beside_a_link_that_carries_is_no_missing_link(identity: str) -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.start("a", "b")
        await cluster.agree("a", "b")
        layer = layer_of(cluster, "a")
        given_up(layer, "127.0.0.1", OSError(errno.ECONNRESET, "reset"), identity)
        assert not any("no link" in text for text in layer.complaints().values())

    play("embedded", story)
