"""Which device can fence which node, from where: what the configuration promises, for people who want to be sure.

Pure. Whether a device keeps its promise is found out by asking it (`Fencing.examine`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from crm.controller.fencing.targets import Claim, claim
from crm.policy_engine.picture.fence_devices import FenceDevice, FencingSetup


@dataclass(frozen=True, slots=True)
class FencingCoverage:
    """How one node can be fenced.

    ways     devices that are used together, a tuple for each way, in the order in which they are tried
    origins  nodes from which all devices of the first way can be used (the node itself is none)
    problem  why it cannot be fenced, or what is doubtful; empty if all is well
    """

    node: str
    ways: tuple[tuple[str, ...], ...]
    origins: tuple[str, ...]
    problem: str = ""


def coverage(setup: FencingSetup, nodes: Iterable[str]) -> tuple[FencingCoverage, ...]:
    """How each of the nodes can be fenced."""
    return tuple(_coverage(setup, node) for node in nodes)


def _coverage(setup: FencingSetup, node: str) -> FencingCoverage:
    ways = tuple(way for way in _ways(setup, node) if all(_may(device, node) for device in way))
    names = tuple(tuple(device.id for device in way) for way in ways)
    if setup.watchdog_timeout_ms > 0:
        names = (*names, ("watchdog",))
    if not names:
        return FencingCoverage(node, (), (), f"no device can fence it: when it is lost, {_then(setup)}")
    first = ways[0] if ways else ()
    usable = first[0].nodes if first else ()
    origins = tuple(name for name in usable if name != node and all(name in device.nodes for device in first))
    problem = "" if origins or not ways else "no other node may use its device"
    return FencingCoverage(node, names, origins, problem)


def _then(setup: FencingSetup) -> str:
    if setup.enabled:
        return "what it runs is never recovered"
    return "what it runs is recovered once its lease is over, without proof that it has stopped (fencing-enabled=false)"


def _ways(setup: FencingSetup, node: str) -> list[tuple[FenceDevice, ...]]:
    if node not in setup.levels:
        return [(device,) for device in setup.devices]
    named = [tuple(setup.device(name) for name in level) for level in setup.levels[node]]
    return [tuple(device for device in level if device is not None) for level in named if all(level)]


def _may(device: FenceDevice, node: str) -> bool:
    return claim(device, node) is not Claim.NO
