"""Is this CIB one that we can take, and what in it is probably not meant? The answer is a list of reports.

    advice        what a valid CIB probably gets wrong
    grammar       what the schema allows in a place, read from the schema itself: for messages that people can act on
    option_kinds  the options that a cluster knows, by the set they stand in, each with the kind of value it takes
    properties    what each cluster option is for, and what counts while it is not set
    references    names in a CIB that must be unique, and names that must be somebody's
    refusals      why the schema refuses a CIB, said for its author

An ERROR refuses the CIB (what Pacemaker's schema refuses is refused here), a WARNING or NOTICE is told and the CIB is
taken: what Pacemaker accepts is accepted. Nothing here changes a document; see `crm.cib.upgrade` for older ones.
"""

from __future__ import annotations

from crm.cib.document import Document
from crm.cib.schema.advice import advise
from crm.cib.schema.grammar import schema
from crm.cib.schema.references import duplicate_ids
from crm.cib.schema.refusals import explain
from crm.model.report import Report, Severity

__all__ = ["errors", "validate"]


def validate(document: Document) -> list[Report]:
    """All findings about a CIB: errors of the schema with line and hint, then advice, in document order.

    With `validate-with="none"` the schema is not asked, as in Pacemaker.
    """
    found = _violations(document)
    return found if any(report.severity is Severity.ERROR for report in found) else found + advise(document)


def errors(document: Document) -> list[Report]:
    """Only what refuses the CIB."""
    return _violations(document)


def _violations(document: Document) -> list[Report]:
    root = document.root
    if root.get("validate-with") == "none":
        return []
    found = [] if schema().validate(root) else explain(root)
    return found + duplicate_ids(root)
