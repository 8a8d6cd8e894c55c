"""Runs a transition graph, sans I/O: what is ready, what is in flight, throttling, aborts. Never waits.

Apart from the controller because `crm_simulate` drives the same runner with instant results.
"""

from crm.transition.adoption import adoptable
from crm.transition.caution import cautious, without_beginnings, without_moves_to
from crm.transition.run import Abort, Limits, Outcome, Progress, Run

__all__ = [
    "Abort",
    "Limits",
    "Outcome",
    "Progress",
    "Run",
    "adoptable",
    "cautious",
    "without_beginnings",
    "without_moves_to",
]
