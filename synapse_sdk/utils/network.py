"""Addresses and messages: which origin a URL belongs to, and what may be said about it.

Error text goes into logs, job consoles and bug reports, so whatever could open a door (tokens, signed query strings,
passwords in URLs) is taken out here, in one place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from synapse_sdk.exceptions import ClientConnectionError, ClientError, ClientTimeoutError, ConfigurationError

if TYPE_CHECKING:
    import httpx2

REDACTED = "***"

_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_RESOURCE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@:-]*")
# From `://` on, whatever the scheme, and with or without a query: no text is looked at more than once.
_USER_INFO = re.compile(r"://[^\s/@'\"]+@")
_URL = re.compile(r"(?P<url>://[^\s?#'\"<>]+)(?P<query>[?#][^\s'\"<>)\]]*)?")
# Signed URLs carry their token as a path segment, an agent's report its key.
_SIGNED_PATH = re.compile(r"(?P<route>\b(?:objects|payloads)/|\bagents/(?=[^\s/]+/connect/))[^\s/'\"<>]+")
_KEY = re.compile(r"\bsyn_[A-Za-z0-9_-]{6,}")
_SCHEME_AND_KEY = re.compile(r"\b(?P<scheme>Token|Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}")
_NAMED_SECRET = re.compile(
    r"(?P<name>[\"']?\b(?:access[_-]?token|authorization|api[_-]?key|secret[_-]?key|password|x-api-key)[\"']?\s*[:=]\s*)"
    r"(?!Token\b|Bearer\b|Basic\b)[\"']?[^\s\"',;}&]+[\"']?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class StreamLimits:
    """How much a stream of log lines or events may send before it is cut.

    Attributes:
        max_messages: Events in one stream.
        max_lines: Lines in one stream.
        max_bytes: Bytes in one stream.
        max_message_size: Bytes of one line; a longer one is skipped, the stream goes on.
    """

    max_messages: int = 10_000
    max_lines: int = 50_000
    max_bytes: int = 50 * 2**20
    max_message_size: int = 10 * 2**10


def sanitize_error_message(message: str) -> str:
    """The message without tokens, passwords and query strings."""
    clean = _USER_INFO.sub(f"://{REDACTED}@", message)
    clean = _URL.sub(lambda found: f"{found['url']}?{REDACTED}" if found["query"] else found[0], clean)
    clean = _SIGNED_PATH.sub(rf"\g<route>{REDACTED}", clean)
    clean = _KEY.sub(f"syn_{REDACTED}", clean)
    clean = _SCHEME_AND_KEY.sub(rf"\g<scheme> {REDACTED}", clean)
    return _NAMED_SECRET.sub(rf"\g<name>{REDACTED}", clean)


def sanitize_detail(detail: Any) -> Any:
    """An error body with each of its strings sanitised."""
    if isinstance(detail, str):
        return sanitize_error_message(detail)
    if isinstance(detail, dict):
        return {key: sanitize_detail(value) for key, value in detail.items()}
    if isinstance(detail, list):
        return [sanitize_detail(value) for value in detail]
    return detail


def url_origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of an absolute http(s) URL.

    Raises:
        ConfigurationError: The URL is not an absolute http(s) URL.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)
    except ValueError as exc:
        raise ConfigurationError(f"{sanitize_error_message(url)!r} is not a URL: {exc}.") from exc
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError(f"{sanitize_error_message(url)!r} is not an http:// or https:// address.")
    return parts.scheme, parts.hostname.lower(), port


def is_same_origin(url: str, other: str) -> bool:
    """Whether both absolute URLs name the same scheme, host and port."""
    return url_origin(url) == url_origin(other)


def is_loopback(url: str) -> bool:
    """Whether the URL names this machine."""
    host = url_origin(url)[1]
    return host in {"localhost", "::1"} or host.startswith("127.")


def is_trusted_network(url: str) -> bool:
    """Whether the URL names this machine, a private address, or a name without a domain (a container's, say)."""
    host = url_origin(url)[1]
    try:
        return ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".local", ".internal", ".localhost"))


def http_to_websocket_url(url: str) -> str:
    """The ws(s) URL of an http(s) URL.

    Raises:
        ConfigurationError: The URL is not an absolute http(s) URL.
    """
    url_origin(url)
    parts = urlsplit(url)
    return urlunsplit(parts._replace(scheme="wss" if parts.scheme == "https" else "ws"))


def validate_resource_id(resource_id: int | str, name: str = "resource") -> str:
    """The id as a path segment.

    Raises:
        ConfigurationError: It is empty or would leave its place in the path.
    """
    text = str(resource_id)
    if not _RESOURCE_ID.fullmatch(text):
        raise ConfigurationError(f"{text!r} is not a valid {name} id; expected letters, digits and . _ - @ :")
    return text


def validate_timeout(timeout_seconds: float, maximum_seconds: float = 3600.0) -> float:
    """The timeout in seconds.

    Raises:
        ConfigurationError: It is not positive, or above the maximum.
    """
    if not 0 < timeout_seconds <= maximum_seconds:
        raise ConfigurationError(
            f"A timeout of {timeout_seconds} s is out of range; use more than 0 and at most {maximum_seconds} s."
        )
    return float(timeout_seconds)


def transport_error(exc: httpx2.RequestError, what: str) -> ClientError:
    """The error of our tree for a request that got no complete answer.

    Args:
        exc: What the HTTP library raised.
        what: The request in words that are safe to show, such as `GET /v2/tasks/`.
    """
    # Only who has sent a request needs the library, and has it.
    import httpx2

    reason = sanitize_error_message(str(exc)) or type(exc).__name__
    if isinstance(exc, httpx2.TimeoutException):
        return ClientTimeoutError(408, f"{what} got no answer in time ({reason}). Try again, or raise the timeout.")
    if isinstance(exc, httpx2.ConnectError):
        return ClientConnectionError(
            None, f"{what}: the server could not be reached ({reason}). Check the address and that it runs."
        )
    return ClientConnectionError(None, f"{what}: the connection broke ({reason}). Try again.")
