"""Runs on a real agent: what a user of `synapse plugin run --mode remote` is promised."""

import pytest

from tests.agent.stage import processes_with, until

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("agent")]


def test_a_run_ends_with_its_result_its_logs_and_its_progress(stage, agent):
    code = stage.publish(
        """
        print("hello from", Path.cwd().name)
        self.set_progress(3, 4)
        self.set_metrics({"success": 3}, "work")
        self.log_message("working", "success")
        return {"value": self.params.value, "job": self.ctx.job_id}
        """
    )
    job = stage.run(code, agent, value=[1, {"a": "한글"}])

    ended = stage.wait(job)

    assert (ended["status"], ended["exit_kind"], ended["exit_code"]) == ("succeeded", "returned", 0), ended
    assert ended["result"] == {"value": [1, {"a": "한글"}], "job": job}
    assert ended["progress_record"]["current_progress"]["percent"] == 75
    assert ended["metrics_record"]["record"]["steps"]["work"] == {"success": 3}
    assert "hello from work" in stage.console(job)
    assert [entry["event"] for entry in stage.v1.list_logs({"job": job})["results"]] == ["message"]
    assert until(lambda: not processes_with(job))
