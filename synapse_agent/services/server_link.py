"""What this agent asks and tells the server about runs, by its own key."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel

from synapse_sdk.clients.backend import BackendClient
from synapse_sdk.clients.backend.transport import item_path
from synapse_sdk.clients.base import Call
from synapse_sdk.utils.retry import NO_RETRY
from synapse_sdk.wire.agents import MAX_WAIT_SECONDS, Claim, ClaimRequest, RunReport, RunStart, RunState
from synapse_sdk.wire.containers import ReleaseArchive

READ_SECONDS = 30.0


class ServerLink:
    """Every call may be repeated; when, is for the caller to say.

    Args:
        server_url: The server.
        key: The agent's key.
    """

    def __init__(self, server_url: str, key: str) -> None:
        self.client = BackendClient(server_url, agent_token=key, timeout={"read": READ_SECONDS}, retry=NO_RETRY)

    def claim(self, runs: Sequence[str], *, free_slots: int, wait_seconds: float) -> Claim:
        """Jobs to start and runs to stop.

        Raises:
            ClientError: The server is away, or refuses this agent.
        """
        body = ClaimRequest.model_validate({"runs": runs, "free_slots": free_slots, "wait_seconds": wait_seconds})
        answer = self._post("claim/", body, read_seconds=READ_SECONDS + MAX_WAIT_SECONDS)
        return Claim.model_validate(answer)

    def start(self, job_id: str) -> RunStart:
        """Take a job; its former key, if it had one, works no more.

        Raises:
            ConflictError: It has ended meanwhile.
            ClientError: The call failed.
        """
        return RunStart.model_validate(self._post(f"{job_id}/start/"))

    def report(self, job_id: str, report: RunReport) -> RunState:
        """Say what a run printed, and how it ended.

        Raises:
            ClientError: The call failed.
        """
        return RunState.model_validate(self._post(f"{job_id}/report/", report))

    def find_release(self, name: str) -> ReleaseArchive:
        """The archive of a release, `code@version`.

        Raises:
            NotFoundError: There is no such release.
            ClientError: The call failed.
        """
        answer = self.client.send_json(Call("GET", item_path("v2/agent-runs/releases", name)))
        return ReleaseArchive.model_validate(answer["data"])

    def close(self) -> None:
        self.client.close()

    def _post(self, path: str, body: BaseModel | None = None, *, read_seconds: float | None = None) -> object:
        content = body.model_dump(mode="json", exclude_none=True) if body else None
        call = Call("POST", f"v2/agent-runs/{path}", json=content, repeatable=True, read_timeout_seconds=read_seconds)
        return self.client.send_json(call)["data"]
