"""The list of the cluster's nodes, as it is replicated: who counts for a majority, where each one listens.

Part of what a disk keeps (`HardState`), apart from the CIB, whose configuration people replace as a whole. Every change
of the list is a step of the CIB as well (its epoch rises), so how far a CIB has come says how far the list has, and a
vote that goes by the one goes by the other.

Rules, as in raft (Ongaro's thesis, chapter 4, and the correction of 2015): voters come and go one at a time, so that
any majority of a list has a node in common with any of the next; a leader begins a change only once something of its
own term is committed; the newest list that a node has counts there, committed or not. In addition a change is committed
only by majorities of both lists. A node that is added does not vote before it has the CIB on its disk.

Pure values. Who decides when is in `crm.controller.membership.membership_changes`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from crm.controller.cluster_state import TERM_PLACES, ClusterConfig

UNFOUNDED = -1
"""The version of the list of a node that was invited: it counts nobody, and any other is newer."""


@dataclass(frozen=True, slots=True)
class ListedNode:
    """A node of the cluster. `api`: where its API is, for people. `place`: see `ClusterConfig.next_term`.

    voter    counts for a majority; one that was added does from when it has the CIB
    leaving  is to be removed as soon as nothing is active on it
    """

    name: str
    id: str
    host: str = "127.0.0.1"
    port: int = 0
    api: str = ""
    place: int = 0
    voter: bool = True
    leaving: bool = False


@dataclass(frozen=True, slots=True)
class NodeList:
    """One state of the list. Of two that are settled, the one with the greater `rank` is newer.

    former    the voters before the last change, as long as that is not known to be committed
    removed   (name, id) of the nodes that are not in the list any more
    two_node  one of two is enough (see `crm.messaging.quorum`), whenever there are two voters
    all_at_first  the list comes from files and nothing was ever stored: only all of them together found the cluster
    """

    version: int
    term: int
    nodes: tuple[ListedNode, ...]
    former: tuple[str, ...] = ()
    removed: tuple[tuple[str, str], ...] = ()
    two_node: bool = False
    wait_for_all: bool = True
    all_at_first: bool = False

    @property
    def rank(self) -> tuple[int, int]:
        return (self.term, self.version)

    @property
    def settled(self) -> bool:
        """Whether it is known to be committed."""
        return not self.former

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(node.name for node in self.nodes)

    @property
    def voters(self) -> tuple[str, ...]:
        return tuple(node.name for node in self.nodes if node.voter)

    def node(self, name: str) -> ListedNode | None:
        """The node of that name."""
        return next((node for node in self.nodes if node.name == name), None)

    def was_removed(self, name: str) -> bool:
        """Whether a node of that name was in the list once, and is not any more."""
        return self.node(name) is None and any(name == gone for gone, _ in self.removed)

    def config(self) -> ClusterConfig:
        """What the controllers' parts count by."""
        voters = self.voters
        return ClusterConfig(tuple((node.name, node.id) for node in self.nodes), self.disks_needed(voters), voters,
                             self.former,
                             tuple(node.place for node in self.nodes), self.removed,
                     wait_for_all=self.all_at_first or (self.wait_for_all and self.two_node and len(voters) == 2))

    def disks_needed(self, voters: Collection[str]) -> int:
        """How many of those voters decide."""
        return 1 if self.two_node and len(voters) == 2 else len(voters) // 2 + 1

    def identities(self) -> set[tuple[str, str]]:
        """Names and ids: in these the files of all nodes of a new cluster must agree."""
        return {(node.name, node.id) for node in self.nodes}

    # The next list

    def founded(self, term: int) -> NodeList:
        """The same nodes, from now on by the word of a DC and not of files."""
        return self._next(term, self.nodes, all_at_first=False)

    def with_added(self, term: int, added: Iterable[ListedNode]) -> NodeList:
        """With further nodes that do not vote yet; ids and places are given out here, never twice."""
        nodes = list(self.nodes)
        for node in added:
            ids = {each.id for each in nodes} | {node_id for _, node_id in self.removed}
            number = 1 + max([int(each) for each in ids if each.isdigit()], default=0)
            place = self._free_place(each.place for each in nodes)
            nodes.append(replace(node, id=str(number), place=place, voter=False, leaving=False))
        return self._next(term, tuple(nodes))

    def with_voter(self, term: int, name: str) -> NodeList:
        """One more votes."""
        return self._next(term, tuple(replace(node, voter=node.voter or node.name == name) for node in self.nodes))

    def with_leaving(self, term: int, names: Collection[str], leaving: bool = True) -> NodeList:
        """Those are to leave, or (not `leaving`) to stay after all."""
        nodes = tuple(replace(node, leaving=leaving) if node.name in names else node for node in self.nodes)
        return self._next(term, nodes)

    def without(self, term: int, name: str) -> NodeList:
        """One node less."""
        gone = tuple((node.name, node.id) for node in self.nodes if node.name == name)
        changed = self._next(term, tuple(node for node in self.nodes if node.name != name))
        return replace(changed, removed=(*self.removed, *gone))

    def kept(self) -> NodeList:
        """The same, known to be committed."""
        return replace(self, former=())

    def _next(self, term: int, nodes: tuple[ListedNode, ...], **further: Any) -> NodeList:
        assert self.settled, "the list is changed by one step at a time"
        return replace(self, version=self.version + 1, term=term, nodes=nodes, former=self.voters, **further)

    def _free_place(self, taken: Iterable[int]) -> int:
        # Counted on, not refilled: a removed node may still be standing in a term of its own.
        used, first = set(taken), len(self.nodes) + len(self.removed)
        return next(place % TERM_PLACES for place in range(first, first + TERM_PLACES)
                    if place % TERM_PLACES not in used)


def first_list(nodes: Iterable[ListedNode], *, two_node: bool = False, wait_for_all: bool = True,
               found: bool = True, all_at_first: bool = False) -> NodeList:
    """The list that a file of settings gives. `found`: whether its nodes may found a cluster, and not only join one."""
    placed = tuple(replace(node, place=place, voter=found) for place, node in enumerate(nodes))
    return NodeList(0 if found else UNFOUNDED, 0, placed, two_node=two_node, wait_for_all=wait_for_all,
                    all_at_first=all_at_first and found)


def to_text(listed: NodeList) -> str:
    """A list as JSON."""
    return json.dumps(asdict(listed))


def from_data(told: Any) -> NodeList:
    """A list from what its JSON says. Raises ValueError, KeyError, TypeError."""
    nodes = tuple(ListedNode(**{**node, "port": int(node["port"]), "place": int(node["place"])})
                  for node in told["nodes"])
    removed = tuple((str(name), str(node_id)) for name, node_id in told["removed"])
    return NodeList(int(told["version"]), int(told["term"]), nodes, tuple(map(str, told["former"])), removed,
                    bool(told["two_node"]), bool(told["wait_for_all"]), bool(told["all_at_first"]))


def stranger(own: NodeList, theirs: NodeList, me: str, peer: str) -> str:
    """Why two nodes do not belong together by the newer of their lists; empty if they do.

    Whom a change has taken out that is not known to be committed still belongs to it.
    """
    decisive = max(own, theirs, key=lambda each: each.rank)
    missing = [name for name in (peer, me) if decisive.node(name) is None and name not in decisive.former]
    if own.version == theirs.version == 0 and own.identities() != theirs.identities():
        return (f"the node lists of {me} ({_said(own)}) and {peer} ({_said(theirs)}) differ, and neither has founded a "
                "cluster: write the same [[nodes]] into the settings of both")
    if not missing:
        return ""
    gone = missing[0]
    why = "was removed from the cluster" if decisive.was_removed(gone) else "is not in the node list"
    return f"{gone} {why} ({_said(decisive)}); to have it in: crmctl cluster add {gone}=ADDRESS"


def _said(listed: NodeList) -> str:
    version = f"version {listed.version}, term {listed.term}: " if listed.version > 0 else ""
    return version + ", ".join(listed.names)
