"""What would happen if: every loss of a node, failure of a resource, standby, tried out on a pretended cluster.

The same planner and the same runner of transitions as in a live cluster take a copy of a CIB from fault to rest; what
is compared is what ran before with what runs afterwards. It is apart from `crm.transition`, which carries one
transition out, and from the commands, which print. It changes nothing: no clock, no file, no network.

    faults         what can happen
    crm.failover_simulation.simulated_cluster          the pretended cluster
    timing         how long it would take
    crm.failover_simulation.simulator      one fault from beginning to end
    expectations   what a user wants to hold, and whether it does
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
