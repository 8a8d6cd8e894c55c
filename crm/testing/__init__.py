"""Public helpers to test clusters: whole clusters on virtual time, with faults and checkers.

    world     a cluster of real controllers in one process: messages, disks, agents and time are simulated by a seed
    checkers  what must hold after every step, whatever happens
"""

from crm.testing.checkers import Violation
from crm.testing.world import World

__all__ = ["Violation", "World"]
