"""Every error as one body: `synapse_sdk.wire.errors.ErrorResponse`. The request handler's edge is here."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from synapse_sdk.wire.errors import ERROR_STATUS, ErrorBody, ErrorCode, ErrorResponse, FieldError, ResponseMeta
from web_helper.backend.core.event_log import log_failure
from web_helper.backend.core.problems import Problem
from web_helper.backend.core.signing import LinkExpiredError, LinkInvalidError

REQUEST_ID_HEADER = "X-Request-ID"
_SAFE_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_CODES = {status: code for code, status in ERROR_STATUS.items()}

# By reference: FastAPI builds a validator for every model of every route, 1,400 of them for this one, 5 MB.
_ERROR_CONTENT = {"application/json": {"schema": {"$ref": f"#/components/schemas/{ErrorResponse.__name__}"}}}
# One route names the model itself, which puts it among the components of the document.
ERROR_MODEL: dict[int | str, dict[str, Any]] = {"default": {"model": ErrorResponse, "description": "Any other error."}}
_ERRORS: dict[int | str, str] = {
    400: "A value is malformed or not allowed; `details` name the fields.",
    401: "No access token, or one that is unknown, expired or revoked.",
    403: "The token's owner may not do this.",
    404: "There is no such thing, or the caller may not know of it.",
    409: "The state of things does not allow this now.",
    "default": "Any other error.",
}
ERROR_RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"description": description, "content": _ERROR_CONTENT} for status, description in _ERRORS.items()
}


class RequestEdge:
    """Gives each request an id, and turns what nobody foresaw into an answer with that id."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        has_started = False

        async def send_with_id(message: Message) -> None:
            nonlocal has_started
            if message["type"] == "http.response.start":
                has_started = True
                MutableHeaders(scope=message)[REQUEST_ID_HEADER] = request_id
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        except Exception as exc:
            log_failure("request_failed", exc, request_id=request_id)
            if has_started:
                raise
            message = "The server failed on this request; quote the request id when reporting it."
            response = error_answer(request_id, ErrorCode.INTERNAL_ERROR, message)
            await response(scope, receive, send_with_id)


def _request_id(scope: Scope) -> str:
    given = dict(scope["headers"]).get(REQUEST_ID_HEADER.lower().encode(), b"").decode("latin-1")
    return given if _SAFE_REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def error_answer(
    request_id: str,
    code: ErrorCode,
    message: str,
    *,
    details: list[FieldError] | None = None,
    status: int | None = None,
) -> Response:
    """One error as the answer to a request."""
    body = ErrorResponse(
        error=ErrorBody(code=code, message=message, details=details), meta=ResponseMeta(request_id=request_id)
    )
    headers = {"WWW-Authenticate": "Token"} if code is ErrorCode.AUTHENTICATION_REQUIRED else None
    return JSONResponse(body.model_dump(mode="json"), status or ERROR_STATUS[code], headers)


def install_error_handlers(app: FastAPI) -> None:
    """Answer every refusal with the one error body."""

    async def on_problem(request: Request, exc: Exception) -> Response:
        problem = exc if isinstance(exc, Problem) else Problem(str(exc))
        return error_answer(request.state.request_id, problem.error_code, problem.message, details=problem.details)

    async def on_link(request: Request, exc: Exception) -> Response:
        return error_answer(request.state.request_id, ErrorCode.PERMISSION_DENIED, str(exc))

    async def on_invalid(request: Request, exc: Exception) -> Response:
        errors = exc.errors() if isinstance(exc, RequestValidationError) else []
        details = _field_errors(errors)
        message = "; ".join(f"{detail.field}: {detail.message}" for detail in details[:3])
        return error_answer(request.state.request_id, ErrorCode.VALIDATION_ERROR, message, details=details)

    async def on_http(request: Request, exc: Exception) -> Response:
        status = exc.status_code if isinstance(exc, HTTPException) else 500
        detail = str(exc.detail) if isinstance(exc, HTTPException) else ""
        if (status, detail) == (404, "Not Found"):
            ending = "have no slash at their end" if request.url.path.startswith("/api/") else "end in a slash"
            detail = f"There is no {request.url.path}; paths of this API {ending}, and /openapi.json lists them."
        fallback = ErrorCode.INTERNAL_ERROR if status >= 500 else ErrorCode.VALIDATION_ERROR
        return error_answer(request.state.request_id, _CODES.get(status, fallback), detail, status=status)

    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(LinkExpiredError, on_link)
    app.add_exception_handler(LinkInvalidError, on_link)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(HTTPException, on_http)


def _field_errors(errors: Sequence[Any]) -> list[FieldError]:
    return [FieldError(field=_field_name(error["loc"]), message=_field_message(error)) for error in errors]


def _field_name(location: Sequence[Any]) -> str:
    inner = [str(part) for part in location[1:]]
    return ".".join(inner) or str(location[0])


def _field_message(error: Any) -> str:
    if error["type"] == "json_invalid":
        return f"The body is not JSON: {error.get('ctx', {}).get('error', 'malformed')}."
    # What people meet as they type is said in words; the rest as pydantic has it.
    if error["type"] == "string_too_long":
        return f"may have at most {error['ctx']['max_length']:,} characters."
    if error["type"] == "string_pattern_mismatch":
        return f"is not written as it must be, which is {error['ctx']['pattern']}"
    return str(error["msg"])


class BodyError(json.JSONDecodeError):
    """The body is not the JSON that this server takes."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "", 0)
