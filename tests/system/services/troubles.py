"""What happens to a service. Each trouble is over when the service is served again where it should be.

After each the test waits for rest, and asks what `test_services` says in one place for all of them.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

from tests.system.machines import until
from tests.system.services.clients import Client
from tests.system.services.cluster import ServiceRoom
from tests.system.services.service import HEARTBEAT

_PATIENCE_S = 60.0


@dataclass(frozen=True)
class Trouble:
    """Something that happens on `home`, where the service is active; `fences`: whether home has to be fenced for it."""

    happen: Callable[[ServiceRoom, Client, str], None]
    fences: bool = False
    moves: bool = False  # whether the service is elsewhere afterwards; a machine that boots quickly may win it back


def until_served(room: ServiceRoom, client: Client, since: float) -> None:
    """A request that was sent after that moment was answered."""
    until(lambda: client.served_since(since), f"nobody serves again\n{room.state()}", _PATIENCE_S)


def nothing_left(room: ServiceRoom, homes: list[str]) -> None:
    """Nothing of the service is on other machines, once connections whose address went away have ended."""
    with suppress(AssertionError):
        until(lambda: not list(room.left_behind(homes)), "something is left", 6.0, 0.2)
    left = list(room.left_behind(homes))
    assert not left, f"{left}\n{room.state()}"


def power_loss(room: ServiceRoom, client: Client, home: str) -> None:
    room.power_off(home)
    until_served(room, client, time.monotonic())


def killed_service(room: ServiceRoom, client: Client, home: str) -> None:
    room.kill_service(home)
    _until_noticed(room, home)
    until_served(room, client, time.monotonic())


def killed_daemon(room: ServiceRoom, client: Client, home: str) -> None:
    """The service goes on, and the daemon that comes back finds it."""
    began = time.monotonic()
    room.signal_daemon(home, signal.SIGKILL)
    room.until_peace()
    until_served(room, client, began + 1.0)
    assert room.home() == home, f"{home} was left, although its service ran on\n{room.state()}"
    assert client.gap_since(began) < 1.0, f"the service was interrupted for {client.gap_since(began):.1f} s"


def standby(room: ServiceRoom, client: Client, home: str) -> None:
    room.post(f"/v1/nodes/{home}/standby")
    until(lambda: home not in room.holders() and len(room.holders()) == 1, f"still on {home}", _PATIENCE_S)
    until_served(room, client, time.monotonic())
    room.until_peace()
    nothing_left(room, [room.home()])
    room.post(f"/v1/nodes/{home}/online")


def moved(room: ServiceRoom, client: Client, home: str) -> None:
    other = room.other(home)
    room.post(f"/v1/resources/{room.service.place}/move", node=other, promoted=room.service.everywhere)
    until(lambda: room.holders() == [other], f"not on {other}\n{room.state()}", _PATIENCE_S)
    until_served(room, client, time.monotonic())
    room.until_peace()
    room.post(f"/v1/resources/{room.service.place}/clear")


def changed_address(room: ServiceRoom, client: Client, home: str) -> None:
    """The new address answers, the old one is nowhere; and back again."""
    old, new = room.service.address, f"{room.network.subnet}.101"
    for gone, there in ((old, new), (new, old)):
        _set(room, "ip", "ip", there)
        room.until_peace()
        addresses = room.addresses()
        assert addresses.count(there) == 1, f"{there} is on {addresses.count(there)} machines\n{room.state()}"
        assert gone not in addresses, f"{gone} stayed\n{room.state()}"
    until_served(room, client, time.monotonic())


def changed_parameter(room: ServiceRoom, client: Client, home: str) -> None:
    """A parameter of the program itself, which is restarted for it."""
    _set(room, *room.service.changed)
    room.until_peace()
    until_served(room, client, time.monotonic())


def deleted(room: ServiceRoom, client: Client, home: str) -> None:
    """It is stopped with all that belongs to it, on every machine, and comes back with its data."""
    room.put_services("", "")
    until(lambda: not room.holders(), f"the address stayed\n{room.state()}", _PATIENCE_S)
    room.until_peace()
    nothing_left(room, [])
    room.put_services(room.service.resources(), room.service.constraints())
    until_served(room, client, time.monotonic())


def agents_gone(room: ServiceRoom, client: Client, home: str) -> None:
    """Somebody removes the package of agents where the service is active, and installs it again."""
    machine = room.network[home]
    machine.run("mkdir", "-p", "/run/empty")
    machine.run("mount", "--bind", "/run/empty", str(HEARTBEAT))
    time.sleep(8.0)
    if machine.process_id is not None:
        machine.run("umount", str(HEARTBEAT), check=False)
    until_served(room, client, time.monotonic())


def agents_gone_elsewhere(room: ServiceRoom, client: Client, home: str) -> None:
    """The package of agents is missing on a machine that boots: nothing runs there, and nothing happens to it."""
    other = room.other(home)
    machine = room.network[other]
    machine.run("mkdir", "-p", "/run/empty")
    machine.run("mount", "--bind", "/run/empty", str(HEARTBEAT))
    began = time.monotonic()
    room.post("/v1/cluster/cleanup")
    room.until_peace()
    time.sleep(4.0)
    room.until_peace()
    machine.run("umount", str(HEARTBEAT))
    assert room.home() == home
    assert client.gap_since(began) < 1.0, f"the service was interrupted for {client.gap_since(began):.1f} s"


TROUBLES: dict[str, Trouble] = {
    "power loss": Trouble(power_loss, fences=True),
    "killed service": Trouble(killed_service),
    "killed daemon": Trouble(killed_daemon),
    "standby": Trouble(standby, moves=True),
    "move": Trouble(moved, moves=True),
    "changed address": Trouble(changed_address),
    "changed parameter": Trouble(changed_parameter),
    "deletion": Trouble(deleted),
    "agents gone elsewhere": Trouble(agents_gone_elsewhere),
    "agents gone": Trouble(agents_gone),
}


def _set(room: ServiceRoom, resource: str, name: str, value: str) -> None:
    room.patch(f'<primitive id="{resource}"><instance_attributes id="{resource}-p">'
               f'<nvpair id="{resource}-p-{name}" name="{name}" value={quoteattr(value)}/></instance_attributes>'
               "</primitive>")


def _until_noticed(room: ServiceRoom, home: str) -> None:
    """A monitor failed on home: a killed process may be replaced before it is missed."""
    until(lambda: any(home in failure for failure in room.failures()), f"nobody noticed\n{room.state()}", _PATIENCE_S)
