"""When a failed request is sent again, and after which wait: decided here, executed by whoever sends.

A request is repeated only when repeating it cannot do its work twice. Reads are; PUT and DELETE are by definition of
HTTP; a POST or PATCH only when the caller says so (a pure read such as bulk-fetch, or one with an idempotency key), or
when it never reached the server.
"""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx2

DEFAULT_RETRY_ON_STATUS = frozenset({502, 503, 504})
REPEATABLE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
# These fail before a byte of the request was sent.
NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
# What no repetition can mend.
_HOPELESS = (httpx2.UnsupportedProtocol, httpx2.LocalProtocolError)


@dataclass(frozen=True)
class RetryPolicy:
    """How often, when and how patiently a request is repeated.

    Attributes:
        retries: Repetitions after the first attempt.
        backoff_seconds: Wait before the first repetition; doubles each time, and a random half is taken off so that
            clients that failed together do not come back together.
        max_wait_seconds: Longest wait. A server that asks for more (`Retry-After`) gets no repetition.
        statuses: HTTP statuses that count as passing trouble.
    """

    retries: int = 3
    backoff_seconds: float = 0.5
    max_wait_seconds: float = 30.0
    statuses: frozenset[int] = field(default=DEFAULT_RETRY_ON_STATUS)

    def with_options(
        self,
        retries: int | None = None,
        backoff_seconds: float | None = None,
        statuses: Collection[int] | None = None,
    ) -> RetryPolicy:
        """This policy with the given parts replaced."""
        return replace(
            self,
            retries=self.retries if retries is None else retries,
            backoff_seconds=self.backoff_seconds if backoff_seconds is None else backoff_seconds,
            statuses=self.statuses if statuses is None else frozenset(statuses),
        )

    def wait_after_status(self, attempt: int, status: int, retry_after: str | None) -> float | None:
        """Seconds to wait after attempt number `attempt` (from 0) ended with a status; None is giving up."""
        if attempt >= self.retries or status not in self.statuses:
            return None
        asked = parse_retry_after(retry_after)
        if asked is None:
            return self._backoff(attempt)
        return asked if asked <= self.max_wait_seconds else None

    def wait_after_error(self, attempt: int, exc: httpx2.RequestError, *, repeatable: bool) -> float | None:
        """Seconds to wait after an attempt that got no complete answer; None is giving up."""
        if attempt >= self.retries or isinstance(exc, _HOPELESS):
            return None
        return self._backoff(attempt) if repeatable or isinstance(exc, NOT_SENT) else None

    def _backoff(self, attempt: int) -> float:
        full: float = min(self.max_wait_seconds, self.backoff_seconds * 2**attempt)
        return full * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing.


NO_RETRY = RetryPolicy(retries=0)


def parse_retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """Seconds that a `Retry-After` header asks for (a number or an HTTP date); None when absent or unreadable."""
    if value is None:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())
