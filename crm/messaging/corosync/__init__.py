"""The message layer on corosync 3: the engine that clusters of Linux machines stand on.

    cluster_map  what corosync's own configuration says: cluster name, node list, who this node is (libcmap)
    connection   open handles to a running corosync: what it says becomes plain values
    echo         whether corosync works for this node: what it multicasts must come back to it
    frames       what is multicast to the group: announcements, dismissals, and chunks of messages
    group        which views follow from what corosync delivers
    layer        the shell of the corosync layer: the event loop, flow control, reconnecting
    libraries    corosync's C libraries as ctypes sees them: structures, constants, functions

Corosync decides who is here and who is quorate, encrypts, and orders all messages. Nothing of that is done again here.
"""

from crm.messaging.corosync.layer import CorosyncLayer

__all__ = ["CorosyncLayer"]
