"""Who belongs to the cluster: the leader's part in adding and removing nodes, one committed step after the other.

A node that is to be added is listed first, and votes once it has joined and so has the CIB. One that is to be removed
is marked, and leaves as if it had been asked to shut down; it goes from the list when nothing can be active on it any
more: when it is let go, or absent and fenced, confirmed to be off, or gone with nothing left running. Only then what is
known of it goes from the CIB, so that no fencing and no start is planned with a node that nobody can account for.

The rules of the list itself are in `crm.controller.membership.node_list`. Not here: how a list gets to the others
(`Replication`).
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

from crm.cib.changes import Batch, Edit, EditVerb
from crm.cib.document import Document
from crm.cib.expressions import literal
from crm.cib.queries import cluster_option, configured_node_ids, recorded_nodes
from crm.cib.stamp import OWN_CLIENT, OWN_USER, Stamp, stamp
from crm.cib.status_edits import may_run_anything
from crm.cib.status_updates import NodeRemoval
from crm.controller.cluster_state import TERM_PLACES
from crm.controller.commands import RequestAnswered
from crm.controller.core import Core, configuration_version
from crm.controller.events import MembersRequested, NodesHeard
from crm.controller.leadership.joining import NOT_LISTED, Joining
from crm.controller.membership.node_list import ListedNode, NodeList
from crm.controller.parts import Part
from crm.controller.protocol.messages import JoinRefused, MembersForward, NodeListCommitted, RequestAnswer
from crm.controller.replication.replication import Replication
from crm.model.values import is_true

Change = Callable[[int, NodeList], NodeList]
"""The next list, made in that term."""
_ELSEWHERE = ("not-crmds-list", "The list of nodes is not crmd's own with this message layer",
              "with corosync: change its nodelist on every node (corosync.conf), then corosync-cfgtool -R; with etcd: "
              "change [[nodes]] in the settings of every node; then restart crmd, one node after the other")


class MembershipChanges(Part):
    """One controller's part. `ask_to_leave(name)` has a node shut down, `stay(name)` takes that back."""

    def __init__(self, core: Core, replication: Replication, joining: Joining, written_at: Callable[[float], str],
                 ask_to_leave: Callable[[str], None], stay: Callable[[str], None],
                 want_plan: Callable[[str], None], step_down: Callable[[str], None]) -> None:
        self._core = core
        self._replication = replication
        self._joining = joining
        self._written_at = written_at
        self._ask_to_leave = ask_to_leave
        self._stay = stay
        self._want_plan = want_plan
        self._step_down = step_down
        self._busy = False
        """One step is not committed yet."""
        self._let_go: list[tuple[str, Callable[[], None]]] = []
        """Nodes that are about to be let go, and how."""
        self._dismissed: set[str] = set()
        """Incarnations of members that are not in the list and know it: they are about to leave."""

    # Every node's side

    def heard(self, event: NodesHeard) -> bool:
        """A peer has a list: take it if ours is older. Whether it was taken.

        Committed or not: a list that is newer than the CIB of a node makes it no better a candidate.
        """
        core, own = self._core, self._core.hard_state.nodes
        if own is None or event.nodes.rank < own.rank or event.nodes == own:
            return False
        if event.nodes.rank == own.rank and not event.nodes.settled:
            return False
        if core.leading:
            self._step_down(f"{event.peer} has a newer list of nodes")
        core.log("notice", f"{event.peer} has a newer list of the cluster's nodes: {', '.join(event.nodes.names)}")
        core.take_nodes(event.nodes)
        core.persist(_nothing, with_document=False)
        return True

    def kept(self, sender: str, message: NodeListCommitted) -> None:
        """The leader's last change of the list is committed."""
        core, own = self._core, self._core.hard_state.nodes
        if core.dc == sender and own is not None and own.rank == (message.term, message.version) and not own.settled:
            core.take_nodes(own.kept())
            core.persist(_nothing, with_document=False)

    # The leader's side

    def stop_leading(self) -> None:
        """The list is somebody else's to change."""
        self._busy = False
        self._let_go = []
        self._dismissed.clear()

    def change(self, sender: str, request: MembersForward, done: Callable[[], None]) -> None:
        """A client wants nodes added or removed; answered, and `done`, when the list that says so is committed."""
        core = self._core
        refusal = self._refusal(request)
        if refusal is not None:
            core.send(sender, refusal)
            return
        wanted = self._wanted(request)

        def over(problem: str) -> None:
            if problem:
                core.send(sender, RequestAnswer(
                    request.request_id, code="outcome-unknown", message=f"Nobody knows whether the list of nodes will "
                    f"be changed: {problem}", hint="look before you repeat it: crmctl cluster nodes"))
            else:
                done()
                core.send(sender, RequestAnswer(request.request_id, core.document.version, core.hard_state.term))

        if wanted is None:
            over("")
        else:
            self._step(wanted, over)
            for node in request.nodes if request.action == "keep" else ():
                self._stay(node.name)

    def check(self) -> None:
        """Take the next step that is due, if any."""
        nodes = self._core.hard_state.nodes
        if not self._may_change() or nodes is None:
            return
        if not nodes.settled:
            # Whoever changed it, and whatever was heard of that since: a step after it, once committed, tells.
            self._commit_own(self._found_settled, anew=True)
        elif nodes.version <= 0:
            self._step(lambda term, former: former.founded(term), _ignored)
        else:
            self._step_of_nodes(nodes)

    def let_go(self, name: str, then: Callable[[], None]) -> None:
        """A node is about to be let go; one that is to be removed goes from the list before."""
        core, nodes = self._core, self._core.hard_state.nodes
        node = nodes.node(name) if nodes is not None else None
        leads = core.leadership is not None and not core.leadership.caretaker
        if node is None or not node.leaving or not core.may_commit or not leads:
            then()
            return
        self._let_go.append((name, then))
        self.check()

    def _step_of_nodes(self, nodes: NodeList) -> None:
        core = self._core
        if self._let_go:
            name, then = self._let_go.pop(0)
            member = core.view.member(name)
            if nodes.node(name) is not None and self._can_do_without(nodes, name):
                self._dismissed |= {member.incarnation} if member else set()
                self._remove(name, then)
            else:
                then()
            return
        for member in core.view.members:
            if nodes.node(member.name) is None and member.incarnation not in self._dismissed | {core.me.incarnation}:
                self._dismissed.add(member.incarnation)
                self._turn_away(member.name)
        for node in nodes.nodes:
            here = core.view.member(node.name) is not None
            if not node.voter and not node.leaving and node.name in self._joining.joined:
                self._let_vote(node.name)
                return
            if node.leaving and here and not node.voter:
                # Nothing was started on a node that did not vote yet.
                self._remove(node.name, _nothing)
                return
            if node.leaving and here and node.name in self._joining.joined:
                self._ask_to_leave(node.name)
            elif node.leaving and not here and self.is_clean(node) and self._can_do_without(nodes, node.name):
                self._remove(node.name, _nothing)
                return
        self._forget_removed(nodes)

    def _let_vote(self, name: str) -> None:
        self._step(lambda term, former: former.with_voter(term, name), _ignored)

    def _remove(self, name: str, then: Callable[[], None]) -> None:
        self._core.log("notice", f"{name} is removed from the cluster")
        self._step(lambda term, former: former.without(term, name), lambda _problem: then())

    def _turn_away(self, name: str) -> None:
        core = self._core
        core.send(name, JoinRefused(core.hard_state.term, NOT_LISTED, f"{name} was removed from the cluster",
                                    f"to have it in: crmctl cluster add {name}=ADDRESS"))

    def is_clean(self, node: ListedNode) -> bool:
        """Whether nothing can be active on a node that is not here."""
        if node.id not in recorded_nodes(self._core.document):
            # Nobody has seen it since the cluster started; one that never voted has never been in it.
            return not node.voter or not self._fences_unseen()
        return self._left_nothing(node.id)

    def _fences_unseen(self) -> bool:
        document = self._core.document
        fencing = cluster_option(document, "fencing-enabled", "stonith-enabled") or "true"
        return is_true(fencing) and is_true(cluster_option(document, "startup-fencing") or "true")

    def _can_do_without(self, nodes: NodeList, name: str) -> bool:
        """Whether those who are here, and stay, are enough without that node."""
        config = nodes.without(nodes.term, name).config()
        here = set(self._core.view.names) - {name}
        return bool(config.voters) and len(here & set(config.voters)) >= config.disks_needed

    def _forget_removed(self, nodes: NodeList) -> None:
        """What the CIB knows of nodes that are removed and gone: nobody plans with them any more."""
        core, document = self._core, self._core.document
        if not nodes.removed:
            return  # Asked after each event: the CIB need not be searched for nothing.
        known = configured_node_ids(document) | set(recorded_nodes(document))
        gone = [node_id for name, node_id in nodes.removed if node_id in known and core.view.member(name) is None]
        gone = [node_id for node_id in gone if self._left_nothing(node_id)]
        if gone:
            self._replication.note(*(NodeRemoval(node_id) for node_id in gone))
            self._replication.flush()
            edits = tuple(Edit(EditVerb.DELETE, xpath=f"/cib/configuration/nodes/node[@id={literal(node_id)}]")
                          for node_id in gone if node_id in configured_node_ids(core.document))
            if edits:
                self._replication.advance(core.document.apply(Batch(edits), self._stamp()))
            self._want_plan("nodes were removed")

    def _left_nothing(self, node_id: str) -> bool:
        state = recorded_nodes(self._core.document).get(node_id)
        return state is None or (state.get("expected") == "down" and not may_run_anything(self._core.document, node_id))

    # Steps

    def _may_change(self) -> bool:
        core = self._core
        elected = core.leading and core.leadership is not None and not core.leadership.caretaker
        return elected and core.may_commit and not self._busy

    def _step(self, change: Change, then: Callable[[str], None]) -> None:
        """Make one step of the list: first something of this term is committed, then the list by both majorities."""
        core = self._core
        former = core.hard_state.nodes
        assert former is not None and former.settled and not self._busy
        if set(change(core.hard_state.term, former).voters) == set(former.voters):
            self._change(change, then)
        else:
            self._commit_own(lambda: self._change(change, then), then)

    def _found_settled(self) -> None:
        self._settled()
        self.check()

    def _commit_own(self, go_on: Callable[[], None], failed: Callable[[str], None] | None = None,
                    anew: bool = False) -> None:
        """Go on once something of this leader's own term is committed: what is older may still be undone by others."""
        if self._replication.own_term_committed and not anew:
            go_on()
            return
        self._busy = True

        def committed(problem: str) -> None:
            self._busy = False
            if problem:
                (failed or _ignored)(problem)
                self.check()
            else:
                go_on()

        self._replication.flush()
        self._replication.advance(self._next_document(()), committed)

    def _change(self, change: Change, then: Callable[[str], None]) -> None:
        core, former = self._core, self._core.hard_state.nodes
        assert former is not None and not self._busy
        self._busy = True
        self._replication.flush()
        nodes = change(core.hard_state.term, former)
        known = configured_node_ids(core.document)
        edits = tuple(Edit(EditVerb.CREATE, f'<node id="{node.id}" uname="{node.name}"/>', "nodes")
                      for node in nodes.nodes if node.voter and node.id not in known)

        def committed(problem: str) -> None:
            self._busy = False
            if not problem:
                self._settled()
            then(problem)
            self._want_plan("the list of nodes has changed")
            self.check()

        core.log("notice", f"the list of nodes is changed: {described(nodes)}")
        self._replication.advance(self._next_document(edits), committed, nodes=nodes)

    def _settled(self) -> None:
        """The list is committed."""
        core, nodes = self._core, self._core.hard_state.nodes
        assert nodes is not None
        if nodes.settled:
            return
        core.take_nodes(nodes.kept())
        core.persist(_nothing, with_document=False)
        core.broadcast(NodeListCommitted(nodes.term, nodes.version))
        core.log("notice", f"the list of nodes is committed: {described(nodes)}")

    def _next_document(self, edits: tuple[Edit, ...]) -> Document:
        """The CIB at its next step: every change of the list is one of the configuration."""
        document = self._core.document
        changed = document.apply(Batch(edits), self._stamp()) if edits else document
        if configuration_version(changed.version) == configuration_version(document.version):
            version = document.version.after_configuration_change()
            changed = document.became(deepcopy(document.root), [], version, self._stamp())
        return changed

    def _stamp(self) -> Stamp:
        return stamp(self._written_at(self._core.now), self._core.me.name, OWN_CLIENT, OWN_USER)

    # What clients want

    def _wanted(self, request: MembersForward) -> Change | None:
        """The change that a request asks for, None if it is so already."""
        nodes = self._core.hard_state.nodes
        assert nodes is not None
        names = {node.name for node in request.nodes}
        if request.action == "add":
            new = [node for node in request.nodes if nodes.node(node.name) is None]
            return (lambda term, former: former.with_added(term, new)) if new else None
        leaving = request.action == "remove"
        if all(node.leaving == leaving for node in nodes.nodes if node.name in names):
            return None
        return lambda term, former: former.with_leaving(term, names, leaving)

    def _refusal(self, request: MembersForward) -> RequestAnswer | None:
        """Why a request is refused."""
        core, nodes = self._core, self._core.hard_state.nodes
        problem: tuple[str, str, str] | None
        if not core.leading or core.leadership is None:
            problem = ("no-dc", f"{core.me.name} leads no more", "try again in a moment")
        elif nodes is None:
            problem = _ELSEWHERE
        elif core.leadership.caretaker:
            problem = ("no-quorum", "Without quorum the list of nodes cannot be changed", "see crmctl cluster nodes")
        elif self._old_releases():
            problem = ("release-too-old", f"{', '.join(self._old_releases())} cannot follow a change of the list",
                       "install the release that this node runs everywhere")
        elif not core.may_commit or self._busy or not nodes.settled or nodes.version <= 0:
            problem = ("not-ready", "The last change of the list of nodes is not committed yet",
                       "try again in a moment; crmctl cluster nodes shows which nodes have it")
        else:
            problem = self._objection(nodes, request)
        return None if problem is None else RequestAnswer(request.request_id, None, 0, *problem)

    def _objection(self, nodes: NodeList, request: MembersForward) -> tuple[str, str, str] | None:
        if request.action == "add":
            return _unaddable(nodes, request.nodes) or self._not_gone_yet(nodes, request.nodes)
        unknown = [node.name for node in request.nodes if nodes.node(node.name) is None]
        if unknown:
            return ("no-such-node", f"There is no node {unknown[0]!r} in the list", f"Nodes: {', '.join(nodes.names)}")
        staying = [node for node in nodes.nodes if node.voter and not node.leaving
                   and node.name not in {each.name for each in request.nodes}]
        if request.action == "remove" and not staying:
            return ("last-node", "A cluster keeps one node at least", "to end it, stop crmd everywhere")
        return None

    def _not_gone_yet(self, nodes: NodeList, added: tuple[ListedNode, ...]) -> tuple[str, str, str] | None:
        """A name is free again when nothing is known any more of the node that had it."""
        core = self._core
        known = configured_node_ids(core.document) | set(recorded_nodes(core.document))
        for name, node_id in nodes.removed:
            here = core.view.member(name) is not None
            if name in {node.name for node in added} and nodes.node(name) is None and (node_id in known or here):
                hint = "it is about to leave: try again in a moment" if here else (
                    f"it must be fenced, or confirmed to be off: crmctl confirm {name}")
                return ("node-leaves", f"{name} was removed, and what it ran is not accounted for yet", hint)
        return None

    def _old_releases(self) -> list[str]:
        """Members that say nothing of a list: releases before there was one."""
        return sorted(name for name in self._joining.joined if not self._joining.knows_lists(name))

    def requested(self, event: MembersRequested, forward: Callable[[MembersForward], None]) -> None:
        """A client of this node wants it."""
        if self._core.hard_state.nodes is None:
            code, message, hint = _ELSEWHERE
            self._core.emit(RequestAnswered(event.request_id, code=code, message=message, hint=hint))
        else:
            forward(MembersForward(event.request_id, event.action, event.nodes, event.origin))


def _unaddable(nodes: NodeList, added: tuple[ListedNode, ...]) -> tuple[str, str, str] | None:
    places = {(node.host, node.port): node.name for node in nodes.nodes}
    for node in added:
        listed = nodes.node(node.name)
        if listed is not None and listed.leaving:
            return ("node-leaves", f"{node.name} is about to be removed", "wait until it is gone: crmctl cluster nodes")
        if listed is not None and (listed.host, listed.port) != (node.host, node.port):
            return ("node-listed", f"{node.name} is in the list already, at {listed.host} port {listed.port}",
                    f"to move it: crmctl cluster remove {node.name}, then add it again")
        other = places.setdefault((node.host, node.port), node.name)
        if other != node.name:
            return ("address-in-use", f"{node.host} port {node.port} is the address of {other}",
                    "give each node an address of its own")
    if len(set(nodes.names) | {node.name for node in added}) > TERM_PLACES:
        return ("too-many-nodes", f"A cluster has {TERM_PLACES} nodes at most", "")
    return None


def described(nodes: NodeList) -> str:
    """A list for the log."""
    marks = {(True, False): "", (False, False): " (joining)", (True, True): " (leaving)", (False, True): " (leaving)"}
    return f"version {nodes.version}: " + ", ".join(
        f"{node.name}{marks[node.voter, node.leaving]}" for node in nodes.nodes)


def _ignored(_problem: str) -> None:
    """Who leads next sees what is left to do."""


def _nothing() -> None:
    """Nobody waits for this."""
