"""What a controller is told when it is made, and what can be seen of it from outside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from crm.cib.document import Document
from crm.cib.stamp import utc_text
from crm.controller.cluster_state import View
from crm.controller.execution.planning import RECHECK_S
from crm.controller.fencing.fencing_history import FencingRecord
from crm.controller.leadership.safe_mode import SafeModeCause
from crm.controller.membership.node_list import NodeList
from crm.controller.replication.replication import Documents
from crm.model import release
from crm.model.release import Release
from crm.model.report import Report
from crm.transition import Progress


@dataclass(frozen=True, slots=True)
class ControllerOptions:
    """What a controller is told of its settings.

    node_action_limit        how many actions this node takes at once (0: by its cores, or what the cluster says)
    recheck_interval_s       planned at least that often
    startup_fencing_delay_s  how long a new leader waits for nodes that nobody has seen before they are fenced
    watchdog                 whether this node has one, so that the others may rely on it
    lease_margin_ms          how long after its loss it may renew its lease; 0: it keeps none
    (`crm.controller.leadership.leases`)
    documents                makes documents of what leaders send; simulations share them between nodes
    written_at               how a moment (epoch seconds) is written into the CIB, for people
    release                  what this node understands
    done_without             nodes that the daemon before this one, just killed, decided without (see `LoneStart`)
    safe_mode                why this node is to begin nothing for now, if it is (see
    `crm.controller.leadership.safe_mode`)
    """

    node_action_limit: int = 0
    recheck_interval_s: float = RECHECK_S
    startup_fencing_delay_s: float = 20.0
    watchdog: bool = False
    lease_margin_ms: int = 0
    documents: Documents = field(default_factory=Documents)
    written_at: Callable[[float], str] = utc_text
    release: Release = field(default_factory=lambda: release.THIS)
    safe_mode: SafeModeCause | None = None
    done_without: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ControllerSnapshot:
    """What can be seen of a controller from outside, at one moment."""

    node: str
    state: str
    dc: str | None
    term: int
    caretaker: bool
    view: View
    joined: tuple[str, ...]
    document: Document
    transition: int
    progress: Progress | None
    reports: tuple[Report, ...]
    fencings: tuple[FencingRecord, ...] = ()
    cib_term: int = 0
    safe_mode: str = ""
    """The mistake because of which this node is in safe mode, if it is."""
    nodes: NodeList | None = None
