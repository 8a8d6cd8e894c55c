"""Failover tests in Python, for pytest or anything that understands `assert`.

    from crm.testing import Failovers

    failovers = Failovers("cib.xml")

    def test_the_database_survives_any_node() -> None:
        for node in failovers.nodes:
            assert failovers.lose(node).promoted("db"), f"nobody takes over from {node}"

    def test_what_we_promised() -> None:
        failovers.check("failovers.toml", faults="nodes,pairs")

Nothing is changed and nothing is run: see `crm.failover_simulation`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from crm.cib.newest import newest_root
from crm.failover_simulation import Fault, FaultEffect, FaultKind, FaultRun, PlacementChange, Simulator, check, parse

_NOW = 1_700_000_000


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What came of a fault."""

    fault_run: FaultRun

    def where(self, resource: str) -> list[str]:
        """The nodes where a resource runs in the end."""
        return [place.node for place in self.fault_run.places(resource)]

    def promoted(self, resource: str) -> list[str]:
        """The nodes where it is promoted in the end."""
        return [place.node for place in self.fault_run.places(resource) if place.promoted]

    def change(self, resource: str) -> PlacementChange:
        """What happened to it: effect, interruption, and if it does not recover, why. KeyError for unknown names."""
        found = self.fault_run.change(resource)
        if found is None:
            raise KeyError(resource)
        return found

    @property
    def lost(self) -> list[str]:
        """What does not recover."""
        return [change.resource for change in self.fault_run.lost]

    @property
    def untouched(self) -> list[str]:
        """What is not affected."""
        return [change.resource for change in self.fault_run.changes if change.effect is FaultEffect.STAYS]


class Failovers:
    """A CIB (a path, or XML) to try faults on, at a moment (epoch seconds; else the one that the CIB carries)."""

    def __init__(self, cib: str | Path | bytes, now: int | None = None, nodes: tuple[str, ...] = ()) -> None:
        data = cib if isinstance(cib, bytes) else _content(cib)
        root = newest_root(data)
        moment = now if now is not None else int(root.get("execution-date") or _NOW)
        self.simulator = Simulator(root, moment, nodes)

    @property
    def nodes(self) -> list[str]:
        """The members that are up."""
        return [fault.nodes[0] for fault in self.simulator.faults([FaultKind.NODE])]

    @property
    def resources(self) -> list[str]:
        """All primitives, those of clones once."""
        return self.simulator.resources

    def lose(self, *nodes: str) -> Aftermath:
        """Nodes are lost at the same moment."""
        kind = FaultKind.NODE if len(nodes) == 1 else FaultKind.PAIR
        return self._after(Fault(kind, nodes))

    def standby(self, node: str) -> Aftermath:
        """A node is put in standby."""
        return self._after(Fault(FaultKind.STANDBY, (node,)))

    def fail(self, resource: str, node: str | None = None) -> Aftermath:
        """A resource's monitor finds it failed: on a node, else where it is promoted, else on the first."""
        if node is None:
            places = self.simulator.before[resource]
            node = next((place.node for place in places if place.promoted), places[0].node)
        return self._after(Fault(FaultKind.RESOURCE, (node,), resource))

    def _after(self, fault: Fault) -> Aftermath:
        return Aftermath(self.simulator.rehearse(fault))

    def check(self, expectations: str | Path, faults: str = "nodes,resources,standby") -> None:
        """Try expectations (a path to a TOML file, or its text); AssertionError names every one that does not hold."""
        text = Path(expectations).read_text() if isinstance(expectations, Path) else _toml(expectations)
        nodes = [node.name for node in self.simulator.cluster.nodes]
        wanted = parse(text, self.simulator.resources, nodes)
        kinds = [FaultKind(word.strip()) for word in faults.split(",")]
        fault_runs = [self.simulator.rehearse(fault) for fault in self.simulator.faults(kinds)]
        wrong = [verdict for verdict in check(wanted, fault_runs) if not verdict.holds]
        if wrong:
            raise AssertionError("\n".join(_told(verdict.text, verdict.failures) for verdict in wrong))


def _told(text: str, failures: tuple[tuple[str, str], ...]) -> str:
    if not failures:
        return f"{text}: no fault of this kind was tried"
    return "\n".join(f"{text}: but after {fault} {wrong}" for fault, wrong in failures)


def _content(cib: str | Path) -> bytes:
    if isinstance(cib, str) and cib.lstrip().startswith("<"):
        return cib.encode()
    return Path(cib).read_bytes()


def _toml(text: str) -> str:
    return text if "[[" in text else Path(text).read_text()
