"""Waits until a change of a resource has had its effect, and says what came of it: the work of a task.

The cluster is done with a resource when its plan for the present CIB, which has the change, holds nothing more for it.
Whoever waits is told for what; what will not come by waiting ends the task at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Sequence
from dataclasses import replace

from crm.api.auth.permission import is_restricted, readable
from crm.api.middleware.problems import ProblemError
from crm.api.service import NodeService
from crm.api.tasks.node_tasks import Say, refuse_restless
from crm.api.views.answer_values import FailureValue
from crm.api.views.change_outcome import ChangeOutcome, Goal, SeenState, Wanted, is_reached, judge
from crm.api.views.cluster_view import ClusterView
from crm.cib import queries, restart_marks
from crm.cib.document import Document
from crm.cib.edits import objects
from crm.cib.errors import CibError
from crm.cib.objects.catalogue import RESOURCES
from crm.cib.redaction import without_secrets
from crm.cib.version import CibVersion
from crm.daemon.client_jobs import explanations
from crm.model.transition import ActionKind, GraphAction, Transition
from crm.policy_engine.picture.names import base_name

_POLL_S = 0.1
_CLOCKS_DIFFER_S = 5
_LAG_S = 2.0
_MOST_NAMED = 3
_DOING = {"start": "starts", "stop": "stops", "promote": "is promoted", "demote": "is demoted",
          "migrate_to": "moves away from", "migrate_from": "arrives", "monitor": "is looked at",
          "reload-agent": "reloads", "reload": "reloads"}


async def until_known(service: NodeService, version: CibVersion | None) -> None:
    """Until this node has that version of the configuration, for a moment: a change is acknowledged by a majority."""
    end = time.monotonic() + _LAG_S
    while not _has(service.cib(), version) and time.monotonic() < end:
        await asyncio.sleep(_POLL_S)


def _has(document: Document, version: CibVersion | None) -> bool:
    return version is None or document.version[:2] >= version[:2]


class Follower:
    """One wait. `parts` are the names of what the resource is made of, also of what is gone already; `version` is that
    of the change, without which nothing is judged.

    Raises ProblemError (no-such-resource).
    """

    def __init__(self, service: NodeService, wanted: Wanted, parts: Collection[str] = (),
                 version: CibVersion | None = None) -> None:
        self._service = service
        self._version = version
        self._wanted = wanted
        self._parts = frozenset(parts)
        self._begun = time.time()
        picture = self._picture()
        known = _has(service.cib(), version) or is_restricted(service)
        if known and wanted.goal is not Goal.GONE and not picture.all_named(wanted.resource):
            raise ProblemError("no-such-resource", f"The cluster has no resource {wanted.resource}",
                               "See which there are: crmctl status")
        self._before = {_key(each) for each in picture.failures()}
        self._failures: dict[object, FailureValue] = {}
        """Those since the change; the cluster forgets them with the history of a node that is fenced for one."""

    async def follow(self, say: Say) -> str:
        """What came of it, with the time that it took. Raises ProblemError (not-as-wanted) with the reason."""
        await self._until_done(say)
        outcome = await self._outcome()
        took = f"{outcome.message} (after {time.time() - self._begun:.1f} s)"
        if not outcome.ok:
            raise ProblemError("not-as-wanted", took, outcome.next_step)
        return took

    async def _until_done(self, say: Say) -> None:
        seen: Document | None = None
        own: list[GraphAction] = []
        left: list[GraphAction] = []
        while True:
            document = self._service.cib()
            if not _has(document, self._version):
                say("waits until this node has the change")
                await asyncio.sleep(_POLL_S)
                continue
            if document is not seen:
                left = _left(await self._service.plan(document))
                own = [each for each in left if self._is_own(document, each)]
                seen = document
                self._note_failures(self._picture())
                say("" if is_restricted(self._service) else _progress(own, left))
                self._check_fencing(left)
                if not own and is_reached(self._wanted, self._picture().whole_resource(self._wanted.resource)):
                    return
            if left:
                refuse_restless(self._service)
            idle = self._service.status().state in ("idle", "not-dc")
            if not left and idle and self._service.cib() is document:
                return
            await asyncio.sleep(_POLL_S)

    def _is_own(self, document: Document, action: GraphAction) -> bool:
        if action.resource is None:
            return False
        names = {action.resource.id, action.resource.long_id or "", base_name(action.resource.id)}
        return bool(names & (self._parts | _primitives(document, self._wanted.resource)))

    def _check_fencing(self, left: Sequence[GraphAction]) -> None:
        """Raise ProblemError if what is waited for is a fencing that has failed since."""
        awaited = {action.node for action in left if action.operation == "stonith"}
        for record in self._service.fencings():
            if record.target in awaited and record.state == "failed" and record.ended_at >= self._begun:
                why = f" ({record.reason.rstrip('.')})" if record.reason else ""
                hint = f"If it is off for sure: crmctl confirm {record.target}; see crmctl fence-history"
                raise ProblemError("not-as-wanted", f"{self._wanted.resource} waits until {record.target} is fenced, "
                                   f"which has failed{why}; the cluster tries again", hint)

    async def _outcome(self) -> ChangeOutcome:
        picture = self._picture()
        name = self._wanted.resource
        self._note_failures(picture)
        failures = list(self._failures.values())
        answer = await self._service.compute(explanations, picture.document, int(time.time()), name)
        outcome = judge(self._wanted,
                        SeenState(picture.whole_resource(name), failures, answer, _stopped_by(picture, name)))
        return self._with_quorum(outcome)

    def _note_failures(self, picture: ClusterView) -> None:
        names = picture.names_in(self._wanted.resource) | self._parts
        self._failures |= {_key(each): each for each in picture.failures()
                           if each.resource in names and self._is_new(each)}

    def _with_quorum(self, outcome: ChangeOutcome) -> ChangeOutcome:
        status = self._service.status()
        if outcome.ok or status.quorate or "quorum" in outcome.message:
            return outcome
        return replace(outcome, message=f"{outcome.message}; the cluster has no quorum")

    def _is_new(self, failure: FailureValue) -> bool:
        """Failures that were there before are of another change, unless they are as young as this one."""
        return _key(failure) not in self._before or (failure.at or 0) >= self._begun - _CLOCKS_DIFFER_S

    def _picture(self) -> ClusterView:
        return ClusterView.of(without_secrets(readable(self._service)), int(time.time()))


async def restart(service: NodeService, name: str, node: str | None, say: Say) -> str:
    """Restart a resource in its place; what came of it. Raises ProblemError, Refused.

    The wish stands in the CIB, so that it is carried out whatever becomes of this task; cancelling takes it back as far
    as it is not carried out.
    """
    from crm.api.tasks.node_tasks import change

    places = to_restart(ClusterView.of(service.cib(), int(time.time())), name, node)
    follower = Follower(service, Wanted(Goal.RESTARTED, name))
    keys = [(node_id, history) for node_id, history, _ in places]
    try:
        for _ in range(_TRIES):
            before = _last_results(service.cib(), keys)
            await change(service, lambda document: restart_marks.request(document, places))
            told = await follower.follow(say)
            if not _untouched(before, _last_results(service.cib(), keys)):
                return told
        raise ProblemError("not-as-wanted", f"{name} was not restarted: its nodes forgot that it was asked for",
                           f"Try again: crmctl resource restart {name}")
    finally:
        # Whoever gave up wants no restart any more; what is stopped already comes back all the same.
        await asyncio.shield(_take_back(service, keys))


async def _take_back(service: NodeService, keys: Collection[tuple[str, str]]) -> None:
    from crm.api.tasks.node_tasks import change

    still = {place for place, mark in restart_marks.marks(service.cib()).items() if restart_marks.is_to_stop(mark)}
    meant = [place for place in keys if place in still]
    if meant:
        await change(service, lambda document: restart_marks.withdraw(document, meant))


_TRIES = 3


def to_restart(picture: ClusterView, name: str, node: str | None = None) -> list[tuple[str, str, bool]]:
    """The histories of all that is active of a resource: ids of node and history, and whether it is promoted.

    Raises ProblemError (no-such-resource, not-running, unmanaged).
    """
    found = picture.all_named(name)
    if not found:
        raise CibError("no-such-resource", f"The cluster has no resource {name}", name, hint="See: crmctl status")
    primitives = [each for entry in found for each in entry.primitives()]
    active = [(each, at) for each in primitives for at in each.active_on if node in (None, at.name)]
    if not active:
        where = f" on {node}" if node else ""
        raise ProblemError("not-running", f"{name} does not run{where}", f"Start it: crmctl resource start {name}")
    held = next((each for each, _ in active if not each.managed), None)
    if held is not None:
        raise ProblemError("unmanaged", f"{held.id} is not managed at the moment, so it cannot be restarted",
                           f"See why: crmctl explain {name}")
    return [(at.id, _history_name(picture, each.history_id or each.id, at.name), each.role.name == "PROMOTED")
            for each, at in active]


def _history_name(picture: ClusterView, name: str, node: str) -> str:
    known = picture.cluster.histories.get(node, {})
    return name if name in known else base_name(name)


def _last_results(document: Document, places: Collection[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """What tells the last result of each of those histories from others."""
    found = {}
    for each in queries.operations(document.root):
        place = (each.node_id, each.resource)
        if place in places and each.id == f"{each.resource}_last_0":
            found[place] = f"{each.attributes.get('operation')} {each.attributes.get('transition-magic')}"
    return found


def _untouched(before: dict[tuple[str, str], str], now: dict[tuple[str, str], str]) -> bool:
    """Whether nothing was restarted at all: a node that joins anew tells its history without what others wished."""
    return bool(before) and all(now.get(place, "").removeprefix("monitor ") != now.get(place, "")
                                or now.get(place) == result for place, result in before.items())


def _left(transition: Transition) -> list[GraphAction]:
    return [each.action for each in transition.synapses if each.action.kind is not ActionKind.PSEUDO]


def _progress(own: Sequence[GraphAction], left: Sequence[GraphAction]) -> str:
    """What happens at the moment, in a line."""
    fenced = list(dict.fromkeys(str(each.node) for each in left if each.operation == "stonith"))
    if fenced:
        return f"waits until {', '.join(fenced)} is fenced"
    told = list(dict.fromkeys(_doing(each) for each in own if each.operation in _DOING))
    if told:
        more = f" and {len(told) - _MOST_NAMED} more" if len(told) > _MOST_NAMED else ""
        return ", ".join(told[:_MOST_NAMED]) + more
    if not left:
        return "the last results are on their way"
    return f"waits for {len(left)} other action{'' if len(left) == 1 else 's'} of the cluster"


def _doing(action: GraphAction) -> str:
    assert action.resource is not None
    return f"{action.resource.id} {_DOING[action.operation]} on {action.node}".replace("from on", "from")


def _primitives(document: Document, resource: str) -> set[str]:
    from crm.cib.queries import primitives_of

    return primitives_of(document, resource) | {resource}


def _stopped_by(picture: ClusterView, name: str) -> str | None:
    """The resource whose target-role stops all of it: itself, one around it, or (of a collective) one within it."""
    element = RESOURCES.find(picture.document, base_name(name))
    if element is None:
        return None  # It is not in the configuration any more.
    primitives = [str(each.get("id")) for each in element.iter("primitive")]
    told = [_told_to_stop(picture.document, each) for each in primitives]
    return told[0] if told and all(told) else None


def _told_to_stop(document: Document, primitive: str) -> str | None:
    if (objects.target_role(document, primitive) or "").lower() == "stopped":
        return primitive
    return objects.stopped_above(document, primitive)


def _key(failure: FailureValue) -> tuple[str, str, str, int | None]:
    return failure.resource, failure.operation, failure.node, failure.at
