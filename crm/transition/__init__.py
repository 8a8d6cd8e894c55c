"""Runs a transition graph, sans I/O: what is ready, what is in flight, throttling, aborts. Never waits.

    resume            whether a new transition can go on with what an earlier one has begun
    safety_orderings  what a running cluster adds to the order of a plan, because the world may differ from the CIB.
                      Pure
    crm.cib.simulated_cib     a CIB to play with, whose status can be changed as if things had happened
    simulation        carrying a transition out in pretence
    transition_run    one run of a transition graph: what may start now, what is in flight, what is over

Apart from the controller because `crm_simulate` drives the same runner with instant results.
"""

from crm.transition.resume import ended_by_stops, match_in_flight
from crm.transition.safety_orderings import add_probe_barriers, without_moves_to, without_starts
from crm.transition.transition_run import Abort, ActionOutcome, ActionState, Progress, RunLimits, TransitionRun

__all__ = [
    "Abort",
    "ActionOutcome",
    "ActionState",
    "Progress",
    "RunLimits",
    "TransitionRun",
    "add_probe_barriers",
    "ended_by_stops",
    "match_in_flight",
    "without_moves_to",
    "without_starts",
]
