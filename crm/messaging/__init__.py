"""The pluggable message layer: who is here, are we quorate, and bytes between members. Never resources.

`layer` is the contract and how layers are found, `quorum` the rule of who may decide, `memory` and `embedded` two
layers. One contract test-suite runs against each (`tests/unit/messaging/test_contract.py`).
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
