"""Pure: what should run where, and the transition that makes it so. `schedule(cib, now) -> Transition`.

The phases, in order (`engine` is the table of contents):

    picture      the working picture of a cluster, and the questions that every phase asks of it
    observe      what is configured and what is happening (history -> roles, failures, what must be fenced)
    constraints  names looked up, sets and tags spelled out
    placement    who should run where, and in which role
    actions      what takes the cluster there; orderings; what is required and what is possible
    output       the graph with ids, parameters; texts for people and tools
    explain      why: from the plan with its trace of scores to sentences

`scheduling` is what callers use, `graph_steps` the order and the cycles of a finished graph.

An approach that decided everything first and created actions once afterwards was considered and left: Pacemaker's
outputs number and show optional actions too, and for migrations, notifications, bundles and interleaved clones what is
required shows only when all relations are looked at together. So actions are made as Pacemaker makes them, and need
and possibility spread along their relations until nothing changes. Instances are expanded once, in `observe`; kinds of
resource are told apart in one table per phase.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crm.model.cib import Cib
    from crm.model.transition import Transition


def schedule(cib: Cib, now: int) -> Transition:
    """The transition for a CIB at `now` (epoch seconds)."""
    from crm.policy_engine.scheduling import schedule as schedule_now

    return schedule_now(cib, now)
