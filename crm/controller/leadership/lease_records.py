"""The leader's record of the lease that each node holds, as `crm.controller.leadership.leases` reads it.

A longer lease, or none because fencing is on, is recorded as soon as it is configured. A shorter one only when the node
has long had that configuration on its disk, and is still here: until then it may hold the longer one. Of nodes that are
not here nothing is changed, whatever is configured: no news of that gets there.
"""

from __future__ import annotations

import math
from collections.abc import Collection

from crm.cib.queries import recorded_nodes
from crm.cib.status_edits import doubted
from crm.cib.status_updates import NodeUpdate
from crm.cib.version import CibVersion
from crm.controller.core import Core, configuration_version
from crm.controller.leadership.joining import Joining
from crm.controller.leadership.lease_terms import fencing_enabled
from crm.controller.leadership.leases import LostNodeLeases
from crm.controller.leadership.left_running import LeftRunning
from crm.controller.parts import MemberJoined, Part
from crm.controller.replication.replication import Replication
from crm.model.lease import lease_text

TIMER = "lease-terms"
LOOK_EVERY_S = 0.2


class LeaseRecords(Part):
    """The leader's part; what it has seen counts for its reign only."""

    def __init__(self, core: Core, leases: LostNodeLeases, joining: Joining, replication: Replication,
                 left_running: LeftRunning) -> None:
        self._core = core
        self._leases = leases
        self._joining = joining
        self._replication = replication
        self._left_running = left_running
        self._seen: tuple[int, int] | None = None
        """The version of the configuration that was looked at last."""
        self._wanted: dict[str, float] = {}
        self._since: dict[str, tuple[CibVersion, float]] = {}
        """Which version holds a node's shorter terms, and since when the node has it (infinite: not yet)."""
        self._fencing = True

    def lead(self) -> None:
        """Begin a reign: of nodes that are not here, only what they may run is sure."""
        self._seen, self._fencing = None, True
        self._wanted.clear()
        self._since.clear()

    def members_complete(self) -> None:
        """Whoever has not joined by now is gone on without."""
        if self._core.leading and not fencing_enabled(self._core.document):
            self._doubt(self._core.view.names)

    def member_left(self, name: str) -> None:
        """A node that is back has to show anew that it holds its lease."""
        self._since.pop(name, None)

    def member_joined(self, joined: MemberJoined) -> None:
        """Its lease may be another one than is recorded."""
        self.timer()

    def look(self) -> None:
        """Before each plan, and after each event: is another lease configured?"""
        core = self._core
        held = core.leadership
        if not core.leading or held is None or held.caretaker:
            return
        version = configuration_version(core.document.version)
        if version == self._seen:
            return
        self._seen = version
        fencing, self._fencing = self._fencing, fencing_enabled(core.document)
        if fencing and not self._fencing:
            self._doubt(core.me.config.names)
        self.timer()

    def timer(self) -> None:
        """Record what is longer, and what has become shorter for long enough."""
        core = self._core
        if not core.leading:
            return
        settling = [name for name in sorted(self._joining.joined) if self._revise(name)]
        if settling:
            core.set_timer(TIMER, LOOK_EVERY_S)

    def _revise(self, name: str) -> bool:
        """One node's record; whether another look is wanted."""
        held, wanted = self._leases.held_ms(name), self._leases.promised_ms(name)
        if self._wanted.get(name) != wanted:
            self._wanted[name] = wanted
            self._since[name] = self._core.document.version, math.inf
        if held is None or wanted > held or self._has_settled(name, held):
            self._record(name, wanted)
            return False
        return wanted < held

    def _has_settled(self, name: str, held_ms: float) -> bool:
        version, since = self._since.setdefault(name, (self._core.document.version, math.inf))
        has = self._replication.acknowledged_by.get(name)
        if math.isinf(since) and has is not None and configuration_version(has) >= configuration_version(version):
            since = self._core.now
            self._since[name] = version, since
        # A daemon that is heard for longer than a lost one could be has renewed its lease by what its disk has.
        former_ms = 0.0 if math.isinf(held_ms) else held_ms
        return self._core.now >= since + (former_ms + self._leases.margin_ms(name)) / 1000

    def _record(self, name: str, total_ms: float) -> None:
        held = self._leases.held_ms(name)
        if held != total_ms:
            node_id = self._core.me.config.id_of(name)
            self._replication.note(NodeUpdate(node_id, name, {"lease": lease_text(total_ms)}))

    def _doubt(self, names: Collection[str]) -> None:
        """Nodes that have not joined may run what nobody here knows of: another leader's last orders, or a client's.

        One that no status tells of, as all daemons were down, is recorded as lost.
        """
        core = self._core
        held = core.leadership
        if held is None or held.caretaker:
            return
        self._replication.flush()
        states = recorded_nodes(core.document)
        for name, node_id in core.me.config.nodes:
            state = states.get(node_id, {})
            if name not in names or self._is_known(name, state):
                continue
            held_ms = self._leases.held_ms(name)
            held_ms = self._leases.promised_ms(name) if held_ms is None else held_ms
            if self._left_running.may_leave_something(name):
                # Nobody here knows what it runs, so nobody can say what of that its keeper will leave alone.
                held_ms = math.inf
            if held_ms > 0:
                self._replication.note(*doubted(core.document, node_id, name, lease_text(held_ms)))

    def _is_known(self, name: str, state: dict[str, str]) -> bool:
        """Whether the status tells what a node runs, or somebody that it runs nothing."""
        if name in self._core.view.names:
            return name in self._joining.joined or state.get("in_ccm", "0") != "0"
        return name in self._core.said_off or state.get("expected") == "down"

