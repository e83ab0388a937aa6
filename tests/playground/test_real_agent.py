"""The server and an agent as processes of their own: the key of one opens the other, and nobody else's does."""

import httpx2
import pytest

from tests.agent.stage import Stage, until

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("playground")]


def test_the_server_asks_a_real_agent_by_a_key_that_nobody_was_sent(tmp_path):
    stage = Stage(tmp_path)
    try:
        agent = stage.start_agent(playground_engine_url=f"unix://{tmp_path}/nobody.sock")
        with httpx2.Client(base_url=stage.url, timeout=60, trust_env=False) as client:
            client.headers["Authorization"] = f"Token {stage.token}"
            until(lambda: client.get("/v2/playground-hosts/").json()["data"][0]["engine"] is not None)
            (host,) = client.get("/v2/playground-hosts/").json()["data"]
            assert "No container engine answers" in host["problem"]
            # The list is asked for with the key; the health above is anybody's.
            found = client.get("/v2/playground-containers/").json()
            assert (found["data"], found["meta"]["unreachable"]) == ([], [])
            assert client.get(f"/v2/playground-containers/{host['agent']}-1/").status_code == 404
            wished = client.post("/v2/playground-containers/", json={"plugin_release": "x@1", "agent": host["agent"]})
            assert "publish it" in wished.json()["error"]["message"]
        # The person's token opens nothing at the agent.
        refused = httpx2.get(
            f"{agent.url}/containers/", headers={"Authorization": f"Token {stage.token}"}, trust_env=False
        )
        assert refused.status_code == 401
    finally:
        stage.close()
