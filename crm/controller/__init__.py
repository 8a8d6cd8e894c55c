"""Sans-I/O state machine of one node: `Controller.handle(event, now) -> list[Command]`.

    execution      execution
    fencing        fencing, decided by the leader: which device, from where, in which order, and what its success means
    leadership     leadership
    membership     membership
    protocol       protocol
    replication    replication
    cluster_state  the values that the controller's parts share: who is here, how far a CIB has come, who leads
    commands       what a controller wants done: the shell performs these in order
    controller     the state machine of one node: events in, commands out
    core           what the parts of a controller share
    events         what happens to a controller: everything that `Controller.handle` understands
    interface      what a controller is told when it is made, and what can be seen of it from outside
    invariants     what must hold whenever a controller has handled an event, checked in production too
"""

from crm.controller.controller import Controller
from crm.controller.interface import ControllerOptions, ControllerSnapshot

__all__ = ["Controller", "ControllerOptions", "ControllerSnapshot"]
