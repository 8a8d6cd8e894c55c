"""Writers who insist on the version that they have read: whatever the interleaving and the faults, no update is lost.

`HYPOTHESIS_EXAMPLES` says how many to try (15 of each kind by default).
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.cib.changes import Edit, EditVerb
from crm.cib.version import SeenVersion
from crm.controller import events
from crm.testing import World, scenario

NODES = "abc"


@dataclass
class Writers:
    """Clients at the nodes of a cluster who count up one number, each from the value that it saw last."""

    world: World
    seen: dict[int, tuple[int, SeenVersion]] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)

    def read(self, writer: int, node: str) -> None:
        """A writer reads the number and the version at a node."""
        controller = self.world.nodes[node].controller
        if controller is not None:
            snapshot = controller.snapshot()
            self.seen[writer] = (_number(snapshot.document.root),
                                 SeenVersion(snapshot.document.version, snapshot.cib_term))

    def write(self, writer: int, node: str) -> None:
        """It writes one more, if nothing has changed since."""
        machine = self.world.nodes[node]
        if machine.controller is None or writer not in self.seen:
            return
        value, version = self.seen.pop(writer)
        request = f"write-{len(self.sent)}"
        self.sent.append(request)
        pair = f'<nvpair id="number" name="number" value="{value + 1}"/>'
        xml = f'<crm_config><cluster_property_set id="numbers">{pair}</cluster_property_set></crm_config>'
        change = events.ChangeRequested(request, Edit(EditVerb.MODIFY, xml, "configuration"), version)
        self.world.handle(machine, change)

    def outcomes(self) -> tuple[int, int]:
        """How many writes were acknowledged, and of how many nobody knows."""
        answers = [self.world.answers.get(request) for request in self.sent]
        done = sum(answer is not None and not answer.code for answer in answers)
        open_ = sum(answer is None or answer.code == "outcome-unknown" for answer in answers)
        return done, open_


def _number(root: object) -> int:
    path = "configuration/crm_config/cluster_property_set[@id='numbers']/nvpair"
    found = root.find(path)  # type: ignore[attr-defined]
    return 0 if found is None else int(found.get("value"))


def _world(seed: int) -> World:
    world = World(NODES, scenario.cib(3), seed)
    world.settle()
    return world


WRITER, NODE = st.integers(0, 3), st.sampled_from(NODES)
PAUSE = st.tuples(st.just("pause"), st.sampled_from([0.0, 0.001, 0.01, 0.05, 0.3]))
STEPS = st.one_of(st.tuples(st.just("read"), WRITER, NODE), st.tuples(st.just("write"), WRITER, NODE), PAUSE)
FAULTS = st.one_of(STEPS, st.tuples(st.just("cut"), NODE), st.tuples(st.just("heal")),
                   st.tuples(st.just("crash"), NODE), st.tuples(st.just("start"), NODE))


def _live(writers: Writers, steps: list[tuple[object, ...]]) -> None:
    world = writers.world
    for what, *rest in steps:
        match what, rest:
            case "read", [int(writer), str(node)]:
                writers.read(writer, node)
            case "write", [int(writer), str(node)]:
                writers.write(writer, node)
            case "pause", [float(seconds)]:
                world.run_for(seconds)
            case "cut", [str(node)]:
                world.cut_off(node)
            case "heal", []:
                world.heal()
            case "crash", [str(node)] if world.nodes[node].alive:
                world.crash(node)
            case "start", [str(node)] if not world.nodes[node].alive:
                world.start(node)


def _settled(world: World) -> int:
    """The number on which all nodes agree when everything is whole again."""
    world.heal()
    world.run_for(10)
    for node in world.nodes.values():
        if not node.alive:
            world.start(node.name)
    world.settle(240)
    numbers = {_number(node.controller.snapshot().document.root) for node in world.nodes.values() if node.controller}
    assert len(numbers) == 1
    return numbers.pop()


any_number = settings(
    max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "15")),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize="HYPOTHESIS_EXAMPLES" not in os.environ,
)


def test_of_two_who_have_read_the_same_one_is_refused() -> None:
    writers = Writers(_world(1))
    for writer, node in ((0, "a"), (1, "b")):
        writers.read(writer, node)
    for writer, node in ((0, "a"), (1, "b")):
        writers.write(writer, node)
    assert _settled(writers.world) == 1
    assert writers.outcomes() == (1, 0)


@any_number
@given(st.lists(STEPS, min_size=10, max_size=60), st.integers(0, 1000))
def test_every_acknowledged_write_counts_once(steps: list[tuple[object, ...]], seed: int) -> None:
    writers = Writers(_world(seed))
    _live(writers, steps)
    number = _settled(writers.world)
    assert writers.outcomes() == (number, 0)


@any_number
@given(st.lists(FAULTS, min_size=10, max_size=60), st.integers(0, 1000))
def test_under_faults_only_writes_of_unknown_fate_are_in_doubt(steps: list[tuple[object, ...]], seed: int) -> None:
    writers = Writers(_world(seed))
    _live(writers, steps)
    number = _settled(writers.world)
    done, unknown = writers.outcomes()
    assert done <= number <= done + unknown
