"""What only the embedded layer promises: authentication, detection, and agreement when links are missing."""

from __future__ import annotations

import asyncio
import itertools
import logging
import struct
from dataclasses import replace

import pytest

from crm.daemon.link_reports import link_reports
from crm.messaging import BeatingLayer, LayerError, NodeAddress
from crm.messaging.embedded import EmbeddedLayer
from crm.messaging.embedded import layer as embedded
from crm.messaging.embedded.agreement import Agreement, AgreementOutput
from crm.messaging.embedded.detector import Detector
from crm.messaging.embedded.frames import FrameError, Opener, Sealer
from crm.messaging.embedded.handshake import HELLO_BYTES, Handshake, HandshakeError
from crm.messaging.embedded.link import HANDSHAKE_LIMIT_S, MAX_UNPROVED_BYTES
from tests.unit.messaging.test_contract import Cluster, Node, play, until


def test_a_wrong_key_gives_no_membership_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)

    async def story(cluster: Cluster) -> None:
        await cluster.start("a")
        cluster.nodes["b"] = cluster.make("b", key=b"x" * 32)
        await cluster.nodes["b"].join()
        await until(lambda: "did not prove the shared key" in caplog.text)
        await asyncio.sleep(0.2)
        assert cluster.nodes["a"].members == ("a",)
        assert cluster.nodes["b"].members == ("b",)

    play("embedded", story)


def test_a_foreign_cluster_is_refused_and_both_sides_say_so(caplog: pytest.LogCaptureFixture) -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.start("a")
        cluster.nodes["b"] = cluster.make("b", cluster="other")
        await cluster.nodes["b"].join()
        await until(lambda: "belongs to cluster 'other'" in caplog.text)
        assert cluster.nodes["a"].members == ("a",)

    play("embedded", story)


def test_a_node_that_is_not_in_the_list_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.start("c")
        nodes = (*cluster.base.nodes, NodeAddress("Z", "9", port=0))
        stranger = replace(cluster.base, name="Z", incarnation="z", nodes=nodes)
        cluster.nodes["Z"] = Node(EmbeddedLayer(stranger))
        await cluster.nodes["Z"].join()
        await until(lambda: "Z is not in the node list" in caplog.text)
        assert cluster.nodes["c"].members == ("c",)

    play("embedded", story)


def test_a_name_used_twice_is_refused_while_the_first_lives(caplog: pytest.LogCaptureFixture) -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.start("a", "b")
        await cluster.agree("a", "b")
        elsewhere = tuple(replace(node, port=0) if node.name == "a" else node for node in cluster.base.nodes)
        cluster.nodes["twin"] = cluster.make("a", nodes=elsewhere)
        await cluster.nodes["twin"].join()
        await until(lambda: "is used twice" in caplog.text)
        assert cluster.nodes["a"].members == ("a", "b")
        assert cluster.nodes["twin"].members == ("a",)

    play("embedded", story)


def test_a_port_in_use_is_said_plainly() -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.start("a")
        with pytest.raises(LayerError) as caught:
            await cluster.make("a").layer.join()
        assert caught.value.code == "port-in-use"

    play("embedded", story)


def test_garbage_on_the_port_does_no_harm() -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.start("a", "b")
        await cluster.agree("a", "b")
        node = cluster.base.node("b")
        assert node is not None
        for garbage in (b"GET / HTTP/1.1\r\n\r\n" * 10, b"CRMD1" + b"\0" * 32, b"CRMD1" + b"\7" * 32 + b"\xff" * 100):
            reader, writer = await asyncio.open_connection(node.host, node.port)
            writer.write(garbage)
            async with asyncio.timeout(1):
                while await reader.read(1000):
                    pass
            writer.close()
        assert cluster.nodes["b"].members == ("a", "b")

    play("embedded", story)


def test_a_broken_connection_between_living_nodes_makes_a_new_view_of_the_same_members() -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.start("a", "b", "c")
        await cluster.agree("a", "b", "c")
        layer = cluster.nodes["b"].layer
        assert isinstance(layer, EmbeddedLayer)
        before = cluster.nodes["a"].views[-1].number
        layer._links["c"].close("cut by the test", abort=True)
        await until(lambda: all(node.views[-1].number > before for node in cluster.nodes.values()))
        assert {node.members for node in cluster.nodes.values()} == {("a", "b", "c")}
        seen_alone = [view for node in cluster.nodes.values() for view in node.views if view.number > before
                      and len(view.members) < 3]
        assert seen_alone == []

    play("embedded", story)


def test_a_look_without_anybody_to_reach_is_answered_by_being_alone() -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.start("a", "b", "c")
        await cluster.agree("a", "b", "c")
        for name in "bc":
            await cluster.nodes[name].layer.leave()
        node = cluster.nodes["a"]
        node.layer.look()
        await until(lambda: bool(node.confirmed))
        assert node.members == ("a",)
        assert not node.views[-1].quorate

    play("embedded", story)


def test_a_beat_is_announced_before_it_is_sent() -> None:
    """Else a daemon that slept would take its first beat for a sign that it was awake."""
    async def story(cluster: Cluster) -> None:
        await cluster.start("a", "b")
        await cluster.agree("a", "b")
        layer = cluster.nodes["a"].layer
        assert isinstance(layer, EmbeddedLayer) and isinstance(layer, BeatingLayer)
        link, order = layer._links["b"], list[str]()
        send = link.send
        link.send = lambda *frame: (order.append("beat"), send(*frame))[1]
        layer.before_beat = lambda: order.append("before")
        await until(lambda: len(order) > 6)
        assert [order[order.index("before") + 1], order.count("before") > 1] == ["beat", True]

    play("embedded", story)


def test_a_peer_of_another_protocol_version_is_told_from_a_stranger() -> None:
    ours, theirs = Handshake(b"k" * 16, dialed=True), Handshake(b"k" * 16, dialed=False)
    with pytest.raises(HandshakeError, match="speaks version 2 of the cluster protocol, here it is 1"):
        ours.secure(theirs.hello.replace(b"CRMD1", b"CRMD2"), 1000)
    with pytest.raises(HandshakeError, match="does not speak this cluster protocol"):
        ours.secure(b"GET / HTTP/1.1\r\nHost: example\r\n\r\n####", 1000)
    assert ours.secure(theirs.hello, 1000).session


def test_a_frame_that_was_repeated_or_changed_does_not_open() -> None:
    sealer, opener = Sealer(b"0" * 32, 100), Opener(b"0" * 32, 100)
    frame = sealer.seal(b"D", b"hello")
    assert list(opener.feed(frame[:3])) == []
    assert list(opener.feed(frame[3:])) == [(b"D", b"hello")]
    with pytest.raises(FrameError):
        list(opener.feed(frame))
    with pytest.raises(FrameError):
        list(Opener(b"0" * 32, 100).feed(frame[:-1] + bytes([frame[-1] ^ 1])))
    with pytest.raises(FrameError, match="outside"):
        list(Opener(b"0" * 32, 100).feed(b"\xff\xff\xff\xff"))


def test_the_detector_stays_within_its_bounds_and_is_fair_to_peers_when_we_slept() -> None:
    detector = Detector(0, heartbeat_ms=100, failure_limit_ms=800)
    for beat in range(1, 200):
        detector.heard(beat * 100.0)
    now = 19_900.0
    assert detector.limit_ms == 600
    assert not detector.lost(now + 599)
    assert detector.lost(now + 601)
    detector.slept(300, now + 601)
    assert not detector.lost(now + 601)
    for beat in range(1, 100):
        detector.heard(now + beat * (50.0 if beat % 2 else 500.0))
    assert detector.limit_ms == 800


def test_what_came_in_while_we_slept_does_not_make_the_detector_blind() -> None:
    """On waking, what waits in the socket is heard before anybody asks how long this node slept."""
    detector = Detector(0, heartbeat_ms=200, failure_limit_ms=800)
    detector.heard(200.0)
    detector.heard(5200.0)
    detector.slept(4800, 5200.0)
    assert not detector.lost(5700.0)
    assert detector.lost(6001.0)


class Web:
    """Agreements joined by links that a test makes and cuts; messages are carried until all is quiet."""

    def __init__(self, names: str) -> None:
        self.clock = 0
        self.nodes = {name: Agreement(name, f"inc-{name}", 1) for name in names}
        self.links: dict[tuple[str, str], str] = {}
        self.queue: list[tuple[str, str, dict[str, object]]] = []
        for name, node in self.nodes.items():
            self._take(name, node.start(0, 1))

    def link(self, left: str, right: str, session: str = "s1") -> None:
        self.links[left, right] = session
        for one, other in ((left, right), (right, left)):
            self._take(one, self.nodes[one].linked(other, f"inc-{other}", f"{left}{right}{session}",
                                                   self.clock, 1))

    def cut(self, left: str, right: str) -> None:
        del self.links[left, right]
        self._take(left, self.nodes[left].unlinked(right, self.clock, 1))
        self._take(right, self.nodes[right].unlinked(left, self.clock, 1))

    def settle(self, for_ms: int = 3000) -> None:
        for clock in range(self.clock, self.clock + for_ms, 300):
            self.clock = clock
            while self.queue:
                sender, to, message = self.queue.pop(0)
                if (sender, to) in self.links or (to, sender) in self.links:
                    self._take(to, self.nodes[to].received(sender, message, self.clock, 1))
            for name, node in self.nodes.items():
                self._take(name, node.tick(self.clock, 1))

    def views(self) -> dict[str, str]:
        return {name: "".join(node.view.names) for name, node in self.nodes.items()}

    def _take(self, name: str, output: AgreementOutput) -> None:
        self.queue += [(name, to, message) for to, message in output.messages]


def full_web(names: str) -> Web:
    web = Web(names)
    for place, left in enumerate(names):
        for right in names[place + 1 :]:
            web.link(left, right)
    web.settle()
    return web


def test_a_full_mesh_is_one_view_with_one_number() -> None:
    web = full_web("abcde")
    assert set(web.views().values()) == {"abcde"}
    assert len({node.view.number for node in web.nodes.values()}) == 1


def test_nodes_without_a_link_between_them_are_never_in_one_view() -> None:
    web = full_web("abc")
    web.cut("a", "c")
    web.settle()
    assert web.views() == {"a": "ab", "b": "ab", "c": "c"}
    web.link("a", "c")
    web.settle()
    assert set(web.views().values()) == {"abc"}


def test_a_newcomer_whose_links_are_still_being_made_does_not_drive_anybody_out() -> None:
    web = Web("abc")
    web.link("a", "c")
    web.settle()
    web.link("a", "b")
    web.settle()
    assert web.views() == {"a": "ac", "b": "b", "c": "ac"}
    web.link("b", "c")
    web.settle()
    assert set(web.views().values()) == {"abc"}


def test_a_replaced_link_gives_a_new_number() -> None:
    web = full_web("abc")
    before = web.nodes["a"].view.number
    web.link("b", "c", "s2")
    web.settle()
    assert {node.view.number for node in web.nodes.values()} == {web.nodes["a"].view.number}
    assert web.nodes["a"].view.number > before


def test_who_has_not_proved_the_key_is_heard_for_64_kib_at_most() -> None:
    frames = Opener(bytes(32), 32 * 1024 * 1024)
    frames.allow(MAX_UNPROVED_BYTES)
    with pytest.raises(FrameError, match="outside of what is allowed"):
        list(frames.feed(struct.pack(">I", 1024 * 1024)))


def test_a_stranger_that_announces_a_large_frame_is_cut_off_at_once() -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.start("a")
        me = cluster.base.node("a")
        assert me is not None
        reader, writer = await asyncio.open_connection(me.host, me.port)
        await reader.readexactly(HELLO_BYTES)
        hello = Handshake(b"another key, of no use here", dialed=True).hello
        writer.write(hello + struct.pack(">I", 16 * 1024 * 1024) + bytes(1000))
        await asyncio.wait_for(reader.read(), HANDSHAKE_LIMIT_S / 2)  # what is left, then the end
        writer.close()

    play("embedded", story)


def test_what_is_wrong_with_links_is_told_while_it_is_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.start("a")
        cluster.nodes["b"] = cluster.make("b", key=b"x" * 32)
        await cluster.nodes["b"].join()
        layer = cluster.nodes["a"].layer
        assert isinstance(layer, EmbeddedLayer)
        await until(lambda: "did not prove the shared key" in " ".join(layer.complaints().values()))
        (report,) = link_reports(layer)
        assert report.code == "link-trouble" and "shared key" in report.message
        await cluster.nodes["b"].layer.leave()
        monkeypatch.setattr(embedded, "_COMPLAINT_S", 0.0)
        assert layer.complaints() == {}

    play("embedded", story)


def wakes_with_one_link(names: tuple[str, str, str]) -> Web:
    """The first was frozen, the others went on without it; it wakes and reaches the second, but not the third."""
    sleeper, near, far = names
    web = full_web("".join(sorted(names)))
    for other in (near, far):
        web._take(other, web.nodes[other].unlinked(sleeper, web.clock, 1))
    web.links = {pair: session for pair, session in web.links.items() if sleeper not in pair}
    web.settle()
    assert web.views()[near] == web.views()[far] == "".join(sorted((near, far)))
    assert web.views()[sleeper] == "abc"
    left, right = sorted((sleeper, near))
    web.link(left, right, "s2")
    web._take(sleeper, web.nodes[sleeper].unlinked(far, web.clock, 1))
    web.settle(300)
    return web


@pytest.mark.parametrize("names", list(itertools.permutations("abc")), ids="".join)
def test_a_node_that_wakes_with_one_link_does_not_keep_its_old_view(names: tuple[str, str, str]) -> None:
    web = wakes_with_one_link(names)
    sleeper, near, far = names
    assert web.views() == {sleeper: sleeper, near: "".join(sorted((near, far))), far: "".join(sorted((near, far)))}


def in_a_view_of_three(configured: int) -> Agreement:
    """Node a in the view of a, b and c, which has lost its link to c; b says that it is in that view, and no more."""
    node = Agreement("a", "a1", 1, 1200, lambda names: len(names) > configured / 2)
    node.start(0, 1)
    for peer, other in (("b", "c"), ("c", "b")):
        node.linked(peer, f"{peer}1", f"a{peer}", 0, 1)
        links = {"a": f"a{peer}", other: "bc"}
        node.received(peer, {"kind": "reach", "links": links, "view": [peer], "highest": 1}, 0, 1)
    for peer in "bc":
        node.received(peer, {"kind": "accept", "number": node._highest}, 0, 1)
    assert node.view.names == ("a", "b", "c")
    node.received("b", {"kind": "reach", "links": {"a": "ab", "c": "bc"}, "view": list("abc"), "highest": 2}, 0, 1)
    node.unlinked("c", 1000, 1)
    return node


def told_alone(output: AgreementOutput) -> list[str]:
    return [peer for peer, message in output.messages if message["kind"] == "reach" and message["view"] == ["a"]]


def test_a_node_leaves_a_view_whose_links_are_gone_if_no_quorum_is_left_in_it() -> None:
    node = in_a_view_of_three(configured=5)
    for now_ms in range(1000, 2201, 200):
        assert node.tick(now_ms, 1).installed is None
    before = node.view.number
    left = node.tick(2400, 1)
    assert left.installed is not None
    assert left.installed.names == ("a",)
    assert left.installed.number > before
    assert told_alone(left) == ["b"]


def test_a_node_stays_while_a_quorum_says_that_it_is_in_the_view() -> None:
    node = in_a_view_of_three(configured=3)
    for now_ms in range(1000, 9000, 200):
        node.tick(now_ms, 1)
    assert node.view.names == ("a", "b", "c")
    node.received("b", {"kind": "reach", "links": {"a": "ab", "c": "bc"}, "view": ["b"], "highest": 9}, 9000, 1)
    for now_ms in range(9000, 10600, 200):
        node.tick(now_ms, 1)
    assert node.view.names == ("a",)


def test_a_node_waits_while_a_member_may_be_starting_again() -> None:
    node = in_a_view_of_three(configured=5)
    node.doubted("b")
    for now_ms in range(1000, 5000, 200):
        node.tick(now_ms, 1)
    assert node.view.names == ("a", "b", "c")
    node.linked("b", "b2", "ab2", 5000, 1)
    for now_ms in range(5000, 6201, 200):
        node.tick(now_ms, 1)
    assert node.view.names == ("a", "b", "c")
    node.tick(6400, 1)
    assert node.view.names == ("a",)


def test_a_view_that_a_member_has_left_is_agreed_on_anew() -> None:
    web = full_web("abc")
    before = web.nodes["a"].view.number
    leaver = web.nodes["c"]
    output = AgreementOutput()
    leaver._leave(output, 1)
    web._take("c", output)
    assert web.views() == {"a": "abc", "b": "abc", "c": "c"}
    web.settle(300)
    assert set(web.views().values()) == {"abc"}
    assert {node.view.number > before for node in web.nodes.values()} == {True}


@pytest.mark.parametrize("names", ["abc", "abcde"])
def test_a_daemon_that_is_restarted_is_in_every_view_while_its_links_come_back(names: str) -> None:
    """One link after the other, in any order, the former ones counting until then."""
    for restarted in names:
        others = [name for name in names if name != restarted]
        for order in itertools.permutations(others):
            web = full_web(names)
            before = web.nodes[others[0]].view.number
            web.links = {pair: session for pair, session in web.links.items() if restarted not in pair}
            for other in others:
                web.nodes[other].doubted(restarted)
            web.nodes[restarted] = Agreement(restarted, "second", 2)
            web._take(restarted, web.nodes[restarted].start(web.clock, 2))
            for other in order:
                left, right = sorted((restarted, other))
                web.links[left, right] = "second"
                for one, peer, start in ((restarted, other, f"inc-{other}"), (other, restarted, "second")):
                    web._take(one, web.nodes[one].linked(peer, start, f"{left}{right}second", web.clock, 2))
                web.settle(300)
                assert all(set(web.nodes[name].view.names) == set(names) for name in others)
            assert {node.view.names for node in web.nodes.values()} == {tuple(names)}
            assert all(node.view.number > before for node in web.nodes.values())


def test_an_answer_that_takes_longer_than_the_pause_between_two_tries_still_counts() -> None:
    node = Agreement("a", "a1", 1)
    node.start(0, 1)
    node.linked("b", "b1", "ab", 0, 1)
    first = node.received("b", {"kind": "reach", "links": {"a": "ab"}, "view": ["b"], "highest": 1}, 0, 1)
    asked = [message["number"] for _, message in first.messages if message["kind"] == "propose"]
    for now_ms in range(300, 1000, 300):
        again = node.tick(now_ms, 1)
        assert [message["number"] for _, message in again.messages if message["kind"] == "propose"] == asked
    node.received("b", {"kind": "accept", "number": asked[0], "highest": asked[0]}, 1000, 1)
    assert node.view.names == ("a", "b")


def test_a_member_that_left_after_it_had_accepted_does_not_count_as_there() -> None:
    """Its word that it has left comes before the view is installed, and that view's number is no news to it."""
    web = full_web("abc")
    web.link("b", "c", "s2")
    accepts: list[tuple[str, str, dict[str, object]]] = []
    while len(accepts) < 2:
        sender, to, message = web.queue.pop(0)
        if message["kind"] == "accept":
            accepts.append((sender, to, message))
        else:
            web._take(to, web.nodes[to].received(sender, message, web.clock, 1))
    output = AgreementOutput()
    web.nodes["c"]._leave(output, 1)
    told = [("c", to, message) for to, message in output.messages]
    web.queue = [*[each for each in accepts if each[0] == "c"], *told,
                 *[each for each in accepts if each[0] == "b"], *web.queue]
    web.settle(300)
    assert {(node.view.names, node.view.number) for node in web.nodes.values()} == {
        (("a", "b", "c"), web.nodes["a"].view.number)}


def with_two_restarted() -> Web:
    """The daemons of b and c were started again and have linked with a, and not yet with each other."""
    web = full_web("abc")
    web.links.clear()
    for peer in "bc":
        web.nodes["a"].doubted(peer)
        web.nodes[peer] = Agreement(peer, "second", 2)
        web._take(peer, web.nodes[peer].start(web.clock, 2))
    web.link("a", "b", "s2")
    web.link("a", "c", "s2")
    web.settle(300)
    return web


def test_two_daemons_that_are_restarted_get_the_time_to_link_with_each_other() -> None:
    web = with_two_restarted()
    assert web.views() == {"a": "abc", "b": "b", "c": "c"}
    web.link("b", "c", "s2")
    web.settle()
    assert set(web.views().values()) == {"abc"}


def test_two_restarted_daemons_that_do_not_reach_each_other_are_not_waited_for_for_long() -> None:
    web = with_two_restarted()
    web.settle(1200)
    assert web.views() == {"a": "ab", "b": "ab", "c": "c"}


def test_of_two_restarted_daemons_one_that_is_lost_is_not_waited_for() -> None:
    web = with_two_restarted()
    web.cut("a", "c")
    web.settle(300)
    assert web.views() == {"a": "ab", "b": "ab", "c": "c"}
