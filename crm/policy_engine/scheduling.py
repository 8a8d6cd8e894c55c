"""What callers get of a planning pass: the transition, and the texts that tell of it."""

from __future__ import annotations

import sys
from dataclasses import replace

from crm.model.cib import Cib
from crm.model.transition import Transition
from crm.policy_engine.engine import PlanningResult, PlanOptions, plan_cluster
from crm.policy_engine.graph_steps import cycle_reports
from crm.policy_engine.observe import observe
from crm.policy_engine.output.change_summary import all_changes, summary_lines
from crm.policy_engine.output.dot import dot_text
from crm.policy_engine.output.graph_xml import graph_xml
from crm.policy_engine.output.transition_graph import as_transition, build
from crm.policy_engine.picture.cluster import Cluster
from crm.policy_engine.placement.placement import ShownScores

NO_WISHES = PlanOptions()
_DEPTH = 500_000


class Schedule:
    """A finished plan; texts are made when asked for."""

    def __init__(self, planned: PlanningResult) -> None:
        self._planned = planned
        # The summary tells roles as they were before the graph is built, like the tools that it is modelled on.
        self.changes = all_changes(planned.plan)
        """What will change, as facts; nodes first."""
        self._graph = build(planned.plan)

    @property
    def cluster(self) -> Cluster:
        """The cluster with what was decided about each resource."""
        return self._planned.cluster

    @property
    def transition(self) -> Transition:
        """What has to be done."""
        transition = as_transition(self._graph)
        circles = cycle_reports(transition)
        return replace(transition, reports=(*transition.reports, *circles)) if circles else transition

    def summary_lines(self) -> list[str]:
        """What will change, a line each."""
        return summary_lines(self.changes)

    @property
    def scores(self) -> list[ShownScores]:
        """The scores (or capacities) that decided, in the order in which they were looked at; only if wished for."""
        return self._planned.placement.scores


    def graph_text(self) -> str:
        """The transition as XML."""
        return graph_xml(self._graph)

    def dot_text(self, all_actions: bool = False, with_ids: bool = False) -> str:
        """The plan as a drawing."""
        return dot_text(self._planned.plan, all_actions, with_ids)


def make_schedule(cib: Cib, now: int, wishes: PlanOptions = NO_WISHES) -> Schedule:
    """Plan for a CIB at `now` (epoch seconds)."""
    allow_deep_recursion()
    return plan_observed(observe(cib, now), wishes)


def plan_observed(cluster: Cluster, wishes: PlanOptions = NO_WISHES) -> Schedule:
    """Plan for a cluster that was observed for this and, until now, only looked at."""
    allow_deep_recursion()
    return Schedule(plan_cluster(cluster, wishes))


def allow_deep_recursion() -> None:
    """Make room for long chains: what depends on what is followed by functions that call themselves.

    It is never taken back, because another thread may be planning, too.
    """
    sys.setrecursionlimit(max(sys.getrecursionlimit(), _DEPTH))


def schedule(cib: Cib, now: int) -> Transition:
    """The transition for a CIB at `now` (epoch seconds): what the controller asks for."""
    return make_schedule(cib, now).transition
