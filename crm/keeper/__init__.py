"""The keeper of a node's lease: stops what runs when the daemon cannot, before other nodes start it.

    deadlines     when the keeper acts: pure, so that simulations keep time by the same rules
    keeper        the keeper's process: looks at the lease, and acts when it has run out
    lease_file    the lease as it stands in a file: who holds it since when, and what has become of it
    lease_rules   what a daemon says of its lease: pure, the other half of `deadlines`
    leftovers     operations that a killed daemon has left running: the next one ends them before it looks at anything
    log_line      a line for the log that blocks nobody: a reader that stands still must not hold up who stops things
    orders        stop orders: for each resource of this node, the complete command that stops it
    parent_death  a child process that must not outlive its parent, however that one ends
    processes     process trees on Linux: who descends from whom, and ending a whole tree so that nobody slips away
    stop_all      carries stop orders out: what was started last is stopped first, what was started side by side at once

Without fencing nobody else can. A daemon renews its lease while its event loop turns and its view is quorate
(`record`); the keeper, a process of its own that outlives both the daemon and who watches over it, looks at the lease
all the time (`keeper`). When it has run out (`deadlines`), the keeper ends the daemon and carries out the stop orders
that the daemon has left (`orders`, `stopping`). The other nodes wait for that moment
(`crm.controller.leadership.leases`).

Imports the standard library only, and nothing else of crm: it is there for the day on which everything else goes wrong.
"""

ALONE = "CRMD_STOPPED_BY_KEEPER"
"""Set for agents that the keeper runs: no daemon is there to ask, and what they would tell it nobody needs any more."""
LEASE = "CRMD_LEASE"
"""Names the folder of the lease to a daemon that has a keeper."""
