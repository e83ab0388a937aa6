"""What the clients of `/api` share: one key, and paths made of parts."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

import httpx2

from synapse_sdk.clients.base import BaseClient
from synapse_sdk.exceptions import ConfigurationError
from synapse_sdk.utils.retry import RetryPolicy


class KeyedClient(BaseClient):
    """A client whose requests carry one key.

    Args:
        base_url: Address of the server.
        api_key: A `syn_…` key.
        timeout: `{"connect": seconds, "read": seconds}` or one number for both.
        retry: When failed requests are repeated.
        transport: Carries the requests; stays the caller's.

    Raises:
        ConfigurationError: `base_url` is not an http(s) address.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | None = None,
        *,
        timeout: Mapping[str, float] | float | None = None,
        retry: RetryPolicy | None = None,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        super().__init__(base_url, headers=headers, timeout=timeout, retry=retry, transport=transport)


def path_part(text: str) -> str:
    """A value as one part of a path.

    Raises:
        ConfigurationError: It would leave its place: nothing, `.` and `..` do.
    """
    if text in {"", ".", ".."}:
        raise ConfigurationError(f"{text!r} is no id.")
    return quote(text, safe="")
