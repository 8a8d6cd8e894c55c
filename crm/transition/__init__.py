"""Runs a transition graph, sans I/O: what is ready, what is in flight, throttling, aborts. Never waits.

Apart from the controller because `crm_simulate` drives the same runner with instant results.
"""

from crm.transition.resume import match_in_flight
from crm.transition.safety_orderings import add_probe_barriers, without_moves_to, without_starts
from crm.transition.transition_run import Abort, ActionOutcome, Progress, RunLimits, TransitionRun

__all__ = [
    "Abort",
    "ActionOutcome",
    "Progress",
    "RunLimits",
    "TransitionRun",
    "add_probe_barriers",
    "match_in_flight",
    "without_moves_to",
    "without_starts",
]
