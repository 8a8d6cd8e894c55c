"""Which views follow from what corosync delivers. Pure: the same order of events at all members, the same views.

Corosync delivers memberships and messages in one total order. After each membership every member announces itself,
with the membership that it has seen; when all have announced the same one, all install the same view at the same point
of that order, with a number above all that any of them knew.

- An announcement waits until corosync's quorum speaks of the same ring, so a view is never called quorate because of
  what was true in the ring before.
- A daemon that was killed on a node that lives is held in its view: it is being started again. It is dismissed when it
  does not come back in time, by a message of whoever notices first.
- So is a member whose process is stuck; when it gets unstuck it learns of it, and has to join anew.
- A dismissal counts only in the ring in which it was made: one that a stalled corosync sends late is out of date.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from crm.messaging.corosync.frames import Announcement, Dismissal, Process
from crm.messaging.layer import LayerMember, LayerSettings, LayerViewChanged
from crm.messaging.quorum import QuorumMode


@dataclass(slots=True)
class GroupOutput:
    """What a step asks of the shell.

    announce   frames to multicast
    view       a view to install
    hold       a killed daemon: say `overdue` of it after the restart limit
    complaint  what an operator should know
    """

    announce: list[Announcement | Dismissal] = field(default_factory=list)
    view: LayerViewChanged | None = None
    hold: list[Process] = field(default_factory=list)
    complaint: str = ""


class ProcessGroup:
    """One member's picture of the group."""

    def __init__(self, settings: LayerSettings, joined_at: int) -> None:
        self._settings = settings
        self._joined_at = joined_at
        self._members: tuple[Process, ...] = ()
        self._announced: dict[Process, Announcement] = {}
        self._foreign: set[Process] = set()
        self._held: set[Process] = set()
        self._dismissed: set[Process] = set()
        self._installed: dict[Process, Announcement] = {}
        self._last: tuple[object, ...] = ()
        self._fresh = False
        self._owed = False
        self._seen_all = False
        self._since: dict[Process, int] = {}
        self._ring = self._quorum_ring = -1
        self._quorate = False
        self._disks = "majority"
        self.number = 0

    # What corosync says

    def ring_changed(self, sequence: int, nodes: Collection[int]) -> GroupOutput:
        """A new ring of these nodes has formed; nobody waits for the daemon of a node that is gone."""
        renewed = sequence != self._ring
        self._ring = sequence
        waiting, self._held = self._held, {process for process in self._held if process[0] in nodes}
        # Who was found overdue in the former ring must be found so again.
        output = self._announce_if_owed(GroupOutput(hold=sorted(self._held) if renewed else []))
        return output if waiting == self._held else self._install_if_complete(output)

    def quorum_changed(self, ring_sequence: int, quorate: bool, disks: str) -> GroupOutput:
        """Corosync's quorum speaks."""
        self._owed |= (quorate, disks) != (self._quorate, self._disks)
        self._quorum_ring, self._quorate, self._disks = ring_sequence, quorate, disks
        return self._announce_if_owed(GroupOutput())

    def membership(self, members: Collection[Process], killed: Collection[Process]) -> GroupOutput:
        """Who is in the group now; `killed`: those of them who left because only their process ended."""
        output = GroupOutput()
        here = {node for node, _ in members}
        self._members = tuple(sorted(members))
        self._announced = {}
        self._foreign &= set(members)
        self._dismissed &= set(members)
        output.hold = [process for process in killed if process in self._installed and process[0] not in here]
        self._held = {process for process in self._held if process[0] not in here} | set(output.hold)
        self._fresh = self._owed = True
        return self._announce_if_owed(output)

    # What members say

    def announced(self, sender: Process, announcement: Announcement) -> GroupOutput:
        """A member's announcement; what it said of an older membership is out of date."""
        output = GroupOutput()
        if sender not in self._members or announcement.members != self._members:
            return output
        if announcement.cluster != self._settings.cluster:
            output.complaint = (f"node {announcement.name} belongs to cluster {announcement.cluster!r}, this is "
                                f"{self._settings.cluster!r}; it is ignored")
            self._foreign.add(sender)
        self._announced[sender] = announcement
        self._held |= {process for process in announcement.held if process not in self._dismissed
                       and process[0] not in {node for node, _ in self._members}}
        return self._install_if_complete(output)

    def foreign(self, sender: Process, version: int) -> GroupOutput:
        """A member speaks another version of the protocol: it cannot take part."""
        output = GroupOutput()
        if sender not in self._foreign:
            output.complaint = (f"the crmd of corosync node {sender[0]} speaks protocol version {version}, which this "
                                f"one does not; it is ignored until both are of the same release")
        self._foreign.add(sender)
        return self._install_if_complete(output)

    def is_current(self, dismissal: Dismissal) -> bool:
        """Whether it was made in the present ring."""
        return dismissal.ring in (None, self._ring)

    def dismissed(self, dismissal: Dismissal) -> GroupOutput:
        """Somebody found a held daemon overdue, or a member's process stuck."""
        if not self.is_current(dismissal):
            return GroupOutput()
        process = dismissal.process
        self._held.discard(process)
        self._dismissed.add(process)
        return self._install_if_complete(GroupOutput())

    def overdue(self, process: Process) -> GroupOutput:
        """A held daemon has used up its time."""
        return GroupOutput([Dismissal(process, self._ring)] if process in self._held else [])

    def stuck(self, process: Process) -> GroupOutput:
        """A member has said nothing for too long, although its node lives."""
        return GroupOutput([Dismissal(process, self._ring)] if process in self._installed else [])

    def disconnected(self) -> GroupOutput:
        """Corosync is gone, or the others have gone on without us: this node is alone and without quorum."""
        self._members, self._announced, self._held, self._installed = (), {}, set(), {}
        self._dismissed = set()
        self._ring = self._quorum_ring = -1
        self._quorate = False
        self.number += 1
        self._last = ()
        alone = self._member(self._settings.name, self._joined_at, self._settings.incarnation)
        return GroupOutput(view=LayerViewChanged(self.number, (alone,), False))

    # What others may ask

    def sender(self, process: Process, view: int) -> str | None:
        """The name of a member of the view whose message was sent in a view that had us both, None of any other."""
        known = self._installed.get(process)
        return known.name if known is not None and view >= self._since[process] else None

    def node_id(self, name: str) -> int | None:
        """The corosync node id of a member of the view."""
        return next((process[0] for process, known in self._installed.items() if known.name == name), None)

    def _announce_if_owed(self, output: GroupOutput) -> GroupOutput:
        if self._owed and self._members and self._ring == self._quorum_ring >= 0:
            self._owed = False
            output.announce.append(Announcement(
                self._settings.name, self._settings.cluster, self._settings.incarnation, self._joined_at,
                self._members, tuple(sorted(self._held)), self.number, self._quorate, self._disks))
        return output

    def _install_if_complete(self, output: GroupOutput) -> GroupOutput:
        present = [process for process in self._members if process not in self._foreign | self._dismissed]
        if self._held or not present or any(process not in self._announced for process in present):
            return output
        said = {process: self._announced[process] for process in present}
        shape = (tuple((one.name, one.incarnation) for one in said.values()), self._quorum_of(said))
        if not self._fresh and shape == self._last:
            return output
        self._fresh, self._last = False, shape
        self.number = max(self.number, *(one.highest for one in said.values()), 0) + 1
        self._since = {process: self._since.get(process, self.number) for process in said}
        self._installed = said
        members = sorted((self._member(one.name, one.joined_at, one.incarnation) for one in said.values()),
                         key=lambda member: member.name)
        output.view = LayerViewChanged(self.number, tuple(members), *self._quorum_of(said))
        return output

    def _quorum_of(self, said: dict[Process, Announcement]) -> tuple[bool, int | None, bool]:
        """Quorate, if all members' corosyncs are and enough daemons are here; how many disks are enough; splits."""
        quorate = all(one.quorate for one in said.values())
        names = {one.name for one in said.values()}
        configured = self._settings.names
        match {one.disks for one in said.values()}:
            case kinds if kinds == {"all"}:
                return quorate, len(names), False
            case kinds if kinds == {"one"} or self._settings.quorum.mode is not QuorumMode.MAJORITY:
                self._seen_all |= names == set(configured)
                quorate = quorate and self._settings.quorum.quorate(names, configured, self._seen_all)
                return quorate, 1, len(configured) > 1
            case _:
                needed = len(configured) // 2 + 1
                return quorate and len(names) >= needed, None, False

    def _member(self, name: str, joined_at: int, incarnation: str) -> LayerMember:
        node = self._settings.node(name)
        return LayerMember(name, node.id if node else name, joined_at, incarnation)
