"""The pluggable message layer: who is here, are we quorate, and bytes between members. Never resources.

    corosync         the message layer on corosync 3: the engine that clusters of Linux machines stand on
    embedded         a TCP mesh between the nodes of a small cluster: nothing else needs to be installed
    etcd             the message layer on etcd 3: for clusters of many machines, and for those who run etcd already
    addresses        from names of nodes to addresses, apart from everything else
    detection_times  how long a lost member had been silent when it was given up: what a layer can tell of its own speed
    layer            the contract of a message layer, the values it deals in, and how a layer is found by name
    layer_tasks      the tasks of a message layer: kept as long as they run, ended together, and never failing in
                     silence
    memory           a message layer within one process: a hub that is always right
    quorum           who may decide: whether a set of members is quorate

One contract test-suite runs against each (`tests/unit/messaging/test_contract.py`).
"""

from crm.messaging.layer import (
    BeatingLayer,
    EtcdAccess,
    LayerError,
    LayerEvent,
    LayerMember,
    LayerSettings,
    LayerViewChanged,
    ListedLayer,
    ListHeard,
    MessageLayer,
    NodeAddress,
    Received,
    ViewConfirmed,
    ViewDoubted,
    complete,
    find_layer,
)
from crm.messaging.quorum import QuorumMode, QuorumRule

__all__ = [
    "BeatingLayer",
    "EtcdAccess",
    "LayerError",
    "LayerEvent",
    "LayerMember",
    "LayerSettings",
    "LayerViewChanged",
    "ListHeard",
    "ListedLayer",
    "MessageLayer",
    "NodeAddress",
    "QuorumMode",
    "QuorumRule",
    "Received",
    "ViewConfirmed",
    "ViewDoubted",
    "complete",
    "find_layer",
]
