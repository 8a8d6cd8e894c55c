"""The values that the controller's parts share: who is here, how far a CIB has come, who leads.

A *term* is a number that every voter persists before it answers; at most one DC is elected per term. A partition
without quorum has no elected DC but a *caretaker*: it plans (so that `no-quorum-policy` is obeyed), it commits nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

TERM_PLACES = 64
"""Where nodes come and go, each stands in terms of its own residue; so many nodes there may be at once."""


@dataclass(frozen=True, slots=True)
class Member:
    """A member of the view; `joined_at` in epoch seconds, `incarnation` differs after each start of its daemon."""

    name: str
    id: str
    joined_at: int
    incarnation: str


@dataclass(frozen=True, slots=True)
class View:
    """Who is here, as the message layer agreed; numbers grow."""

    number: int
    members: tuple[Member, ...]
    quorate: bool
    disks_needed: int | None = None
    """How many members an election and a commit need, where the message layer knows better than the shape."""
    both_halves_quorate: bool = False
    """Then also: whether both parts of a split can be quorate."""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(member.name for member in self.members)

    def member(self, name: str) -> Member | None:
        """The member of that name."""
        return next((member for member in self.members if member.name == name), None)


@dataclass(frozen=True, slots=True)
class ClusterConfig:
    """The configured cluster: its nodes as (name, id), and how many disks acknowledge a change.

    Where that is fewer than a majority (two nodes), two parts can each believe that they may decide: see
    `both_halves_quorate`.

    electors      who votes and counts, if not all do
    former        who did before the last change of the node list, as long as that is not known to be committed
    places        of the nodes, for terms of their own (see `crm.controller.membership.node_list`)
    gone          nodes that once were in the list
    wait_for_all  whether a node that starts waits until it has seen all others once
    """

    nodes: tuple[tuple[str, str], ...]
    disks_needed: int
    electors: tuple[str, ...] | None = None
    former: tuple[str, ...] = ()
    places: tuple[int, ...] = ()
    gone: tuple[tuple[str, str], ...] = ()
    wait_for_all: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.nodes)

    @property
    def voters(self) -> tuple[str, ...]:
        """Who votes, and whose disks count."""
        return self.names if self.electors is None else self.electors

    @property
    def voting(self) -> tuple[tuple[str, str], ...]:
        """The same with their ids."""
        return tuple((name, node_id) for name, node_id in self.nodes if name in self.voters)

    @property
    def both_halves_quorate(self) -> bool:
        """Whether both parts of a split can be quorate, so that only fencing tells which of them goes on."""
        return 0 < 2 * self.disks_needed <= len(self.voters)

    def enough(self, names: Collection[str]) -> bool:
        """Whether those decide: elect a DC, keep a change.

        Where one of two is enough and that is not known to be committed, the others may still count by the former list.
        """
        if self.former and self.both_halves_quorate and not self.by_former(names):
            return False
        return len(set(names) & set(self.voters)) >= self.disks_needed

    def by_former(self, names: Collection[str]) -> bool:
        """Whether those are a majority of the voters before the last change of the node list."""
        return not self.former or 2 * len(set(names) & set(self.former)) > len(self.former)

    def quorate(self, names: Collection[str], seen_all: bool) -> bool:
        """Whether a view of those may decide; `seen_all`: all voters have been in one view since this node started."""
        if self.wait_for_all and not seen_all:
            return set(names) >= set(self.voters)
        return self.enough(names)

    def next_term(self, highest: int, name: str) -> int:
        """The lowest term above `highest` in which that node may stand: no two nodes can ever stand in the same."""
        index = self.names.index(name) if name in self.names else 0
        places, place = (TERM_PLACES, self.places[index]) if self.places else (len(self.nodes), index)
        return highest + 1 + (place - highest - 1) % places

    def id_of(self, name: str) -> str:
        """The id of a node; a node that is not listed is known by its name."""
        return {**dict(self.gone), **dict(self.nodes)}.get(name, name)

    def knows(self, name: str) -> bool:
        """Whether that is a node of the cluster, or was; others that have a name are remote nodes."""
        return any(name == known for known, _ in (*self.nodes, *self.gone))

    def name_of(self, node_id: str) -> str | None:
        """The name that belongs to an id."""
        return next((name for name, known in (*self.nodes, *self.gone) if known == node_id), None)


class CibPosition(NamedTuple):
    """How far a node's CIB has come: the term in which it was last written, then its version. Greater is newer."""

    cib_term: int = 0
    admin_epoch: int = 0
    epoch: int = 0
    num_updates: int = 0

    @property
    def durable(self) -> tuple[int, int, int]:
        """The part that disks keep: votes compare this one."""
        return (self.cib_term, self.admin_epoch, self.epoch)


class StoreState(StrEnum):
    """What a node's disk can be trusted with.

    WHOLE  it has kept all that it acknowledged    NEW  it has never had anything, or nothing of it is left
    LOST   what it had is damaged: what it has now may be older than what it acknowledged
    """

    WHOLE = "whole"
    NEW = "new"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Leadership:
    """Who leads: an elected DC of a term, or a caretaker of a view without quorum; which start of its daemon."""

    term: int
    name: str
    caretaker: bool
    incarnation: str
