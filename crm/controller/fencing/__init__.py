"""Fencing, decided by the leader: which device, from where, in which order, and what its success means. Sans I/O.

    coordinator      the leader's fencing: runs a course for each target, chooses nodes for its steps, and tells who
                     asked how it ended
    course           the course of fencing one target: which device does what next, and when that has succeeded or
                     failed
    coverage         which device can fence which node, from where
    fencing_history  the history of fencing: what was tried, by whom and how it ended
    fencing_member   every node's part in fencing: hands the leader's orders to the executor, reports their end, keeps
                     the history
    targets          what a fence device's parameters say about one target
"""
