"""What a node must not forget: raft's hard state, with the term of the CIB on its disk and the list of nodes."""

from __future__ import annotations

from dataclasses import dataclass

from crm.controller.cluster_state import StoreState
from crm.controller.membership.node_list import NodeList


@dataclass(frozen=True, slots=True)
class HardState:
    """What a node must not forget: the newest term it knows, its vote in it, the term of its CIB, who belongs to it,
    and what its store can be trusted with.

    `nodes` is None where the list of nodes is not crmd's own (corosync's, etcd's). `leases`: what the status had last
    of the lease of each node, by node id (`crm.controller.leadership.leases`).
    """

    term: int = 0
    voted_for: str | None = None
    cib_term: int = 0
    store: StoreState = StoreState.WHOLE
    nodes: NodeList | None = None
    leases: tuple[tuple[str, str], ...] = ()
