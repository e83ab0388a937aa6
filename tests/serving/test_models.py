"""Which model answers: chosen by a signed header, loaded once, bounded in number; batches and orphans."""

import hashlib
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from synapse_agent.engines.serving import process as processes
from synapse_sdk.plugins.actions.inference.model_token import HEADER, sign_model
from tests.serving.conftest import leftovers, make_serving, wait_for

AGENT = """\
import sys, time
from pathlib import Path
from tests.serving.conftest import make_serving, spec_of
serving = make_serving(Path(sys.argv[1]), orphan_seconds=float(sys.argv[2]))
serving.engine.start()
serving.deploy(spec_of("Echo", num_replicas=2))
while serving.state("models@1.0.0").status != "RUNNING":
    time.sleep(0.05)
print("running", flush=True)
time.sleep(600)
"""


def model(folder: Path, number: int) -> dict:
    content = f"weights {number}".encode()
    (folder / f"{number}").mkdir(exist_ok=True)
    path = folder / f"{number}" / "weights.txt"
    path.write_bytes(content)
    return {"id": number, "url": str(path), "sha256": hashlib.sha256(content).hexdigest()}


def test_the_signed_header_chooses_the_model_and_it_is_loaded_once(host, tmp_path):
    state = host.run("Multiplexed", max_ongoing_requests=16)
    # Written before anybody asks: a replica that reads a file while it is written refuses it.
    facts = {number: model(tmp_path, number) for number in (1, 2, 3)}

    def ask(number: int) -> dict:
        token = host.serving.access(state.name, facts[number])["token"]
        return host.ask(state, headers={HEADER: token}).json()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ask(1), range(8)))
    assert {answer["answer"] for answer in answers} == {"weights 1"}
    assert {answer["loads"] for answer in answers} == {1}
    assert [ask(number)["answer"] for number in (2, 3, 1)] == ["weights 2", "weights 3", "weights 1"]
    # Two stay loaded, so the first had to be loaded again.
    assert (ask(1)["loads"], ask(1)["loaded"]) == (4, 2)


def test_a_model_that_was_not_signed_here_is_refused(host, tmp_path):
    state = host.run("Multiplexed")
    forged = sign_model(model(tmp_path, 1), "another key")
    for headers in (None, {HEADER: forged}, {HEADER: "nonsense"}):
        answer = host.ask(state, headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "CONFIGURATION_ERROR")


def test_weights_that_cannot_be_had_fail_the_request_and_are_tried_again(host, tmp_path):
    state = host.run("Multiplexed")
    facts = model(tmp_path, 1)
    token = host.serving.access(state.name, facts)["token"]
    moved = Path(facts["url"]).rename(tmp_path / "elsewhere")
    assert host.ask(state, headers={HEADER: token}).status_code == 500
    moved.rename(facts["url"])
    assert host.ask(state, headers={HEADER: token}).json()["answer"] == "weights 1"


def test_requests_that_come_together_are_one_batch(host):
    state = host.run("Batched", max_ongoing_requests=16)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda value: host.ask(state, value=value), range(-1, 7)))
    assert [answer.status_code for answer in answers] == [500] + [200] * 7
    assert max(answer.json()[1] for answer in answers[1:]) >= 2


def start_agent(home: Path, orphan_seconds: float) -> "subprocess.Popen[str]":
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", AGENT, str(home), str(orphan_seconds)]
    agent = subprocess.Popen(
        command, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, stdout=subprocess.PIPE, text=True
    )
    assert agent.stdout.readline() == "running\n"
    return agent


def end(agent: "subprocess.Popen[str]") -> None:
    agent.send_signal(signal.SIGKILL)
    agent.wait()
    agent.stdout.close()


def test_replicas_of_an_agent_that_never_comes_back_end_themselves(tmp_path):
    agent = start_agent(tmp_path / "serving", 5.0)
    serving = make_serving(tmp_path / "serving")
    assert len(leftovers(serving)) == 2
    end(agent)
    wait_for(lambda: not leftovers(serving))
    # A later agent serves again what was wanted.
    serving.engine.start()
    wait_for(lambda: serving.state("models@1.0.0").status == "RUNNING")
    serving.engine.stop()
    assert not leftovers(serving)


def test_an_agent_clears_away_what_its_record_does_not_know(tmp_path):
    agent = start_agent(tmp_path / "serving", 600.0)
    end(agent)
    serving = make_serving(tmp_path / "serving")
    (record,) = (tmp_path / "serving").glob("*/application.json")
    record.unlink()
    before = leftovers(serving)
    serving.engine.start()
    assert len(before) == 2
    wait_for(lambda: not any(processes.start_time(pid) for pid in before))
    assert not serving.engine.states()
    serving.engine.stop()
