"""Which nodes the cluster consists of: a replicated list, changed one committed step at a time.

    membership_changes  who belongs to the cluster: the leader's part in adding and removing nodes, one committed step
                        after the other
    node_list           the list of the cluster's nodes, as it is replicated
"""
