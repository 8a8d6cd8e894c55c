"""The typed client: its calls against the routes there are, its values against the schema, its codec, its imports."""

from __future__ import annotations

import asyncio
import inspect
import re
import socket
import subprocess
import sys
import threading
import typing
from pathlib import Path
from typing import Any

import pytest

from crm.api.app import create
from crm.api.auth.authentication import AuthenticationSettings
from crm.cib.changes import Edit
from crm.client import AsyncClient, Client, calls, objects, shapes, values
from crm.client.calls import Call
from crm.client.errors import NoAnswer
from crm.client.events import Listening
from crm.client.http import HttpAnswer, HttpMessage, ServerPlace, answer_of
from crm.client.sync import Credentials, checked
from tests.unit.api.node import FakeNode
from tests.unit.cli.serving import serving

DOCUMENT = create(FakeNode(), doors=AuthenticationSettings(b"0123456789abcdef")).openapi()
SCHEMAS = DOCUMENT["components"]["schemas"]

CALLS: list[Call[Any]] = [
    calls.cluster(), calls.nodes(), calls.node("n"), calls.resources(), calls.resource("r"), calls.healthy("live"),
    calls.healthy("resources/web"), calls.cib("resources"), calls.version(), calls.replace_cib("<cib/>"),
    calls.edit_cib("delete", '<primitive id="a"/>', if_version="0.1.2"), calls.standby("n"), calls.online("n"),
    calls.maintenance("n"), calls.move("r", "n"), calls.clear("r"), calls.cleanup(), calls.cleanup("r", node="n"),
    calls.plan_cleanup("r"), calls.start("r"), calls.stop("r"), calls.ban("r"), calls.restart("r"),
    calls.restart("r", "one"), calls.follow("r", "moved", node="one", version="0.5.0"),
    calls.wait_until_settled(), calls.tasks(), calls.task("t", wait_s=1), calls.cancel_task("t"), calls.operations("r"),
    calls.waiting_operations("web"), calls.failures(node="n"), calls.fail_counts(), calls.transitions(),
    calls.transition("n-1"), calls.transition_input("n-1"), calls.replay("n-1"), calls.history(),
    calls.earlier_cib("0.1.0"),
    calls.differences("0.1.0", "0.2.0"), calls.undo(), calls.tickets(), calls.ticket("t"),
    calls.change_ticket("t", granted=True), calls.forget_ticket("t"), calls.fence("n"), calls.plan_fence("n"),
    calls.confirm("n"), calls.accept_loss(), calls.fencings("n"), calls.fencing_coverage(test=True),
    calls.attributes("n"), calls.cluster_nodes(), calls.add_node("n", "10.0.0.4"), calls.remove_node("n"),
    calls.keep_node("n"), calls.rotate_key(),
    calls.set_attribute("n", "a", "1"), calls.remove_attribute("n", "a"), calls.set_utilization("n", {"cpu": None}),
    calls.options(), calls.set_option("o", "v"), calls.remove_option("o"), calls.agents("ocf"), calls.agent("ocf:x:y"),
    calls.simulate(lost_nodes=["n"]), calls.create_token(), calls.revoke_token("00"), calls.audit("anna", refused=True),
]
KINDS = {name: kind for name, kind in vars(objects).items() if isinstance(kind, objects.Objects)}
for kind in KINDS.values():
    value: Any = {"id": "a"}
    CALLS += [kind.all(), kind.one("a"), kind.create(value, force=True), kind.replace("a", value, if_version="0.1.2"),
              kind.change("a", {}, dry_run=True), kind.delete("a", dry_run=True)]


@pytest.mark.parametrize("wanted", CALLS, ids=[f"{one.message.method} {one.message.path}" for one in CALLS])
def test_every_call_is_a_route_and_its_words_are_known(wanted: Call[Any]) -> None:
    operation = _operation(wanted.message)
    known = {(parameter["in"], parameter["name"]) for parameter in operation["parameters"]}
    assert {("query", name) for name, _ in wanted.message.query} <= known
    assert {("header", name.lower()) for name, _ in wanted.message.headers} <= {
        (place, name.lower()) for place, name in known}
    assert bool(wanted.message.body) == ("requestBody" in operation)


def _operation(message: HttpMessage) -> dict[str, Any]:
    parts = message.path.split("/")
    for path, methods in DOCUMENT["paths"].items():
        pattern = path.split("/")
        fits = len(parts) == len(pattern) and all(
            part == wanted or wanted.startswith("{") for part, wanted in zip(parts, pattern, strict=True))
        if fits and message.method.lower() in methods:
            found: dict[str, Any] = methods[message.method.lower()]
            return found
    raise AssertionError(f"there is no route {message.method} {message.path}")


def test_no_call_is_forgotten_here() -> None:
    made = {name for name, one in inspect.getmembers(calls, inspect.isfunction)
            if one.__module__ == calls.__name__ and not name.startswith("_")}
    helpers = {"call", "once", "waiting", "named", "if_match"}
    source = inspect.getsource(sys.modules[__name__])
    tested = set(re.findall(r"calls\.(\w+)\(", source.partition("KINDS")[0]))
    assert made - helpers == tested


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (values.Report, ["ReportValue"]),
        (values.Node, ["NodeValue"]),
        (values.ListedNode, ["ListedNodeValue"]), (values.NodeList, ["NodeListValue"]),
        (values.RotatedKey, ["KeyValue"]),
        (values.Resource, ["ResourceValue"]),
        (values.Failure, ["FailureValue"]),
        (values.Cluster, ["ClusterValue"]),
        (values.Action, ["ActionValue"]),
        (values.Plan, ["PlanValue"]),
        (values.AuditEntry, ["AuditValue"]),
        (values.Interruption, ["InterruptionValue"]),
        (values.PlannedFencing, ["FencingPlanValue"]),
        (values.Blocked, ["BlockedValue"]),
        (values.Difference, ["DifferenceValue"]),
        (values.TransitionCount, ["TransitionCount"]),
        (values.Transition, ["TransitionValue"]),
        (values.DoneAction, ["DoneActionValue"]),
        (values.Replay, ["ReplayValue"]),
        (values.Kept, ["KeptValue"]),
        (values.Task, ["TaskValue"]),
        (values.Operation, ["OperationValue"]),
        (values.WaitingOperation, ["WaitingOperationValue"]),
        (values.FailCount, ["FailCountValue"]),
        (values.Ticket, ["TicketValue"]),
        (values.Fenced, ["FencedValue"]),
        (values.Fencing, ["FencingValue"]),
        (values.Coverage, ["CoverageValue"]),
        (values.Property, ["PropertyValue"]),
        (values.Attributes, ["AttributesValue"]),
        (values.Agent, ["AgentValue"]),
        (values.Metadata, ["MetadataValue"]),
        (values.Parameter, ["ParameterValue"]),
        (values.AgentAction, ["AgentActionValue"]),
        (values.Cleaned, ["CleanedValue"]),
        (values.Health, ["VerdictValue"]),
        (values.Version, ["VersionValue"]),
        (values.Token, ["TokenValue"]),
        (values.Written, ["CommittedValue", "PlanValue", "UnchangedValue", "AcceptedValue"]),
    ],
)
def test_the_values_are_those_of_the_schema(value: Any, names: list[str]) -> None:
    fields = [set(SCHEMAS[name]["properties"]) for name in names]
    hints = typing.get_type_hints(value, include_extras=True)
    assert set(hints) <= set.union(*fields)
    certain = {name for name, hint in hints.items() if typing.get_origin(hint) is not typing.NotRequired}
    assert certain <= set.intersection(*fields)


@pytest.mark.parametrize("name", [name for name, each in vars(shapes).items() if typing.is_typeddict(each)])
def test_the_shapes_of_objects_are_those_of_the_schema(name: str) -> None:
    schema = SCHEMAS["_AttributeName" if name == "AlertAttribute" else name]
    hints = typing.get_type_hints(getattr(shapes, name), include_extras=True)
    assert set(hints) == set(schema["properties"])
    needed = {field for field, hint in hints.items() if typing.get_origin(hint) is not typing.NotRequired}
    assert needed == set(schema.get("required", ()))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("/run/x.sock", ServerPlace("/run/x.sock")),
        ("https://node1:8080", ServerPlace("", "node1", 8080, True)),
        ("http://[::1]:80/", ServerPlace("", "::1", 80, False)),
    ],
)
def test_places(text: str, place: ServerPlace) -> None:
    assert ServerPlace.parse(text) == place


@pytest.mark.parametrize("text", ["", "node1", "node1:8080", "ftp://a:1", "https://node1", "https://:80", "https://a:b"])
def test_what_is_no_place_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="no place of a node"):
        ServerPlace.parse(text)


def test_a_request_and_an_answer_on_the_wire() -> None:
    message = Credentials("secret").apply(calls.move("a/b", "n", dry_run=True).message)
    text = message.encoded(ServerPlace("", "node1", 80)).decode()
    assert text.startswith("POST /v1/resources/a%2Fb/move?dry_run=true HTTP/1.1\r\nHost: node1\r\n")
    assert "Authorization: Bearer secret\r\n" in text and text.endswith(
        '{"node": "n", "for_seconds": 3600, "promoted": false}')
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nETag: x\r\n\r\n"
    answer = answer_of(head + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    assert (answer.status, answer.headers["etag"], answer.text) == (200, "x", "abcde")
    for broken in (b"", b"nonsense", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"):
        with pytest.raises(ValueError):
            answer_of(broken)


def test_a_problem_is_raised_with_all_that_was_said() -> None:
    body = b'{"code": "no-such-node", "detail": "no node x", "next_step": "see", "more": 1}'
    with pytest.raises(Exception, match=r"no node x\. see") as caught:
        checked(HttpAnswer(404, {}, body))
    assert (caught.value.code, caught.value.status, caught.value.members["more"]) == ("no-such-node", 404, 1)
    with pytest.raises(Exception, match="the answer was 502: <html>"):
        checked(HttpAnswer(502, {}, b"<html>"))


def test_events_are_put_together_line_by_line() -> None:
    listening = Listening(["operation"], "n", None, None)
    assert listening.message().query == (("kind", "operation"), ("node", "n"))
    lines = ["id: 1@2", "event: change", 'data: {"a": 1}', "", ": still here", "", "id: 2@2", "", "event: status"]
    events = [event for event in map(listening.take, lines) if event is not None]
    assert events == [("change", "1@2", {"a": 1})]
    assert listening.index == "2@2"
    assert ("Last-Event-ID", "2@2") in listening.message().headers
    assert listening.take("data: {}") is None and listening.take("") == ("message", "2@2", {})


def test_the_tools_load_nothing_heavy() -> None:
    code = ("import sys, crm.client, crm.cli.connection; "
            "print(*(name for name in ('httpx', 'pydantic', 'lxml', 'asyncio', 'ssl', 'json', 'crm.client.calls') "
            "if name in sys.modules))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_a_long_list_comes_page_by_page(tmp_path: Path) -> None:
    node = FakeNode()
    for number in range(5):
        node.adopt(node.document.apply(Edit("create", f'<tag id="t{number}&amp;"><obj_ref id="web"/></tag>', "tags")))

    async def all_tags() -> list[str]:
        return [tag["id"] async for tag in AsyncClient(str(tmp_path / "s")).pages(objects.tags.all(), 2)]

    with serving(node, tmp_path / "s"), Client(str(tmp_path / "s")) as client:
        found = [tag["id"] for tag in client.pages(objects.tags.all(), 2)]
        assert found == asyncio.run(all_tags()) == [f"t{number}&" for number in range(5)]
        assert len(client.do(objects.tags.all())) == 5


class _Deaf:
    """A node that takes a request and closes the connection."""

    def __init__(self, path: Path) -> None:
        self.asked = 0
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._socket.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.asked += 1
            connection.recv(65536)
            connection.close()

    def close(self) -> None:
        self._socket.close()


def test_what_may_be_sent_twice_is_sent_to_the_next_node(tmp_path: Path) -> None:
    node, deaf = FakeNode(), _Deaf(tmp_path / "deaf")
    places = (str(tmp_path / "deaf"), str(tmp_path / "s"))

    async def asked(wanted: Call[Any]) -> Any:
        return await AsyncClient(*places).do(wanted)

    with serving(node, tmp_path / "s"), Client(*places) as client:
        assert client.do(calls.version())["version"] == asyncio.run(asked(calls.version()))["version"] == "0.5.0"
        written = client.do(calls.once(calls.standby("one"), "k"))
        assert asyncio.run(asked(calls.once(calls.standby("one"), "k")))["version"] == written["version"]
        assert len(node.origins) == 1 and deaf.asked == 4
        for ask in (client.do, lambda wanted: asyncio.run(asked(wanted))):
            with pytest.raises(NoAnswer):
                ask(calls.online("one"))
        assert len(node.origins) == 1, "what has no key is not sent twice"
    deaf.close()
