"""One controller alone: events in, commands out; the others of its cluster are what the test says in their names.

    alone = Alone("abc")
    alone.elect()
    assert alone.controller.leads is not None
"""

from __future__ import annotations

from typing import TypeVar

from crm.cib.document import Document
from crm.controller import Controller, ControllerOptions, commands, events
from crm.controller.cluster_state import CibPosition, ClusterConfig, Member, View
from crm.controller.core import EMPTY_CIB, NodeIdentity
from crm.controller.hard_state import HardState
from crm.controller.protocol.messages import Announce, JoinConfirm, JoinOffer, Message, Vote, VoteRequest

Wanted = TypeVar("Wanted")
START = 1_700_000_000.0


class Alone:
    """Node `a` of a cluster. `disk`: whether what it asks to be written is there at once."""

    def __init__(self, names: str = "abc", hard_state: HardState | None = None, cib: str = EMPTY_CIB,
                 options: ControllerOptions | None = None, disks_needed: int | None = None, present: str = "") -> None:
        nodes = tuple((name, str(place)) for place, name in enumerate(names, 1))
        self.names = names
        self.config = ClusterConfig(nodes, disks_needed or len(names) // 2 + 1)
        self.now = START
        self.disk = True
        self.commands: list[commands.Command] = []
        self.controller = Controller(NodeIdentity("a", "1", "a-1", self.config), hard_state or HardState(),
                                     Document.parse(cib), options or ControllerOptions())
        self.do(events.Started())
        self.see(present or names)

    def do(self, event: events.Event) -> list[commands.Command]:
        """Have it happen; what the controller wants done, that follows from its disk included."""
        came = list(self.controller.handle(event, self.now))
        self.commands += came
        if self.disk:
            for command in [each for each in came if isinstance(each, commands.Persist)]:
                came += self.do(events.Persisted(command.token))
        return came

    def view(self, present: str, quorate: bool | None = None, number: int = 1) -> View:
        """The view of those nodes."""
        members = tuple(Member(name, self.config.id_of(name), int(START), f"{name}-1") for name in present)
        return View(number, members, len(present) >= self.config.disks_needed if quorate is None else quorate)

    def see(self, present: str, quorate: bool | None = None) -> list[commands.Command]:
        """The message layer has agreed on the next view."""
        number = self.controller.snapshot().view.number + 1
        return self.do(events.ViewInstalled(self.view(present, quorate, number)))

    def hear(self, sender: str, message: Message) -> list[commands.Command]:
        """A member says something."""
        return self.do(events.MessageReceived(sender, message))

    def hello(self, sender: str, position: CibPosition = CibPosition(0, 0, 0, 0), term: int = 0,  # noqa: B008
              **more: object) -> list[commands.Command]:
        """A member greets the present view."""
        return self.hear(sender, Announce(self.number, f"{sender}-1", position, term, **more))  # type: ignore[arg-type]

    def fire(self, timer: str, after_s: float = 0.0) -> list[commands.Command]:
        """A timer has run out."""
        self.now += after_s
        return self.do(events.TimerFired(timer))

    @property
    def number(self) -> int:
        return self.controller.snapshot().view.number

    @property
    def position(self) -> CibPosition:
        return CibPosition(self.controller.snapshot().cib_term, *self.controller.snapshot().document.version)

    def elect(self, kept: bool = True, voters: str = "") -> list[commands.Command]:
        """Have the others vote for this node; all that it wanted done meanwhile."""
        before = len(self.commands)
        others = voters or self.names.replace("a", "")
        for name in others:
            self.hello(name)
        term = next(each.message.term for each in reversed(self.commands)
                    if isinstance(each, commands.Broadcast) and isinstance(each.message, VoteRequest))
        for name in others:
            self.hear(name, Vote(term, True, CibPosition(0, 0, 0, 0), "", term, kept=kept))
        return self.commands[before:]

    def join(self, name: str) -> list[commands.Command]:
        """A member has taken the CIB, and knows of nothing that it has done."""
        return self.hear(name,
                         JoinConfirm(self.controller.snapshot().term, self.number, f"{name}-1", (), clock=self.now))

    def follow(self, leader: str = "b", term: int = 5, **more: object) -> list[commands.Command]:
        """A leader takes this node in."""
        snapshot = self.controller.snapshot()
        welcome = JoinOffer(term, False, self.number, term, snapshot.document.version,
                            snapshot.document.to_bytes().decode(), **more)  # type: ignore[arg-type]
        return self.hear(leader, welcome)

    def sent(self, kind: type[Wanted], came: list[commands.Command] | None = None) -> list[Wanted]:
        """Messages of that kind to others."""
        return [each.message for each in (self.commands if came is None else came)
                if isinstance(each, commands.Send | commands.Broadcast) and isinstance(each.message, kind)]

    def wanted(self, kind: type[Wanted], came: list[commands.Command] | None = None) -> list[Wanted]:
        """Commands of that kind."""
        return [each for each in (self.commands if came is None else came) if isinstance(each, kind)]
