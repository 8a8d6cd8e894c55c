"""The CIB on every node: changes ordered by the leader, kept by a majority of disks, answered once.

    dropped_configuration  what a node had and the cluster has not: told, with the way back
    idempotency            what has been done under which key, so that a request that is sent again, at any node, is not
                           done again
    read_index             reads that are as new as the question
    replication            the CIB on every node: the leader orders and applies changes, the others follow, disks
                           acknowledge
    requests               what clients ask for: changes and cleanups, forwarded to the leader and answered when their
                           fate is known
"""
