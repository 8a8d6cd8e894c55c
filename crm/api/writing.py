"""How every write goes: tried on the present CIB first, refused with reasons, planned only (dry run) or committed."""

from __future__ import annotations

from fastapi import Response

from crm.api import permission
from crm.api.problems import ProblemError
from crm.api.service import Service
from crm.api.values import CommittedValue, PlanValue, UnchangedValue
from crm.cib import schema
from crm.cib.changes import Change
from crm.cib.document import Document
from crm.cib.version import Version
from crm.model.report import Report, Severity

Written = CommittedValue | PlanValue | UnchangedValue


async def write(
    service: Service, change: Change | None, response: Response, *, if_version: Version | None = None, dry_run: bool
) -> Written:
    """Commit a change, or answer with the plan that it would lead to. None stands for a change of nothing.

    Raises ProblemError (stale-version, invalid-cib), CibError, Refused.
    """
    present = service.cib()
    _check_version(present, if_version)
    after = present if change is None else present.apply(change)
    permission.check_change(present, after)
    if after is present and not dry_run:
        set_version(response, present.version)
        return UnchangedValue(version=str(present.version), term=service.status().term)
    reports = _checked(after)
    if dry_run:
        return PlanValue.of(await service.plan(after), reports)
    assert change is not None, "no change leaves the document as it is"
    committed = await service.change(change, if_version=if_version)
    set_version(response, committed.version)
    return CommittedValue.of(committed, reports)


def etag(version: Version) -> str:
    return f'"{version}"'


def set_version(response: Response, version: Version) -> None:
    response.headers["ETag"] = etag(version)


def wanted_version(if_match: str | None) -> Version | None:
    """The version that a request insists on; `*` insists on none."""
    if if_match is None or if_match.strip() == "*":
        return None
    return Version.parse(if_match.strip().removeprefix("W/"))


def _check_version(present: Document, wanted: Version | None) -> None:
    # As the DC sees it: what the cluster itself wrote into the status since then does not make a person's view stale.
    if wanted is not None and wanted[:2] != present.version[:2]:
        raise ProblemError(
            "stale-version",
            f"The CIB has version {present.version}, the request is for {wanted}",
            "Read the CIB again, make the change in it, and send that",
            current_version=str(present.version),
        )


def _checked(document: Document) -> list[Report]:
    reports = schema.validate(document)
    wrong = [report for report in reports if report.severity is Severity.ERROR]
    if wrong:
        first = wrong[0]
        line = f" (line {first.line})" if first.line else ""
        raise ProblemError("invalid-cib", f"{first.where}{line}: {first.message}", first.hint, reports=wrong)
    return reports
