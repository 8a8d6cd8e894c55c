"""Sans-I/O state machine of one node: `Controller.handle(event, now) -> list[Command]`.

    execution      from a plan to what is done on the nodes, and back
    fencing        fencing, decided by the leader: which device, from where, in which order, and what its success means
    leadership     who leads, who follows, who leaves, and what a node must have seen before it may do so
    membership     which nodes the cluster consists of: a replicated list, changed one committed step at a time
    protocol       what controllers say to each other, and how it is written
    replication    the CIB on every node: changes ordered by the leader, kept by a majority of disks, answered once
    cluster_state  the values that the controller's parts share: who is here, how far a CIB has come, who leads
    commands       what a controller wants done: the shell performs these in order
    controller     the state machine of one node: events in, commands out
    core           what the parts of a controller share
    events         what happens to a controller: everything that `Controller.handle` understands
    hard_state     what a node must not forget: raft's hard state, with the term of the CIB on its disk and the list of
                   nodes
    interface      what a controller is told when it is made, and what can be seen of it from outside
    invariants     what must hold whenever a controller has handled an event, checked in production too
    parts          what each part of a controller is told of the cluster's life, and the one list by which all are told
"""

from crm.controller.controller import Controller
from crm.controller.interface import ControllerOptions, ControllerSnapshot

__all__ = ["Controller", "ControllerOptions", "ControllerSnapshot"]
