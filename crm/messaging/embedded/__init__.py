"""A TCP mesh between the nodes of a small cluster: nothing else needs to be installed.

    handshake  proves the shared key and agrees on fresh keys, before anything else is parsed
    frames     bounded, encrypted, ordered frames on one connection
    detector   when a silent member counts as lost
    agreement  which members form a view: pure, messages in, messages out
    link       one authenticated connection
    layer      the shell: sockets and timers around the parts above
"""

from crm.messaging.embedded.layer import EmbeddedLayer

__all__ = ["EmbeddedLayer"]
