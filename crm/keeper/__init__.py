"""The keeper of a node's lease: stops what runs when the daemon cannot, before other nodes start it.

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
