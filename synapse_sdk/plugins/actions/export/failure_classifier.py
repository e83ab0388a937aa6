"""Which message fits a failed export: the code that the server gave, else what the exceptions are and say."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator

from synapse_sdk.exceptions import ClientError
from synapse_sdk.plugins.actions.export.log_messages import ExportLogMessageCode as Code
from synapse_sdk.wire.errors import ErrorCode

_MAX_CHAIN = 20
_SERVER_CODE = re.compile(r"""['"]error['"]\s*:\s*\{[^{}]*?['"]code['"]\s*:\s*['"](?P<code>\w+)['"]""")

SERVER_CODES: dict[str, Code] = {
    ErrorCode.VALIDATION_ERROR: Code.EXPORT_FAILED_VALIDATION,
    ErrorCode.UNPROCESSABLE_ENTITY: Code.EXPORT_FAILED_VALIDATION,
    ErrorCode.AUTHENTICATION_REQUIRED: Code.EXPORT_FAILED_AUTHENTICATION,
    ErrorCode.PERMISSION_DENIED: Code.EXPORT_FAILED_PERMISSION,
    ErrorCode.NOT_FOUND: Code.EXPORT_FAILED_NOT_FOUND,
    ErrorCode.CONFLICT: Code.EXPORT_FAILED_CONFLICT,
    ErrorCode.RATE_LIMIT_EXCEEDED: Code.EXPORT_FAILED_RATE_LIMIT,
    ErrorCode.INTERNAL_ERROR: Code.EXPORT_FAILED_SERVER,
}

# Ordered: the first pattern that fits wins, so what is more exact stands first.
PATTERNS: tuple[tuple[re.Pattern[str], Code], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), code)
    for pattern, code in (
        (r"No space left|ENOSPC|Disk quota exceeded|File too large", Code.EXPORT_FAILED_DISK_FULL),
        (r"\bBundleError\b", Code.EXPORT_FAILED_BUNDLE),
        (
            r"\bExportJobFailedError: The server's export job \S+ (was cancelled|is CANCELLED)",
            Code.EXPORT_FAILED_CANCELLED,
        ),
        (r"\bExportJobFailedError\b", Code.EXPORT_FAILED_SERVER_JOB),
        (r"\bFormatError\b", Code.EXPORT_FAILED_FORMAT),
        (r"\bAuthenticationError\b", Code.EXPORT_FAILED_AUTHENTICATION),
        (r"\bAuthorizationError\b", Code.EXPORT_FAILED_PERMISSION),
        (r"\bNotFoundError\b", Code.EXPORT_FAILED_NOT_FOUND),
        (r"\bRateLimitError\b", Code.EXPORT_FAILED_RATE_LIMIT),
        (r"\bConflictError\b", Code.EXPORT_FAILED_CONFLICT),
        (r"\bServerError\b", Code.EXPORT_FAILED_SERVER),
        (
            r"ConnectionError|TimeoutError|timed out",
            Code.EXPORT_FAILED_NETWORK,
        ),
        (
            r"\bStorageError\b|PermissionError|storage .*provider|FileNotFoundError|\bOSError\b",
            Code.EXPORT_FAILED_STORAGE,
        ),
        (r"\bValidationError\b|ConfigurationError", Code.EXPORT_FAILED_VALIDATION),
        (r"\bKeyError\b|\bTypeError\b|\bAttributeError\b|\bValueError\b", Code.EXPORT_FAILED_DATA),
    )
)


def classify_export_error(exc: BaseException) -> Code | None:
    """The message for a failed export, or None when nothing fits.

    Args:
        exc: What was raised; its causes are looked at too.
    """
    chain = list(_chain(exc))
    if any(isinstance(link, OSError) and link.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG} for link in chain):
        return Code.EXPORT_FAILED_DISK_FULL
    # Of a disk, or of a store that does not answer: whatever else hangs on it, such as a broken connection.
    if any(isinstance(link, OSError) and link.errno == errno.EIO for link in chain):
        return Code.EXPORT_FAILED_STORAGE
    texts = [f"{type(link).__name__}: {link}" for link in chain]
    for link, text in zip(chain, texts, strict=True):
        known = SERVER_CODES.get(_server_code(link, text) or "")
        if known is not None:
            return known
    flat = "\n".join(texts)
    return next((code for pattern, code in PATTERNS if pattern.search(flat)), None)


def _chain(exc: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = exc
    for _ in range(_MAX_CHAIN):
        if link is None:
            return
        yield link
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)


def _server_code(exc: BaseException, text: str) -> str | None:
    if isinstance(exc, ClientError) and isinstance(exc.error.get("code"), str):
        return str(exc.error["code"])
    match = _SERVER_CODE.search(text)
    return match["code"] if match else None
