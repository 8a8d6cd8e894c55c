"""Services in trouble: what was acknowledged is there, nothing is left behind, nobody is fenced for nothing.

A fast selection by default; `python -m tests.system.services` is all of it, or some: `… web redis --trouble move`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.system.services.clients import Client
from tests.system.services.cluster import ServiceRoom, serving
from tests.system.services.selection import KNOWN, SERVICES, selected
from tests.system.services.troubles import TROUBLES, Trouble, nothing_left

pytestmark = pytest.mark.timeout(400)
CHOSEN = selected(os.environ)


class Served:
    """A cluster that serves, and a client that never stops asking."""

    def __init__(self, room: ServiceRoom) -> None:
        self.room = room
        self.client = Client(room.network, room.service.send)
        self.troubled = False


@pytest.fixture(scope="module", params=list(dict.fromkeys(service for service, _ in CHOSEN)))
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    kind = SERVICES[request.param]
    reason = kind.why_not()
    if reason:
        pytest.skip(reason)
    with serving(kind) as room:
        made = Served(room)
        made.room.at_rest(made.client)
        yield made
        made.client.close()


@pytest.fixture(params=list(TROUBLES))
def trouble(request: pytest.FixtureRequest, served: Served) -> Trouble:
    if (served.room.service.name, request.param) not in CHOSEN:
        pytest.skip("not in the fast selection")
    for service in (served.room.service.name, "*"):
        if (service, request.param) in KNOWN:
            request.node.add_marker(pytest.mark.xfail(reason=KNOWN[service, request.param], strict=False))
    return TROUBLES[request.param]


def test_a_service_survives(served: Served, trouble: Trouble) -> None:
    room, client = served.room, served.client
    if served.troubled:  # by the test before
        room.as_configured()
    served.troubled = True
    room.at_rest(client)
    room.fenced.clear()
    home = room.home()
    trouble.happen(room, client, home)
    room.at_rest(client)
    assert room.fenced == ([home] if trouble.fences else []), room.state()
    if trouble.moves:
        assert room.home() != home, room.state()
    promised, kept = client.promised(), room.kept()  # in this order: the client goes on
    if kept is not None:
        lost = promised - kept
        assert not lost, f"acknowledged, and gone: {sorted(lost)}\n{room.state()}"
    nothing_left(room, [room.home()])
    assert not list(room._tracebacks())
    served.troubled = False
