"""Which members form a view: pure, messages in, messages out.

Every node tells its links to everybody it is linked with. From those edges each node works out, by the same rule, the
groups in which everyone is linked to everyone, keeping together first who is together already. The lowest name of a
group proposes it, and a view is installed once all of its members have accepted. A link has a session name; when a link
is replaced the edges differ and a new view is agreed on even among the same members, because messages may have been
lost between them.

A node whose view rests on links that are gone leaves it by itself when nothing new is agreed on for a while: the
others may have gone on without it. It stays while a quorum of linked members says that it is in that view, and while it
is being found out whether a member whose connection closed is lost (its daemon may be starting again).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

Edge = tuple[str, str, str]
"""Two names in sorted order and the session of the link between them."""


@dataclass(frozen=True, slots=True)
class AgreedView:
    """An agreed view: number, members with the time they joined (epoch seconds), and the links it rests upon."""

    number: int
    members: tuple[tuple[str, str, int], ...]
    """(name, incarnation, joined at), sorted by name."""
    edges: frozenset[Edge] = frozenset()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, _, _ in self.members)


@dataclass(slots=True)
class AgreementOutput:
    """What a step asks of the shell: control messages to send, and a view to install."""

    messages: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    installed: AgreedView | None = None


@dataclass(slots=True)
class _Proposal:
    view: AgreedView
    proposer: str
    made_at_ms: float
    accepted: set[str] = field(default_factory=set)


class Agreement:
    """One node's part in agreeing on views. Call `tick` now and then: it repeats what was lost with a broken link."""

    RETRY_MS = 250

    def __init__(self, name: str, incarnation: str, now_s: int, patience_ms: float = 1200.0,
                 quorate: Callable[[Collection[str]], bool] = lambda names: False) -> None:
        """`patience_ms`: how long a view may rest on links that are gone; `quorate`: whether these may decide."""
        self._name = name
        self._incarnations = {name: incarnation}
        self._sessions: dict[str, str] = {}
        self._reach: dict[str, dict[str, str]] = {}
        self._views: dict[str, tuple[str, ...]] = {}
        """The view that each peer is in, as it said last."""
        self._highest = 0
        self._proposal: _Proposal | None = None
        self._stashed: dict[str, AgreedView] = {}
        self._patience_ms = patience_ms
        self._quorate = quorate
        self._doubted: set[str] = set()
        """Peers whose connection closed, until it is known whether they are lost: their former link still counts."""
        self._returning: dict[str, float] = {}
        """Members whose daemons were started again, and until when they are given to link with each other, too."""
        self._outdated_since_ms: float | None = None
        self.view = AgreedView(0, ((name, incarnation, now_s),))

    def linked(self, peer: str, incarnation: str, session: str, now_ms: float, now_s: int) -> AgreementOutput:
        """A link to `peer` is up (it replaces an earlier one)."""
        if peer in self._doubted and peer in self.view.names:
            self._returning[peer] = now_ms + self._patience_ms / 2
        self._doubted.discard(peer)
        self._incarnations[peer] = incarnation
        self._sessions[peer] = session
        self._reach.pop(peer, None)
        return self._gossip_and_propose(now_ms, now_s)

    def unlinked(self, peer: str, now_ms: float, now_s: int) -> AgreementOutput:
        """The link to `peer` is gone for good."""
        self._doubted.discard(peer)
        self._returning.pop(peer, None)
        self._sessions.pop(peer, None)
        self._reach.pop(peer, None)
        self._views.pop(peer, None)
        return self._gossip_and_propose(now_ms, now_s)

    def doubted(self, peer: str) -> None:
        """The connection to `peer` closed; `linked` or `unlinked` will tell what came of it."""
        self._doubted.add(peer)

    def start(self, now_ms: float, now_s: int) -> AgreementOutput:
        """Begin alone."""
        return self._propose(AgreementOutput(), now_ms, now_s, force=True)

    def tick(self, now_ms: float, now_s: int) -> AgreementOutput:
        """Give up a proposal that nobody completes, and try again; leave a view whose links are gone."""
        output = AgreementOutput()
        if self._is_overdue(now_ms):
            self._leave(output, now_s)
            return output
        if any(now_ms >= until_ms for until_ms in self._returning.values()):
            self._returning = {name: until_ms for name, until_ms in self._returning.items() if now_ms < until_ms}
            return self._gossip_and_propose(now_ms, now_s)
        if self._proposal and now_ms - self._proposal.made_at_ms > self.RETRY_MS:
            return self._repeat(self._proposal, now_ms, now_s)
        return output

    def received(self, sender: str, message: dict[str, Any], now_ms: float, now_s: int) -> AgreementOutput:
        """A control message from a linked peer."""
        output = AgreementOutput()
        self._highest = max(self._highest, int(message.get("highest", 0)))
        match message.get("kind"):
            case "reach":
                self._reach[sender] = {str(peer): str(session) for peer, session in message["links"].items()}
                self._views[sender] = tuple(str(name) for name in message["view"])
                self._propose(output, now_ms, now_s)
                self._answer_stashed(output)
            case "propose":
                self._stashed[sender] = _view_from(message)
                self._answer_stashed(output)
            case "accept":
                self._accepted(sender, int(message["number"]), output)
            case "install":
                self._install(_view_from(message), output)
                if self._has_moved_on(_view_from(message)):
                    # Its other members take us to be in it.
                    self._tell(output, [sender])
        return output

    def own_sessions(self) -> frozenset[str]:
        """The sessions of this node's links that its view rests on."""
        return frozenset(session for _, _, session in self._own_edges())

    def group(self) -> tuple[str, ...]:
        """The group of fully linked nodes that this node belongs in, by the rule of the module's docstring."""
        edges = {(left, right) for left, right, _ in self._edges()}
        claims = self._claims()
        left_over = sorted({name for edge in edges for name in edge} | {self._name},
                           key=lambda name: _seniority(name, claims))
        while left_over:
            group: list[str] = []
            for name in left_over:
                if all((min(other, name), max(other, name)) in edges for other in group):
                    group.append(name)
            if self._name in group:
                return tuple(sorted(group))
            left_over = [name for name in left_over if name not in group]
        raise AssertionError("this node is in no group")

    def _claims(self) -> dict[str, tuple[str, ...]]:
        """The view that each node is in: as it says, or as its fellows say, if they are in one without this node.

        A node without a link to us says nothing. That it still is in our own view nobody knows; to believe so would
        have us drop out ourselves when it is the one that is lost.
        """
        apart = sorted({view for view in self._views.values() if self._name not in view},
                       key=lambda view: (len(view), view))
        hearsay = {name: view for view in apart for name in view}
        return hearsay | self._views | {self._name: self.view.names}

    def _edges(self) -> frozenset[Edge]:
        """All links that somebody told of; a link counts between us and a peer only while we hold it ourselves."""
        edges = {_edge(self._name, peer, session) for peer, session in self._sessions.items()}
        for peer, links in self._reach.items():
            edges |= {_edge(peer, other, session) for other, session in links.items() if other != self._name}
        return frozenset(edges)

    def _may_return(self, group: tuple[str, ...]) -> bool:
        """Whether the group leaves out a member of the view who may be in it in a moment.

        Its daemon is being started again, or was just now; or another one's was, to which it has no link yet. The links
        between two such daemons come last, when nobody holds their former ones any more.
        """
        missing = set(self.view.names) - set(group)
        linked = missing & self._sessions.keys()
        return bool((self._doubted | self._returning.keys()) & missing or (self._returning and linked))

    def _edges_within(self, group: tuple[str, ...]) -> frozenset[Edge]:
        return frozenset(edge for edge in self._edges() if edge[0] in group and edge[1] in group)

    def _gossip_and_propose(self, now_ms: float, now_s: int) -> AgreementOutput:
        output = AgreementOutput()
        self._tell(output, self._sessions)
        self._propose(output, now_ms, now_s)
        self._answer_stashed(output)
        return output

    def _repeat(self, proposal: _Proposal, now_ms: float, now_s: int) -> AgreementOutput:
        """Ask those again who have not accepted; under another number only if a view may have taken this one.

        A new number each time would never be accepted where answers take longer than the pause between two tries.
        """
        if self._highest > proposal.view.number:
            self._proposal = None
            return self._gossip_and_propose(now_ms, now_s)
        proposal.made_at_ms = now_ms
        output = self._gossip_and_propose(now_ms, now_s)
        if self._proposal is proposal:
            output.messages += [(peer, _message("propose", proposal.view)) for peer in proposal.view.names
                                if peer not in proposal.accepted]
        return output

    def _propose(self, output: AgreementOutput, now_ms: float, now_s: int, force: bool = False) -> AgreementOutput:
        group = self.group()
        edges = self._edges_within(group)
        if not force and (group, edges) == (self.view.names, self.view.edges) and not self._deserted():
            self._proposal = None
            return output
        if group[0] != self._name or any(peer not in self._reach for peer in group[1:]) or self._may_return(group):
            self._proposal = None
            return output
        if self._proposal and (self._proposal.view.names, self._proposal.view.edges) == (group, edges):
            return output
        self._highest += 1
        members = tuple((name, self._incarnations[name], self._joined_at(name, now_s)) for name in group)
        self._proposal = _Proposal(AgreedView(self._highest, members, edges), self._name, now_ms)
        output.messages += [(peer, _message("propose", self._proposal.view)) for peer in group[1:]]
        self._accepted(self._name, self._highest, output)
        return output

    def _joined_at(self, name: str, now_s: int) -> int:
        known = {(member, incarnation): joined for member, incarnation, joined in self.view.members}
        return known.get((name, self._incarnations[name]), now_s)

    def _answer_stashed(self, output: AgreementOutput) -> None:
        """Accept a proposal that agrees with what we see; others wait until we see the same or a newer one comes.

        Who proposes may have been started again just now, and not know of a member that we wait for.
        """
        group = self.group()
        if self._may_return(group):
            return
        for proposer, view in list(self._stashed.items()):
            if view.number <= self.view.number or proposer not in self._sessions:
                del self._stashed[proposer]
            elif proposer == group[0] and view.names == group and view.edges == self._edges_within(group):
                self._highest = max(self._highest, view.number)
                output.messages.append((proposer, {"kind": "accept", "number": view.number, "highest": self._highest}))
                del self._stashed[proposer]

    def _accepted(self, name: str, number: int, output: AgreementOutput) -> None:
        if self._proposal is None or self._proposal.view.number != number:
            return
        self._proposal.accepted.add(name)
        view = self._proposal.view
        if self._proposal.accepted == set(view.names):
            if self._highest > view.number:
                view = replace(view, number=self._highest)
            output.messages += [(peer, _message("install", view)) for peer in view.names if peer != self._name]
            self._install(view, output)

    def _install(self, view: AgreedView, output: AgreementOutput) -> None:
        if self._name not in view.names or view.number <= self.view.number:
            return
        self._highest = max(self._highest, view.number)
        self._proposal = None
        self._outdated_since_ms = None
        self._returning.clear()
        self.view = view
        self._views |= {name: view.names for name in view.names if name != self._name}
        output.installed = view
        self._tell(output, (peer for peer in self._sessions if peer not in view.names))

    def _has_moved_on(self, view: AgreedView) -> bool:
        """Whether this node is in another view since it accepted that one."""
        return self.view.number >= view.number and self.view != view

    def _is_overdue(self, now_ms: float) -> bool:
        """Whether the view has rested on links that are gone for too long, without a quorum that is still in it."""
        if not self._outdated() or self._doubted & set(self.view.names):
            self._outdated_since_ms = None
        elif self._outdated_since_ms is None:
            self._outdated_since_ms = now_ms
        since = self._outdated_since_ms
        return since is not None and now_ms - since > self._patience_ms and not self._quorate(self._backed_by())

    def _outdated(self) -> bool:
        """Whether our links are others than those that the view rests on, or a member says that it has left it."""
        return self._deserted() or any(self._sessions.get(right if left == self._name else left) != session
                                       for left, right, session in self._own_edges())

    def _own_edges(self) -> list[Edge]:
        return [edge for edge in self.view.edges if self._name in edge[:2]]

    def _deserted(self) -> bool:
        """Whether a member of our view says that it is in one without us."""
        return any(self._name not in self._views.get(name, (self._name,)) for name in self.view.names
                   if name != self._name)

    def _backed_by(self) -> tuple[str, ...]:
        """The members of our view who are linked with us and say that they are in it."""
        claims = self._views | {self._name: self.view.names}
        return tuple(name for name in self.view.names if claims.get(name) == self.view.names
                     and (name == self._name or name in self._sessions))

    def _leave(self, output: AgreementOutput, now_s: int) -> None:
        """Be alone. The others are told, so that they agree anew, with this node or without it."""
        alone = ((self._name, self._incarnations[self._name], self._joined_at(self._name, now_s)),)
        self._install(AgreedView(self._highest + 1, alone), output)

    def _tell(self, output: AgreementOutput, peers: Iterable[str]) -> None:
        """Our links and our view, for those peers."""
        reach = {"kind": "reach", "links": dict(self._sessions), "highest": self._highest,
                 "view": list(self.view.names)}
        output.messages += [(peer, reach) for peer in peers]


def _seniority(name: str, claims: dict[str, tuple[str, ...]]) -> tuple[int, str, str]:
    """Who shares a view with many comes first, together with them; a view that others have left does not count."""
    view = claims.get(name, (name,))
    sharing = sum(1 for other in view if claims.get(other, (other,)) == view)
    return (-sharing, view[0], name)


def _edge(left: str, right: str, session: str) -> Edge:
    return (left, right, session) if left < right else (right, left, session)


def _message(kind: str, view: AgreedView) -> dict[str, Any]:
    members = [list(member) for member in view.members]
    return {"kind": kind, "number": view.number, "members": members, "edges": sorted(view.edges),
            "highest": view.number}


def _view_from(message: dict[str, Any]) -> AgreedView:
    members = tuple((str(name), str(incarnation), int(joined)) for name, incarnation, joined in message["members"])
    edges = frozenset((str(left), str(right), str(session)) for left, right, session in message["edges"])
    return AgreedView(int(message["number"]), members, edges)
