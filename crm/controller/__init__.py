"""Sans-I/O state machine of one node: `Controller.handle(event, now) -> list[Command]`.

    controller   the door, the tables, the wiring
    values       views, positions, terms          core        what the parts share
    events       what happens to a controller     commands    what it wants done
    messages     what controllers say             codec       how that is written
    outside      what is told, what can be seen   keys        names of the field
    election     who leads                        joining     members come and go
    replication  the CIB on every node            requests    what clients ask for
    planning     when to plan                     dispatch    running a transition
    history      this node's executor             results     the leader's reading of results
    digests      digests of parameters                 attributes   transient attributes of nodes
    fencing      who is fenced, by what, confirmed     alerts       who is told of what happens
    throttle     less at once where machines are busy
    invariants   what must hold after each event        safe_mode    after several mistakes of the daemon
    clocks       one clock for all records             self_protection  a lost node ends itself in time
    leases       a lost node is given time to stop what it runs, without fencing
    leaving      a node is emptied before it goes
    lone_start, lost_store   what is waited for until a person says otherwise
"""

from crm.controller.controller import Controller
from crm.controller.outside import Options, Snapshot

__all__ = ["Controller", "Options", "Snapshot"]
