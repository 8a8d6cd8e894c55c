"""The planner's picture of a cluster and the questions that every phase asks of it. Nothing here decides.

    attributes      node attributes as a resource sees them
    cluster         the planner's working picture of a cluster: what `observe` finds and the later phases reason about
    digests         digests of operations' parameters
    fail_counts     how often operations of a resource failed on a node, and since when
    failure_policy  what a failed operation asks for (`on-fail`), and what an operation requires
    fence_devices   what the configuration says about fencing
    fenceability    whether the cluster could fence a node, if it had to
    health          the health of nodes: attributes `#health...` that agents set
    managed         which resources are left alone on a node: those that are not managed, and those in maintenance
    names           names: the order of nodes, ids of clone instances, ids that may stand in XML
    operations      the settings of an operation: what is configured for it, with defaults, rules and corrections
                    applied
    options         cluster options, read once: names old and new, defaults, and what an invalid value falls back to
    parameters      instance attributes: what an agent is given on a node, rules on that node's attributes evaluated
    restarts        restarts that somebody has asked for
    roles           roles as words: reading them from a configuration, printing them
    rules           which rules hold, and which sets of attributes count
    score_trace     where scores come from: told by the placing phases, kept only when somebody asks
    tree            where a resource is now, and where it will be: questions that every phase asks of the tree
"""
