"""The embedded layer where the cluster has its own list of nodes, and the keys that it accepts."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from crm.controller.membership.node_list import ListedNode, NodeList, first_list
from crm.messaging import LayerSettings, ListHeard, NodeAddress
from crm.messaging.embedded import EmbeddedLayer
from crm.messaging.embedded.handshake import Handshake
from tests.unit.messaging.test_contract import free_ports

OLD, NEW = b"o" * 32, b"n" * 32


def listed(*nodes: ListedNode, version: int = 3) -> NodeList:
    return replace(first_list(nodes), version=version, term=1)


def layer_of(name: str, nodes: NodeList) -> EmbeddedLayer:
    own = nodes.node(name)
    assert own is not None
    made = EmbeddedLayer(LayerSettings(name, "c", (NodeAddress(name, own.id, own.host, own.port),), OLD))
    made.use_nodes(nodes)
    return made


def test_a_node_that_was_removed_while_it_was_off_is_told_so_by_name_on_both_sides() -> None:
    ports = free_ports(2)
    a, b = ListedNode("a", "1", port=ports[0]), ListedNode("b", "2", port=ports[1])
    present = replace(listed(a, version=4), removed=(("b", "2"),))

    async def story() -> None:
        first, second = layer_of("a", present), layer_of("b", listed(a, b))
        await first.join()
        await second.join()
        try:
            heard: list[ListHeard] = []

            async def listen() -> None:
                async for event in second.events():
                    if isinstance(event, ListHeard):
                        heard.append(event)
                        return

            await asyncio.wait_for(listen(), 10)
            assert heard == [ListHeard("a", present)]
            await asyncio.sleep(0.2)
            assert "b was removed from the cluster" in first.refusals["b"]
            assert "b was removed from the cluster" in second.refusals["a"]
            assert first.complaints() == second.complaints() == {}, "said once, as a refusal"
        finally:
            await first.leave()
            await second.leave()

    asyncio.run(story())


def test_while_a_key_is_changed_both_are_accepted_whoever_proves_which() -> None:
    for dialing, answering in ((OLD, (NEW, OLD)), (NEW, (OLD, NEW))):
        one, other = Handshake((dialing,) if dialing == OLD else (NEW, OLD), dialed=True), Handshake(answering, False)
        ours, theirs = one.secure(other.hello, 1000), other.secure(one.hello, 1000)
        assert list(theirs.opener.feed(ours.sealer.seal(b"D", b"x"))) == [(b"D", b"x")]
        assert ours.session == theirs.session
        if dialing == NEW:
            assert list(ours.opener.feed(theirs.sealer.seal(b"D", b"y"))) == [(b"D", b"y")]
