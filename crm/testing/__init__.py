"""Public helpers to test clusters: whole clusters on virtual time, with faults and checkers.

    failovers             failover tests in Python, for pytest or anything that understands `assert`
    fail_count_checker    the promise that a fail count of a living node never shrinks, unless it was cleaned up or has
                          expired
    fault_catalogue       what goes wrong in a hunt: a catalogue of faults, one function each, chosen by weight and by
                          the world's chance
    fuzz                  the hunt: many seeds, each a cluster that lives through faults and must then settle
    invariants            the promises of a cluster, checked after every step of a simulation, whatever happens
    link_faults           what goes wrong with links: single ones are cut, in one direction or both, while nodes freeze
                          and daemons restart
    node_list_requests    what people do to the list of nodes in a hunt
    node_lists            the cluster's own list of nodes in a simulation
    power_switches        the simulated power switches: fence devices that work beside the network, late, and sometimes
                          not at all
    random_clusters       clusters of many kinds, one per seed
    scenario              the cluster that hunts are run on
    shared_memory         what nodes of one simulated cluster share, because it is the same and nobody writes to it
    simulated_agents      simulated executors: operations that take time, in turn for each resource, and what agents do
                          to machines
    simulated_clients     what clients do in a hunt while everything else goes wrong
    simulated_keepers     simulated leases and their keepers
    simulated_links       membership as the embedded layer has it: the real agreement and detector, on simulated
                          connections
    simulated_machines    simulated machines: what runs on them, their disks, and how operations and writes go wrong
    simulated_membership  the simulated message layer: views that form from the links there are, and messages within
                          them
    simulated_network     the simulated network: which links carry messages in which direction, how late, and which
                          views form from that
    simulated_node        a simulated node: its machine, what of it the daemon knows, and what of the daemon is under
                          way
    timeline              virtual time: what is to happen and when
    view_checker          a promise of views that nodes agree on by themselves
    world                 a whole cluster in one process, on virtual time
"""

from crm.testing.failovers import Failovers
from crm.testing.invariants import AllowedBreaks, Violation
from crm.testing.world import World

__all__ = ["AllowedBreaks", "Failovers", "Violation", "World"]
