"""The error body that every Synapse service answers with (architecture, decision 1)."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, Field


class ErrorCode(StrEnum):
    """Stable codes of the v2 API."""

    VALIDATION_ERROR = "VALIDATION_ERROR"
    AUTHENTICATION_REQUIRED = "AUTHENTICATION_REQUIRED"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    NOT_FOUND = "NOT_FOUND"
    CONFLICT = "CONFLICT"
    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE"
    UNPROCESSABLE_ENTITY = "UNPROCESSABLE_ENTITY"
    RATE_LIMIT_EXCEEDED = "RATE_LIMIT_EXCEEDED"
    INTERNAL_ERROR = "INTERNAL_ERROR"


ERROR_STATUS: dict[ErrorCode, int] = {
    ErrorCode.VALIDATION_ERROR: 400,
    ErrorCode.AUTHENTICATION_REQUIRED: 401,
    ErrorCode.PERMISSION_DENIED: 403,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.CONFLICT: 409,
    ErrorCode.PAYLOAD_TOO_LARGE: 413,
    ErrorCode.UNPROCESSABLE_ENTITY: 422,
    ErrorCode.RATE_LIMIT_EXCEEDED: 429,
    ErrorCode.INTERNAL_ERROR: 500,
}


class FieldError(BaseModel):
    """What is wrong with one field of a request."""

    field: str
    message: str


class ErrorBody(BaseModel):
    """What went wrong, and for which fields."""

    code: ErrorCode
    message: str
    details: list[FieldError] | None = None


class ResponseMeta(BaseModel):
    """Facts about the answer itself."""

    request_id: str


class ErrorResponse(BaseModel):
    """Body of every answer with a status of 400 or more."""

    error: ErrorBody
    meta: ResponseMeta = Field(description="Quote the request id when reporting a problem.")
