"""A lost node whose lease is not over: nothing that it may run is started elsewhere, all else goes on."""

from __future__ import annotations

import pytest

from crm.model.lease import NEVER_OVER, NOT_AWAITED
from tests.unit.observe.helpers import DUMMY, entry, history, member
from tests.unit.policy_engine.helpers import actions, planned

NO_FENCING = "fencing-enabled=false"
TWO = f'<primitive id="web" {DUMMY}/><primitive id="db" {DUMMY}/>'
ON_B = '<rsc_location id="l" rsc="db" node="b" score="100"/>'


def lost(lease: str, what: str) -> str:
    return (f'<node_state id="c" uname="c" in_ccm="0" crmd="0" join="down" expected="member" lease="{lease}">'
            f"{what}</node_state>")


def plan_with(lease: str, on_c: str, options: str = NO_FENCING) -> list[str]:
    stopped = history("db", entry("db", "monitor", 1, rc=7)) if on_c else ""
    here = "".join(member(name, history("web", entry("web", "monitor", 1, rc=7))
                          + history("db", entry("db", "monitor", 2, rc=7))) for name in "ab")
    return actions(planned(TWO, here + lost(lease, _lrm(on_c + stopped)), options, nodes="abc", constraints=ON_B))


def _lrm(resources: str) -> str:
    return f'<lrm id="c"><lrm_resources>{resources}</lrm_resources></lrm>'


RUNS_WEB = history("web", entry("web", "start", 3))


@pytest.mark.parametrize("lease", ["7000", NEVER_OVER, "nonsense"])
def test_what_it_runs_waits_and_what_it_does_not_run_goes_on(lease: str) -> None:
    assert plan_with(lease, RUNS_WEB) == ["db_start_0 on b"]


def test_what_nobody_knows_of_waits() -> None:
    assert plan_with("7000", "") == []


def test_a_node_that_is_not_awaited_holds_nothing_up() -> None:
    assert {"db_start_0 on b", "web_start_0 on a"} <= set(plan_with(NOT_AWAITED, RUNS_WEB))


def test_with_fencing_it_is_fenced_whatever_it_held() -> None:
    device = '<primitive id="power" class="stonith" type="fence_x"/>'
    found = planned(TWO + device, member("a") + lost("7000", _lrm(RUNS_WEB)), "", nodes="ac")
    assert any("stonith" in action for action in actions(found))
