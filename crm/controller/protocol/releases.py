"""Nodes of different releases in one cluster: who may join, and from when on newer features may be used.

Every node says in its greeting what it understands. The leader refuses who is too old or too different (the rule is in
`crm.model.release`), and writes the cluster's feature set: it is the lowest among the nodes of the cluster, and it only
ever rises. A node that is away counts by what it had when it was last here: so an upgrade node by node can be taken
back, and a node that was only cut off can come back, until the last one is upgraded (Pacemaker counts only who is
here). A node that was not seen since the cluster started does not count.

What the messages themselves need to live with newer and older ones: see `crm.controller.protocol.messages`.
"""

from __future__ import annotations

from collections.abc import Iterable

from crm.cib.document import Document
from crm.cib.errors import CibError
from crm.cib.queries import recorded_nodes
from crm.cib.status_updates import RootUpdate, StatusUpdate, TransientAttributeUpdate
from crm.controller.core import Core
from crm.controller.replication.replication import Replication
from crm.model.release import UNTOLD, Objection, Release, numbers, objection, schema_numbers

NODE_ATTRIBUTE = "#feature-set"
"""A transient attribute, as Pacemaker's tools read it."""
RECORDED = "crm_feature_set"
"""The attribute of `node_state` that outlives the node's presence."""


class Releases:
    """What is known of every node's release."""

    def __init__(self, core: Core, replication: Replication) -> None:
        self._core = core
        self._replication = replication
        self._told: dict[str, Release] = {}

    def own_objection(self) -> Objection | None:
        """Why this node cannot even start: its own CIB is of a newer release."""
        root = self._core.document.root
        return objection(self._core.release, str(root.get("crm_feature_set") or self._core.release.feature_set),
                         root.get("validate-with"))

    def told(self, node: str, release: Release) -> None:
        """A member's greeting says what it understands."""
        self._told[node] = release

    def objection(self, node: str) -> Objection | None:
        """Why that member cannot join."""
        core = self._core
        return objection(self._of(node), core.feature_set, core.document.root.get("validate-with"))

    def first(self, members: Iterable[str]) -> list[StatusUpdate]:
        """A cluster that is new has the feature set of its oldest node."""
        if self._core.document.root.get("crm_feature_set"):
            return []
        return [RootUpdate({"crm_feature_set": self._lowest(members)})]

    def of_joined(self, node: str, node_id: str) -> tuple[dict[str, str], TransientAttributeUpdate]:
        """What is recorded of a node that joins: attributes of its state, and the one that tools read."""
        feature_set = self._of(node).feature_set
        return {RECORDED: feature_set}, TransientAttributeUpdate(node_id, NODE_ATTRIBUTE, feature_set)

    def all_here(self, members: Iterable[str]) -> None:
        """Everybody who is here has joined: perhaps the cluster's feature set can rise."""
        core = self._core
        if core.leadership is None or core.leadership.caretaker:
            return
        self._replication.flush()
        lowest = min([self._lowest(members), *self._of_absent()], key=numbers)
        if numbers(lowest) > numbers(core.feature_set):
            core.log("notice", f"all nodes understand feature set {lowest}: the cluster's was {core.feature_set}")
            self._replication.note(RootUpdate({"crm_feature_set": lowest}))

    def check_schema(self, document: Document) -> None:
        """Refuse a CIB of a schema that a member does not know. Raises CibError."""
        core = self._core
        wanted = document.root.get("validate-with")
        for name in core.view.names:
            known = self._of(name).schema
            if schema_numbers(wanted) > schema_numbers(known):
                what = f"The CIB is written for {wanted}, and {name} knows CIBs up to {known}"
                raise CibError("schema-too-new", what, "/cib/@validate-with",
                               hint=f"upgrade crmd on {name} first, or say validate-with=\"{known}\"")

    def _of(self, node: str) -> Release:
        return self._core.release if node == self._core.me.name else self._told.get(node, UNTOLD)

    def _lowest(self, members: Iterable[str]) -> str:
        return min((self._of(name).feature_set for name in members), key=numbers)

    def _of_absent(self) -> list[str]:
        """Feature sets of nodes that are away, as far as they are remembered."""
        core, states = self._core, recorded_nodes(self._core.document)
        recorded = [states.get(node_id, {}).get(RECORDED) for name, node_id in core.me.config.nodes
                    if core.view.member(name) is None]
        return [feature_set for feature_set in recorded if feature_set]
