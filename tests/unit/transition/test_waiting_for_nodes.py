"""Thousands of actions that wait for their nodes: the same order as if all were looked at each time, for less work."""

from __future__ import annotations

import random

import pytest

from crm.model.transition import ActionKind, AgentReference, GraphAction, Synapse, Transition
from crm.transition import RunLimits, TransitionRun


class Patient(TransitionRun):
    """Looks at every candidate each time."""

    def _park(self, place: int, limits: RunLimits) -> bool:
        return False


def _action(number: int, kind: ActionKind, node: str | None) -> GraphAction:
    name = f"r{number}"
    migrates = {"CRM_meta_migrate_source": "a", "CRM_meta_migrate_target": "b"} if number % 11 == 0 else {}
    return GraphAction(number, kind, "migrate_to" if migrates else "start", f"{name}_start_0", node,
                       resource=AgentReference(name, "ocf", "Dummy"), attributes=migrates)


def _transition(chance: random.Random, size: int) -> Transition:
    synapses = []
    for number in range(size):
        pseudo = chance.random() < 0.2
        inputs = tuple(chance.sample(range(size), chance.randint(0, 2)) if chance.random() < 0.3 else ())
        earlier = tuple(each for each in inputs if each < number) if chance.random() < 0.8 else inputs
        action = _action(number, ActionKind.PSEUDO if pseudo else ActionKind.RESOURCE,
                         None if pseudo else chance.choice("abc"))
        synapses.append(Synapse(number, action, earlier, chance.choice((0, 0, 1_000_000))))
    return Transition(1, tuple(synapses))


def _limits(chance: random.Random, size: int) -> RunLimits:
    nodes = {name: chance.randint(0, 3) for name in "abc" if chance.random() < 0.7}
    return RunLimits(chance.choice((0, 0, 4)), chance.choice((0, 2)), chance.choice((-1, 1)), chance.random() < 0.5,
                     nodes,
                     frozenset(chance.sample(range(size), 2)) if chance.random() < 0.2 else frozenset())


@pytest.mark.parametrize("seed", range(150))
def test_what_waits_for_its_node_begins_as_it_would_without(seed: int) -> None:
    chance = random.Random(seed)
    size = chance.randint(4, 40)
    transition = _transition(chance, size)
    one, other = TransitionRun(transition), Patient(transition)
    for _ in range(6 * size):
        limits = _limits(chance, size)
        assert [each.id for each in one.ready(limits)] == [each.id for each in other.ready(limits)]
        assert (one.done, one.outcome, one.progress) == (other.done, other.outcome, other.progress)
        if chance.random() < 0.02:
            for run in (one, other):
                run.abort(1_000_000, "because")
        for ended in [each for each in one.in_flight if chance.random() < 0.5]:
            ok = chance.random() < 0.9
            assert one.finished(ended, ok) == other.finished(ended, ok)


def test_a_result_does_not_have_all_that_waits_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    looked, size = 0, 1000
    may_fire = TransitionRun._may_fire

    def counted(self: TransitionRun, place: int, limits: RunLimits) -> bool:
        nonlocal looked
        looked += 1
        return may_fire(self, place, limits)

    monkeypatch.setattr(TransitionRun, "_may_fire", counted)
    run = TransitionRun(Transition(1, tuple(Synapse(number, _action(11 * number + 1, ActionKind.RESOURCE, "a"))
                                            for number in range(1, size))))
    limits = RunLimits(per_node=4)
    while not run.done:
        run.ready(limits)
        for each in list(run.in_flight)[:1]:
            run.finished(each, ok=True)
    assert looked < 3 * size
