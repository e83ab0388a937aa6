"""One request core for every client: where requests go, what they carry, when they are repeated, what errors become."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from threading import Lock
from types import TracebackType
from typing import Any, Self
from urllib.parse import urljoin, urlsplit

import httpx2
import msgspec

from synapse_sdk.exceptions import ClientError, ConfigurationError, raise_for_status
from synapse_sdk.utils.network import (
    is_loopback,
    is_same_origin,
    sanitize_detail,
    sanitize_error_message,
    transport_error,
    url_origin,
)
from synapse_sdk.utils.retry import REPEATABLE_METHODS, RetryPolicy

CONNECT_TIMEOUT_SECONDS = 5.0
READ_TIMEOUT_SECONDS = 15.0
# Lists, bulk answers and file transfers take the server longer than a single row does.
LONG_READ_TIMEOUT_SECONDS = 60.0

_MAX_ERROR_BODY_CHARACTERS = 2_000


@dataclass(frozen=True)
class Call:
    """One request before it is sent; it can be built again for each attempt.

    Attributes:
        url: A path relative to the client's base URL, or an absolute URL of the same origin.
        content: Opens the body anew for each attempt.
        repeatable: Whether sending it twice does its work once; None decides by the method.
        is_signed: The URL itself gives access: send it wherever it leads, without credentials.
        is_long: The server takes longer for this than for a single row, so more patience is due.
        read_timeout_seconds: Longest silence of the server; None is the client's.
    """

    method: str
    url: str
    params: Mapping[str, Any] | None = None
    json: Any = None
    content: Callable[[], Iterable[bytes]] | None = None
    data: Mapping[str, Any] | None = None
    files: Mapping[str, Any] | None = None
    headers: Mapping[str, str] | None = None
    is_long: bool = False
    read_timeout_seconds: float | None = None
    repeatable: bool | None = None
    is_signed: bool = False
    retry: RetryPolicy | None = None

    @property
    def is_repeatable(self) -> bool:
        return self.method in REPEATABLE_METHODS if self.repeatable is None else self.repeatable

    @property
    def label(self) -> str:
        """The request in words that are safe to show."""
        return f"{self.method} {sanitize_error_message(urlsplit(self.url).path)}"


class BaseClient:
    """A synchronous HTTP client of one Synapse service.

    `http` carries the credentials and is for this origin only; `anonymous` carries none.

    Args:
        base_url: Address of the service, with or without a trailing slash.
        headers: Credentials; sent to this origin only.
        timeout: `{"connect": seconds, "read": seconds}` or one number for both.
        retry: When failed requests are repeated.
        transport: Carries the requests; a transport that is passed in stays the caller's and is not closed here.

    Raises:
        ConfigurationError: `base_url` is not an http(s) address.
    """

    def __init__(
        self,
        base_url: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: Mapping[str, float] | float | None = None,
        retry: RetryPolicy | None = None,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        url_origin(base_url)
        self.base_url = base_url.rstrip("/")
        self.retry = retry or RetryPolicy()
        self._timeout = _build_timeout(timeout)
        self._transport = transport
        self.http = self._open_http(headers or {})
        self._anonymous: httpx2.Client | None = None
        self._lock = Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_url!r})"

    @property
    def anonymous(self) -> httpx2.Client:
        """An HTTP client over the same transport that carries no credentials: for signed URLs, wherever they lead."""
        with self._lock:
            if self._anonymous is None:
                self._anonymous = self._open_http({}, follow_redirects=True)
            return self._anonymous

    def close(self) -> None:
        """Close the connections."""
        self.http.close()
        if self._anonymous is not None:
            self._anonymous.close()

    def send(self, call: Call) -> httpx2.Response:
        """Send a request, repeating it where that is safe, and return the answer in full.

        Raises:
            ClientError: The server could not be reached, or answered with an error; `status_code` is the last answer's.
        """
        response = self._send(call, stream=False)
        _raise_for_response(response, call)
        return response

    @contextmanager
    def stream(self, call: Call) -> Iterator[httpx2.Response]:
        """Send a request and hand out the answer while its body is still arriving.

        Raises:
            ClientError: As `send`; also when the body breaks off while it is read inside the block.
        """
        response = self._send(call, stream=True)
        try:
            if response.is_error:
                response.read()
            _raise_for_response(response, call)
            yield response
        except httpx2.RequestError as exc:
            raise transport_error(exc, call.label) from exc
        finally:
            response.close()

    def send_json(self, call: Call) -> Any:
        """Send a request and decode its JSON answer; None when the answer is empty.

        Raises:
            ClientError: As `send`; also when the answer is not JSON.
        """
        response = self.send(call)
        return decode_json(response.content, response.status_code, call.label) if response.content else None

    def resolve(self, url: str) -> str:
        """The absolute URL of a path, or of a URL that the server named.

        Raises:
            ClientError: The URL leads to another origin, which must not see the credentials.
        """
        absolute = urljoin(f"{self.base_url}/", url.lstrip("/") if not urlsplit(url).scheme else url)
        if not is_same_origin(absolute, self.base_url):
            raise ClientError(
                None,
                f"The server named an address on {urlsplit(absolute).hostname}, which is not its own origin; it was "
                "not followed, so that no credentials leave. Check the server's base URL setting.",
            )
        return absolute

    def _send(self, call: Call, *, stream: bool) -> httpx2.Response:
        policy = call.retry or self.retry
        http = self.anonymous if call.is_signed else self.http
        attempt = 0
        while True:
            wait: float | None
            try:
                response = http.send(self._build(call, http), stream=stream)
            except httpx2.RequestError as exc:
                wait = policy.wait_after_error(attempt, exc, repeatable=call.is_repeatable)
                if wait is None:
                    raise transport_error(exc, call.label) from exc
            else:
                wait = None
                if call.is_repeatable:
                    wait = policy.wait_after_status(attempt, response.status_code, response.headers.get("retry-after"))
                if wait is None:
                    return response
                response.close()
            time.sleep(wait)
            attempt += 1

    def _build(self, call: Call, http: httpx2.Client) -> httpx2.Request:
        headers = dict(call.headers or {})
        content: Iterable[bytes] | bytes | None = call.content() if call.content else None
        if call.json is not None:
            content = _encode_json(call)
            headers.setdefault("Content-Type", "application/json")
        return http.build_request(
            call.method,
            call.url if call.is_signed else self.resolve(call.url),
            params=query_params(call.params),
            content=content,
            data=call.data,
            files=call.files,
            headers=headers,
            timeout=self._timeout_of(call),
        )

    def _timeout_of(self, call: Call) -> httpx2.Timeout:
        usual = self._timeout.read or READ_TIMEOUT_SECONDS
        long = max(usual, LONG_READ_TIMEOUT_SECONDS) if call.is_long else usual
        return httpx2.Timeout(call.read_timeout_seconds or long, connect=self._timeout.connect, pool=None)

    def _open_http(self, headers: Mapping[str, str], *, follow_redirects: bool = False) -> httpx2.Client:
        transport = None if self._transport is None else _Borrowed(self._transport)
        return httpx2.Client(
            headers=dict(headers),
            timeout=self._timeout,
            transport=transport,
            verify=tls(),
            follow_redirects=follow_redirects,
            # A proxy of the environment is for the world outside; this machine is reached directly.
            trust_env=not is_loopback(self.base_url),
        )


@cache
def tls() -> ssl.SSLContext:
    """What all clients check certificates with: to read those of the authorities takes 20 ms of CPU."""
    return httpx2.create_ssl_context()


class _Borrowed(httpx2.BaseTransport):
    """A transport that several clients share: closing a client leaves it open."""

    def __init__(self, transport: httpx2.BaseTransport) -> None:
        self._transport = transport

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        return self._transport.handle_request(request)


def query_params(params: Mapping[str, Any] | None) -> dict[str, str | list[str]] | None:
    """Query parameters as the server reads them: lists with commas, booleans as true/false, None left out.

    An empty list is sent as an empty value, which selects nothing: leaving it out would select everything.
    """
    if params is None:
        return None
    return {name: _query_value(value) for name, value in params.items() if value is not None}


def _encode_json(call: Call) -> bytes:
    try:
        return msgspec.json.encode(call.json)
    except (TypeError, ValueError, msgspec.MsgspecError) as exc:
        raise ClientError(None, f"{call.label}: what is to be sent cannot be written as JSON ({exc}).") from exc


def decode_json(body: bytes, status_code: int, label: str) -> Any:
    """The decoded body.

    Raises:
        ClientError: It is not JSON.
    """
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError as exc:
        raise ClientError(
            status_code, f"{label} was not answered with JSON ({exc}). Check that the address is a Synapse server's."
        ) from exc


def _query_value(value: Any) -> str | list[str]:
    if not isinstance(value, (list, tuple, set, frozenset)):
        return _query_text(value)
    texts = [_query_text(item) for item in value]
    # Text that holds a comma is repeated as a parameter of its own: the server takes several as they are.
    return [*texts, texts[0]] if any("," in text for text in texts) else ",".join(texts)


def _query_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _build_timeout(timeout: Mapping[str, float] | float | None) -> httpx2.Timeout:
    if timeout is None:
        timeout = {}
    if not isinstance(timeout, Mapping):
        timeout = {"connect": timeout, "read": timeout}
    if unknown := set(timeout) - {"connect", "read"}:
        raise ConfigurationError(f"Unknown timeout {sorted(unknown)}; use `connect` and `read`, in seconds.")
    read = timeout.get("read", READ_TIMEOUT_SECONDS)
    return httpx2.Timeout(read, connect=timeout.get("connect", CONNECT_TIMEOUT_SECONDS), pool=None)


def _raise_for_response(response: httpx2.Response, call: Call) -> None:
    status = response.status_code
    if response.is_redirect:
        raise ClientError(status, f"{call.label} was redirected; redirects are not followed. Check the base URL.")
    if status < 400:
        return
    detail: Any = response.text[:_MAX_ERROR_BODY_CHARACTERS]
    try:
        detail = msgspec.json.decode(response.content)
    except msgspec.DecodeError:
        detail = f"{call.label}: {detail}"
    raise_for_status(status, sanitize_detail(detail))
