"""Who leads, who follows, who leaves, and what a node must have seen before it may do so.

    election         who leads: one DC per term, elected by the quorate view; a caretaker where there is no quorum
    joining          members come and go: the leader takes them in, records them, and notices who is lost
    lease_records    the leader's record of the lease that each node holds, as `crm.controller.leadership.leases` reads
                     it
    lease_terms      the terms of leases, as a configuration has them
    leases           without fencing: a node that is lost is given the time to stop what it runs, before anybody starts
                     that elsewhere
    leaving          a node that is to leave is emptied first
    left_running     without fencing: what a lost node was not managing is not assumed to have been stopped
    lone_start       a node that starts without the others, in a cluster where one of two is enough
    lost_store       stores that have lost something: who waits for what, and what a person can say to go on without it
    safe_mode        safe mode: a daemon that ended several times by its own mistake comes back and begins nothing
    self_protection  a node that may be counted as lost ends itself in time: others rely on it
"""
