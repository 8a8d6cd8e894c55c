"""Each invariant can break, and is found broken as soon as it is: a controller is brought to what must not be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from crm.cib.document import Document
from crm.cib.status_updates import TransientAttributeUpdate
from crm.cib.version import CibVersion
from crm.controller import events
from crm.controller.cluster_state import Leadership
from crm.controller.core import EMPTY_CIB
from crm.controller.hard_state import HardState
from crm.controller.invariants import OF_FACTS, OF_LEADERS, OF_OTHERS, BrokenInvariantError
from crm.model.transition import Transition
from crm.transition import TransitionRun
from tests.unit.controller.alone import Alone

LOOK = events.LoadMeasured(0.1, 2)
"""An event that changes nothing of what is looked at."""


def leader() -> Alone:
    alone = Alone()
    alone.elect()
    assert alone.controller.leads is not None
    return alone


def _held(alone: Alone, **changes: object) -> None:
    core = alone.controller._core
    assert core.leadership is not None
    core.leadership = replace(core.leadership, **changes)  # type: ignore[arg-type]


def _stand(alone: Alone, **changes: object) -> None:
    alone.controller._core.stand(**changes)


def _not_leading(alone: Alone) -> None:
    """Another one is followed, and nobody has told the parts."""
    core = alone.controller._core
    core.leadership = Leadership(core.hard_state.term, "b", False, "b-1")


def _fences(alone: Alone) -> None:
    alone.controller._fencing._running["b", "off"] = None  # type: ignore[assignment]
    _quiet(alone)


def _quiet(alone: Alone) -> None:
    """No longer leading, with nothing else left over."""
    alone.controller._runner.stop_leading()
    alone.controller._planning.stop_leading()
    alone.controller._replication.stop_leading()
    _not_leading(alone)


def _promises(alone: Alone) -> None:
    alone.disk = False
    alone.controller._core.view = replace(alone.controller._core.view)
    alone.controller._replication.tell_all(TransientAttributeUpdate("1", "x", "1"), lambda: None)
    alone.controller._runner.stop_leading()
    alone.controller._planning.stop_leading()
    _not_leading(alone)


def _plans(alone: Alone) -> None:
    _quiet(alone)
    alone.controller._planning._pending = 7


def _runs(alone: Alone) -> None:
    _quiet(alone)
    alone.controller._runner.run = TransitionRun(Transition(0))


def _runs_in_safe_mode(alone: Alone) -> None:
    alone.controller._core.safe_mode = True
    alone.controller._runner._pumping = True  # else it would be over at once
    alone.controller._runner.run = TransitionRun(Transition(0))


def _office(alone: Alone) -> None:
    core = alone.controller._core
    core.may_commit = False
    alone.do(LOOK)
    core.term_persisted_by = {"a"}
    core.may_commit = True


BREAKS: dict[str, Callable[[Alone], object]] = {
    "whoever is followed leads in the standing term": lambda alone: _held(alone, term=99),
    "whoever is followed is a member, and has not restarted since": lambda alone: _held(alone, incarnation="a-2"),
    "a DC has quorum, a caretaker has none": lambda alone: _held(alone, caretaker=True),
    "a DC in office has stamped the CIB with its term": lambda alone: _stand(alone, cib_term=0),
    "a CIB is of no term that this node does not know": lambda alone: (
        _stand(alone, cib_term=99), setattr(alone.controller._core, "leadership", None)),
    "nobody has acknowledged more than the leader has": lambda alone: (
        alone.controller._replication._acknowledged.update(b=CibVersion(9, 9, 9))),
    "nothing is in flight for a node that does not lead": _runs,
    "nobody waits for disks at a node that does not lead": _promises,
    "only a leader has nodes fenced": _fences,
    "only a leader waits for a plan": _plans,
    "who has joined is a member": lambda alone: alone.controller._joining.joined.update(x="x-1"),
    "no transition runs in safe mode": _runs_in_safe_mode,
    "terms never go back": lambda alone: (
        setattr(alone.controller._core, "leadership", None), _quiet_all(alone), _stand(alone, term=0, cib_term=0)),
    "a voter votes once in a term": lambda alone: _stand(alone, voted_for="b"),
    "versions never go back within a reign": lambda alone: (
        alone.controller._replication._acknowledged.clear(),
        setattr(alone.controller._core, "document", Document.parse(EMPTY_CIB))),
    "a DC takes office when enough disks have its term": _office,
}


def _quiet_all(alone: Alone) -> None:
    alone.controller._runner.stop_leading()
    alone.controller._planning.stop_leading()
    alone.controller._replication.stop_leading()


def test_every_invariant_is_tried() -> None:
    assert {name for name, _ in (*OF_FACTS, *OF_LEADERS, *OF_OTHERS)} <= set(BREAKS)


@pytest.mark.parametrize("invariant", BREAKS)
def test_a_broken_invariant_ends_the_handling(invariant: str) -> None:
    alone = leader()
    alone.do(LOOK)
    BREAKS[invariant](alone)
    with pytest.raises(BrokenInvariantError) as broken:
        alone.do(LOOK)
    assert broken.value.invariant == invariant
    assert broken.value.node == "a" and broken.value.values


def test_nothing_that_was_decided_is_handed_out() -> None:
    alone = leader()
    _stand(alone, cib_term=0)
    before = len(alone.commands)
    with pytest.raises(BrokenInvariantError):
        alone.see("ab")
    assert len(alone.commands) == before


def test_a_vote_in_a_later_term_breaks_nothing() -> None:
    alone = Alone(hard_state=HardState(3, "b", 2))
    alone.follow(term=5)
    assert alone.controller.snapshot().dc == "b"
