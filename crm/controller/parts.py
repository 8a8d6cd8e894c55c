"""What each part of a controller is told of the cluster's life, and the one list by which all are told.

A part overrides what concerns it. Nobody keeps a list of those who want to know something: `Parts` goes through all of
them, in the order in which the controller names them, so a part that is added is told everything from then on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from crm.controller.protocol.messages import JoinConfirm


@dataclass(frozen=True, slots=True)
class MemberJoined:
    """A member has taken the leader's CIB and told all that it knows.

    message  with those of its failures only that are news
    new      whether it was not here before, or its daemon has been started since
    strayed  whether it left and came back without this leader noticing (which may have been suspended), and has
             executed actions for another leader meanwhile
    """

    name: str
    message: JoinConfirm
    new: bool
    strayed: bool

    @property
    def why_to_plan(self) -> str:
        """Why that is a reason to plan; empty if it is none."""
        return f"{self.name} has joined" if self.new else f"{self.name} has acted for another leader" * self.strayed


class Part:
    """One concern of a controller. By default nothing that happens concerns it."""

    def view_changed(self) -> None:
        """There is a new view (`Core.view`), or the present one counts otherwise than before."""

    def lead(self) -> None:
        """This node leads from now on."""

    def leader_known(self) -> None:
        """Somebody leads: this node or another one."""

    def stop_leading(self) -> None:
        """This node leads no more; what it had begun as leader is somebody else's."""

    def member_joined(self, joined: MemberJoined) -> None:
        """Told to the leader's parts: a member has joined."""

    def member_left(self, name: str) -> None:
        """Told to the leader's parts: a member is lost, or was let go."""

    def members_complete(self) -> None:
        """Told to the leader's parts: every member of the view has joined, or the time limit for that has passed."""

    def node_off(self, name: str) -> None:
        """Told to the leader's parts: a node is known to be off, nothing that it ran is running."""

    def try_again(self) -> None:
        """A cleanup was asked for: whatever is held back after failures is tried anew."""


class Parts:
    """All parts of one controller, in order. Named once, before the first event; asking earlier is an error."""

    _told: dict[str, tuple[Callable[..., None], ...]]
    """For each thing to be told, the methods of those whom it concerns."""

    def fill(self, *parts: Part) -> None:
        """Name the parts, in the order in which they are told."""
        self._told = {name: tuple(getattr(part, name) for part in parts if getattr(type(part), name) is not default)
                      for name, default in vars(Part).items() if callable(default)}

    def view_changed(self) -> None:
        for told in self._told["view_changed"]:
            told()

    def lead(self) -> None:
        for told in self._told["lead"]:
            told()
        self.leader_known()

    def leader_known(self) -> None:
        for told in self._told["leader_known"]:
            told()

    def stop_leading(self) -> None:
        for told in self._told["stop_leading"]:
            told()

    def member_joined(self, joined: MemberJoined) -> None:
        for told in self._told["member_joined"]:
            told(joined)

    def member_left(self, name: str) -> None:
        for told in self._told["member_left"]:
            told(name)

    def members_complete(self) -> None:
        for told in self._told["members_complete"]:
            told()

    def node_off(self, name: str) -> None:
        for told in self._told["node_off"]:
            told(name)

    def try_again(self) -> None:
        for told in self._told["try_again"]:
            told()
