"""When a daemon may renew its lease, and when the keeper acts."""

from __future__ import annotations

from dataclasses import replace

from crm.controller.leadership.lease_terms import LeaseTerms
from crm.keeper.deadlines import acts_at_ns, is_due, may_hold, over_at_ns
from crm.keeper.lease_file import Lease, LeaseState
from crm.keeper.lease_rules import next_lease

S = 1_000_000_000
TERMS = LeaseTerms(limit_ms=5_000, stop_ms=2_000, quorate=True)
HELD = Lease(LeaseState.HELD, 10 * S, 10 * S, 5_000, 2_000)
STOPPING = replace(HELD, state=LeaseState.STOPPING)


def test_a_lease_that_is_held_runs_out_after_its_limit() -> None:
    assert not is_due(HELD, 15 * S - 1)
    assert is_due(HELD, 15 * S)
    assert over_at_ns(HELD) == 17 * S


def test_a_daemon_that_stops_by_itself_is_left_nearly_all_of_the_time() -> None:
    assert acts_at_ns(replace(STOPPING, alive_ns=15 * S), 15 * S) == int(16.5 * S)
    assert acts_at_ns(replace(STOPPING, alive_ns=15 * S, stop_ms=400), 15 * S) == int(15.3 * S)


def test_a_daemon_that_falls_silent_while_it_stops_is_not() -> None:
    assert acts_at_ns(replace(STOPPING, alive_ns=12 * S), int(13.1 * S)) == 15 * S


def test_nobody_is_ended_whose_lease_nobody_needs() -> None:
    for state in (LeaseState.FREE, LeaseState.OVER):
        assert acts_at_ns(replace(HELD, state=state), 99 * S) is None


def test_what_a_keeper_has_begun_the_next_one_goes_on_with() -> None:
    assert is_due(replace(HELD, state=LeaseState.ENDING), 10 * S)


def test_a_daemon_that_slept_too_long_cannot_renew() -> None:
    assert may_hold(HELD, 15 * S)
    assert not may_hold(HELD, 15 * S + 1)
    assert next_lease(HELD, TERMS, False, 16 * S) is None


def test_a_quorate_daemon_renews() -> None:
    said = next_lease(HELD, TERMS, False, 11 * S)
    assert said is not None and (said.state, said.held_ns, said.alive_ns) == (LeaseState.HELD, 11 * S, 11 * S)


def test_a_daemon_in_doubt_says_nothing() -> None:
    assert next_lease(HELD, TERMS, True, 11 * S) is None


def test_a_daemon_without_quorum_lives_but_holds_no_more() -> None:
    said = next_lease(HELD, replace(TERMS, quorate=False), False, 11 * S)
    assert said is not None and (said.state, said.held_ns, said.alive_ns) == (LeaseState.STOPPING, 10 * S, 11 * S)
    said = next_lease(HELD, replace(TERMS, quorate=False, demotes=True), False, 11 * S)
    assert said is not None and said.state is LeaseState.DEMOTING


def test_a_daemon_whose_node_the_keeper_stops_says_nothing() -> None:
    assert next_lease(replace(HELD, state=LeaseState.ENDING), TERMS, False, 11 * S) is None
    assert next_lease(replace(HELD, state=LeaseState.ENDING), LeaseTerms(), False, 11 * S) is None


def test_a_node_that_never_had_quorum_holds_nothing() -> None:
    for state in (LeaseState.FREE, LeaseState.OVER):
        assert next_lease(Lease(state), replace(TERMS, quorate=False), False, 11 * S) is None
        said = next_lease(Lease(state), TERMS, False, 11 * S)
        assert said is not None and said.state is LeaseState.HELD


def test_where_no_lease_is_wanted_it_is_given_back() -> None:
    assert next_lease(HELD, LeaseTerms(), False, 11 * S) == Lease()
    assert next_lease(Lease(), LeaseTerms(), False, 11 * S) is None
