"""Serving by processes of the host: states, answers, and what becomes of models that misbehave."""

import contextlib
import json
import os
import shutil
import signal
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from synapse_agent.engines.serving.records import folder_of
from synapse_sdk.exceptions import ConflictError
from tests.folders import size_below
from tests.serving.conftest import spec_of, wait_for


def test_replicas_share_the_work(host):
    state = host.run("Worker", num_replicas=2)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: host.ask(state, block=0.05).json()["pid"], range(40)))
    assert min(answers.count(pid) for pid in set(answers)) >= 4
    assert len(set(answers)) == 2


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("no_such_module:Model", "no_such_module"),
        ("plugin.models:NoSuchClass", "NoSuchClass"),
        ("plugin.models:NotServed", "no action"),
    ],
)
def test_what_cannot_be_loaded_says_why(host, model, words):
    host.deploy(model)
    assert words in host.wait("DEPLOY_FAILED").message


def test_a_crash_at_every_start_gives_up(host):
    host.deploy("CrashesAtStart")
    assert "exit status 7" in host.wait("DEPLOY_FAILED").message


def test_a_model_that_outgrows_its_memory_is_replaced(host):
    state = host.run("Ending", resources={"memory": 300 * 2**20})
    before = host.ask(state).json()
    with contextlib.suppress(httpx2.TransportError):  # It may be killed before it answers.
        host.ask(state, how="allocate", amount=400 * 2**20)
    assert "more than its memory" in host.wait("UNHEALTHY").message
    assert host.ask(host.wait("RUNNING")).json() != before


def test_output_is_bounded_on_disk(host, tmp_path):
    state = host.run("Ending")
    for _ in range(6):
        host.ask(state, how="print", amount=10_000)
        wait_for(lambda: size_below(tmp_path / "serving") < 25 * 2**20)
    assert b"xxx" in host.serving.engine.logs(state.name)


def test_gpus_are_shared_out_and_waited_for(open_host):
    host = open_host(devices=("0", "1"))
    first = host.run("Environment", "a@1", resources={"num_gpus": 0.5})
    second = host.run("Environment", "b@1", resources={"num_gpus": 1})
    third = host.run("Environment", "c@1", resources={"num_gpus": 0.5})
    seen = [host.ask(state).json()["CUDA_VISIBLE_DEVICES"] for state in (first, second, third)]
    assert seen[0] == seen[2] != seen[1]
    with pytest.raises(ConflictError, match="num_gpus: requested 1, available 0"):
        host.deploy("Environment", "d@1", resources={"num_gpus": 1})
    # Asked past the gate, it waits until there is room.
    host.serving.engine.deploy(spec_of("Environment", "d@1", resources={"num_gpus": 1}))
    host.wait("NOT_STARTED", "d@1")
    host.serving.delete("b@1")
    host.wait("RUNNING", "d@1")


def defects_in(text):
    return [json.loads(line) for line in text.splitlines() if '"event": "serving_defect"' in line]


def test_an_application_that_the_agent_fails_with_leaves_the_others_alone(host, tmp_path, capfd):
    state = host.run("Worker", "one@1.0.0")
    pid = host.ask(state).json()["pid"]
    folder = folder_of(tmp_path / "serving", "one@1.0.0")
    shutil.rmtree(folder)
    os.kill(pid, signal.SIGKILL)

    host.run("Worker", "other@1.0.0")

    told = wait_for(lambda: host.serving.state("one@1.0.0").message)
    assert told == "A defect of the agent (FileNotFoundError); its log says more."
    (defect,) = defects_in(capfd.readouterr().err)
    assert (defect["application"], defect["kind"]) == ("one@1.0.0", "FileNotFoundError")
    folder.mkdir()
    wait_for(lambda: "defect" not in host.serving.state("one@1.0.0").message)
    host.serving.delete("one@1.0.0")
    wait_for(lambda: host.is_gone("one@1.0.0"))
