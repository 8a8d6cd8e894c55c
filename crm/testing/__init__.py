"""Public helpers to test clusters: whole clusters on virtual time, with faults and checkers.

    world      a cluster of real controllers in one process: messages, disks, agents and time are simulated by a seed
    timeline   virtual time        simulated_node       a machine and what its daemon has    simulated_machines  what
    runs there, disks
    simulated_network    simulated_links               simulated_membership  views and messages
    simulated_agents    operations, results
    simulated_links      in place of membership: the real agreement over simulated simulated_links
    link_faults  theirs
    power_switches      fence devices       shared_memory     what nodes in one process need not do twice
    invariants   what must hold after every step, whatever happens
    scenario   the cluster that hunts are run on             fault_catalogue   what goes wrong there
    failovers  what a configuration does when nodes are lost or resources fail, as assertions
    fuzz       many seeds, and what they found: `python -m crm.testing`
"""

from crm.testing.failovers import Failovers
from crm.testing.invariants import AllowedBreaks, Violation
from crm.testing.world import World

__all__ = ["AllowedBreaks", "Failovers", "Violation", "World"]
