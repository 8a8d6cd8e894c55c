"""How every write goes: tried on the present CIB first, refused with reasons, planned only (dry run) or committed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from fastapi import Response

from crm.api.auth import permission
from crm.api.auth.requester import done_before, origin
from crm.api.middleware.problems import ProblemError
from crm.api.queries.bounded_xpath import with_paths
from crm.api.queries.off_loop import beside
from crm.api.service import AppliedRequest, NodeService, RequestRefused
from crm.api.views.answer_values import CommittedValue, UnchangedValue
from crm.api.views.plan_values import PlanValue, planned
from crm.cib import paths, schema, token_lists
from crm.cib.acl_changes import as_change, carried_over
from crm.cib.changes import Batch, Change, size_bytes
from crm.cib.document import Document
from crm.cib.queries import cluster_option
from crm.cib.version import CibVersion, SeenVersion
from crm.model.report import Report, Severity

Written = CommittedValue | PlanValue | UnchangedValue
Check = Callable[[Document, Document], Awaitable[Sequence[Report]]]
"""Looks at a permitted, valid change (the CIB before and after) before it is written or planned. Its reports are told
with the answer; it raises ProblemError to refuse.
"""

_TRIES = 5
_PAUSE_S = 0.1
_LARGE_BYTES = 64 * 1024


async def write_made(
    service: NodeService,
    make: Callable[[Document], Change | None],
    response: Response,
    *,
    if_match: str | None = None,
    dry_run: bool,
    reports: Sequence[Report] = (),
    by_hand: bool = False,
    check: Check | None = None,
) -> Written:
    """Write a change that is made from the present CIB, as far as the asking user may read it; if that moves on
    meanwhile, the change is made anew.

    With `if_match` it is made from that version or not at all. `reports` are told with the answer. `check` looks at
    each attempt before it is written. A request that was carried out before is answered again, and nothing is made.
    """
    permission.check_may_change(service)
    wanted = wanted_version(if_match)
    await _catch_up(service, wanted)
    done = await done_before(service)
    if done is not None:
        return _done(done, response)
    for left in reversed(range(_TRIES)):
        present = service.cib()
        seen = wanted or SeenVersion(present.version, service.status().cib_term)
        try:
            change = make(permission.visible(service, present))
            return await _write(service, change, response, seen, dry_run, reports, by_hand, check)
        except RequestRefused as error:
            if error.code != "stale-version" or wanted is not None or not left:
                raise
            await asyncio.sleep(_PAUSE_S)
    raise AssertionError("the last try returns or raises")


async def write(
    service: NodeService,
    change: Change | None,
    response: Response,
    *,
    if_seen: SeenVersion | None = None,
    dry_run: bool,
    reports: Sequence[Report] = (),
    by_hand: bool = False,
    check: Check | None = None,
) -> Written:
    """Commit a change, or answer with the plan that it would lead to. None stands for a change of nothing.

    `by_hand`: somebody wrote the XML, so what the cluster alone may write is looked after. A request that was carried
    out before is answered again. Raises ProblemError (stale-version, invalid-cib, status-read-only), CibError,
    Refused.
    """
    permission.check_may_change(service)
    await _catch_up(service, if_seen)
    done = await done_before(service)
    if done is not None:
        return _done(done, response)
    if permission.sees_all(service):
        return await _write(service, change, response, if_seen, dry_run, reports, by_hand, check)
    wanted = None if if_seen is None else str(if_seen)
    return await write_made(service, lambda _: change, response, if_match=wanted, dry_run=dry_run, reports=reports,
                            by_hand=by_hand, check=check)


async def _write(service: NodeService, change: Change | None, response: Response, if_seen: SeenVersion | None,
                 dry_run: bool, reports: Sequence[Report], by_hand: bool = False, check: Check | None = None
                 ) -> Written:
    present = service.cib()
    _check_version(service, present, if_seen)
    change, after = await _applied(service, present, change)
    change, after = await _with_token_lists(present, change, after)
    permission.check_change(present, after)
    if by_hand:
        _check_status(service, present, after)
    if after is present and not dry_run:
        await _check_present(service, present)
        set_version(response, seen_of(service, present))
        return UnchangedValue(version=str(present.version), term=service.status().term)
    found = [*reports, *await beside(checked, after)]
    if check is not None and after is not present:
        found = list(dict.fromkeys([*found, *await check(present, after)]))
    if dry_run:
        return await planned(service, present, after, int(time.time()), found)
    assert change is not None, "no change leaves the document as it is"
    committed = await service.change(change, if_seen=if_seen, origin=origin())
    set_version(response, SeenVersion(committed.version, committed.term))
    return CommittedValue.of(committed, found)


async def _applied(service: NodeService, present: Document, change: Change | None) -> tuple[Change | None, Document]:
    """What is to be sent to the DC, and the CIB after it.

    A change is made in what the asking user may read, and carried over from there: nothing of it is held against what
    they may not read.
    """
    if change is None:
        return None, present
    seen = permission.visible(service, present)
    change = await with_paths(seen, change)
    if seen is present:
        return change, await _made(present.apply, change)
    after = carried_over(present, seen, await _made(seen.apply, change))
    return (change if after is present else as_change(present, after)), after


async def _with_token_lists(present: Document, change: Change | None, after: Document
                            ) -> tuple[Change | None, Document]:
    """The same change, but no token that was taken back is good again by it (see `crm.cib.token_lists`)."""
    keep = token_lists.what_brings_back(present, after, time.time())
    if change is None or not keep:
        return change, after
    whole = Batch((change, *keep))
    return whole, await _made(present.apply, whole)


async def _made(apply: Callable[[Change], Document], change: Change) -> Document:
    """A change of large texts is made beside the event loop."""
    return await beside(apply, change) if size_bytes(change) > _LARGE_BYTES else apply(change)


async def _check_present(service: NodeService, present: Document) -> None:
    """Raise Refused if that is only what this node knows, and not the cluster's configuration."""
    await _as_far_as_can_be_known(service)
    if service.cib().version[:2] != present.version[:2]:
        raise RequestRefused("stale-version", f"The configuration moved on from {present.version} meanwhile",
                             "read it again and repeat the change on that")


async def _catch_up(service: NodeService, wanted: SeenVersion | None) -> None:
    """Before a request is called stale: it may be this node that is, and the request may be one that was done."""
    if wanted is not None and wanted.version[:2] != service.cib().version[:2]:
        await _as_far_as_can_be_known(service)


async def _as_far_as_can_be_known(service: NodeService) -> None:
    """Have this node catch up with the DC. Raises Refused.

    Without quorum nobody can say what the cluster's configuration is: a part of it that has a majority may have changed
    it, or done this very request. Only a part that is to go on without quorum goes by what it has.
    """
    try:
        await service.consistent()
    except RequestRefused as error:
        ignored = cluster_option(service.cib(), "no-quorum-policy") == "ignore"
        if error.code != "no-quorum" or not ignored:
            raise _cannot_be_changed(service, error) from None


def _cannot_be_changed(service: NodeService, error: RequestRefused) -> RequestRefused:
    """The refusal of a read, in the words of who wanted to change something."""
    if error.code != "no-quorum":
        return RequestRefused(error.code, error.message, "try again in a moment; see who is here: crmctl status")
    members = service.status().members
    here = ", ".join(each.name for each in members if each.present)
    missing = ", ".join(each.name for each in members if not each.present)
    return RequestRefused(error.code,
                          f"Without quorum the configuration cannot be changed: only {here} of {len(members)} "
                   "nodes are here", f"bring back one of {missing}" if missing else "see who is here: crmctl status")


def _check_status(service: NodeService, present: Document, after: Document) -> None:
    """Raise ProblemError (status-read-only) if what the nodes have reported was changed.

    A node whose state is taken away counts as lost, and is fenced. Tickets are people's to grant, and nodes that are
    not here may be forgotten.
    """
    here = {member.id for member in service.status().members if member.present}
    for change in after.changes_since(present) or ():
        path = paths.parse(change.get("path", ""))
        if change.get("operation") == "create" and len(change):
            path = (*path, (str(change[0].tag), change[0].get("id")))
        if len(path) < 2 or path[1][0] != "status" or (len(path) > 2 and path[2][0] == "tickets"):
            continue
        forgotten = change.get("operation") == "delete" and len(path) == 3 and path[2][0] == "node_state"
        if not forgotten or path[2][1] in here:
            hint = ("Forget failures with: crmctl cleanup; set what lasts until the next start with: crmctl node "
                    "attribute, or attrd_updater")
            raise ProblemError("status-read-only", "The status of nodes that are here is written by the cluster "
                               "alone: what is changed in it would be taken for what has happened", hint)


def _done(receipt: AppliedRequest, response: Response) -> CommittedValue:
    version = CibVersion(*receipt.version)
    set_version(response, SeenVersion(version, receipt.term))
    return CommittedValue(version=str(version), term=receipt.term)


def etag(seen: SeenVersion) -> str:
    return f'"{seen}"'


def seen_of(service: NodeService, document: Document) -> SeenVersion:
    """The state that a reader of this node's CIB sees."""
    return SeenVersion(document.version, service.status().cib_term)


def set_version(response: Response, seen: SeenVersion) -> None:
    response.headers["ETag"] = etag(seen)


def wanted_version(if_match: str | None) -> SeenVersion | None:
    """The state that a request insists on, its term too where it names one; `*` insists on none."""
    if if_match is None or if_match.strip() == "*":
        return None
    return SeenVersion.parse(if_match.strip().removeprefix("W/"))


def _check_version(service: NodeService, present: Document, wanted: SeenVersion | None) -> None:
    # As the DC sees it: what the cluster itself wrote into the status since then does not make a person's view stale.
    # Whether the term fits is for the DC alone, which knows what it has taken over.
    if wanted is not None and wanted.version[:2] != present.version[:2]:
        raise ProblemError(
            "stale-version",
            f"The CIB has version {seen_of(service, present)}, the request is for {wanted}",
            "Read the CIB again, make the change in it, and send that",
            current_version=str(present.version),
        )


def checked(document: Document) -> list[Report]:
    """The findings about a CIB. Raises ProblemError (invalid-cib) if it cannot be taken."""
    reports = schema.validate(document)
    wrong = [report for report in reports if report.severity is Severity.ERROR]
    if wrong:
        first = wrong[0]
        line = f" (line {first.line})" if first.line else ""
        raise ProblemError("invalid-cib", f"{first.where}{line}: {first.message}", first.hint, reports=wrong)
    return reports
