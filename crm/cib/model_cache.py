"""What reading a CIB has found, kept for the next one: what no change has touched need not be read again.

Most steps of a CIB are a result or two on one node, while a plan wants all of it. Apart from the reader, which knows
nothing of changes, and from the documents, which know nothing of the model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from crm.cib import paths
from crm.cib.parsing import Element
from crm.cib.paths import Step
from crm.model.cib import Cib
from crm.model.history import NodeState

_STATUS: Step = ("status", None)


@dataclass(frozen=True, slots=True)
class ModelCache:
    """A CIB without its status (`reports` are those on the configuration), and what is recorded of nodes by id."""

    configuration: Cib | None = None
    node_states: Mapping[str, NodeState] = field(default_factory=dict)

    def after(self, changes: Iterable[Element]) -> ModelCache:
        """What still holds after these changes (patch format)."""
        if self.configuration is None:
            return self
        touched: set[str | None] = set()
        for change in changes:
            path = paths.parse(change.get("path", ""))
            if path[1:2] == (_STATUS,) and len(path) > 2:
                touched.add(path[2][1])
            elif not _is_harmless(change, len(path), path[1:2] == (_STATUS,)):
                return NOTHING
        kept = {node_id: state for node_id, state in self.node_states.items() if node_id not in touched}
        return ModelCache(self.configuration, kept)


def _is_harmless(change: Element, depth: int, is_status: bool) -> bool:
    """Whether a change touches nothing that is kept: attributes of the root, or a new child of the status section."""
    operation = change.get("operation")
    return (depth == 1 and operation == "modify") or (is_status and operation in ("create", "modify"))


NOTHING = ModelCache()
