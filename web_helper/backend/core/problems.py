"""What the server refuses, and why.

Problem
├── ValidationProblem       a value is malformed or not allowed (400)
├── AuthenticationProblem   no key, or one that is unknown, expired or revoked (401)
├── PermissionProblem       the key's owner may not do this (403)
├── NotFoundProblem         there is no such thing, or the caller may not know of it (404)
├── ConflictProblem         the state of things does not allow this now (409)
├── TooLargeProblem         more bytes than this server takes (413)
├── UnprocessableProblem    a document is well-formed, and means something that cannot be (422)
└── TooManyProblem          more at once than this server takes (429)

They lie below the queries because a filter is refused where it is read. `api.errors` alone turns them into answers.
"""

from __future__ import annotations

from synapse_sdk.exceptions import SynapseError
from synapse_sdk.wire.errors import ErrorCode, FieldError


class Problem(SynapseError):
    """Base of everything the server refuses on purpose."""

    error_code = ErrorCode.INTERNAL_ERROR

    def __init__(self, message: str, details: list[FieldError] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class ValidationProblem(Problem):
    """A value is malformed or not allowed."""

    error_code = ErrorCode.VALIDATION_ERROR

    @classmethod
    def of_field(cls, field: str, message: str) -> ValidationProblem:
        """One field is wrong: its name is in the message and in the details."""
        return cls(f"{field}: {message}", [FieldError(field=field, message=message)])


class AuthenticationProblem(Problem):
    """No key, or one that is unknown, expired or revoked."""

    error_code = ErrorCode.AUTHENTICATION_REQUIRED


class PermissionProblem(Problem):
    """The key's owner may not do this."""

    error_code = ErrorCode.PERMISSION_DENIED


class NotFoundProblem(Problem):
    """There is no such thing, or the caller may not know of it."""

    error_code = ErrorCode.NOT_FOUND

    @classmethod
    def of(cls, noun: str, key: int | str) -> NotFoundProblem:
        """The thing and the key that were asked for."""
        return cls(f"There is no {noun} {key}, or you may not see it.")


class ConflictProblem(Problem):
    """The state of things does not allow this now."""

    error_code = ErrorCode.CONFLICT


class TooLargeProblem(Problem):
    """More bytes than this server takes."""

    error_code = ErrorCode.PAYLOAD_TOO_LARGE


class UnprocessableProblem(Problem):
    """A document is well-formed, and means something that cannot be."""

    error_code = ErrorCode.UNPROCESSABLE_ENTITY


class TooManyProblem(Problem):
    """More at once than this server takes; later it may."""

    error_code = ErrorCode.RATE_LIMIT_EXCEEDED
