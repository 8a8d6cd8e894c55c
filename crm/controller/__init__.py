"""Sans-I/O state machine of one node: `Controller.handle(event, now) -> list[Command]`.

    controller   the door, the tables, the wiring
    cluster_state       views, positions, terms          core        what the parts share
    events       what happens to a controller     commands    what it wants done
    protocol.messages     what controllers say             protocol.codec       how that is written
    interface      what is told, what can be seen   protocol.keys        names of the field
    leadership.election     who leads                        leadership.joining     members come and go
    replication.replication  the CIB on every node            replication.requests    what clients ask for
    execution.planning     when to plan                     execution.transition_runner    running a transition
    execution.local_executor_state      this node's executor             execution.results     the leader's reading of
    execution.results execution.operation_digests      digests of parameters
    execution.transient_attributes   transient attributes of nodes
    fencing      who is fenced, by what, confirmed     execution.alerts       who is told of what happens
    execution.throttle     less at once where machines are busy
    invariants   what must hold after each event        leadership.safe_mode    after several mistakes of the daemon
    protocol.clock_skew       one clock for all records             leadership.self_protection  a lost node ends itself
    in time leadership.leases       a lost node is given time to stop what it runs, without fencing lease_terms,
    lease_records   what is configured of that, and which node is known to hold what leadership.leaving      a node is
    emptied before it goes lone_start, leadership.lost_store   what is waited for until a person says otherwise
"""

from crm.controller.controller import Controller
from crm.controller.interface import ControllerOptions, ControllerSnapshot

__all__ = ["Controller", "ControllerOptions", "ControllerSnapshot"]
