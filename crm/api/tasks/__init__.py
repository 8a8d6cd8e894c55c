"""Work that takes longer than an answer, and is asked about later.

    cluster_tasks  the tasks of the whole cluster: each is kept by the node that was asked for it, and any node can be
                   asked about it
    follow_change  waits until a change of a resource has had its effect, and says what came of it: the work of a task
    node_tasks     what takes longer than an answer: waiting until the cluster is at rest, restarting a resource
"""
