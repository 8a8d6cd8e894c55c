"""What came of a change to a resource, in words; and when nothing need be waited for any more."""

from __future__ import annotations

from typing import Any

import pytest

from crm.api.views.answer_values import FailureValue, ResourceValue
from crm.api.views.change_outcome import Goal, SeenState, Wanted, is_reached, judge
from crm.policy_engine.explain.answers import Explanation, InstanceAnswer


def resource(name: str = "web", *nodes: str, kind: str = "primitive", children: tuple[ResourceValue, ...] = (),
             **more: Any) -> ResourceValue:
    values = {"role": "Started" if nodes else "Stopped", "managed": True, "failed": False, "blocked": False, **more}
    return ResourceValue(id=name, kind=kind, agent=None, nodes=list(nodes), children=list(children), **values)


def failure(node: str, reason: str = "port in use", operation: str = "start") -> FailureValue:
    return FailureValue(resource="web", operation=operation, node=node, rc=1, status=0, reason=reason, at=1,
                        next_step="")


def because(*why: str) -> Explanation:
    instance = InstanceAnswer("web", "ocf:x:y", "Stopped", "Stopped", "Stopped", (), None, "does not run", why, ())
    return Explanation("web", "primitive", (instance,))


GROUP = resource("g", "n1", kind="group", children=(resource("a", "n1"), resource("b")))
CLONE = resource("c", "n1", "n2", kind="clone", children=(
    resource("c:0", "n1", role="Promoted"), resource("c:1", "n2", role="Unpromoted")))


@pytest.mark.parametrize(
    ("goal", "seen", "ok", "says"),
    [
        (Goal.STARTED, SeenState(resource("web", "n1")), True, "web runs on n1"),
        (Goal.STARTED, SeenState(CLONE), True, "web runs on n1, n2 (promoted on n1)"),
        (Goal.STARTED, SeenState(resource("web", "n2"), [failure("n1")]), True,
         "web runs on n2, after this failed: start of web on n1 failed: port in use"),
        (Goal.STARTED, SeenState(resource(), [failure("n1"), failure("n2")]), False,
         "web runs nowhere: start of web on n1 failed: port in use; start of web on n2 failed: port in use"),
        (Goal.STARTED, SeenState(resource(), answer=because("no node can run it:", "  n1: it is banned")), False,
         "web runs nowhere: no node can run it: n1: it is banned"),
        (Goal.STARTED, SeenState(resource(), stopped_by="g"), False, "because g, which it is part of, is stopped"),
        (Goal.STARTED, SeenState(GROUP, answer=because("the ticket is not granted")), False,
         "web runs on n1, but b of it does not run: the ticket is not granted"),
        (Goal.CONFIGURED, SeenState(resource(), stopped_by="web"), True, "stays stopped: target-role of web says so"),
        (Goal.PLACED, SeenState(resource(), answer=because("the node is in standby")), True, "the node is in standby"),
        (Goal.STOPPED, SeenState(resource()), True, "web is stopped"),
        (Goal.STOPPED, SeenState(resource("web", "n1", managed=False), answer=because("it is not managed")), False,
         "web is still active on n1: it is not managed"),
        (Goal.STOPPED, SeenState(resource("web", "n1", blocked=True), [failure("n1", "stuck")]), False, "stuck"),
        (Goal.GONE, SeenState(None), True, "web is stopped and gone"),
        (Goal.GONE, SeenState(None, [failure("n1", "stuck", "stop")]), False,
         "may not be stopped: stop of web on n1 failed: stuck"),
        (Goal.GONE, SeenState(resource("web", "n1"), answer=because("blocked")), False, "still active on n1: blocked"),
        (Goal.STARTED, SeenState(None), False, "somebody has deleted it"),
        (Goal.RESTARTED, SeenState(resource("web", "n1")), True, "web restarted on n1"),
        (Goal.RESTARTED, SeenState(resource("web", "n1", failed=True), answer=because("it failed")), False,
         "it is failed"),
    ],
)
def test_outcomes(goal: Goal, seen: SeenState, ok: bool, says: str) -> None:
    outcome = judge(Wanted(goal, "web"), seen)
    assert (outcome.ok, says in outcome.message) == (ok, True), outcome
    assert bool(outcome.next_step) != ok or goal is Goal.PLACED


def test_a_move_is_over_where_it_was_to_go() -> None:
    assert judge(Wanted(Goal.MOVED, "web", "n2"), SeenState(resource("web", "n2"))).message == "web moved to n2"
    stayed = judge(Wanted(Goal.MOVED, "web", "n2"),
                   SeenState(resource("web", "n1"), answer=because("n2 is in standby")))
    assert (stayed.ok, stayed.message) == (False, "web runs on n1, not on n2: n2 is in standby")
    role = judge(Wanted(Goal.MOVED, "web", "n2", promoted=True), SeenState(CLONE, answer=because("its score is lower")))
    assert "not promoted on n2" in role.message
    assert not judge(Wanted(Goal.AWAY, "web", "n1"), SeenState(resource("web", "n1"), answer=because("x"))).ok
    assert judge(Wanted(Goal.AWAY, "web", "n1"), SeenState(resource("web", "n3"))).ok


def test_whoever_has_what_was_wanted_waits_no_longer() -> None:
    assert is_reached(Wanted(Goal.STARTED, "web"), resource("web", "n1"))
    assert not is_reached(Wanted(Goal.STARTED, "g"), GROUP)
    assert not is_reached(Wanted(Goal.STARTED, "web"), resource("web", "n1", failed=True))
    assert not is_reached(Wanted(Goal.MOVED, "web", "n2"), resource("web", "n1"))
    assert is_reached(Wanted(Goal.STOPPED, "web"), resource())
    assert is_reached(Wanted(Goal.GONE, "web"), None) and not is_reached(Wanted(Goal.GONE, "web"), resource())
