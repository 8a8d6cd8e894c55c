"""From a plan to what is done on the nodes, and back: planning, the transition, operations and their results.

    alerts                alerts: which agents are told of an event, and what they are told
    backoff               actions that fail again and again are held back
    freeze_policy         what a part without quorum begins under `no-quorum-policy=freeze`: less than its plan says
    in_flight             what the leader has handed out and has no result of, by transition key
    local_executor_state  what this node's executor has done
    operation_digests     digests of an operation's parameters, as recorded in the history
    pending_operations    operations under way, as the status tells of them
    planning              when to plan: reasons are collected, one plan is made at a time, an outdated answer is dropped
    rest_watch            whether plans come to rest: people are told when the same is planned again and again, and
                          nothing comes of it
    results               the leader's reading of results
    throttle              how much each node, and the cluster, is given to do at once: less where machines are busy
    transient_attributes  transient node attributes: set by agents and people, dampened, gone when their node leaves
    transition_recorder   what becomes of each transition, noted for those who ask later
    transition_runner     runs a transition over the cluster
"""
