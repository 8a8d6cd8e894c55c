"""What people do to the list of nodes in a hunt: they add nodes, start them, remove others, change their minds."""

from __future__ import annotations

from functools import partial

from crm.controller.events import MembersRequested
from crm.testing.simulated_node import SimulatedNode
from crm.testing.world import World


def ask(world: World, via: str, action: str, names: str) -> str:
    """A client of a node wants nodes added or removed; the key under which `World.answers` will have the answer."""
    assert world.lists is not None
    request = f"members-{world.timeline.number()}"
    world.note(f"a client of {via}: {action} {', '.join(names)}")
    world.handle(world.nodes[via], MembersRequested(request, action, world.lists.listed(names)))
    return request


def add(world: World, node: SimulatedNode) -> bool:
    """One node or two are added, and their machines started soon, whatever the answer was."""
    outside = [name for name in world.nodes if not world.belongs(name)]
    if node.controller is None or not outside:
        return False
    names = world.random.sample(outside, min(len(outside), world.random.choice((1, 1, 2))))
    ask(world, node.name, "add", "".join(names))
    for name in names:
        world.later(world.random.choice((0.05, 0.5, 4.0)), partial(_boot, world, name))
    return True


def remove(world: World, node: SimulatedNode) -> bool:
    """Some node is to go, whether it is here or off."""
    assert world.lists is not None
    if node.controller is None or len(world.lists.newest.voters) < 2:
        return False
    ask(world, node.name, "remove", world.random.choice(world.lists.newest.names))
    return True


def remove_dc(world: World, node: SimulatedNode) -> bool:
    """The DC itself is to go."""
    leader = world.dc()
    if node.controller is None or leader is None:
        return False
    ask(world, node.name, "remove", leader)
    return True


def keep(world: World, node: SimulatedNode) -> bool:
    """One that was to go is to stay."""
    assert world.lists is not None
    leaving = [each.name for each in world.lists.newest.nodes if each.leaving]
    if node.controller is None or not leaving:
        return False
    ask(world, node.name, "keep", leaving[0])
    return True


def _boot(world: World, name: str) -> None:
    if not world.nodes[name].alive:
        world.start(name)
