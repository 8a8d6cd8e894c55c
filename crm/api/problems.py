"""Errors as RFC 9457 has them: a stable code, what happened, where, and what to do next. Never a traceback."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from crm.api.service import Refused
from crm.api.values import ReportValue
from crm.cib.errors import CibError
from crm.model.report import Report

MEDIA_TYPE = "application/problem+json"

_STATUS: dict[str, HTTPStatus] = {
    "stale-version": HTTPStatus.PRECONDITION_FAILED,
    "version-mismatch": HTTPStatus.PRECONDITION_FAILED,
    "no-quorum": HTTPStatus.SERVICE_UNAVAILABLE,
    "no-dc": HTTPStatus.SERVICE_UNAVAILABLE,
    "timeout": HTTPStatus.GATEWAY_TIMEOUT,
    "not-ready": HTTPStatus.SERVICE_UNAVAILABLE,
    "store-full": HTTPStatus.INSUFFICIENT_STORAGE,
    "too-large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "fencing-failed": HTTPStatus.BAD_GATEWAY,
    "node-is-here": HTTPStatus.CONFLICT,
    "already-exists": HTTPStatus.CONFLICT,
    "older-version": HTTPStatus.CONFLICT,
    "several-objects": HTTPStatus.CONFLICT,
    "patch-mismatch": HTTPStatus.CONFLICT,
    "no-such-object": HTTPStatus.NOT_FOUND,
    "no-such-node": HTTPStatus.NOT_FOUND,
    "permission-denied": HTTPStatus.FORBIDDEN,
    "not-admitted": HTTPStatus.FORBIDDEN,
    "read-only": HTTPStatus.FORBIDDEN,
    "no-key": HTTPStatus.FORBIDDEN,
    "no-token": HTTPStatus.UNAUTHORIZED,
    "bad-token": HTTPStatus.UNAUTHORIZED,
    "no-such-resource": HTTPStatus.NOT_FOUND,
    "no-such-section": HTTPStatus.NOT_FOUND,
}


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


def install(app: FastAPI) -> None:
    """Have every error of the application answered as a problem."""

    @app.exception_handler(ProblemError)
    async def problem(_request: Request, error: ProblemError) -> JSONResponse:
        return answer(error.code, error.detail, error.hint, reports=error.reports, members=error.members)

    @app.exception_handler(CibError)
    async def bad_cib(_request: Request, error: CibError) -> JSONResponse:
        return answer(error.code, error.message, error.hint, members={"where": error.where or None, "line": error.line})

    @app.exception_handler(Refused)
    async def refused(_request: Request, error: Refused) -> JSONResponse:
        return answer(error.code, error.message, error.hint)

    @app.exception_handler(RequestValidationError)
    async def bad_request(_request: Request, error: RequestValidationError) -> JSONResponse:
        causes = [f"{'.'.join(str(part) for part in cause['loc'])}: {cause['msg']}" for cause in error.errors()]
        return answer("bad-request", "; ".join(causes), "See /docs for what the request may hold")

    @app.exception_handler(HTTPException)
    async def not_found(request: Request, error: HTTPException) -> JSONResponse:
        code = str(HTTPStatus(error.status_code).phrase).lower().replace(" ", "-")
        detail = f"{request.method} {request.url.path}: {error.detail}"
        return answer(code, detail, "See /docs for what there is", status=HTTPStatus(error.status_code))


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
    status = status or _STATUS.get(code, HTTPStatus.UNPROCESSABLE_ENTITY)
    body: dict[str, Any] = {
        "type": f"urn:crmd:problem:{code}",
        "title": status.phrase,
        "status": int(status),
        "code": code,
        "detail": detail,
        "next_step": hint,
        **{name: value for name, value in members.items() if value is not None},
    }
    if reports:
        body["reports"] = [ReportValue.of(report).model_dump() for report in reports]
    return JSONResponse(body, int(status), media_type=MEDIA_TYPE)
