"""What would happen if: every loss of a node, failure of a resource, standby, tried out on a pretended cluster.

    change_preview     what a change (or a loss) would do to the live cluster: each action with its reason and how long
                       it takes, what is interrupted, what is fenced, and what should make one think again
    expectations       what a user wants to hold after faults, written in a small TOML file, and whether it does
    faults             what can happen to a cluster, one thing at a time
    preflight_checks   what should make one think again before a change
    simulated_cluster  a pretended cluster: a copy of a CIB that faults happen to, and that is planned and carried out
                       until nothing is left to do
    simulator          one fault from beginning to end
    timing             how long a course of transitions would take

The same planner and the same runner of transitions as in a live cluster take a copy of a CIB from fault to rest; what
is compared is what ran before with what runs afterwards. It is apart from `crm.transition`, which carries one
transition out, and from the commands, which print. It changes nothing: no clock, no file, no network.
"""

from crm.failover_simulation.expectations import BadExpectation, Expectation, ExpectationVerdict, check, parse
from crm.failover_simulation.faults import Fault, FaultKind, faults_of
from crm.failover_simulation.simulator import FaultEffect, FaultRun, PlacementChange, ResourcePlacement, Simulator

__all__ = [
    "BadExpectation",
    "Expectation",
    "ExpectationVerdict",
    "Fault",
    "FaultEffect",
    "FaultKind",
    "FaultRun",
    "PlacementChange",
    "ResourcePlacement",
    "Simulator",
    "check",
    "faults_of",
    "parse",
]
