"""Reads that are as new as the question: the leader shows that it still leads before a node answers from its own CIB.

The read index of raft (Ongaro's dissertation, section 6.4): the leader remembers nothing of the question but its
asker; it asks all members whether they still follow it, and answers with the version that its CIB has by then, once
as many of them as make a quorum say so after the question came, and once that version itself is committed. The asking
node answers its client as soon as its own CIB has come that far.

A CIB that was read without this is that of some moment in the past, however fresh it calls itself: a node that was
frozen, or cut off a moment ago, does not know yet.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from crm.controller.core import Core
from crm.controller.parts import Part
from crm.controller.protocol.messages import Following, FollowProbe, ReadForward, RequestAnswer
from crm.controller.replication.replication import Replication

_RETRY = "try again in a moment, or read without `consistent`"


@dataclass(slots=True)
class _Round:
    """One question to all members, for those who asked before it went out."""

    askers: list[tuple[str, str]]
    """(node, id of its request)."""
    following: set[str] = field(default_factory=set)


class ReadIndex(Part):
    """Both sides: the leader that is asked, and the members that are asked whether they follow it."""

    def __init__(self, core: Core, replication: Replication) -> None:
        self._core = core
        self._replication = replication
        self._rounds: dict[int, _Round] = {}
        self._number = 0

    def asked(self, sender: str, request: ReadForward) -> None:
        """A node wants to know how far the cluster is by now."""
        core = self._core
        if not core.leading or core.leadership is None or core.leadership.caretaker:
            code, why = ("no-quorum", "has no quorum") if core.leading else ("no-dc", "leads no more")
            core.send(sender, RequestAnswer(request.request_id, code=code, hint=_RETRY,
                                            message=f"Nobody can say what the newest state is: {core.me.name} {why}"))
            return
        self._number += 1
        self._rounds[self._number] = _Round([(sender, request.request_id)])
        core.broadcast(FollowProbe(core.leadership.term, self._number))
        self._follows(core.me.name, self._number)

    def probed(self, sender: str, message: FollowProbe) -> None:
        """A leader asks whether we follow it."""
        held = self._core.leadership
        if held is not None and held.name == sender and held.term == message.term and not held.caretaker:
            self._core.send(sender, Following(message.term, message.number))

    def following(self, sender: str, message: Following) -> None:
        """A member follows us, by what it knew after we had asked."""
        core = self._core
        if core.leading and core.leadership is not None and core.leadership.term == message.term:
            self._follows(sender, message.number)

    def view_changed(self) -> None:
        """What was asked in another view has no answer, and the askers ask again."""
        if self._core.leading:
            self._give_up()

    def stop_leading(self) -> None:
        """What was asked has no answer, and the askers ask again."""
        self._give_up()

    def _give_up(self) -> None:
        rounds, self._rounds = self._rounds, {}
        for each in rounds.values():
            for sender, request_id in each.askers:
                self._core.send(sender, RequestAnswer(
                    request_id, code="not-ready", hint=_RETRY,
                    message="The cluster's members have changed while it was asked for its newest state"))

    def _follows(self, name: str, number: int) -> None:
        asked = self._rounds.get(number)
        if asked is None:
            return
        asked.following.add(name)
        if not self._is_confirmed(asked.following):
            return
        # Whoever was asked later has been answered by the same members later: earlier questions are answered, too.
        for earlier in [each for each in self._rounds if each <= number]:
            for sender, request_id in self._rounds.pop(earlier).askers:
                self._answer(sender, request_id)

    def _is_confirmed(self, following: set[str]) -> bool:
        """Whether nobody else can have been leading when those said that they follow this node."""
        return self._replication.decides(following)

    def _answer(self, sender: str, request_id: str) -> None:
        core = self._core
        self._replication.flush()
        document, term = core.document, core.hard_state.term

        def committed(problem: str) -> None:
            answer = RequestAnswer(request_id, document.version, term)
            if problem:
                answer = RequestAnswer(request_id, code="not-ready", hint=_RETRY,
                                       message=f"The newest state is not safe yet: {problem}")
            core.send(sender, answer)

        self._replication.advance(document, committed)
