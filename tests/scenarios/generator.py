"""Random small clusters, each from a seed, in the words of `language`: to look for what nobody thought of writing.

    python -m tests.scenarios --generate SEED                          one of them, as a CIB
    python -m tests.scenarios --generate SEED --against PROGRAM        compare what Pacemaker decides for it

What is found to be decided otherwise becomes a written case, made as small as it can be.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from tests.scenarios import language

_SCORES = ("INFINITY", "-INFINITY", "100", "50", "-50", "10")
_KINDS = ("Mandatory", "Mandatory", "Optional", "Serialize")
_NAMES = ("a", "b", "c", "d", "e")


def generate(seed: int) -> bytes:
    """The CIB of a seed."""
    return language.cib(lines(seed))


def lines(seed: int) -> list[str]:
    """The same as the lines of a case."""
    return _Maker(random.Random(seed)).lines()


class _Maker:
    """Draws one cluster."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.nodes = [f"n{number}" for number in range(1, chance.randint(2, 4) + 1)]
        self.primitives: list[str] = []
        self.tops: list[str] = []
        self.clones: dict[str, str] = {}
        """Clones, and what they are made of."""
        self.promotable: list[str] = []
        self.fencing = chance.random() < 0.5

    def lines(self) -> list[str]:
        """The whole, in the order in which a case is written."""
        told = [*self._nodes(), *self._options()]
        if self.fencing:
            told.append("primitive f stonith:fence_x")
        for name in _NAMES[: self.chance.randint(2, len(_NAMES))]:
            told += self._resource(name)
        told += [self._constraint() for _ in range(self.chance.randint(0, 5))]
        if self.fencing and self.chance.random() < 0.8:
            told.append(f"running f {self.nodes[0]}")
        for name in list(self.primitives):
            told += self._happened(name)
        return told

    def _one(self, values: Sequence[str]) -> str:
        return self.chance.choice(values)

    def _perhaps(self, likely: float, make: Callable[[], str]) -> list[str]:
        return [make()] if self.chance.random() < likely else []

    def _nodes(self) -> list[str]:
        states = ("online",) * 3 + ("lost", "offline", "leaving", "online standby=on", "online maintenance=true")
        others = [f"node {name} {self._one(states)}" for name in self.nodes[1:]]
        return [f"node {self.nodes[0]} online", *others]

    def _options(self) -> list[str]:
        options = (
            "no-quorum-policy=freeze",
            "placement-strategy=balanced",
            "symmetric-cluster=false",
            "stop-all-resources=true",
            "maintenance-mode=true",
            "concurrent-fencing=false",
            "shutdown-lock=true",
            "start-failure-is-fatal=false",
        )
        found = self._perhaps(0.3, lambda: f"options {self._one(options)}")
        found += self._perhaps(0.3, lambda: "defaults resource-stickiness=60")
        return found + self._perhaps(0.1, lambda: "quorum no")

    def _meta(self) -> str:
        values = (
            "target-role=Stopped",
            "is-managed=false",
            "resource-stickiness=100",
            "migration-threshold=1",
            "migration-threshold=2",
            "priority=5",
            "allow-migrate=true",
            "requires=nothing",
            "critical=false",
            "multiple-active=stop_unexpected",
        )
        return " ".join(self.chance.sample(values, self.chance.choice((0, 0, 0, 1, 2))))

    def _resource(self, name: str) -> list[str]:
        self.primitives.append(name)
        operation = self._one(("", " op monitor interval=10s", " op monitor interval=10s on-fail=stop"))
        told = [f"primitive {name} {self._meta()}{operation}"]
        kind = self.chance.random()
        if kind < 0.4:
            self.tops.append(name)
        elif kind < 0.6:
            self.primitives.append(f"{name}2")
            told += [f"primitive {name}2 {self._meta()}", f"group g{name} {name} {name}2 {self._meta()}"]
            self.tops += [f"g{name}", name, f"{name}2"]
        else:
            told.append(self._clone(name))
        return told

    def _clone(self, name: str) -> str:
        options = ("interleave=true", "clone-max=2", "notify=true", "ordered=true")
        chosen = " ".join(self.chance.sample(options, self.chance.randint(0, 2)))
        clone = f"c{name}"
        if self.chance.random() < 0.5:
            chosen += " promotable=true"
            self.promotable.append(name)
        self.clones[clone] = name
        self.tops.append(clone)
        return f"clone {clone} {name} {chosen}"

    def _role(self, name: str, attribute: str) -> str:
        is_promotable = self.clones.get(name) in self.promotable
        return f" {attribute}=Promoted" if is_promotable and self.chance.random() < 0.5 else ""

    def _constraint(self) -> str:
        first, then = self._one(self.tops), self._one(self.tops)
        kind = self.chance.random()
        if kind < 0.4 or first == then:
            return f"location {first} {self._one(self.nodes)} {self._one(_SCORES)}{self._role(first, 'role')}"
        if kind < 0.7:
            roles = self._role(first, "rsc-role") + self._role(then, "with-rsc-role")
            return f"colocation {first} with {then} {self._one(_SCORES)}{roles}"
        action = self._role(first, "first-action").replace("Promoted", "promote")
        return f"order {first} then {then} kind={self._one(_KINDS)}{action}{' then-action=start' if action else ''}"

    def _happened(self, name: str) -> list[str]:
        told: list[str] = []
        places = self.nodes if name in self.clones.values() else [self._one(self.nodes)]
        for node in places:
            told += self._happened_on(name, node)
        return told

    def _happened_on(self, name: str, node: str) -> list[str]:
        told: list[str] = []
        is_promotable = name in self.promotable
        if self.chance.random() < 0.6:
            word = "promoted" if is_promotable and self.chance.random() < 0.3 else "running"
            told = [f"{word} {name} {node}", *self._perhaps(0.2, lambda: self._failure(name, node))]
        if is_promotable:
            told += self._perhaps(0.6, lambda: f"attribute {node} master-{name} {self.chance.randint(-5, 20)}")
        return told

    def _failure(self, name: str, node: str) -> str:
        task = self._one(("monitor", "monitor", "stop", "start"))
        return f"failed {name} {task} {node} count={self._one(('1', '2', 'INFINITY'))}"
