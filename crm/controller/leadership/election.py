"""Who leads: one DC per term, elected by the quorate view; a caretaker where there is no quorum.

In every new view each node says hello: how far it has come, whether it leads. A DC that is still here with the newest
term goes on. Otherwise the node whose CIB has come furthest (then: whose name sorts first) stands for election in a
term above all that were heard of. A voter gives one vote per term, persists it before it answers, and refuses a
candidate whose CIB on disk is older than its own: so whoever wins the votes of a majority has every acknowledged
change. All members of the view must vote for it; after a time limit a majority of the configured nodes is enough,
unless both parts of a split can be quorate (two nodes): there one node's vote proves nothing about the other's CIB.

Elections come to an end, however slow disks and links are: who has not heard everybody asks first whether it would be
elected (nothing is written and no term is used up, so a node that is late disturbs nobody who leads); a candidate keeps
the votes that it has until somebody stands in a higher term; and with every round in vain all wait longer, each node
by a measure of its own.

A node in safe mode stands only after all others that can be elected, and gives way to one as DC.

Each node stands only in terms of its own (`ClusterConfig.next_term`), so even the halves of a two-node cluster, which
can both be quorate, have no DC of the same term. That is why a node whose disk fails may vote all the same: should it
forget that it did, no term gets a second DC. A full disk on one node, or on all, must not end recovery. But a forgotten
term may be followed by a lower one: a DC writes nothing in its term before enough disks have that (`Replication`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from crm.controller.cluster_state import CibPosition, Leadership, StoreState
from crm.controller.core import Core
from crm.controller.parts import Part, Parts
from crm.controller.protocol.messages import Announce, Vote, VoteRequest

HELLO_LIMIT_S = 0.25
ROUND_S = 0.5
LONGEST_ROUND_S = 8.0
ROUND_GROWTH = 1.5
VOTER_PATIENCE = 3
"""So many rounds a voter leaves to the candidate that it has voted for."""
PATIENCE = 3
"""So many rounds the best node has before the next one tries."""
START_PATIENCE = 2
FOUNDING_PATIENCE_S = 15.0
"""So long nodes that have all never had a CIB wait for the others, before they begin a cluster without them."""
TIMER = "election"


@dataclass(slots=True)
class _Candidacy:
    """Our own: a real one, or (`trial`) the question whether it would succeed."""

    request: VoteRequest
    votes: set[str] = field(default_factory=set)
    kept: set[str] = field(default_factory=set)
    """Those whose votes are on their disks."""
    whole: set[str] = field(default_factory=set)
    """Those whose stores have kept all that they acknowledged."""


class Election(Part):
    """One node's part in elections. `won` is called when this node becomes leader, `lost` when it ceases to be.

    `kept`: a member has the term of this leader on disk.
    """

    def __init__(self, core: Core, parts: Parts, term_kept: Callable[[str], None]) -> None:
        self._core = core
        self._parts = parts
        self._kept = term_kept
        self._highest_term = core.hard_state.term
        self._candidacy: _Candidacy | None = None
        self._round = 0
        self._yielding = False
        """Another stands, and has not had its time yet."""
        self._started_at: float | None = None
        self._fresh = True
        """Nobody has led since this daemon started: the others are probably starting, too."""
        self._gave_way = -1
        """The view in which this node, in safe mode, left leading to another: once in each, lest nobody leads."""
        self.hellos: dict[str, Announce] = {}

    @property
    def in_safe_mode(self) -> list[str]:
        """Other members that have said that they begin nothing."""
        return sorted(name for name, hello in self.hellos.items() if hello.safe_mode and name != self._core.me.name)

    def view_changed(self) -> None:
        """Greet the new view; leadership that the view does not carry ends."""
        core = self._core
        self.hellos = {}
        self._candidacy = None
        self._yielding = False
        self._round = 0
        self._drop_authority_if_gone()
        self._greet()
        core.set_timer(TIMER, HELLO_LIMIT_S)
        self._decide_if_all_heard()

    def hello(self, sender: str, hello: Announce) -> None:
        """A member's greeting."""
        core = self._core
        if hello.view != core.view.number:
            return
        self.hellos[sender] = hello
        self._highest_term = max(self._highest_term, hello.term)
        if core.leading and hello.term > core.hard_state.term:
            self.step_down(f"{sender} knows of term {hello.term}")
        elif (core.leading and hello.leads and hello.term == core.hard_state.term
              and not self.outranks(sender, hello.position)):
            # No two nodes are elected in the same term; two caretakers may each have thought to be the first.
            self.step_down(f"{sender} leads the same term")
        elif core.dc == sender and not core.leading and not hello.leads:
            core.log("info", f"{sender} leads no more")
            core.leadership = None
            core.set_timer(TIMER, self._round_s())
        elif core.leading and core.safe_mode and self._can_take_over(hello):
            self._gave_way = core.view.number
            self.step_down(f"{sender} is not in safe mode")
        self._decide_if_all_heard()

    def timer(self) -> None:
        """Nobody leads yet: greet again, and go on with those who answered."""
        core, candidacy = self._core, self._candidacy
        if core.leadership is not None:
            return
        if candidacy is not None and self._elects(candidacy):
            self._succeed(candidacy)
            return
        self._round += 1
        self._yielding = False
        self._greet()
        core.set_timer(TIMER, self._round_s())
        self._doubt()
        if candidacy is not None and not candidacy.request.trial:
            if core.me.name in candidacy.votes:
                core.broadcast(candidacy.request)
            return
        self._candidacy = None
        self._decide()

    def vote_request(self, sender: str, request: VoteRequest) -> None:
        """Give this term's vote, once, to a candidate whose CIB is not older than ours."""
        core = self._core
        refusal = self._refusal(sender, request)
        if request.trial:
            refusal = refusal or self._objection(sender, request)
            core.send(sender, Vote(request.term, not refusal, core.position, refusal, core.hard_state.term, trial=True,
                                   store=core.hard_state.store))
            if not refusal:
                self._yield_to_candidate()
            return
        self._highest_term = max(self._highest_term, request.term)
        if refusal:
            core.send(sender, Vote(request.term, False, core.position, refusal, core.hard_state.term))
            return
        if core.leading:
            self.step_down(f"{sender} stands for term {request.term}")
        core.leadership = None
        core.stand(term=request.term, voted_for=sender)
        answer = Vote(request.term, True, core.position, "", request.term, store=core.hard_state.store)
        core.persist(lambda: core.send(sender, answer), with_document=False,
                     meanwhile=lambda: core.send(sender, replace(answer, kept=False)))
        self._yield_to_candidate()

    def vote(self, sender: str, vote: Vote) -> None:
        """An answer to our candidacy."""
        core, candidacy = self._core, self._candidacy
        self._highest_term = max(self._highest_term, vote.known_term)
        if core.leading and vote.granted and vote.kept and not vote.trial and vote.term == core.hard_state.term:
            self._kept(sender)
        if candidacy is None or core.leadership is not None:
            return
        if (vote.term, vote.trial) != (candidacy.request.term, candidacy.request.trial):
            return
        if vote.granted:
            candidacy.votes.add(sender)
            if vote.kept:
                candidacy.kept.add(sender)
            if vote.store is StoreState.WHOLE:
                candidacy.whole.add(sender)
            if candidacy.votes >= self._voters_here() and self._elects(candidacy):
                self._succeed(candidacy)
        elif sender not in core.me.config.voters:
            return  # It may have had a change that was never committed; that one is undone.
        elif vote.known_term > candidacy.request.term or vote.position.durable > core.position.durable:
            self._candidacy = None

    def follow(self, leadership: Leadership) -> None:
        """A leader was recognized: the election is over here."""
        self._over()
        self._highest_term = max(self._highest_term, leadership.term)

    def step_down(self, reason: str) -> None:
        """Stop leading."""
        core = self._core
        caretaker = core.leadership is not None and core.leadership.caretaker
        core.log("info" if caretaker else "warning", f"no longer leading: {reason}")
        core.leadership = None
        self._parts.stop_leading()
        core.set_timer(TIMER, HELLO_LIMIT_S)
        core.changed("dc")

    def outranks(self, other: str, position: CibPosition) -> bool:
        """Whether this node, a caretaker, stays so when it meets another: one of the two gives way, never both.

        Who has the newer CIB stays. Whatever a caretaker sends replaces what its followers have on disk: an older CIB
        would take away what they have acknowledged.
        """
        core = self._core
        if core.leadership is None or not core.leadership.caretaker or not core.leading:
            return False
        own, others = core.position.durable, position.durable
        return own > others or (own == others and core.me.name < other)

    def own_hello(self) -> Announce:
        """This node's greeting, as things are."""
        core = self._core
        return Announce(core.view.number, core.me.incarnation, core.position, core.hard_state.term,
                        core.has_uncommitted_cib,
                        core.leading, core.dc, core.release, core.hard_state.store, core.safe_mode,
                        core.hard_state.nodes.rank if core.hard_state.nodes else None, core.lease_margin_ms)

    def _greet(self) -> None:
        core = self._core
        self.hellos[core.me.name] = self.own_hello()
        core.broadcast(self.hellos[core.me.name])

    def _drop_authority_if_gone(self) -> None:
        core = self._core
        held = core.leadership
        if held is None:
            return
        member = core.view.member(held.name)
        same = member is not None and member.incarnation == held.incarnation
        # A leader that is not in office was elected without those who are not here: who comes may know more.
        provisional = held.caretaker or (core.leading and not core.may_commit)
        if provisional or not core.view.quorate or not same:
            if core.leading:
                self.step_down("the view has changed" if provisional else "quorum or membership was lost")
            core.leadership = None

    def _decide_if_all_heard(self) -> None:
        if self._all_heard():
            self._decide()

    def _all_heard(self) -> bool:
        return set(self.hellos) >= set(self._core.view.names)

    def _decide(self) -> None:
        """Go on under the present DC, stand for election, or wait for the one who should."""
        core = self._core
        if core.leadership is not None or self._candidacy is not None or self._yielding:
            return
        newest = max(hello.term for hello in self.hellos.values())
        leaders = [name for name, hello in self.hellos.items() if hello.leads and hello.term == newest]
        if core.view.quorate and len(leaders) == 1 and leaders != [core.me.name]:
            return
        hard_state = {name: hello for name, hello in self.hellos.items() if self._may_stand(name)}
        able = [name for name, hello in hard_state.items() if self._electable(hello)] or list(hard_state)
        if not able:
            return
        ranking = sorted(able, key=lambda name: (
            self.hellos[name].safe_mode, *(-part for part in self._rank(self.hellos[name])), name))
        # If the best does not get elected (it may hang), the others try in turn, never all at once.
        if ranking[self._round // PATIENCE % len(ranking)] == core.me.name:
            self._stand()

    def _can_take_over(self, hello: Announce) -> bool:
        """Whether a member that is not in safe mode, as this leader is, has all that it takes to lead."""
        core = self._core
        return (not hello.safe_mode and core.view.quorate and self._gave_way != core.view.number
                and hello.position.durable >= core.position.durable)

    def _may_stand(self, name: str) -> bool:
        """A node that does not vote, because it was added just now or removed, is no candidate if there is quorum."""
        return not self._core.view.quorate or name in self._core.me.config.voters

    def _electable(self, hello: Announce) -> bool:
        """Whether enough may vote for that node: those whose CIB is newer will not, of those not heard nobody knows."""
        core = self._core
        against = {name for name, other in self.hellos.items() if other.position.durable > hello.position.durable}
        return not core.view.quorate or core.enough(set(core.view.names) - against)

    def _rank(self, hello: Announce) -> tuple[int, ...]:
        # What a caretaker counted up says nothing about content: only what disks agree on counts then.
        return (*hello.position.durable, 0 if hello.has_uncommitted_cib else hello.position.num_updates)

    def _stand(self) -> None:
        core = self._core
        if not core.view.quorate:
            if self._fresh and self._round < START_PATIENCE:
                return
            if self._highest_term > core.hard_state.term:
                # Who knows of a newer term would not follow a caretaker of an older one.
                core.stand(term=self._highest_term, voted_for=None)
            core.leadership = Leadership(core.hard_state.term, core.me.name, True, core.me.incarnation)
            self._announce()
            return
        if self.knows_enough():
            self._ask(trial=not self._all_heard())

    def _ask(self, trial: bool) -> None:
        """Ask for votes: at once on trial, else when our own vote is on disk."""
        core = self._core
        term = core.me.config.next_term(max(self._highest_term, core.hard_state.term), core.me.name)
        candidacy = self._candidacy = _Candidacy(VoteRequest(term, core.view.number, core.position, trial))
        core.set_timer(TIMER, self._round_s())
        if trial:
            self._send(candidacy)
            return
        core.stand(term=term, voted_for=core.me.name)
        core.log("info", f"standing for DC in term {term}")
        core.persist(lambda: self._send(candidacy), with_document=False,
                     meanwhile=lambda: self._send(candidacy, kept=False))

    def _send(self, candidacy: _Candidacy, kept: bool = True) -> None:
        """Our own vote is cast: ask for the others', unless that was done when our disk was found to fail."""
        core, request = self._core, candidacy.request
        if self._candidacy is candidacy and core.me.name not in candidacy.votes:
            core.broadcast(request)
        if self._candidacy is candidacy or (kept and core.leading and core.hard_state.term == request.term):
            self.vote(core.me.name, Vote(request.term, True, core.position, "", request.term, request.trial, kept,
                                         core.hard_state.store))

    def _succeed(self, candidacy: _Candidacy) -> None:
        """Enough votes: on trial they are asked for in earnest."""
        core = self._core
        if candidacy.request.trial:
            self._ask(trial=False)
            return
        core.leadership = Leadership(core.hard_state.term, core.me.name, False, core.me.incarnation)
        core.term_persisted_by = set(candidacy.kept)
        self._announce()

    def _yield_to_candidate(self) -> None:
        """Another stands: leave it some time. Votes for us must not be counted in a term that we vote in."""
        self._candidacy = None
        self._yielding = True
        self._core.set_timer(TIMER, VOTER_PATIENCE * self._round_s())

    def _objection(self, sender: str, request: VoteRequest) -> str:
        """Why a candidate, electable or not, should not stand now."""
        core, own = self._core, self._candidacy
        if core.leadership is not None:
            return f"{core.dc} leads"
        if own is not None and not own.request.trial:
            return f"{core.me.name} stands"
        if own is not None and (own.request.position.durable, sender) > (request.position.durable, core.me.name):
            return f"{core.me.name} is about to stand"
        return ""

    def _refusal(self, sender: str, request: VoteRequest) -> str:
        core = self._core
        if request.view != core.view.number or not (core.view.quorate or self._lists_more(sender)):
            return "another view, or no quorum"
        if request.term < core.hard_state.term:
            return f"term {core.hard_state.term} is newer"
        if request.term == core.hard_state.term and core.hard_state.voted_for != sender:
            return f"the vote of term {request.term} went to {core.hard_state.voted_for}"
        if request.position.durable < core.position.durable:
            return "the candidate's CIB is older"
        return ""

    def _doubt(self) -> None:
        """Where too few stores are whole nobody can be elected, and yet somebody has to look after what runs.

        All nodes come to this by the same greetings, so they all count the view as one without quorum. Where nobody has
        ever had anything, nothing runs.
        """
        core = self._core
        if not core.view.quorate or not self._all_heard() or self._round < START_PATIENCE or self.knows_enough():
            return
        if any(hello.store is not StoreState.NEW for hello in self.hellos.values()):
            core.log("warning", "too few stores are whole to know all that was acknowledged: this counts as no quorum")
            core.doubt_quorum(True)

    def knows_enough(self) -> bool:
        """Whether the nodes that said hello can know every acknowledged change, or there is nothing to be known."""
        whole = {name for name, hello in self.hellos.items() if hello.store is StoreState.WHOLE}
        return self._informed(set(self.hellos), whole)

    def _elects(self, candidacy: _Candidacy) -> bool:
        return self._majority(candidacy.votes) and self._informed(candidacy.votes, candidacy.whole)

    def _informed(self, voters: set[str], whole: set[str]) -> bool:
        """Whether one of those must have each change that was ever acknowledged.

        Of any two majorities of whole stores one node is in both; a store that has lost something counts for nothing,
        unless all are here: then there is nothing else to be known.
        """
        core = self._core
        return self._majority(whole) or voters >= set(core.me.config.voters) or self._founds(voters)

    def _founds(self, voters: set[str]) -> bool:
        """Whether those begin a new cluster: nobody here has ever had anything, and the others had time to come."""
        core = self._core
        self._started_at = core.now if self._started_at is None else self._started_at
        new = all(name in self.hellos and self.hellos[name].store is StoreState.NEW for name in core.view.names)
        return new and voters >= set(core.view.names) and core.now - self._started_at >= FOUNDING_PATIENCE_S

    def _lists_more(self, sender: str) -> bool:
        """Whether a candidate has a newer list of nodes: there may be quorum by that."""
        own, hello = self._core.hard_state.nodes, self.hellos.get(sender)
        return own is not None and hello is not None and hello.nodes is not None and hello.nodes > own.rank

    def _majority(self, votes: set[str]) -> bool:
        core = self._core
        if core.both_halves_quorate and not votes >= self._voters_here():
            return False
        return core.enough(votes)

    def _voters_here(self) -> set[str]:
        return set(self._core.view.names) & set(self._core.me.config.voters)

    def _round_s(self) -> float:
        """How long this round lasts here: longer each time, and no two nodes wait equally long."""
        core = self._core
        names = core.me.config.names
        place = names.index(core.me.name) if core.me.name in names else 0
        return min(ROUND_S * ROUND_GROWTH ** self._round, LONGEST_ROUND_S) * (1 + place / (2 * len(names)))

    def _announce(self) -> None:
        core = self._core
        assert core.leadership is not None
        kind = "caretaker (no quorum)" if core.leadership.caretaker else "DC"
        core.log("info", f"{core.me.name} is {kind} of term {core.leadership.term}")
        core.changed("dc")
        self._over()
        self._parts.lead()

    def _over(self) -> None:
        self._candidacy = None
        self._yielding = False
        self._round = 0
        self._fresh = False
        self._core.cancel_timer(TIMER)
