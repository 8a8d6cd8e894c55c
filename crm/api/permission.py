"""What whoever asks (`crm.api.doors`) may see and change: the CIB's access control lists, applied to one request.

Checked on the answering node, before a change goes to the DC.
"""

from __future__ import annotations

from crm.api.doors import principal
from crm.api.service import Service
from crm.cib.access import Acl
from crm.cib.document import Document
from crm.cib.errors import CibError


def readable(service: Service) -> Document:
    """The present CIB without what the asking user may not read: the very same document for those who may read all."""
    document = service.cib()
    acl = _acl(document)
    return document if acl is None else acl.readable(document)


def check_change(before: Document, after: Document) -> None:
    """Raise CibError (permission-denied) unless the asking user may turn the one document into the other."""
    acl = _acl(before)
    if acl is not None and after is not before:
        acl.check_change(before, after)


def check_status_change(service: Service, what: str) -> None:
    """Raise CibError (permission-denied) unless the asking user may change the recorded state; `what` that is for."""
    document = service.cib()
    acl = _acl(document)
    status = document.root.find("status")
    if acl is not None and (status is None or not acl.may_write(status)):
        hint = "Ask for a write permission on the status"
        raise CibError("permission-denied", f"{acl.user} may not {what}", hint=hint)


def check_cleanup(service: Service) -> None:
    """Raise CibError (permission-denied) unless the asking user may have failures forgotten."""
    check_status_change(service, "clean up")


def _acl(document: Document) -> Acl | None:
    asking = principal()
    return Acl.of(document, asking.user, asking.groups)
