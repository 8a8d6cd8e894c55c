"""The shape of explanations: frozen data, every part with a sentence for people and ids for tools.

Scores are given as Pacemaker prints them (`INFINITY`, `-INFINITY`, a number).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Influence:
    """One thing that counted for or against a node.

    cause       what kind of thing: a word of `trace.Cause`
    change      what it did to the score: `+100`, `-INFINITY`, …
    constraint  id of the constraint behind it, empty if there is none
    """

    cause: str
    change: str
    text: str
    constraint: str = ""


@dataclass(frozen=True, slots=True)
class NodeAnswer:
    """One node as a place for the resource. `verdict` says in words why it was chosen, or why not."""

    node: str
    score: str
    chosen: bool
    usable: bool
    verdict: str
    influences: tuple[Influence, ...] = ()


@dataclass(frozen=True, slots=True)
class RoleAnswer:
    """Whether an instance of a promotable clone is promoted, and why."""

    node: str | None
    score: str
    promoted: bool
    verdict: str
    influences: tuple[Influence, ...] = ()


@dataclass(frozen=True, slots=True)
class ActionAnswer:
    """One action that is planned, or would have to be done but cannot.

    because   why, from the nearest cause to the last
    step      when it is done: 1 is first; 0 if it is not done
    """

    task: str
    node: str | None
    key: str
    possible: bool
    because: tuple[str, ...] = ()
    step: int = 0


@dataclass(frozen=True, slots=True)
class InstanceAnswer:
    """A primitive, or an instance of one.

    what   Start, Stop, Move, Migrate, Restart, Recover, Reload, Promote, Demote, Re-promote; Stays or Stopped when
           nothing is done
    """

    id: str
    agent: str
    what: str
    role: str
    next_role: str
    on: tuple[str, ...]
    goes_to: str | None
    headline: str
    why: tuple[str, ...]
    nodes: tuple[NodeAnswer, ...]
    promotion: RoleAnswer | None = None
    actions: tuple[ActionAnswer, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """A resource, with everything in it. `nodes` is about the collective itself, when it is a clone or a bundle.

    steps   how many steps the whole transition takes
    """

    id: str
    kind: str
    instances: tuple[InstanceAnswer, ...]
    nodes: tuple[NodeAnswer, ...] = ()
    steps: int = 0
    notes: tuple[str, ...] = ()
