"""What whoever asks (`crm.api.auth.authentication`) may see and change: the CIB's access control lists, applied to one
request.

Checked on the answering node, before a change goes to the DC.
"""

from __future__ import annotations

from crm.api.auth.authentication import principal
from crm.api.service import NodeService
from crm.cib.access import UNRESTRICTED_USERS, Acl
from crm.cib.document import Document
from crm.cib.errors import CibError
from crm.cib.queries import status_section
from crm.cib.redaction import redacted_again, without_secrets


def readable(service: NodeService) -> Document:
    """The present CIB without what the asking user may not read: the very same document for those who may read all."""
    return visible(service, service.cib())


def visible(service: NodeService, document: Document) -> Document:
    """The same of another CIB, such as an earlier one: the lists of the present one count, whatever its own say.

    Those who are not administrators see no secrets.
    """
    acl = _acl(service.cib())
    if not sees_secrets(service):
        document = without_secrets(document)
    return document if acl is None else acl.readable(document)


def is_restricted(service: NodeService) -> bool:
    """Whether access control lists stand between the asking user and some of the CIB."""
    return _acl(service.cib()) is not None


def sees_all(service: NodeService) -> bool:
    """Whether nothing of the CIB is kept from the asking user."""
    return visible(service, service.cib()) is service.cib()


def sees_secrets(service: NodeService) -> bool:
    """Whether the asking user is an administrator: root, or a member of the admin group whom no lists restrict."""
    asking = principal()
    return asking.user in UNRESTRICTED_USERS or (asking.is_admin and not is_restricted(service))


def check_administrator(service: NodeService, what: str) -> None:
    """Raise CibError (permission-denied) unless the asking user is an administrator; `what` that is for."""
    if not sees_secrets(service):
        raise CibError("permission-denied", f"{principal().user} may not {what}", hint="Ask root")


def check_may_change(service: NodeService) -> None:
    """Raise CibError (permission-denied) if the lists let the asking user change nothing at all: asked before a body is
    looked at.
    """
    acl = _acl(service.cib())
    if acl is not None and not acl.may_write_something:
        raise CibError("permission-denied", f"{acl.user} may not change anything of the configuration",
                       hint="Ask for a write permission")


def check_change(before: Document, after: Document) -> None:
    """Raise CibError (permission-denied) unless the asking user may turn the one document into the other."""
    acl = _acl(before)
    if acl is not None and after is not before:
        acl.check_change(before, after)
    _check_secrets_are_meant(before, after)


def _check_secrets_are_meant(before: Document, after: Document) -> None:
    """Whoever has read a secret as asterisks must not write the asterisks back in its place."""
    spoilt = set(redacted_again(after)) - set(redacted_again(before))
    if spoilt:
        hint = "Send the real value, or PATCH only what is to change; an administrator reads the real values"
        message = f"The value of {', '.join(sorted(spoilt))} is the placeholder that hides a secret"
        raise CibError("redacted-value", message, hint=hint)


def check_status_change(service: NodeService, what: str) -> None:
    """Raise CibError (permission-denied) unless the asking user may change the recorded state; `what` that is for."""
    document = service.cib()
    acl = _acl(document)
    status = status_section(document)
    if acl is not None and (status is None or not acl.may_write(status)):
        hint = "Ask for a write permission on the status"
        raise CibError("permission-denied", f"{acl.user} may not {what}", hint=hint)


def check_cleanup(service: NodeService) -> None:
    """Raise CibError (permission-denied) unless the asking user may have failures forgotten."""
    check_status_change(service, "clean up")


def _acl(document: Document) -> Acl | None:
    asking = principal()
    return Acl.of(document, asking.user, asking.groups)
