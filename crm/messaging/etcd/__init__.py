"""The message layer on etcd 3: for clusters of many machines, and for those who run etcd already.

    client      etcd's JSON gateway: endpoints, login, leases, transactions, one watch
    membership  which views follow from the members' records in etcd (pure)
    mesh        direct authenticated connections between members, opened when needed, without heartbeats
    layer       the shell: the lease, the watch, the views

Etcd decides who is here: each node renews one lease, whatever the number of nodes, and a view's number is a revision of
etcd. Messages never go through etcd. A node that cannot renew its lease knows that it is lost before the others do.
"""

from crm.messaging.etcd.layer import EtcdLayer

__all__ = ["EtcdLayer"]
