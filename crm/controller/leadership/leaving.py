"""A node that is to leave is emptied first: it asks the leader, which has what it runs moved away and then lets it go.

The wish is a transient attribute, `shutdown`, as Pacemaker has it: so it outlives a change of the leader.
"""

from __future__ import annotations

from collections.abc import Callable

from crm.cib.queries import transient_attribute
from crm.cib.status_updates import TransientAttributeUpdate
from crm.controller.commands import Terminate
from crm.controller.core import Core
from crm.controller.events import ShutdownRequested
from crm.controller.parts import Part
from crm.controller.protocol.messages import LeaveRequest
from crm.controller.replication.replication import Replication

TIMER = "leave"
WITHOUT_DC_S = 15.0


class Leaving(Part):
    """Both sides: this node's wish, and the leader's part in those of others. `asked`: this node wants to leave."""

    def __init__(self, core: Core, replication: Replication, want_plan: Callable[[str], None]) -> None:
        self._core = core
        self._replication = replication
        self._want_plan = want_plan
        self.asked = False

    def requested(self, _event: ShutdownRequested) -> None:
        """This node's daemon is told to end."""
        core = self._core
        if self.asked:
            return
        self.asked = True
        core.changed("members")
        core.set_timer(TIMER, WITHOUT_DC_S)
        if core.dc is not None:
            self.leader_known()

    def leader_known(self) -> None:
        """Somebody leads: it must know."""
        if self.asked:
            assert self._core.dc is not None, "somebody leads"
            self._core.send(self._core.dc, LeaveRequest())

    def timer(self) -> None:
        """Has anybody been found who could help?"""
        if self._core.leadership is None:
            self._core.emit(Terminate("nobody leads the cluster, so nobody can move this node's resources away"))
        else:
            self._core.set_timer(TIMER, WITHOUT_DC_S)

    # The leader's part

    def take(self, sender: str, _message: LeaveRequest) -> None:
        """A member wants to leave."""
        if self._core.leading:
            self._note(sender)

    def ask(self, name: str) -> None:
        """A node is to be removed: as if it had asked to leave."""
        self._replication.flush()
        self._note(name)
        self._replication.flush()

    def stay(self, name: str) -> None:
        """It is to stay after all."""
        self._replication.note(TransientAttributeUpdate(self._core.me.config.id_of(name), "shutdown", None))
        self._want_plan(f"{name} is to stay")

    def _note(self, name: str) -> None:
        core = self._core
        node_id = core.me.config.id_of(name)
        if transient_attribute(core.document, node_id, "shutdown") in (None, "0"):
            self._replication.note(TransientAttributeUpdate(node_id, "shutdown", str(int(core.now))))
            self._want_plan(f"{name} wants to shut down")
