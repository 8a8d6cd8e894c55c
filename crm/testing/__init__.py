"""Public helpers to test clusters: whole clusters on virtual time, with faults and checkers.

    world     a cluster of real controllers in one process: messages, disks, agents and time are simulated by a seed
    failovers what a configuration does when nodes are lost or resources fail, as assertions
    checkers  what must hold after every step, whatever happens
"""

from crm.testing.checkers import Violation
from crm.testing.failovers import Failovers
from crm.testing.world import World

__all__ = ["Failovers", "Violation", "World"]
