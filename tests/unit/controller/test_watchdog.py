"""A node with a watchdog that the others rely on: it ends itself in time, and only then."""

from __future__ import annotations

import pytest

from crm.controller import ControllerOptions, commands
from crm.controller.core import EMPTY_CIB
from crm.controller.fencing.coordinator import WATCHDOG, FencingCoordinator
from crm.controller.leadership.self_protection import TIMER
from tests.unit.controller.alone import Alone

CIB = EMPTY_CIB.replace("<crm_config/>", '<crm_config><cluster_property_set id="o"><nvpair id="w" '
                        'name="fencing-watchdog-timeout" value="10s"/></cluster_property_set></crm_config>')


def watched(watchdog: bool = True) -> Alone:
    return Alone(cib=CIB, options=ControllerOptions(watchdog=watchdog))


def armed(alone: Alone, came: list[commands.Command]) -> list[float]:
    return [each.at - alone.now for each in alone.wanted(commands.SetTimer, came) if each.name == TIMER]


def test_a_node_without_quorum_ends_itself_after_half_of_the_time() -> None:
    alone = watched()
    assert armed(alone, alone.see("a")) == [pytest.approx(5.0)]
    assert not alone.wanted(commands.FenceSelf)
    alone.fire(TIMER, 5)
    assert alone.wanted(commands.FenceSelf)


def test_a_node_that_has_quorum_again_does_not() -> None:
    alone = watched()
    alone.see("a")
    came = alone.see("abc")
    assert not armed(alone, came)
    assert [each.name for each in alone.wanted(commands.CancelTimer, came)].count(TIMER) == 1
    alone.fire(TIMER, 5)
    assert not alone.wanted(commands.FenceSelf)


def test_a_node_that_nobody_relies_on_does_not() -> None:
    alone = watched(watchdog=False)
    assert not armed(alone, alone.see("a"))


def test_a_watchdog_has_not_fenced_who_is_here() -> None:
    alone = Alone()
    alone.elect()
    told: list[tuple[bool, str]] = []
    fencing: FencingCoordinator = alone.controller._fencing
    began: list[bool] = []

    class Step:
        device = WATCHDOG

    class Running:
        step = Step()

        class record:  # noqa: N801
            target = "b"

    fencing._step_over = lambda _fencing, outcome: began.append(outcome.ok)  # type: ignore[method-assign,assignment]
    fencing._too_late(Running())  # type: ignore[arg-type]
    alone.see("ac")
    fencing._too_late(Running())  # type: ignore[arg-type]
    assert began == [False, True] and not told
