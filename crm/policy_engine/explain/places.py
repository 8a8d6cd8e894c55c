"""Every node as a place for a resource: its score, what made it so, and why it was chosen or not."""

from __future__ import annotations

from collections.abc import Sequence

from crm.model import score as scores
from crm.model.score import MINUS_INFINITY, Score
from crm.policy_engine.constraints.locations import ResolvedLocation
from crm.policy_engine.explain.answers import Influence, NodeAnswer
from crm.policy_engine.explain.reasons import influence, why_unusable
from crm.policy_engine.picture.cluster import Cluster, Node, Resource
from crm.policy_engine.picture.score_trace import Choice, RecordingTrace, ScoreChange
from crm.policy_engine.picture.tree import assigned_nodes, current_node, instances_of
from crm.policy_engine.placement.capacity import compare_capacity


def node_answers(cluster: Cluster, trace: RecordingTrace, resource: Resource) -> tuple[NodeAnswer, ...]:
    """The nodes as one primitive saw them, best first."""
    choice = trace.choices.get(resource.id)
    places = _Places(cluster, trace, resource, choice)
    rank = {node.id: position for position, (node, _, _) in enumerate(choice.ranked)} if choice is not None else {}
    nodes = sorted(
        cluster.nodes,
        key=lambda node: (node is not resource.assigned, rank.get(node.id, len(rank)), -places.score(node)),
    )
    return tuple(places.answer(node) for node in nodes if places.concerns(node))


def collective_answers(cluster: Cluster, trace: RecordingTrace, collective: Resource) -> tuple[NodeAnswer, ...]:
    """The nodes as a clone or bundle sees them: how many instances each gets, or why it gets none."""
    found = []
    instances = instances_of(collective)
    for node in cluster.nodes:
        if node.is_bundle_node and node.id not in collective.allowed:
            continue
        there = [each for each in instances if node in assigned_nodes(each)]
        changes = trace.changes.get(collective.id, {}).get(node.id, [])
        influences = tuple(influence(cluster, collective, node, change) for change in _telling(changes))
        score = changes[-1].after if changes else None
        verdict = _why_instances(collective, node, there, score, influences)
        found.append(
            NodeAnswer(node.name, _rendered(score), bool(there), why_unusable(node) is None, verdict, influences)
        )
    return tuple(found)


def _why_instances(
    collective: Resource, node: Node, there: Sequence[Resource], score: Score | None, influences: Sequence[Influence]
) -> str:
    if there:
        return f"gets {', '.join(each.id for each in there)}"
    unusable = why_unusable(node)
    if unusable is not None:
        return f"no instance: {unusable}"
    if score is None:
        return "no instance: nothing allows one here (symmetric-cluster=false)"
    if score < 0:
        return f"no instance: {_banning(influences) or 'its score is negative'}"
    placed = sum(1 for each in collective.children if assigned_nodes(each))
    most = collective.clone.clone_max if collective.clone is not None else len(collective.children)
    if placed >= most:
        return f"no instance: all {most} run elsewhere (clone-max={most})"
    return "no instance: none of them can run here; ask about one of them"


class _Places:
    """The nodes of a primitive."""

    def __init__(self, cluster: Cluster, trace: RecordingTrace, resource: Resource, choice: Choice | None) -> None:
        self.cluster = cluster
        self.resource = resource
        self.choice = choice
        self.changes = trace.changes.get(resource.id, {})
        self.home = current_node(resource)

    def score(self, node: Node) -> Score:
        """The score that decided; that of a node which is no candidate counts least."""
        found = self._score(node)
        return MINUS_INFINITY * 2 if found is None else found

    def _score(self, node: Node) -> Score | None:
        for each, score, _ in self.choice.ranked if self.choice is not None else ():
            if each is node:
                return score
        changes = self.changes.get(node.id)
        return changes[-1].after if changes else None

    def concerns(self, node: Node) -> bool:
        """Whether the node is worth a word: the guest node of a bundle is not, to what has nothing to do with it."""
        return not node.is_bundle_node or node.id in self.changes or node is self.resource.assigned

    def answer(self, node: Node) -> NodeAnswer:
        """One node."""
        influences = tuple(
            influence(self.cluster, self.resource, node, change) for change in _telling(self.changes.get(node.id, []))
        )
        influences += tuple(self._hidden_bans(node, influences))
        chosen = self.resource.assigned is node
        verdict = self._why_chosen(node) if chosen else self._why_not(node, influences)
        return NodeAnswer(
            node.name, _rendered(self._score(node)), chosen, why_unusable(node) is None, verdict, influences
        )

    def _hidden_bans(self, node: Node, known: Sequence[Influence]) -> list[Influence]:
        """Location constraints that forbid a node which something else forbids already: they would still do so."""
        found = []
        told = {each.constraint for each in known}
        resource: Resource | None = self.resource
        while resource is not None:
            for location in resource.locations:
                if location.id not in told and _bans(location, node) and not location.of_health:
                    told.add(location.id)
                    text = f"location {location.id} would forbid it as well"
                    found.append(Influence("location", "-INFINITY", text, location.id))
            resource = resource.parent
        return found

    def _why_not(self, node: Node, influences: Sequence[Influence]) -> str:
        unusable = why_unusable(node)
        if unusable is not None:
            return f"not possible: {unusable}"
        score = self._score(node)
        if score is None:
            return "not possible: nothing allows it here (symmetric-cluster is false, and no location names this node)"
        if score < 0:
            return f"not possible: {_banning(influences) or 'its score is negative'}"
        assigned = self.resource.assigned
        if assigned is None:
            return "possible, but it is decided that the resource does not run"
        if not self.resource.managed or self.choice is None:
            return f"it is left on {assigned.name}" if not self.resource.managed else "decided by what it belongs to"
        best = self.score(assigned)
        if score < best:
            return f"its score {scores.render(score)} is lower than {scores.render(best)} of {assigned.name}"
        return f"as good as {assigned.name}, but {self._tie(node, assigned)}"

    def _why_chosen(self, node: Node) -> str:
        if not self.resource.managed:
            return "it is left where it is: the resource is not managed"
        if self.choice is None:
            return "decided by what it belongs to"
        rivals = [
            (each, score) for each, score, _ in self.choice.ranked if each is not node and why_unusable(each) is None
        ]
        if not rivals or rivals[0][1] < 0:
            return "chosen: the only node where it can run"
        best, score = rivals[0]
        if score < self.score(node):
            return f"chosen: the highest score (next is {best.name} with {scores.render(score)})"
        if score > self.score(node):
            return "chosen: it is the node that was asked for"
        return f"chosen among equals: {self._tie(best, node)}"

    def _tie(self, loser: Node, winner: Node) -> str:
        """Why of two nodes with the same score one was taken."""
        assert self.choice is not None
        if self.choice.wished is winner:
            return (
                f"an instance stays on {winner.name} where it runs"
                if self.home is winner
                else f"{winner.name} was asked for"
            )
        if self.home is winner and winner is not self.choice.ranked[0][0]:
            return f"it runs on {winner.name} already"
        if self.cluster.settings.placement_strategy == "balanced" and compare_capacity(winner, loser):
            return f"{winner.name} had more free capacity"
        loads = {node.id: load for node, _, load in self.choice.ranked}
        if loads.get(winner.id) != loads.get(loser.id) and self.cluster.settings.placement_strategy != "minimal":
            return f"{winner.name} had {_resources(loads[winner.id])} and {loser.name} {loads[loser.id]}"
        if self.home is winner:
            return f"it runs on {winner.name} already"
        return f"{winner.name} comes first by name"


def _resources(count: int) -> str:
    return f"{count} resource{'' if count == 1 else 's'}"


def _bans(location: ResolvedLocation, node: Node) -> bool:
    return any(each is node and points <= MINUS_INFINITY for each, points in location.scores)


def _banning(influences: Sequence[Influence]) -> str:
    """What made the score negative: what forbids absolutely, else whatever counts against."""
    absolute = [each.text for each in influences if each.change == "-INFINITY"]
    against = [each.text for each in influences if each.change.startswith("-")]
    return "; ".join(absolute or against)


def _telling(changes: Sequence[ScoreChange]) -> list[ScoreChange]:
    """The changes that say something: not that the score starts at nothing."""
    return [change for change in changes if change.before is not None or change.after]


def _rendered(score: Score | None) -> str:
    return "none" if score is None else scores.render(score)
