"""Public helpers to test clusters: whole clusters on virtual time, with faults and checkers.

    world      a cluster of real controllers in one process: messages, disks, agents and time are simulated by a seed
    timeline   virtual time        nodes       a machine and what its daemon has    machines  what runs there, disks
    network    links               membership  views and messages                   agents    operations, results
    links      in place of membership: the real agreement over simulated links             link_faults  theirs
    power      fence devices       sharing     what nodes in one process need not do twice
    checkers   what must hold after every step, whatever happens
    scenario   the cluster that hunts are run on             faults   what goes wrong there
    failovers  what a configuration does when nodes are lost or resources fail, as assertions
    hunt       many seeds, and what they found: `python -m crm.testing`
"""

from crm.testing.checkers import Expectations, Violation
from crm.testing.failovers import Failovers
from crm.testing.world import World

__all__ = ["Expectations", "Failovers", "Violation", "World"]
