"""What goes wrong in a hunt: a catalogue of faults, one function each, chosen by weight and by the world's chance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from crm.cib.changes import Edit, EditVerb
from crm.controller.cluster_state import StoreState
from crm.testing import node_list_requests, simulated_clients
from crm.testing.simulated_node import SimulatedNode
from crm.testing.world import World

Fault = Callable[[World, SimulatedNode], bool]
"""Does it, and says whether it could."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What may go wrong: names, weights and what does it."""

    entries: tuple[tuple[str, int, Fault], ...]

    def draw(self, world: World) -> tuple[str, Fault]:
        """One of them, by chance."""
        name, _, fault = world.random.choices(self.entries, [weight for _, weight, _ in self.entries])[0]
        return name, fault


def _crash(world: World, node: SimulatedNode) -> bool:
    world.crash(node.name)
    return True


def _lose_store(world: World, node: SimulatedNode) -> bool:
    """One at a time, where what was acknowledged is on other disks as well."""
    others = [each for each in world.nodes.values() if each is not node]
    if world.config.disks_needed < 2 or any(each.disk.hard_state.store is not StoreState.WHOLE for each in others):
        return False
    world.lose_store(node.name, world.random.choice((StoreState.LOST, StoreState.NEW)))
    return True


def _kill_daemon(world: World, node: SimulatedNode) -> bool:
    if node.alive:
        world.kill_daemon(node.name)
    return node.controller is None


def _restart_daemon(world: World, node: SimulatedNode) -> bool:
    """As its supervisor does: killed, and back at once."""
    if node.controller is None:
        return False
    world.kill_daemon(node.name)
    world.start(node.name)
    return True


def _restart_all(world: World, node: SimulatedNode) -> bool:
    """All daemons that are there, so that nobody remembers more than is on disks."""
    for each in world.nodes.values():
        _restart_daemon(world, each)
    return True


def _boot(world: World, node: SimulatedNode) -> bool:
    if node.alive:
        return False
    world.start(node.name)
    return True


def _cut_off(world: World, node: SimulatedNode) -> bool:
    world.cut_off(node.name)
    return True


def _split(world: World, node: SimulatedNode) -> bool:
    names = list(world.nodes)
    world.random.shuffle(names)
    at = world.random.randint(1, len(names))
    world.partition(names[:at], names[at:])
    return True


def _cut_one_way(world: World, node: SimulatedNode) -> bool:
    others = [name for name in world.nodes if name != node.name]
    if not others:
        return False
    world.cut_one_way(node.name, world.random.choice(others))
    return True


def _heal(world: World, node: SimulatedNode) -> bool:
    if world.network.whole:
        return False
    world.heal()
    return True


def _pause(world: World, node: SimulatedNode) -> bool:
    world.pause(node.name, world.random.choice([0.02, 0.3, 2.0, 10.0]))
    return True


def _freeze_daemon(world: World, node: SimulatedNode) -> bool:
    if node.controller is None:
        return False
    world.freeze_daemon(node.name, world.random.choice([0.3, 1.0, 2.5, 4.0, 6.0, 15.0]))
    return True


def _slow_disk(world: World, node: SimulatedNode) -> bool:
    node.disk.slowness = world.random.choice([1.0, 10.0, 200.0])
    return True


def _disk_fails(world: World, node: SimulatedNode) -> bool:
    """It is full, or its controller has gone: no write succeeds until that ends."""
    node.disk.failing = not node.disk.failing
    world.note(f"the disk of {node.name} {'fails' if node.disk.failing else 'works'} from now on")
    return True


def _network_repeats(world: World, node: SimulatedNode) -> bool:
    """Some messages come twice, the second time late: more than a message layer may do."""
    world.network.repeated = world.random.choice([0.0, 0.02, 0.3])
    world.note(f"{world.network.repeated:.0%} of the messages come twice from now on")
    return True


def _slow_network(world: World, node: SimulatedNode) -> bool:
    world.network.longest_delay_s = world.random.choice([0.004, 0.05, 0.5])
    return True


def _skew(world: World, node: SimulatedNode) -> bool:
    # A clock may be wrong, but a controller is promised that its own never goes back.
    if node.alive:
        node.skew += world.random.uniform(0, 30.0)
    else:
        node.skew = world.random.uniform(-3600.0, 3600.0)
    return True


def _service_dies(world: World, node: SimulatedNode) -> bool:
    world.break_resource(world.random.choice(world.services))
    return True


def _agent_fails(world: World, node: SimulatedNode) -> bool:
    what = (world.random.choice(world.services), world.random.choice(["start", "stop", "monitor", "promote", "demote"]))
    node.machine.failing.add(what)
    world.note(f"{what[1]} of {what[0]} fails on {node.name} from now on")
    return True


def _agent_hangs(world: World, node: SimulatedNode) -> bool:
    what = (world.random.choice(world.services), world.random.choice(["start", "stop", "promote", "demote"]))
    node.machine.hanging.add(what)
    world.note(f"{what[1]} of {what[0]} hangs on {node.name} from now on")
    return True


def _agents_mended(world: World, node: SimulatedNode) -> bool:
    mended = bool(node.machine.failing or node.machine.hanging)
    node.machine.failing.clear()
    node.machine.hanging.clear()
    return mended


def _device_breaks(world: World, node: SimulatedNode) -> bool:
    device = world.random.choice(["power", "spare"])
    world.power.broken ^= {device}
    world.note(f"fence device {device} {'fails' if device in world.power.broken else 'works'} from now on")
    return True


def _change(world: World, node: SimulatedNode) -> bool:
    if node.controller is None:
        return False
    world.change(node.name, f"m{len(world.story)}-{world.random.randrange(10**6)}")
    return True


def _standby(world: World, node: SimulatedNode) -> bool:
    """A client puts some node in standby, or back."""
    if node.controller is None:
        return False
    number = world.random.randint(1, len(world.nodes))
    value = world.random.choice(["on", "off"])
    world.edit(node.name, Edit(EditVerb.MODIFY, f'<node id="{number}"><instance_attributes id="nodes-{number}"><nvpair '
               f'id="standby-{number}" name="standby" value="{value}"/></instance_attributes></node>', "nodes"))
    return True


def _clean_up(world: World, node: SimulatedNode) -> bool:
    if node.controller is None:
        return False
    world.clean_up(node.name)
    return True


def _shut_down(world: World, node: SimulatedNode) -> bool:
    if node.controller is None:
        return False
    world.shut_down(node.name)
    return True


def _fence(world: World, node: SimulatedNode) -> bool:
    """A client wants some node fenced."""
    if node.controller is None:
        return False
    world.fence(node.name, world.random.choice(list(world.nodes)), world.random.choice(["off", "reboot"]))
    return True


def _blackout(world: World, node: SimulatedNode) -> bool:
    """The power of all machines fails at once."""
    for each in world.nodes.values():
        world.crash(each.name)
    return True


def _device_gets_stuck(world: World, node: SimulatedNode) -> bool:
    device = world.random.choice(["power", "spare"])
    world.power.stuck ^= {device}
    world.note(f"fence device {device} {'hangs' if device in world.power.stuck else 'hangs no more'}")
    return True


def _migration_fails(world: World, node: SimulatedNode) -> bool:
    """One half of it, by a failure or by taking for ever."""
    what = (world.random.choice(world.services), world.random.choice(["migrate_to", "migrate_from", "notify"]))
    world.random.choice([node.machine.failing, node.machine.hanging]).add(what)
    world.note(f"{what[1]} of {what[0]} does not work on {node.name} from now on")
    return True


def _agent_is_slow(world: World, node: SimulatedNode) -> bool:
    """It does its work, but takes its time: long enough that the cluster does not wait for it."""
    what = (world.random.choice(world.services), world.random.choice(["start", "stop", "promote", "demote"]))
    node.machine.slow[what] = world.random.choice([1.5, 3.0, 4.5])
    world.note(f"{what[1]} of {what[0]} takes {node.machine.slow[what]:g} s on {node.name} from now on")
    return True


def _agents_are_quick(world: World, node: SimulatedNode) -> bool:
    slow = bool(node.machine.slow)
    node.machine.slow.clear()
    return slow


PLAIN = Catalogue((
    ("crash", 3, _crash),
    ("kill-daemon", 2, _kill_daemon),
    ("restart-daemon", 3, _restart_daemon),
    ("boot", 10, _boot),
    ("cut-off", 3, _cut_off),
    ("split", 2, _split),
    ("cut-one-way", 2, _cut_one_way),
    ("heal", 6, _heal),
    ("pause", 3, _pause),
    ("slow-disk", 2, _slow_disk),
    ("slow-network", 2, _slow_network),
    ("skew", 1, _skew),
    ("service-dies", 4, _service_dies),
    ("agent-fails", 2, _agent_fails),
    ("agent-hangs", 1, _agent_hangs),
    ("agents-mended", 3, _agents_mended),
    ("device-breaks", 1, _device_breaks),
    ("change", 8, _change),
    ("standby", 2, _standby),
    ("cleanup", 1, _clean_up),
    ("shut-down", 1, _shut_down),
    ("fence", 1, _fence),
))
VARIED = Catalogue((
    *PLAIN.entries,
    ("blackout", 1, _blackout),
    ("device-stuck", 1, _device_gets_stuck),
    ("migration-fails", 2, _migration_fails),
    ("confirm", 1, simulated_clients.confirm),
    ("order-about", 8, simulated_clients.order_about),
    ("maintenance", 1, simulated_clients.maintain),
    ("ticket", 3, simulated_clients.handle_ticket),
    ("attribute", 3, simulated_clients.set_attribute),
))
HARSH = Catalogue((
    *VARIED.entries,
    ("disk-fails", 4, _disk_fails),
    ("network-repeats", 3, _network_repeats),
))
SLOW = Catalogue((
    *VARIED.entries,
    ("agent-slow", 12, _agent_is_slow),
    ("agents-quick", 3, _agents_are_quick),
))
READING = Catalogue((
    *HARSH.entries,
    ("read", 12, simulated_clients.read),
    ("lose-store", 3, _lose_store),
))
CHANGING = Catalogue((
    *(entry for entry in PLAIN.entries if entry[0] != "standby"),
    ("disk-fails", 1, _disk_fails),
    ("confirm", 1, simulated_clients.confirm),
    ("add-node", 14, node_list_requests.add),
    ("remove-node", 8, node_list_requests.remove),
    ("remove-dc", 2, node_list_requests.remove_dc),
    ("keep-node", 1, node_list_requests.keep),
))
LEASES = Catalogue((
    *(entry for entry in PLAIN.entries if entry[0] not in ("skew", "device-breaks", "fence")),
    ("kill-daemon-for-good", 4, _kill_daemon),
    ("freeze-daemon", 8, _freeze_daemon),
    ("cut-off-more", 4, _cut_off),
    ("leave-alone", 3, simulated_clients.leave_alone),
))
"""Without fencing. Clocks do not jump: a daemon's own never does (`crm.daemon.clock`)."""
TERMS = Catalogue((
    *LEASES.entries,
    ("change-terms", 10, simulated_clients.change_terms),
    ("device-breaks", 4, _device_breaks),
    ("restart-all", 2, _restart_all),
    ("confirm", 1, simulated_clients.confirm),
))
_TRIES = 20


def inject(world: World, catalogue: Catalogue = PLAIN) -> None:
    """One fault, at some node, of those that can happen now; counted under its name."""
    for _ in range(_TRIES):
        name, fault = catalogue.draw(world)
        node = world.nodes[world.random.choice(list(world.nodes))]
        heard = len(world.story)
        if fault(world, node):
            world.faults[name] += 1
            world.note(f"* {name} ({node.name})", before=heard)
            return


def mend_disks(world: World) -> None:
    """Writes succeed again: a node that cannot write can neither vote nor follow anybody."""
    for node in world.nodes.values():
        node.disk.failing = False


def mend(world: World) -> None:
    """End everything that is wrong; start what is off."""
    mend_disks(world)
    world.heal()
    world.power.broken.clear()
    world.power.stuck.clear()
    world.network.longest_delay_s = 0.004
    world.network.repeated = 0.0
    for number, node in enumerate(world.nodes.values(), 1):
        node.machine.failing.clear()
        node.machine.hanging.clear()
        node.machine.slow.clear()
        node.disk.slowness = 1.0
        if not node.alive and world.belongs(node.name):
            world.start(node.name)
        world.edit(node.name, Edit(EditVerb.DELETE, xpath=f"//nvpair[@id='standby-{number}']"))
    simulated_clients.undo(world)
