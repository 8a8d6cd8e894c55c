"""The event stream of one node: snapshot, changes, resuming, filters, its end."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from crm.api.auth import authentication
from crm.api.auth.authentication import Principal
from crm.api.auth.permission import readable
from crm.api.resources import event_routes
from crm.api.resources.event_routes import EventStream, Filter, Listener
from crm.api.views.cluster_view import ClusterView
from crm.cib.changes import Edit, EditVerb
from crm.cib.status_updates import TransientAttributeUpdate, apply_updates
from tests.unit.api.node import NOW, FakeNode

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Event:
    """One server-sent event, or (without a name) a mere id."""

    name: str
    id: str | None
    value: Any


def _parsed(text: str) -> list[Event]:
    events = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if fields:
            value = json.loads(fields["data"]) if "data" in fields else None
            events.append(Event(fields.get("event", ""), fields.get("id"), value))
    return events


class Ear:
    """Somebody who listens to a node."""

    def __init__(self, node: FakeNode, since: str | None = None, wanted: Filter | None = None) -> None:
        picture = lambda: ClusterView.of(readable(node), NOW)  # noqa: E731
        self._stream = Listener(node, picture, wanted or Filter()).listen(since)
        self._heard: list[Event] = []

    async def next(self, name: str | None = None) -> Event:
        """The next event (of that name)."""
        while True:
            while not self._heard:
                self._heard = _parsed(await asyncio.wait_for(anext(self._stream), 2))
            event = self._heard.pop(0)
            if name is None or event.name == name:
                return event


def _set(node: FakeNode, value: str, name: str = "a", node_id: str = "1") -> None:
    node.adopt(apply_updates(node.document, [TransientAttributeUpdate(node_id, name, value)]))


def _story(tell: Callable[[FakeNode], Awaitable[None]]) -> None:
    asyncio.run(tell(FakeNode()))


def test_a_stream_begins_with_a_snapshot_and_goes_on_with_changes() -> None:
    async def tell(node: FakeNode) -> None:
        ear = Ear(node)
        snapshot = await ear.next()
        assert (snapshot.name, snapshot.id, snapshot.value["reason"]) == ("snapshot", "0.5.0@3", "start")
        assert [entry["id"] for entry in snapshot.value["cluster"]["resources"]] == ["web", "db", "g"]
        assert (await ear.next()).value["state"] == "idle"
        _set(node, "1")
        _set(node, "2")
        first, second = await ear.next("change"), await ear.next("change")
        assert (first.id, second.id) == ("0.5.1@3", "0.5.2@3")
        assert [each.value["changes"][0]["value"] for each in (first, second)] == ["1", "2"]

    _story(tell)


def test_a_listener_goes_on_where_it_was_cut_off() -> None:
    async def tell(node: FakeNode) -> None:
        _set(node, "1")
        known = node.journal.index
        for value in "234":
            _set(node, value)
        ear = Ear(node, since=known)
        values = [(await ear.next("change")).value["changes"][0]["value"] for _ in range(3)]
        assert values == ["2", "3", "4"]

    _story(tell)


def test_an_unknown_place_begins_anew_and_says_so() -> None:
    async def tell(node: FakeNode) -> None:
        snapshot = await Ear(node, since="0.5.0@2").next()
        assert (snapshot.name, snapshot.value["reason"]) == ("snapshot", "unknown-index")

    _story(tell)


def test_who_is_too_slow_begins_anew() -> None:
    async def tell(node: FakeNode) -> None:
        ear = Ear(node)
        await ear.next("status")
        for number in range(5000):
            _set(node, str(number))
        snapshot = await ear.next()
        assert (snapshot.name, snapshot.value["reason"], snapshot.id) == ("snapshot", "too-slow", "0.5.5000@3")
        _set(node, "last")
        assert (await ear.next("change")).value["changes"][0]["value"] == "last"

    _story(tell)


def test_a_filter_moves_on_past_what_it_leaves_out() -> None:
    async def tell(node: FakeNode) -> None:
        ear = Ear(node, since=node.journal.index, wanted=Filter(frozenset(["attribute"]), node="two"))
        _set(node, "1", node_id="1")
        _set(node, "2", node_id="2")
        node.adopt(node.document.apply(Edit(EditVerb.DELETE, '<primitive id="db"/>')))
        passed, told, passed_too = [await ear.next(name) for name in ("", "change", "")]
        assert [each.id for each in (passed, told, passed_too)] == ["0.5.1@3", "0.5.2@3", "0.6.0@3"]
        assert [each["node"] for each in told.value["changes"]] == ["two"]

    _story(tell)


def test_what_is_of_the_moment_has_no_id() -> None:
    async def tell(node: FakeNode) -> None:
        ear = Ear(node, since=node.journal.index)
        await ear.next("status")
        node.state = replace(node.state, state="planning")
        node.journal.told()
        event = await ear.next()
        assert (event.name, event.id, event.value["state"]) == ("status", None, "planning")

    _story(tell)


LISTS = """<acls><acl_role id="r"><acl_permission id="r1" kind="read" xpath="/cib"/>
<acl_permission id="r2" kind="deny" reference="db"/></acl_role>
<acl_target id="anna"><role id="r"/></acl_target></acls>"""
ON = '<cluster_property_set id="o"><nvpair id="oa" name="enable-acl" value="true"/></cluster_property_set>'


def test_nobody_hears_of_what_they_may_not_read() -> None:
    async def tell(node: FakeNode) -> None:
        node.adopt(node.document.apply(Edit(EditVerb.UPSERT, ON, "crm_config")))
        node.adopt(node.document.apply(Edit(EditVerb.CREATE, LISTS, "configuration")))
        token = authentication._present.set(Principal("anna"))
        try:
            ear = Ear(node)
            snapshot = await ear.next()
            assert [entry["id"] for entry in snapshot.value["cluster"]["resources"]] == ["web", "g"]
            await ear.next("status")
            node.adopt(node.document.apply(Edit(EditVerb.MODIFY, '<primitive id="db" description="hidden"/>')))
            assert (await ear.next()).value is None
            node.adopt(node.document.apply(Edit(EditVerb.MODIFY, '<primitive id="web" description="seen"/>')))
            told = await ear.next("change")
            assert [each["id"] for each in told.value["changes"]] == ["web"]
            resumed = await Ear(node, since="0.7.0@3").next()
            assert resumed.name == "snapshot"
        finally:
            authentication._present.reset(token)

    _story(tell)


@pytest.mark.parametrize(("leaving", "code"), [(True, "leaving"), (False, "not-admitted")])
def test_a_stream_says_why_it_ends(leaving: bool, code: str) -> None:
    async def tell(node: FakeNode) -> None:
        admitted = True
        token = authentication._present.set(Principal("anna", still_admitted=lambda: admitted))
        ear = Ear(node)
        authentication._present.reset(token)
        await ear.next("status")
        if leaving:
            node.journal.close()
        admitted = leaving
        node.journal.told()
        assert (await ear.next("end")).value["code"] == code
        with pytest.raises(StopAsyncIteration):
            await ear.next()
        assert node.journal.listeners == 0

    _story(tell)


def test_who_takes_nothing_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_routes, "SEND_LIMIT_S", 0.05)

    async def tell(node: FakeNode) -> None:
        listener = Listener(node, lambda: ClusterView.of(readable(node), NOW), Filter())

        async def stuck(_message: object) -> None:
            await asyncio.sleep(60)

        cut_off: list[bool] = []
        scope = {"type": "http", "state": {"crmd.abort": lambda: cut_off.append(True)}}
        await asyncio.wait_for(EventStream(listener.listen(None))(scope, lambda: asyncio.sleep(60), stuck), 5)
        assert cut_off == [True]
        gc.collect()
        await asyncio.sleep(0)
        assert node.journal.listeners == 0

    _story(tell)
