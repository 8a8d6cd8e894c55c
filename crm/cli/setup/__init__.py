"""Setting up a cluster on machines: `crmctl cluster init` and `join`, and the files that they write.

    certificates   certificates made on the spot: a cluster's own authority for etcd, and the short-lived one of an
                   invitation
    command        `crmctl cluster init` and `crmctl cluster join`
    corosync_conf  a corosync.conf with sane values, and the reasons beside them
    invitation     how a node that has nothing gets its files: a token that is good once, for a while, for one node
    members        `crmctl cluster add`, `remove`, `keep`, `invite`, `nodes`, `key rotate`
    offline        write the files of all nodes of a cluster into folders, for those who bring them to the machines
                   themselves
    plan           what each node of a new cluster gets: settings, keys, certificates, the engine's configuration
"""
