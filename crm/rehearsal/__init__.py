"""What would happen if: every loss of a node, failure of a resource, standby, tried out on a pretended cluster.

The same planner and the same runner of transitions as in a live cluster take a copy of a CIB from fault to rest; what
is compared is what ran before with what runs afterwards. It is apart from `crm.transition`, which carries one
transition out, and from the commands, which print. It changes nothing: no clock, no file, no network.

    faults         what can happen
    stage          the pretended cluster
    timing         how long it would take
    rehearsal      one fault from beginning to end
    expectations   what a user wants to hold, and whether it does
"""

from crm.rehearsal.expectations import BadExpectation, Expectation, Verdict, check, parse
from crm.rehearsal.faults import Fault, FaultKind, faults_of
from crm.rehearsal.rehearsal import Change, Effect, Place, Rehearsal, Theatre

__all__ = [
    "BadExpectation",
    "Change",
    "Effect",
    "Expectation",
    "Fault",
    "FaultKind",
    "Place",
    "Rehearsal",
    "Theatre",
    "Verdict",
    "check",
    "faults_of",
    "parse",
]
