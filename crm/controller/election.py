"""Who leads: one DC per term, elected by the quorate view; a caretaker where there is no quorum.

In every new view each node says hello: how far it has come, whether it leads. A DC that is still here with the newest
term goes on. Otherwise the node whose CIB has come furthest (then: whose name sorts first) stands for election in a
term above all that were heard of. A voter gives one vote per term, persists it before it answers, and refuses a
candidate whose CIB on disk is older than its own: so whoever wins the votes of a majority has every acknowledged
change. All members of the view must vote for it; after a time limit a majority of the configured nodes is enough.

Each node stands only in terms of its own (`Shape.next_term`), so even the halves of a two-node cluster, which can both
be quorate, have no DC of the same term.
"""

from __future__ import annotations

from collections.abc import Callable

from crm.controller.core import Core
from crm.controller.messages import Hello, Vote, VoteRequest
from crm.controller.values import Authority

HELLO_LIMIT_S = 0.25
VOTE_LIMIT_S = 0.5
PATIENCE = 3
START_PATIENCE = 2
TIMER = "election"


class Election:
    """One node's part in elections. `won` is called when this node becomes leader, `lost` when it ceases to be."""

    def __init__(self, core: Core, won: Callable[[], None], lost: Callable[[str], None]) -> None:
        self._core = core
        self._won = won
        self._lost = lost
        self._highest_term = core.standing.term
        self._votes: set[str] | None = None
        self._patience = 0
        self._fresh = True
        """Nobody has led since this daemon started: the others are probably starting, too."""
        self.hellos: dict[str, Hello] = {}

    def view_changed(self) -> None:
        """Greet the new view; leadership that the view does not carry ends."""
        core = self._core
        self.hellos = {}
        self._votes = None
        self._patience = 0
        self._drop_authority_if_gone()
        hello = self.own_hello()
        self.hellos[core.me.name] = hello
        core.broadcast(hello)
        core.set_timer(TIMER, HELLO_LIMIT_S)
        self._decide_if_all_heard()

    def hello(self, sender: str, hello: Hello) -> None:
        """A member's greeting."""
        core = self._core
        if hello.view != core.view.number:
            return
        self.hellos[sender] = hello
        self._highest_term = max(self._highest_term, hello.term)
        if core.leading and hello.term > core.standing.term:
            self.step_down(f"{sender} knows of term {hello.term}")
        elif core.leading and hello.leads and hello.term == core.standing.term:
            # No two nodes stand in the same term; a node list that was changed on one of them only comes to this.
            self.step_down(f"{sender} leads the same term")
        self._decide_if_all_heard()

    def timer(self) -> None:
        """Nobody leads yet: greet again, or go on with those who answered."""
        core = self._core
        if core.authority is not None:
            return
        if self._votes is not None and self._majority(self._votes):
            self._win()
            return
        self._votes = None
        self._patience += 1
        self.hellos[core.me.name] = self.own_hello()
        core.broadcast(self.hellos[core.me.name])
        core.set_timer(TIMER, VOTE_LIMIT_S)
        self._decide(patient=self._patience < PATIENCE)

    def vote_request(self, sender: str, request: VoteRequest) -> None:
        """Give this term's vote, once, to a candidate whose CIB is not older than ours."""
        core = self._core
        self._highest_term = max(self._highest_term, request.term)
        refusal = self._refusal(sender, request)
        if refusal:
            core.send(sender, Vote(core.standing.term, False, core.position, refusal))
            return
        if core.leading:
            self.step_down(f"{sender} stands for term {request.term}")
        core.authority = None
        # Our own candidacy is over: votes for it must not be counted in the term that we vote in now.
        self._votes = None
        core.stand(term=request.term, voted_for=sender)
        answer = Vote(request.term, True, core.position)
        core.persist(lambda: core.send(sender, answer), with_document=False)
        core.set_timer(TIMER, VOTE_LIMIT_S)

    def vote(self, sender: str, vote: Vote) -> None:
        """An answer to our candidacy."""
        core = self._core
        self._highest_term = max(self._highest_term, vote.term)
        if self._votes is None or core.authority is not None:
            return
        if not vote.granted:
            if vote.term > core.standing.term:
                self._votes = None
            return
        if vote.term == core.standing.term:
            self._votes.add(sender)
            if self._votes >= set(core.view.names) and self._majority(self._votes):
                self._win()

    def follow(self, authority: Authority) -> None:
        """A leader was recognized: the election is over here."""
        self._votes = None
        self._fresh = False
        self._highest_term = max(self._highest_term, authority.term)
        self._core.cancel_timer(TIMER)

    def step_down(self, reason: str) -> None:
        """Stop leading."""
        core = self._core
        caretaker = core.authority is not None and core.authority.caretaker
        core.log("info" if caretaker else "warning", f"no longer leading: {reason}")
        core.authority = None
        self._lost(reason)
        core.set_timer(TIMER, HELLO_LIMIT_S)
        core.changed("dc")

    def own_hello(self) -> Hello:
        """This node's greeting, as things are."""
        core = self._core
        return Hello(core.view.number, core.me.incarnation, core.position, core.standing.term, core.tainted,
                     core.leading, core.dc)

    def _drop_authority_if_gone(self) -> None:
        core = self._core
        held = core.authority
        if held is None:
            return
        member = core.view.member(held.name)
        same = member is not None and member.incarnation == held.incarnation
        if held.caretaker or not core.view.quorate or not same:
            if core.leading:
                self.step_down("the view has changed" if held.caretaker else "quorum or membership was lost")
            core.authority = None

    def _decide_if_all_heard(self) -> None:
        if set(self.hellos) >= set(self._core.view.names):
            self._decide(patient=True)

    def _decide(self, patient: bool) -> None:
        """Go on under the present DC, stand for election, or wait for the one who should."""
        core = self._core
        if core.authority is not None or self._votes is not None:
            return
        newest = max(hello.term for hello in self.hellos.values())
        leaders = [name for name, hello in self.hellos.items() if hello.leads and hello.term == newest]
        if core.view.quorate and len(leaders) == 1 and leaders != [core.me.name]:
            return
        ranking = sorted(self.hellos, key=lambda name: (*(-part for part in self._rank(self.hellos[name])), name))
        # If the best does not get elected (it may hang), the others try in turn, never all at once.
        turn = 0 if patient else (self._patience // PATIENCE) % len(ranking)
        if ranking[turn] == core.me.name:
            self._stand()

    def _rank(self, hello: Hello) -> tuple[int, ...]:
        # What a caretaker counted up says nothing about content: only what disks agree on counts then.
        return (*hello.position.durable, 0 if hello.tainted else hello.position.num_updates)

    def _stand(self) -> None:
        core = self._core
        if not core.view.quorate:
            if self._fresh and self._patience < START_PATIENCE:
                return
            core.authority = Authority(core.standing.term, core.me.name, True, core.me.incarnation)
            self._announce()
            return
        term = core.me.shape.next_term(max(self._highest_term, core.standing.term), core.me.name)
        core.stand(term=term, voted_for=core.me.name)
        core.log("info", f"standing for DC in term {term}")
        self._votes = set()
        request = VoteRequest(term, core.view.number, core.position)
        core.set_timer(TIMER, VOTE_LIMIT_S)
        core.persist(lambda: self._ask(request), with_document=False)

    def _ask(self, request: VoteRequest) -> None:
        """Our own vote is on disk: ask for the others'."""
        core = self._core
        if self._votes is None or core.standing.term != request.term or core.view.number != request.view:
            return
        core.broadcast(request)
        self.vote(core.me.name, Vote(request.term, True, core.position))

    def _refusal(self, sender: str, request: VoteRequest) -> str:
        core = self._core
        if request.view != core.view.number or not core.view.quorate:
            return "another view, or no quorum"
        if request.term < core.standing.term:
            return f"term {core.standing.term} is newer"
        if request.term == core.standing.term and core.standing.voted_for != sender:
            return f"the vote of term {request.term} went to {core.standing.voted_for}"
        if request.position.durable < core.position.durable:
            return "the candidate's CIB is older"
        return ""

    def _majority(self, votes: set[str]) -> bool:
        return len(votes & set(self._core.me.shape.names)) >= self._core.needed

    def _win(self) -> None:
        core = self._core
        self._votes = None
        core.authority = Authority(core.standing.term, core.me.name, False, core.me.incarnation)
        self._announce()

    def _announce(self) -> None:
        core = self._core
        assert core.authority is not None
        kind = "caretaker (no quorum)" if core.authority.caretaker else "DC"
        core.log("info", f"{core.me.name} is {kind} of term {core.authority.term}")
        core.cancel_timer(TIMER)
        core.changed("dc")
        self._fresh = False
        self._won()
