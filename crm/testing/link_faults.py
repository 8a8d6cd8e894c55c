"""What goes wrong with links: single ones are cut, in one direction or both, while nodes freeze and daemons restart."""

from __future__ import annotations

from functools import partial

from crm.testing.fault_catalogue import PLAIN, Catalogue
from crm.testing.simulated_node import SimulatedNode
from crm.testing.world import World


def _another(world: World, node: SimulatedNode) -> str | None:
    others = [name for name in world.nodes if name != node.name]
    return world.random.choice(others) if others else None


def _cut_link(world: World, node: SimulatedNode) -> bool:
    other = _another(world, node)
    if other is not None:
        world.cut_one_way(node.name, other)
        world.cut_one_way(other, node.name)
    return other is not None


def _freeze_and_cut(world: World, node: SimulatedNode) -> bool:
    """It wakes, and reaches some of the others only."""
    if not node.alive or not _cut_link(world, node):
        return False
    world.pause(node.name, world.random.choice([2.0, 5.0]))
    return True


def _mend_link(world: World, node: SimulatedNode) -> bool:
    cuts = sorted(world.network.cuts)
    if not cuts:
        return False
    sender, receiver = world.random.choice(cuts)
    world.network.mend(sender, receiver)
    world.note(f"mend {sender} -> {receiver}")
    return True


def _restart_soon(world: World, node: SimulatedNode) -> bool:
    """Its supervisor needs a moment; its links come back one after the other."""
    if node.controller is None:
        return False
    world.kill_daemon(node.name)
    start = node.incarnation

    def back() -> None:
        if node.controller is None and node.powered and node.incarnation == start:
            world.start(node.name)

    world.later(world.random.uniform(0.05, 1.5), partial(back))
    return True


LINKS = Catalogue((
    *PLAIN.entries,
    ("cut-link", 5, _cut_link),
    ("freeze-and-cut", 5, _freeze_and_cut),
    ("mend-link", 6, _mend_link),
    ("restart-soon", 5, _restart_soon),
))
