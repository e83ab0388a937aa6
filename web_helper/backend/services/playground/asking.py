"""Asks agents about their containers, and tells their refusals as this server's own."""

from __future__ import annotations

from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from web_helper.backend.core.problems import ConflictProblem, NotFoundProblem, Problem, ValidationProblem
from web_helper.backend.services.playground.hosts import Host

if TYPE_CHECKING:
    import httpx2

# An agent that is there answers a question at once; what takes long there is a build, which has an id.
ASK_SECONDS = 10.0
# Stopping an app that does not end by itself, or the first look at a release's archive.
CHANGE_SECONDS = 120.0
_KINDS: dict[int, type[Problem]] = {
    HTTPStatus.BAD_REQUEST: ValidationProblem,
    HTTPStatus.UNPROCESSABLE_ENTITY: ValidationProblem,
    HTTPStatus.NOT_FOUND: NotFoundProblem,
}


class AgentAwayProblem(ConflictProblem):
    """An agent does not answer this server."""


class AgentLink:
    """One client for all agents of a process."""

    @cached_property
    def client(self) -> httpx2.AsyncClient:
        """Made when it is needed first: most servers have no playground."""
        from synapse_sdk.utils.forwarding import open_client

        return open_client()

    async def close(self) -> None:
        if "client" in self.__dict__:
            await self.client.aclose()

    async def ask(
        self, host: Host, method: str, path: str, *, seconds: float = ASK_SECONDS, **content: Any
    ) -> httpx2.Response:
        """An agent's answer.

        Raises:
            AgentAwayProblem: It does not answer.
            Problem: It refused; the message is its own.
        """
        import httpx2

        try:
            answer = await self.client.request(
                method,
                f"{host.url}/{path}",
                headers={"Authorization": f"Token {host.key}", **content.pop("headers", {})},
                timeout=httpx2.Timeout(seconds, connect=5.0),
                **content,
            )
        except httpx2.TransportError as exc:
            raise away(host, type(exc).__name__) from exc
        if answer.status_code >= HTTPStatus.BAD_REQUEST:
            raise refusal(host, answer.status_code, answer.content)
        return answer


def away(host: Host, reason: str) -> AgentAwayProblem:
    """Why an agent could not be asked, and what to do."""
    return AgentAwayProblem(
        f"The agent {host.name!r} does not answer this server ({reason}). It must run, and listen where the server "
        "reaches it (its option `--host`)."
    )


def refusal(host: Host, status: int, content: bytes) -> Problem:
    """What an agent refused, as a problem of this server."""
    import msgspec

    try:
        body = msgspec.json.decode(content)
    except msgspec.MsgspecError:
        body = {}
    error = body.get("error") if isinstance(body, dict) else None
    said = error.get("message") if isinstance(error, dict) else body.get("detail") if isinstance(body, dict) else None
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return away(host, "another program answers at its address, or an older agent")
    return _KINDS.get(status, ConflictProblem)(str(said or f"The agent {host.name!r} answered {status}."))


def own_path(*parts: str) -> str:
    """A path of the agent's API; ids are quoted."""
    return "".join(f"{quote(part, safe='')}/" for part in parts)
