"""Serving by processes of the host: states, answers, and what becomes of models that misbehave."""

import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from synapse_agent.engines.serving import process as processes
from synapse_sdk.exceptions import ConflictError
from tests.serving.conftest import spec_of, wait_for
from tests.serving.release.plugin.models import SECRET


def test_a_deployed_class_answers_below_its_prefix(host):
    state = host.run("Echo", num_replicas=2)
    assert host.ask(state, image_path="a.jpg").json()["image_path"] == "a.jpg"
    assert state.replicas == state.num_replicas == 2
    assert host.seen[0] in {"NOT_STARTED", "DEPLOYING"}
    elsewhere = httpx2.post(state.endpoint.replace("/models-", "/other-"), json={}, trust_env=False)
    assert elsewhere.status_code == 404


def test_routes_of_a_plugins_own_application_answer(host):
    state = host.run("Routed")
    assert host.ask(state, a=1, b=2).json()["sum"] == 3
    assert httpx2.get(f"{state.endpoint}/labels", trust_env=False).json() == ["cat", "dog"]
    assert httpx2.post(f"{state.endpoint}/", json={"a": "no"}, trust_env=False).status_code == 422


def test_replicas_share_the_work(host):
    state = host.run("Worker", num_replicas=2)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: host.ask(state, block=0.05).json()["pid"], range(40)))
    assert min(answers.count(pid) for pid in set(answers)) >= 8
    assert len(set(answers)) == 2


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("no_such_module:Model", "no_such_module"),
        ("plugin.models:NoSuchClass", "NoSuchClass"),
        ("plugin.models:NotServed", "no action"),
        ("BrokenConstructor", "RuntimeError: no weights at https://host/weights"),
    ],
)
def test_what_cannot_start_is_a_failed_deployment_that_says_why(host, model, words):
    host.deploy(model)
    state = host.wait("DEPLOY_FAILED")
    assert words in state.message
    assert SECRET not in state.message
    assert "signature" not in state.message


def test_a_crash_at_every_start_gives_up(host):
    host.deploy("CrashesAtStart")
    assert "exit status 7" in host.wait("DEPLOY_FAILED").message


def test_a_start_that_takes_too_long_is_a_failed_deployment(host):
    host.deploy("SlowStart", start_timeout_s=1.5)
    assert "not ready within 1.5 s" in host.wait("DEPLOY_FAILED").message


def test_a_model_larger_than_its_memory_is_a_failed_deployment(host):
    host.deploy("Greedy", resources={"memory": 300 * 2**20})
    assert "more than its memory" in host.wait("DEPLOY_FAILED").message


def test_a_failed_deployment_can_be_deployed_again(host):
    host.deploy("BrokenConstructor")
    host.wait("DEPLOY_FAILED")
    assert host.ask(host.run("Echo"), a=1).json()["a"] == 1


def test_a_model_that_calls_sys_exit_fails_that_request_only(host):
    state = host.run("Ending")
    before = host.ask(state).json()
    assert host.ask(state, how="exit").status_code == 500
    assert host.ask(state).json() == before


def test_the_only_replica_that_ends_makes_it_unhealthy_until_it_is_back(host):
    state = host.run("Ending")
    before = host.ask(state).json()
    with pytest.raises(httpx2.TransportError):
        host.ask(state, how="kill")
    assert "exit status 3" in host.wait("UNHEALTHY").message
    assert host.ask(host.wait("RUNNING")).json() != before


def test_with_another_replica_it_stays_running(host):
    state = host.run("Ending", num_replicas=2)
    with pytest.raises(httpx2.TransportError):
        host.ask(state, how="kill")
    host.wait("RUNNING", replicas=1)
    assert host.ask(state).status_code == 200
    host.wait("RUNNING", replicas=2)
    assert "UNHEALTHY" not in host.seen


def test_a_model_that_outgrows_its_memory_is_replaced(host):
    state = host.run("Ending", resources={"memory": 300 * 2**20})
    before = host.ask(state).json()
    with contextlib.suppress(httpx2.TransportError):  # It may be killed before it answers.
        host.ask(state, how="allocate", amount=400 * 2**20)
    assert "more than its memory" in host.wait("UNHEALTHY").message
    assert host.ask(host.wait("RUNNING")).json() != before


def test_a_replica_that_hangs_is_replaced(host):
    state = host.run("Worker", health_check_timeout_s=1.0)
    with pytest.raises(httpx2.TransportError):
        host.ask(state, block=25.0)
    assert "did not answer" in host.wait("UNHEALTHY").message
    assert host.ask(host.wait("RUNNING")).status_code == 200


def test_a_replica_that_fails_its_health_check_is_replaced(host):
    state = host.run("Sickly")
    before = host.ask(state).json()
    assert "the device is lost" in host.wait("UNHEALTHY").message
    assert host.ask(host.wait("RUNNING")).json() != before


def test_an_exception_is_its_callers_answer_without_secrets(host):
    state = host.run("Ending")
    answer = host.ask(state, how="raise")
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "INFERENCE_FAILED"
    assert "no such thing" in answer.text
    assert SECRET not in answer.text
    assert "Signature" not in answer.text
    assert host.ask(state).status_code == 200


def test_a_body_that_is_no_json_is_refused(host):
    state = host.run("Echo")
    assert httpx2.post(f"{state.endpoint}/", content=b"{", trust_env=False).status_code == 400


def test_output_is_bounded_on_disk(host, tmp_path):
    state = host.run("Ending")
    for _ in range(6):
        host.ask(state, how="print", amount=10_000)
        time.sleep(1.2)
    size = sum(path.stat().st_size for path in (tmp_path / "serving").rglob("*.log*"))
    assert size < 25 * 2**20
    assert b"xxx" in host.serving.engine.logs(state.name)


def test_requests_beyond_the_bounds_are_refused_not_piled_up(host):
    state = host.run("Worker", max_ongoing_requests=1, max_queued_requests=1)
    with ThreadPoolExecutor(6) as pool:
        statuses = sorted(pool.map(lambda _: host.ask(state, sleep=0.8).status_code, range(6)))
    assert statuses == [200, 200, 503, 503, 503, 503]


def test_a_redeployment_under_load_drops_nothing(host):
    state = host.run("Echo", num_replicas=2)
    stop, failures, versions = threading.Event(), [], set()

    def load() -> None:
        # Some callers keep their connection, others open one for each request.
        with httpx2.Client(trust_env=False, timeout=20) as client:
            while not stop.is_set():
                for post in (client.post, lambda url, json: httpx2.post(url, json=json, trust_env=False, timeout=20)):
                    try:
                        answer = post(f"{state.endpoint}/", json={"a": 1})
                        versions.add(answer.json().get("version", 1))
                    except (httpx2.TransportError, ValueError) as exc:
                        failures.append(repr(exc))
                time.sleep(0.002)

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for model in ("EchoAgain", "Echo", "EchoAgain"):
            revision = host.deploy(model, num_replicas=2).revision
            wait_for(lambda revision=revision: host.serving.state(state.name).revision == revision)
            host.wait("RUNNING")
        time.sleep(2.5)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not failures
    assert versions == {1, 2}


def test_a_redeployment_that_fails_leaves_the_former_one_answering(host):
    state = host.run("Echo")
    host.deploy("BrokenConstructor")
    host.wait("DEPLOY_FAILED")
    assert host.ask(state, a=1).json()["a"] == 1


def test_two_deployments_of_the_same_at_once_are_one(host):
    with ThreadPoolExecutor(2) as pool:
        states = list(pool.map(lambda _: host.deploy("Echo"), range(2)))
    host.wait("RUNNING")
    host.deploy("Echo")
    state = host.serving.state("models@1.0.0")
    assert {entry.revision for entry in [*states, state]} == {1}
    assert len(host.serving.engine.states()) == 1


def test_deleting_lets_requests_end_and_leaves_nothing(host):
    state = host.run("Worker")
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(host.ask, state, sleep=1.0)
        time.sleep(0.3)
        assert host.serving.delete(state.name).status == "DELETING"
        assert answer.result().status_code == 200
    wait_for(host.is_gone)
    with pytest.raises(httpx2.ConnectError):
        host.ask(state)


def test_what_a_model_starts_ends_with_it(host):
    state = host.run("Ending")
    children = host.ask(state, how="fork").json()
    assert all(processes.start_time(pid) for pid in children)
    host.serving.delete(state.name)
    wait_for(host.is_gone)
    wait_for(lambda: not any(processes.start_time(pid) for pid in children), seconds=5)


def test_a_replica_sees_none_of_its_agents_keys(host):
    variables = host.ask(host.run("Environment")).json()
    assert "SYNAPSE_AGENT_TOKEN" not in variables
    assert variables["OMP_NUM_THREADS"] == "1"
    assert variables["CUDA_VISIBLE_DEVICES"] == ""


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
