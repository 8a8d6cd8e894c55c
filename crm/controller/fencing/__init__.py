"""Fencing, decided by the leader: which device, from where, in which order, and what its success means. Sans I/O.

    targets    what a device says about a target: whether it can fence it, by which name, after which delay
    course     the steps of fencing one target: levels, off-then-on, and when that has succeeded
    coordinator    the leader's side: runs courses, chooses nodes, watches time limits, tells who asked
    fencing_member     every node's side: hands a step to the executor, reports its end
    fencing_history    the history of fencing, the same on every node
"""
