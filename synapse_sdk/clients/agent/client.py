"""The client of an agent's API."""

from __future__ import annotations

from collections.abc import Mapping

import httpx2

from synapse_sdk.clients.agent.container import ContainerClientMixin
from synapse_sdk.clients.agent.plugin import PluginReleaseClientMixin
from synapse_sdk.clients.agent.runs import RunClientMixin
from synapse_sdk.clients.agent.serving import ServingClientMixin
from synapse_sdk.exceptions import ConfigurationError
from synapse_sdk.utils.retry import RetryPolicy

CONNECT_SECONDS, READ_SECONDS = 3.0, 10.0


class AgentClient(RunClientMixin, PluginReleaseClientMixin, ServingClientMixin, ContainerClientMixin):
    """Access to one agent.

    Args:
        base_url: Address of the agent; `host` is another name for it.
        agent_token: The agent's token, sent as it is; `token` is another name for it.
        user_token: A person's key, for what the agent asks of the server on their behalf.
        tenant: Code of the tenant.
        timeout: `{"connect": seconds, "read": seconds}` or one number for both; 3 and 10 s when None.
        retry: When failed requests are repeated.
        transport: Carries the requests; stays the caller's.

    Raises:
        ConfigurationError: There is no address or no token, or the address is not http(s).
    """

    def __init__(
        self,
        base_url: str | None = None,
        agent_token: str | None = None,
        *,
        user_token: str | None = None,
        tenant: str | None = None,
        timeout: Mapping[str, float] | float | None = None,
        host: str | None = None,
        token: str | None = None,
        retry: RetryPolicy | None = None,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        url, key = base_url or host, agent_token or token
        if not url or not key:
            raise ConfigurationError("AgentClient needs the agent's address (base_url) and its token (agent_token).")
        headers = {"Authorization": key}
        headers |= {"SYNAPSE-User": f"Token {user_token}"} if user_token else {}
        headers |= {"SYNAPSE-Tenant": f"Token {tenant}"} if tenant else {}
        if timeout is None:
            timeout = {"connect": CONNECT_SECONDS, "read": READ_SECONDS}
        super().__init__(url, headers=headers, timeout=timeout, retry=retry, transport=transport)

    def health_check(self) -> dict[str, object]:
        """Whether the agent lives, whether the server hears it, and whether a container engine answers."""
        answer: dict[str, object] = self._get("health/")
        return answer
