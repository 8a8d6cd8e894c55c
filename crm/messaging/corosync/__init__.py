"""The message layer on corosync 3: the engine that clusters of Linux machines stand on.

    libraries    the C libraries as ctypes sees them, each structure with the header that it comes from
    connection   open handles to a running corosync: what it says becomes plain values, by file descriptor
    cluster_map  node list, names and cluster name from corosync's own configuration (libcmap)
    frames       what is multicast: announcements, dismissals, chunks of messages; and their re-assembly (pure)
    group        which views follow from what corosync delivers (pure)
    layer        the shell: the event loop, flow control, reconnecting

Corosync decides who is here and who is quorate, encrypts, and orders all messages. Nothing of that is done again here.
"""

from crm.messaging.corosync.layer import CorosyncLayer

__all__ = ["CorosyncLayer"]
