"""What clients do in a hunt while everything else goes wrong: they order resources about, set options, grant tickets.

Whatever they ask for is undone in the end, so that peace means the same for every seed. Only in clusters of many kinds
(`crm.testing.random_clusters`); what they may touch there is in `World.moving` and `World.tickets`.
"""

from __future__ import annotations

from collections.abc import Callable

from crm.cib.changes import Edit, EditVerb
from crm.testing.simulated_node import SimulatedNode
from crm.testing.world import World

_MARK = "hunt"
_LEFT_ALONE = ("db", "lone", "state", "all")


def _nvpair(identity: str, name: str, value: str) -> str:
    return f'<nvpair id="{identity}" name="{name}" value="{value}"/>'


def _role(world: World, resource: str) -> Edit:
    value = world.random.choice(("Stopped", "Started"))
    pair = _nvpair(f"{_MARK}-role-{resource}", "target-role", value)
    return Edit(EditVerb.MODIFY, f'<primitive id="{resource}"><meta_attributes id="{_MARK}-meta-{resource}">{pair}'
                f"</meta_attributes></primitive>", "resources")


def _parameter(world: World, resource: str) -> Edit:
    pair = _nvpair(f"{_MARK}-parameter-{resource}", "state", str(world.random.randrange(100)))
    return Edit(EditVerb.MODIFY, f'<primitive id="{resource}"><instance_attributes id="{_MARK}-parameters-{resource}">'
                f"{pair}</instance_attributes></primitive>", "resources")


def _location(world: World, resource: str) -> Edit:
    node, score = world.random.choice(list(world.nodes)), world.random.choice(("-INFINITY", "INFINITY", "200"))
    return Edit(EditVerb.UPSERT, f'<rsc_location id="{_MARK}-at-{resource}" rsc="{resource}" node="{node}" '
                f'score="{score}"/>', "constraints")


def _withdrawn(world: World, resource: str) -> Edit:
    return Edit(EditVerb.DELETE, xpath=f"//rsc_location[@id='{_MARK}-at-{resource}']")


_ORDERS: tuple[Callable[[World, str], Edit], ...] = (_role, _parameter, _location, _location, _withdrawn)


def order_about(world: World, node: SimulatedNode) -> bool:
    """A client starts, stops, moves or changes a resource."""
    if node.controller is None or not world.moving:
        return False
    resource = world.random.choice(world.moving)
    change = world.random.choice(_ORDERS)(world, resource)
    world.note(f"a client of {node.name}: {change.xml or change.xpath}")
    world.edit(node.name, change)
    return True


def _maintenance(on: bool) -> Edit:
    pair = _nvpair(f"{_MARK}-maintenance", "maintenance-mode", str(on).lower())
    return Edit(EditVerb.MODIFY, f'<cluster_property_set id="options">{pair}</cluster_property_set>', "crm_config")


def maintain(world: World, node: SimulatedNode) -> bool:
    """A client puts the cluster in maintenance, or ends it."""
    if node.controller is None:
        return False
    on = world.random.random() < 0.4
    world.checkers.unwatched = True
    world.note(f"a client of {node.name}: maintenance {'begins' if on else 'ends'}")
    world.edit(node.name, _maintenance(on))
    return True


def leave_alone(world: World, node: SimulatedNode) -> bool:
    """A client has the cluster leave something alone (all, a node, or a resource), or ends that."""
    if node.controller is None:
        return False
    on = world.random.random() < 0.5
    number, resource = world.random.randint(1, len(world.nodes)), world.random.choice(_LEFT_ALONE)
    change = world.random.choice((_maintenance(on), _node_maintenance(number, on), _managed(resource, not on)))
    world.checkers.unwatched = True
    world.note(f"a client of {node.name}: {change.xml}")
    world.edit(node.name, change)
    return True


def _node_maintenance(number: int, on: bool) -> Edit:
    pair = _nvpair(f"{_MARK}-maintenance-{number}", "maintenance", str(on).lower())
    return Edit(EditVerb.MODIFY, f'<node id="{number}"><instance_attributes id="nodes-{number}">{pair}'
                f"</instance_attributes></node>", "nodes")


def _managed(resource: str, on: bool) -> Edit:
    pair = _nvpair(f"{_MARK}-managed-{resource}", "is-managed", str(on).lower())
    return Edit(EditVerb.MODIFY, f'<primitive id="{resource}"><meta_attributes id="{_MARK}-managed-m-{resource}">{pair}'
                f"</meta_attributes></primitive>", "resources")


def manage_all(world: World, via: str) -> None:
    """Nothing is left alone any more."""
    world.edit(via, _maintenance(False))
    for number in range(1, len(world.nodes) + 1):
        world.edit(via, Edit(EditVerb.DELETE, xpath=f"//nvpair[@id='{_MARK}-maintenance-{number}']"))
    for resource in _LEFT_ALONE:
        world.edit(via, Edit(EditVerb.DELETE, xpath=f"//meta_attributes[@id='{_MARK}-managed-m-{resource}']"))


def change_terms(world: World, node: SimulatedNode) -> bool:
    """A client changes the terms of leases, or has fencing take their place, or the other way round."""
    if node.controller is None:
        return False
    name, value = world.random.choice(
        [*(("lease-timeout", text) for text in ("2s", "3s", "10s")), *(("fencing-enabled", text) for text in
                                                                       ("true", "false", "false"))])
    world.note(f"a client of {node.name}: {name} is {value}")
    pair = _nvpair(f"option-{name}", name, value)
    world.edit(node.name, Edit(EditVerb.MODIFY, f'<cluster_property_set id="options">{pair}</cluster_property_set>',
                               "crm_config"))
    return True


def _ticket(name: str, granted: bool) -> Edit:
    return Edit(EditVerb.UPSERT, f'<ticket_state id="{name}" granted="{str(granted).lower()}"/>', "tickets")


def handle_ticket(world: World, node: SimulatedNode) -> bool:
    """A ticket is granted or revoked."""
    if node.controller is None or not world.tickets:
        return False
    granted = world.random.random() < 0.5
    world.note(f"a client of {node.name}: ticket {'granted' if granted else 'revoked'}")
    world.edit(node.name, _ticket(world.random.choice(world.tickets), granted))
    return True


def set_attribute(world: World, node: SimulatedNode) -> bool:
    """An agent or a person sets a transient attribute: now, or when it has been quiet for a while."""
    if node.controller is None:
        return False
    name, value = world.random.choice(("speed", "#health-disk")), world.random.choice(("green", "red", "1", None))
    world.set_attribute(node.name, name, value, world.random.choice((None, 0, 500, 3000)))
    return True


def read(world: World, node: SimulatedNode) -> bool:
    """A client reads, and wants all that was acknowledged before."""
    if node.controller is None:
        return False
    world.read(node.name)
    return True


def confirm(world: World, node: SimulatedNode) -> bool:
    """A person has seen that a machine is off, and says so."""
    off = [each.name for each in world.nodes.values() if not each.powered]
    if node.controller is None or not off:
        return False
    world.fence(node.name, world.random.choice(off), "confirm")
    return True


def undo(world: World) -> None:
    """Take back all that clients have asked for, by whoever is there."""
    nodes = [node.name for node in world.nodes.values() if node.alive]
    if nodes and world.keepers is not None:
        manage_all(world, nodes[0])
    if not nodes or not world.moving:
        return
    via = nodes[0]
    world.edit(via, _maintenance(False))
    for ticket in world.tickets:
        world.edit(via, _ticket(ticket, granted=True))
    for resource in world.moving:
        for kind in ("role", "parameter", "at"):
            world.edit(via, Edit(EditVerb.DELETE, xpath=f"//*[@id='{_MARK}-{kind}-{resource}']"))
    for name in world.nodes:
        world.set_attribute(via, "#health-disk", None, 0, of=name)
