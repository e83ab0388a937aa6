"""The client of the v1 API."""

from __future__ import annotations

from collections.abc import Mapping

import httpx2

from synapse_sdk.clients.backend.annotation import AnnotationClientMixin
from synapse_sdk.clients.backend.collection import CollectionClientMixin
from synapse_sdk.clients.backend.plugin import PluginClientMixin
from synapse_sdk.clients.backend.pre_annotation import PreAnnotationClientMixin
from synapse_sdk.utils.retry import RetryPolicy


class BackendClient(AnnotationClientMixin, CollectionClientMixin, PluginClientMixin, PreAnnotationClientMixin):
    """Access to the unversioned API.

    Args:
        base_url: Address of the server.
        access_token: A `syn_…` key.
        authorization_token: A key for the `Authorization` header.
        tenant: Code of the tenant.
        agent_token: The key of an agent.
        timeout: `{"connect": seconds, "read": seconds}` or one number for both.
        retry: When failed requests are repeated.
        transport: Carries the requests; stays the caller's.

    Raises:
        ConfigurationError: `base_url` is not an http(s) address.
    """

    def __init__(
        self,
        base_url: str,
        access_token: str | None = None,
        *,
        authorization_token: str | None = None,
        tenant: str | None = None,
        agent_token: str | None = None,
        timeout: Mapping[str, float] | float | None = None,
        retry: RetryPolicy | None = None,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        tokens = {
            "Synapse-Access-Token": access_token,
            "Authorization": authorization_token,
            "Synapse-Tenant": tenant,
            "SYNAPSE-Agent": agent_token,
        }
        headers = {name: f"Token {token}" for name, token in tokens.items() if token}
        super().__init__(base_url, headers=headers, timeout=timeout, retry=retry, transport=transport)
