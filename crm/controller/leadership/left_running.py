"""Without fencing: what a lost node was not managing is not assumed to have been stopped.

Neither the node nor its keeper stops what is unmanaged or in maintenance (`crm.keeper`), whatever becomes of its lease;
and a node that leaves in order leaves that running, too. So the history of it stays, marked, and the planner starts it
nowhere else until the node is back or a person says that it is off. The mark stands in the status: neither the next
leader nor an end of the maintenance takes it back.

The node may have had an older configuration than this one when it was lost, and its keeper may know of that one only:
for a while, what was left alone counts as left alone still.
"""

from __future__ import annotations

from crm.cib.document import Document
from crm.cib.queries import recorded_resources, values_of
from crm.cib.status_edits import may_run_on
from crm.cib.status_updates import LeftRunningUpdate, StatusUpdate, left_running
from crm.controller.core import Core
from crm.model.report import Report, Severity
from crm.policy_engine.picture.managed import unmanaged

LATE_S = 10.0
"""For so long after a change the keeper of a node that was lost meanwhile may go by the configuration before it."""
_TELLING = ("maintenance", "is-managed", "maintenance-mode")


class LeftRunning:
    """What lost nodes have left running, as the status has it, and what a node would leave."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._seen: Document | None = None
        self._read: tuple[Document, dict[str, list[str]]] | None = None
        self._former: list[tuple[float, Document]] = []
        """Configurations that are over, each with the time until when a keeper may go by it."""

    def look(self) -> None:
        """After each event: note a configuration that is over. For whoever leads next as well."""
        core, seen = self._core, self._seen
        if core.document is seen:
            return
        self._seen = core.document
        if seen is not None and seen.version[:2] != core.document.version[:2] and _leaves_something(seen):
            self._former = [each for each in self._former if each[0] > core.now]
            self._former.append((core.now + LATE_S, seen))

    def of(self, name: str, known: bool = False) -> list[StatusUpdate]:
        """The marks for a node that is gone; `known`: those that it has already, as it has been gone for a while."""
        node_id = self._core.me.config.id_of(name)
        left = frozenset(self._marks().get(node_id, ())) if known else self._left_by(name)
        return [LeftRunningUpdate(node_id, left)] if left else []

    def reports(self) -> tuple[Report, ...]:
        """What people should know: what may still run on nodes that are not here."""
        core = self._core
        found = ((core.me.config.name_of(node_id) or node_id, names) for node_id, names in self._marks().items())
        return tuple(Report(
            Severity.WARNING, "left-running", name,
            f"{name} was not managing {', '.join(names)} when it was lost or left: it may still run there, and nothing "
            f"starts it elsewhere", f"Start crmd on {name} again; or make sure that {name} is off, and say so: "
            f"crmctl confirm {name}") for name, names in found if core.view.member(name) is None)

    def _marks(self) -> dict[str, list[str]]:
        """What the status says, read once for each CIB: every answer to a client asks."""
        document = self._core.document
        if self._read is None or self._read[0] is not document:
            self._read = document, left_running(document)
        return self._read[1]

    def may_leave_something(self, name: str) -> bool:
        """Whether a node leaves anything alone that it happens to run, as things are or were a moment ago."""
        return any(self._unmanaged(document, name) for document in self._telling())

    def _telling(self) -> list[Document]:
        core = self._core
        documents = [core.document, *(document for until, document in self._former if until > core.now)]
        return [document for document in documents if _leaves_something(document)]

    def _left_by(self, name: str) -> frozenset[str]:
        core = self._core
        node_id = core.me.config.id_of(name)
        telling = self._telling()
        active = may_run_on(core.document, node_id) if telling else frozenset()
        if not active:
            return frozenset()
        return active & frozenset().union(*(self._unmanaged(document, name) for document in telling))

    def _unmanaged(self, document: Document, name: str) -> frozenset[str]:
        core = self._core
        try:
            return unmanaged(document.model(), int(core.now), name)
        except Exception as error:  # A CIB that cannot be planned is an outcome, here as well.
            core.log("error", f"nobody can say what {name} was not managing: {error!r}")
            return frozenset(recorded_resources(core.document, core.me.config.id_of(name)))


def _leaves_something(document: Document) -> bool:
    """Whether anything may be unmanaged by that CIB, by its words alone."""
    return bool(values_of(document, *_TELLING))
