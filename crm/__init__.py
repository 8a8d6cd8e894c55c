"""crmd: a cluster resource manager.

    model              frozen data and its arithmetic        cib        XML: parse, validate, read, change, store
    policy_engine      what should run where, and the transition that makes it so
    transition         a transition carried out              failover_simulation  what would happen if
    controller         the state machine of one node         messaging  who is here: embedded, corosync, etcd
    executor           runs agents on this node              keeper     stops what runs when the daemon cannot
    daemon             sockets, disks, timers, processes     api        REST
    client             a client for the API                  cli        commands
    testing            simulated clusters for tests          paths      where the files of a node are

Start reading at `crm.policy_engine` (what is decided), `crm.controller` (who decides) or `crm.daemon` (what runs).
"""
