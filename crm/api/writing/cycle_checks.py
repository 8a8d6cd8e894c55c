"""Looks for constraints and fencing levels that cannot work before they are written.

Circles, contradictions, devices that are not there.

Only what a change brings with it counts: who has an old circle may change all the rest. Pacemaker accepts all of these,
so XML that somebody wrote is only warned about; an object that would never work is refused, unless `force` is given.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import replace

from crm.api.middleware.problems import unsuitable
from crm.cib.document import Document
from crm.cib.queries import constraint_texts
from crm.cib.reading.cib_reader import read
from crm.cib.schema.references import dangling
from crm.model.report import Report, Severity
from crm.policy_engine.constraints.cross_constraint_cycles import cross_constraint_cycles

_REFUSED = ("ordering-circle", "colocation-with-itself", "colocation-contradiction", "unknown-device")
_SECTIONS = ("resources", "constraints", "tags", "fencing-topology")


async def refuse_entangled(present: Document, after: Document) -> Sequence[Report]:
    """What of the change can never work, as ProblemError (unsuitable); what is doubtful about it."""
    found = await asyncio.to_thread(_brought, present, after)
    wrong = [replace(each, severity=Severity.ERROR) for each in found if each.code in _REFUSED]
    if wrong:
        raise unsuitable(wrong)
    return found


async def tell_entangled(present: Document, after: Document) -> Sequence[Report]:
    """The same as warnings."""
    found = await asyncio.to_thread(_brought, present, after)
    return [replace(each, severity=Severity.WARNING) for each in found]


def _brought(present: Document, after: Document) -> list[Report]:
    """What is in the new CIB and was not in the old one."""
    if not _touched(present, after):
        return []
    now = int(time.time())
    before = {_identity(each) for each in _all(present, now)}
    new = constraint_texts(after) - constraint_texts(present)
    return [_trimmed(_of_the_change(each, {name for name, _ in new})) for each in _all(after, now)
            if _identity(each) not in before]


def _of_the_change(report: Report, written: set[str]) -> Report:
    """A circle is told of the constraint that closes it, not of one that was there before."""
    closing = written & set(re.findall(r"[\w.-]+", report.message))
    return report if report.where in written or not closing else replace(report, where=min(closing))


def _touched(present: Document, after: Document) -> bool:
    changes = after.changes_since(present)
    if changes is None:
        return True
    paths = [change.get("path", "") for change in changes]
    return any(path == "/cib/configuration" or any(section in path for section in _SECTIONS) for path in paths)


def _all(document: Document, now: int) -> list[Report]:
    devices = [each for each in dangling(document) if each.code == "unknown-device"]
    return [*cross_constraint_cycles(read(document.root), now), *devices]


def _identity(report: Report) -> tuple[str, str, str]:
    return report.code, report.where, report.message


def _trimmed(report: Report) -> Report:
    """Sentences end where they are printed."""
    return replace(report, message=report.message.rstrip("."), hint=report.hint.rstrip("."))
