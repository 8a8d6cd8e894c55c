"""The values that the controller's parts share: who is here, how far a CIB has come, who leads.

A *term* is a number that every voter persists before it answers; at most one DC is elected per term. A partition
without quorum has no elected DC but a *caretaker*: it plans (so that `no-quorum-policy` is obeyed), it commits nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


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
    needed: int | None = None
    """How many members an election and a commit need, where the message layer knows better than the shape."""
    splits: bool = False
    """Then also: whether both parts of a split can be quorate."""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(member.name for member in self.members)

    def member(self, name: str) -> Member | None:
        """The member of that name."""
        return next((member for member in self.members if member.name == name), None)


@dataclass(frozen=True, slots=True)
class Shape:
    """The configured cluster: its nodes as (name, id), and how many disks acknowledge a change.

    Where that is fewer than a majority (two nodes), two parts can each believe that they may decide: see `splits`.
    """

    nodes: tuple[tuple[str, str], ...]
    needed: int

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.nodes)

    @property
    def splits(self) -> bool:
        """Whether both parts of a split can be quorate, so that only fencing tells which of them goes on."""
        return 2 * self.needed <= len(self.nodes)

    def next_term(self, highest: int, name: str) -> int:
        """The lowest term above `highest` in which that node may stand: no two nodes can ever stand in the same."""
        places, place = len(self.nodes), self.names.index(name) if name in self.names else 0
        return highest + 1 + (place - highest - 1) % places

    def id_of(self, name: str) -> str:
        """The id of a node; a node that is not listed is known by its name."""
        return dict(self.nodes).get(name, name)

    def name_of(self, node_id: str) -> str | None:
        """The name that belongs to an id."""
        return next((name for name, known in self.nodes if known == node_id), None)


class Position(NamedTuple):
    """How far a node's CIB has come: the term in which it was last written, then its version. Greater is newer."""

    cib_term: int = 0
    admin_epoch: int = 0
    epoch: int = 0
    num_updates: int = 0

    @property
    def durable(self) -> tuple[int, int, int]:
        """The part that disks keep: votes compare this one."""
        return (self.cib_term, self.admin_epoch, self.epoch)


class Store(StrEnum):
    """What a node's disk can be trusted with.

    WHOLE  it has kept all that it acknowledged    NEW  it has never had anything, or nothing of it is left
    LOST   what it had is damaged: what it has now may be older than what it acknowledged
    """

    WHOLE = "whole"
    NEW = "new"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Standing:
    """What a node must not forget: the newest term it knows, its vote in it, the term its CIB was written in, and what
    its store can be trusted with.
    """

    term: int = 0
    voted_for: str | None = None
    cib_term: int = 0
    store: Store = Store.WHOLE


@dataclass(frozen=True, slots=True)
class Authority:
    """Who leads: an elected DC of a term, or a caretaker of a view without quorum; which start of its daemon."""

    term: int
    name: str
    caretaker: bool
    incarnation: str
