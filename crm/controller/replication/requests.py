"""What clients ask for: changes and cleanups, forwarded to the leader and answered when their fate is known.

A change is refused without a DC, without quorum (unless `no-quorum-policy` is `ignore`), when it does not fit the CIB,
and when the configuration has moved on from the version that the client saw.
"""

from __future__ import annotations

from collections.abc import Callable, Set

from crm.cib.document import Document
from crm.cib.edits.cluster import with_nodes
from crm.cib.errors import CibError
from crm.cib.queries import cluster_option, configured_node_names
from crm.cib.stamp import stamp
from crm.cib.status_edits import cleanup
from crm.cib.status_updates import apply_updates
from crm.cib.token_lists import with_lists
from crm.cib.version import CibVersion, SeenVersion
from crm.controller.commands import RequestAnswered
from crm.controller.core import Core, configuration_version
from crm.controller.events import ChangeRequested, CleanupRequested, FencingRequested, ReadRequested
from crm.controller.fencing.coordinator import FencingCoordinator
from crm.controller.parts import Part
from crm.controller.protocol.messages import (
    ChangeForward,
    CleanHistory,
    CleanupForward,
    FenceForward,
    MembersForward,
    ReadForward,
    RequestAnswer,
)
from crm.controller.replication.idempotency import AppliedRequest, Requester
from crm.controller.replication.replication import Replication

TIMER = "requests"
WAIT_FOR_LEADER_S = 5.0
_FENCING = ("reboot", "off", "on", "confirm", "test")
LOOK_FIRST = "read the CIB and look before you repeat it; what has an Idempotency-Key can be repeated as it is"

Forward = ChangeForward | CleanupForward | FenceForward | ReadForward | MembersForward
"""What one of this node's clients asks for, on its way to the leader."""

Validate = Callable[[Document], None]
"""Raises CibError when the cluster cannot take that CIB."""


class Requests(Part):
    """Both ends: this node's clients, and the leader who decides."""

    def __init__(self, core: Core, replication: Replication, fencing: FencingCoordinator, validate: Validate,
                 want_plan: Callable[[str], None], try_at_once: Callable[[], None],
                 written_at: Callable[[float], str], changing_on: Callable[[str], Set[str]]) -> None:
        self._core = core
        self._replication = replication
        self._fencing = fencing
        self._validate = validate
        self._want_plan = want_plan
        self._try_at_once = try_at_once
        self._written_at = written_at
        self._changing_on = changing_on
        """Resources that an operation in flight on a node may change."""
        self._waiting: dict[str, Forward] = {}
        """No leader yet."""
        self._sent: dict[str, tuple[str, Forward]] = {}
        """Forwarded requests: to whom, and what."""

    # This node's clients

    def change_requested(self, event: ChangeRequested) -> None:
        """A client wants a change."""
        seen = event.if_seen
        self.forward(ChangeForward(event.request_id, event.change, seen.version if seen else None, event.origin,
                                   seen.term if seen else None))

    def cleanup_requested(self, event: CleanupRequested) -> None:
        """A client wants a cleanup."""
        self.forward(CleanupForward(event.request_id, event.resource, event.node, event.origin, event.everything))

    def fencing_requested(self, event: FencingRequested) -> None:
        """A client wants a node fenced."""
        self.forward(FenceForward(event.request_id, event.target, event.action, event.origin))

    def read_requested(self, event: ReadRequested) -> None:
        """A client wants to read what is at least as new as its question."""
        self.forward(ReadForward(event.request_id))

    def leader_known(self) -> None:
        """Somebody leads: send what waits. What went to another leader is open."""
        waiting, self._waiting = self._waiting, {}
        self._fail_sent(keep=self._core.dc)
        for request in waiting.values():
            self.forward(request)

    def view_changed(self) -> None:
        """With the leader gone whoever waits for an answer gets one: nobody knows."""
        if self._core.leadership is None:
            self._fail_sent(keep=None)

    def timer(self) -> None:
        """No leader was found in time."""
        core = self._core
        waiting, self._waiting = self._waiting, {}
        for request_id in waiting:
            hint = "see which nodes are down: crmctl status" if not core.view.quorate else "try again in a moment"
            core.emit(RequestAnswered(request_id, code="no-dc",
                                      message=f"The cluster has no DC at the moment ({core.me.name} "
                                      f"sees {', '.join(core.view.names)})", hint=hint))

    def answered(self, answer: RequestAnswer) -> None:
        """The leader's answer."""
        if self._sent.pop(answer.request_id, None) is not None:
            version = CibVersion(*answer.version) if answer.version else None
            self._core.emit(RequestAnswered(answer.request_id, version, answer.term, answer.code, answer.message,
                                            answer.hint,
                                            answer.count))

    def forward(self, request: Forward) -> None:
        """A client's wish is for the leader, as soon as there is one."""
        core = self._core
        if core.leadership is None:
            if not self._waiting:
                core.set_timer(TIMER, WAIT_FOR_LEADER_S)
            self._waiting[request.request_id] = request
            return
        self._sent[request.request_id] = (core.leadership.name, request)
        core.send(core.leadership.name, request)

    def _fail_sent(self, keep: str | None) -> None:
        for request_id, (leader, request) in list(self._sent.items()):
            if leader == keep:
                continue
            del self._sent[request_id]
            if isinstance(request, ReadForward):
                self._core.emit(RequestAnswered(request_id, code="not-ready",
                                                message=f"{leader} leads the cluster no more",
                                                hint="try again in a moment"))
                continue
            self._core.emit(RequestAnswered(
                request_id, code="outcome-unknown",
                message=f"{leader} led the cluster when the change was sent, and leads no more: the change was "
                        "made, or it was not",
                hint=LOOK_FIRST))

    # The leader

    def change(self, sender: str, request: ChangeForward) -> None:
        """Decide on a change."""
        core = self._core
        if self.done_before(sender, request):
            return
        try:
            document = self._changed(sender, request)
        except CibError as error:
            message = str(error) if not error.hint else str(error).removesuffix(f". {error.hint}")
            self._answer(sender, RequestAnswer(request.request_id, code=error.code, message=message, hint=error.hint))
            return
        term, before = core.hard_state.term, core.document
        version = document.version
        configuration = configuration_version(version) != configuration_version(before.version)

        def decided(problem: str) -> None:
            if problem:
                self._answer(sender, _unknown(request.request_id, problem))
                return
            self._answer(sender, RequestAnswer(request.request_id, version, term))
            if document is not before:
                self._want_plan("the configuration changed" if configuration else "the status was changed")

        receipt = self._receipt(request.origin, document.version)
        if configuration:
            self._replication.advance(document, decided, receipt)
        else:
            if document is not before or receipt is not None:
                self._replication.advance(document, receipt=receipt)
            decided("")

    def cleanup(self, sender: str, request: CleanupForward) -> None:
        """Forget failures, or whole histories; the next plan probes."""
        core = self._core
        if self.done_before(sender, request):
            return
        if not core.leading or core.leadership is None:
            message = f"{core.me.name} leads no more"
            self._answer(sender, RequestAnswer(request.request_id, code="no-dc", message=message))
            return
        if request.node is not None and request.node not in core.me.config.names:
            self._answer(sender, RequestAnswer(request.request_id, code="no-such-node",
                                               message=f"There is no node {request.node!r}",
                                               hint=f"Nodes: {', '.join(core.me.config.names)}"))
            return
        self._replication.flush()
        count = sum(self._clean(name, node_id, request.resource, request.everything)
                    for name, node_id in core.me.config.nodes if request.node in (None, name))
        self._replication.flush()
        self.done(request.origin, count)
        self._answer(sender, RequestAnswer(request.request_id, core.document.version, core.hard_state.term,
                                           count=count))
        self._try_at_once()
        self._want_plan("cleanup")

    def fence(self, sender: str, request: FenceForward) -> None:
        """Have a node fenced because a person wants it, or take the person's word that it is off."""
        core = self._core
        if self.done_before(sender, request):
            return
        refusal = self._no_fencing(request)
        if refusal is not None:
            self._answer(sender, refusal)
            return
        if request.action == "confirm":
            self._fencing.confirm(request.target, f"{sender} (a person)")
            self.done(request.origin)
            self._answer(sender, RequestAnswer(request.request_id, core.document.version, core.hard_state.term))
            self._want_plan(f"{request.target} is off, as a person confirms")
            return

        if request.action == "test":
            self._fencing.examine(request.target, lambda _ok, said: self._answer(
                sender, RequestAnswer(request.request_id, core.document.version, core.hard_state.term, message=said)))
            return

        def over(ok: bool, why: str) -> None:
            version = core.document.version
            if ok:
                self.done(request.origin)
            answer = RequestAnswer(request.request_id, version, core.hard_state.term) if ok else RequestAnswer(
                request.request_id, code="fencing-failed", message=f"{request.target} could not be fenced: {why}",
                hint="see which device can fence it: crmctl fence-coverage --test")
            self._answer(sender, answer)
            self._want_plan(f"fencing of {request.target} has ended")

        self._fencing.fence(request.target, request.action, over, origin=f"{sender} (a person)")

    def done_before(self, sender: str, request: ChangeForward | CleanupForward | FenceForward | MembersForward) -> bool:
        """Whether a request was carried out already, under its key: then that is the answer, once it is safe."""
        core, key = self._core, request.origin.key
        receipt = core.receipts.find(key.id, core.now) if key is not None and core.leading else None
        if receipt is None or key is None:
            return False
        if receipt.key != key:
            self._answer(sender, RequestAnswer(
                request.request_id, code="idempotency-key-in-use", message="The key belongs to another request",
                hint="Make up a new key for each write; repeat one only with the same request"))
            return True
        answer = RequestAnswer(request.request_id, receipt.version, receipt.term, count=receipt.count)
        self._replication.advance(core.document, lambda problem: self._answer(
            sender, _unknown(request.request_id, problem) if problem else answer))
        return True

    def done(self, origin: Requester, count: int = 0) -> None:
        """A request was carried out that is not one step of the CIB."""
        receipt = self._receipt(origin, self._core.document.version, count)
        if receipt is not None and self._core.leading:
            self._replication.receipted(receipt)

    def _receipt(self, origin: Requester, version: CibVersion, count: int = 0) -> AppliedRequest | None:
        """The receipt for a request, if it has a key."""
        core = self._core
        return None if origin.key is None else AppliedRequest(origin.key, version, core.hard_state.term, core.now,
                                                              count)

    def _no_fencing(self, request: FenceForward) -> RequestAnswer | None:
        """Why a wish to fence is refused."""
        core = self._core
        here = core.view.member(request.target) is not None
        if not core.leading or core.leadership is None:
            return RequestAnswer(request.request_id, code="no-dc", message=f"{core.me.name} leads no more",
                                 hint="try again in a moment")
        if request.action not in _FENCING:
            return RequestAnswer(request.request_id, code="bad-request",
                                 message=f"{request.action!r} is nothing that fencing does",
                                 hint=f"It does {', '.join(_FENCING)}")
        if request.target not in self._fenceable():
            message = f"There is no node {request.target!r}"
            return RequestAnswer(request.request_id, code="no-such-node", message=message,
                                 hint=f"Nodes: {', '.join(self._fenceable())}")
        if request.action == "confirm" and here:
            message = f"{request.target} is not off: it is a member of the cluster and answers"
            return RequestAnswer(request.request_id, code="node-is-here", message=message,
                                 hint=f"fence it: crmctl fence {request.target}")
        return None

    def _fenceable(self) -> list[str]:
        """Cluster nodes and the remote nodes of the configuration."""
        known = dict.fromkeys(name for name, _ in (*self._core.me.config.nodes, *self._core.me.config.gone))
        return list(known | dict.fromkeys(configured_node_names(self._core.document)))

    def _clean(self, node: str, node_id: str, resource: str | None, everything: bool) -> int:
        """Clean up one node; how many histories went."""
        core = self._core
        assert core.leadership is not None
        notes, forgotten = cleanup(core.document, node_id, resource, everything, self._changing_on(node))
        if notes:
            self._replication.note(*notes)
        for note in forgotten:
            core.send(node, CleanHistory(core.leadership.term, note.resource, note.entries))
        return len(forgotten)

    def _changed(self, sender: str, request: ChangeForward) -> Document:
        """The CIB after the change. Raises CibError with the reason of a refusal."""
        core = self._core
        if not core.leading or core.leadership is None:
            raise CibError("no-dc", f"{core.me.name} leads no more", hint="try again in a moment")
        self._replication.flush()
        if request.if_version is not None:
            seen = SeenVersion(CibVersion(*request.if_version), request.if_term)
            if not core.is_present(seen):
                raise CibError("stale-version", f"The configuration has moved on: you saw version {seen}, it is "
                               f"{core.seen} now", hint="read it again and repeat the change on that")
        # Who gives a whole CIB need not know who leads and whether there is quorum: that stays as it is.
        told = stamp(self._written_at(core.now), sender, request.origin.client, request.origin.user)
        document = apply_updates(with_lists(core.document, request.change, core.now, told), [core.root_note()])
        schema_changed = document.root.get("validate-with") != core.document.root.get("validate-with")
        if schema_changed or configuration_version(document.version) != configuration_version(core.document.version):
            self._check_quorum()
            document = with_nodes(document, core.me.config.voting, {node_id for _, node_id in core.me.config.gone})
            self._validate(document)
        return document

    def _check_quorum(self) -> None:
        core = self._core
        assert core.leadership is not None
        if not core.may_commit and not core.both_halves_quorate:
            without = sorted(set(core.me.config.names) - core.term_persisted_by)
            raise CibError("not-ready",
                           f"The configuration cannot be changed: {core.disks_needed} disks must take what is "
                           f"written, and those of {', '.join(without)} do not, or are not here",
                           hint="make room on them; what runs is looked after all the same")
        if not core.may_commit:
            missing = sorted(set(core.me.config.names) - set(core.view.names))
            raise CibError("not-ready", f"{', '.join(missing)} is lost and not known to be off yet: as long as it may "
                           "lead the cluster too, the configuration cannot be changed",
                           hint="try again when it is fenced; or make sure that it is off, and: "
                           f"crmctl confirm {missing[0] if missing else ''}")
        if core.leadership.caretaker and cluster_option(core.document, "no-quorum-policy") != "ignore":
            missing = sorted(set(core.me.config.names) - set(core.view.names))
            raise CibError("no-quorum", f"Without quorum the configuration cannot be changed: only "
                           f"{', '.join(core.view.names)} of {len(core.me.config.names)} nodes are here",
                           hint=f"bring back one of {', '.join(missing)}")

    def _answer(self, to: str, answer: RequestAnswer) -> None:
        self._core.send(to, answer)


def _unknown(request_id: str, problem: str) -> RequestAnswer:
    return RequestAnswer(request_id, code="outcome-unknown", hint=LOOK_FIRST,
                         message=f"Nobody knows whether the change will last: {problem}")
