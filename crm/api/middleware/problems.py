"""Errors as RFC 9457 has them: a stable code, what happened, where, and what to do next. Never a traceback."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote_plus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from crm.api.service import RequestRefused
from crm.api.views.answer_values import ReportValue
from crm.cib.errors import CibError
from crm.cib.redaction import REDACTED, is_secret_name
from crm.model.report import Report

MEDIA_TYPE = "application/problem+json"
CODE_HEADER = "Crmd-Problem"
"""Carries the code of a problem, for those who read no body (HEAD, the audit log)."""

_STATUS: dict[str, HTTPStatus] = {
    "stale-version": HTTPStatus.PRECONDITION_FAILED,
    "version-mismatch": HTTPStatus.PRECONDITION_FAILED,
    "no-quorum": HTTPStatus.SERVICE_UNAVAILABLE,
    "no-dc": HTTPStatus.SERVICE_UNAVAILABLE,
    "timeout": HTTPStatus.GATEWAY_TIMEOUT,
    "not-ready": HTTPStatus.SERVICE_UNAVAILABLE,
    "node-away": HTTPStatus.SERVICE_UNAVAILABLE,
    "not-available": HTTPStatus.SERVICE_UNAVAILABLE,
    "store-full": HTTPStatus.INSUFFICIENT_STORAGE,
    "too-busy": HTTPStatus.SERVICE_UNAVAILABLE,
    "too-much-work": HTTPStatus.SERVICE_UNAVAILABLE,
    "too-large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "outcome-unknown": HTTPStatus.GATEWAY_TIMEOUT,
    "fencing-failed": HTTPStatus.BAD_GATEWAY,
    "node-is-here": HTTPStatus.CONFLICT,
    "nothing-lost": HTTPStatus.CONFLICT,
    "already-exists": HTTPStatus.CONFLICT,
    "other-kind": HTTPStatus.CONFLICT,
    "still-used": HTTPStatus.CONFLICT,
    "older-version": HTTPStatus.CONFLICT,
    "several-objects": HTTPStatus.CONFLICT,
    "patch-mismatch": HTTPStatus.CONFLICT,
    "permission-denied": HTTPStatus.FORBIDDEN,
    "not-admitted": HTTPStatus.FORBIDDEN,
    "out-of-scope": HTTPStatus.FORBIDDEN,
    "bad-certificate": HTTPStatus.FORBIDDEN,
    "too-many-requests": HTTPStatus.TOO_MANY_REQUESTS,
    "too-many-failures": HTTPStatus.TOO_MANY_REQUESTS,
    "too-many-listeners": HTTPStatus.SERVICE_UNAVAILABLE,
    "no-key": HTTPStatus.FORBIDDEN,
    "no-token": HTTPStatus.UNAUTHORIZED,
    "bad-token": HTTPStatus.UNAUTHORIZED,
    "idempotency-key-in-use": HTTPStatus.CONFLICT,
    "too-many-tokens": HTTPStatus.CONFLICT,
    "node-listed": HTTPStatus.CONFLICT,
    "node-leaves": HTTPStatus.CONFLICT,
    "address-in-use": HTTPStatus.CONFLICT,
    "last-node": HTTPStatus.CONFLICT,
    "too-many-nodes": HTTPStatus.CONFLICT,
    "not-crmds-list": HTTPStatus.CONFLICT,
    "nodes-away": HTTPStatus.SERVICE_UNAVAILABLE,
    "key-not-changed": HTTPStatus.BAD_GATEWAY,
}


_LONGEST_VALUE = 100
_CODES = {413: "too-large", 400: "bad-request", 422: "bad-request"}
"""Codes of errors that the web framework found, where they have one of ours."""


_NEXT_STEPS = {
    HTTPStatus.NOT_FOUND: "See what there is: crmctl status",
    HTTPStatus.SERVICE_UNAVAILABLE: "Try again in a moment, or ask another node",
    HTTPStatus.GATEWAY_TIMEOUT: "See who is there: crmctl status",
    HTTPStatus.CONFLICT: "Read the present state, and look whether the change is still wanted",
    HTTPStatus.PRECONDITION_FAILED: "Read the CIB again, make the change in it, and send that",
    HTTPStatus.FORBIDDEN: "Ask an administrator for the permission",
}
"""For errors that do not say themselves what to do."""


class ProblemError(Exception):
    """An error on its way to the client."""

    def __init__(
        self, code: str, detail: str, hint: str = "", *, reports: Sequence[Report] = (), **members: object
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.hint = hint
        self.reports = reports
        self.members = members


def unsuitable(wrong: Sequence[Report]) -> ProblemError:
    """The refusal of what could never work as it is wanted, for the first of these reasons."""
    first = wrong[0]
    end = "" if first.hint.endswith("?") else "."
    hint = f"{first.hint}{end} To write it all the same: --force (force=true)"
    return ProblemError("unsuitable", f"{first.where}: {first.message}", hint, reports=wrong)


def install(app: FastAPI, hide: Callable[[str, str], str]) -> None:
    """Have every error of the application answered as a problem.

    `hide` takes secrets out of a text; its second argument is what the request itself has said.
    """

    def hidden(request: Request, code: str, detail: str, hint: str, **rest: Any) -> JSONResponse:
        said = _said(request)
        return answer(code, hide(detail, said), hide(hint, said), **rest)

    @app.exception_handler(ProblemError)
    async def problem(request: Request, error: ProblemError) -> JSONResponse:
        return hidden(request, error.code, error.detail, error.hint, reports=error.reports, members=error.members)

    @app.exception_handler(CibError)
    async def bad_cib(request: Request, error: CibError) -> JSONResponse:
        members = {"where": hide(error.where, _said(request)) or None, "line": error.line}
        return hidden(request, error.code, error.message, error.hint, members=members)

    @app.exception_handler(RequestRefused)
    async def refused(request: Request, error: RequestRefused) -> JSONResponse:
        return hidden(request, error.code, error.message, error.hint)

    @app.exception_handler(RequestValidationError)
    async def bad_request(request: Request, error: RequestValidationError) -> JSONResponse:
        found = offences(error.errors())
        detail = "; ".join(f"{each['where']}: {each['message']}" for each in found)
        hint = "See /docs for what the request may hold"
        return hidden(request, "bad-request", detail, hint, members={"errors": found})

    @app.exception_handler(HTTPException)
    async def not_found(request: Request, error: HTTPException) -> JSONResponse:
        code = _CODES.get(error.status_code) or HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
        detail = f"{request.method} {request.url.path}: {error.detail}"
        made = hidden(request, code, detail, "See /docs for what there is", status=HTTPStatus(error.status_code))
        made.headers.update(error.headers or {})
        return made

    @app.exception_handler(Exception)
    async def mistake(request: Request, _error: Exception) -> JSONResponse:
        detail = f"{request.method} {request.url.path} met an internal error"
        hint = "The log of this node says more; please report it. Nothing was changed unless the CIB's version says so"
        return hidden(request, "internal-error", detail, hint, status=HTTPStatus.INTERNAL_SERVER_ERROR)


def _said(request: Request) -> str:
    """Path, query and body of a request, as far as they have been read."""
    body: bytes = getattr(request, "_body", b"")
    query = unquote_plus(request.scope["query_string"].decode("latin-1"))
    return f"{request.url.path}?{query}\n{body.decode(errors='replace')}"


_WORDED = {
    "union_tag_not_found": "It does not say of which kind it is: the member “kind” is missing",
    "extra_forbidden": "There is no such member",
    "missing": "It is missing",
}
"""Better words for what pydantic says, by its type of error."""


def offences(errors: Iterable[Any]) -> list[dict[str, object]]:
    """What pydantic found wrong: where, what, and the value that it is about (shortened; secrets are replaced)."""
    return [
        {"where": ".".join(str(part) for part in each["loc"]), "message": _WORDED.get(each["type"], each["msg"]),
         "value": _shown(each["loc"], each.get("input"))}
        for each in errors
    ]


def _shown(place: Sequence[object], value: object) -> object:
    if any(is_secret_name(str(part)) for part in place):
        return REDACTED
    if value is None or isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else type(value).__name__
    return text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "…"


def _status_of(code: str) -> HTTPStatus:
    if code.startswith("no-such-"):
        return HTTPStatus.NOT_FOUND
    return _STATUS.get(code, HTTPStatus.UNPROCESSABLE_ENTITY)


def answer(
    code: str,
    detail: str,
    hint: str,
    *,
    status: HTTPStatus | None = None,
    reports: Sequence[Report] = (),
    members: Mapping[str, object] = MappingProxyType({}),
) -> JSONResponse:
    """The response for an error; the code decides its status unless one is given."""
    status = status or _status_of(code)
    body: dict[str, Any] = {
        "type": f"urn:crmd:problem:{code}",
        "title": status.phrase,
        "status": int(status),
        "code": code,
        "detail": detail,
        "next_step": hint or _NEXT_STEPS.get(status, "See /docs for what the request may hold"),
        **{name: value for name, value in members.items() if value is not None},
    }
    if reports:
        body["reports"] = [ReportValue.of(report).model_dump() for report in reports]
    return JSONResponse(body, int(status), {CODE_HEADER: code}, MEDIA_TYPE)
