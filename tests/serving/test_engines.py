"""What a served model is promised, whatever serves it: processes of the agent's own host, or Ray Serve."""

import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from synapse_agent.engines.serving import process as processes
from synapse_sdk.exceptions import ConflictError
from tests.serving.conftest import is_quick, wait_for
from tests.serving.release.plugin.models import SECRET

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

NAME = "models@1.0.0"


@pytest.fixture(
    params=["embedded", pytest.param("ray", marks=[pytest.mark.ray, pytest.mark.xdist_group("ray")])],
)
def host(request, tmp_path):
    # Only what is asked for is started: a cluster takes seconds and hundreds of megabytes.
    return request.getfixturevalue("open_host" if request.param == "embedded" else "open_ray")()


def test_a_deployed_class_answers_below_its_prefix(host):
    state = host.run("Echo", num_replicas=2)
    assert host.ask(state, image_path="a.jpg").json()["image_path"] == "a.jpg"
    assert state.replicas == state.num_replicas == 2
    assert host.seen[0] in {"NOT_STARTED", "DEPLOYING"}
    elsewhere = httpx2.post(state.endpoint.replace("/models-", "/other-"), json={}, trust_env=False, timeout=60)
    assert elsewhere.status_code == 404
    assert httpx2.post(f"{state.endpoint}/", content=b"{", trust_env=False, timeout=60).status_code == 400


def test_routes_of_a_plugins_own_application_answer_and_its_agents_keys_stay_away(host):
    host.deploy("Routed", "routed@1")
    variables = host.ask(host.run("Environment")).json()
    assert "SYNAPSE_AGENT_TOKEN" not in variables
    assert variables["OMP_NUM_THREADS"] == "1"
    assert not variables.get("CUDA_VISIBLE_DEVICES")

    state = host.wait("RUNNING", "routed@1")
    assert host.ask(state, a=1, b=2).json()["sum"] == 3
    assert httpx2.get(f"{state.endpoint}/labels", trust_env=False, timeout=60).json() == ["cat", "dog"]
    assert httpx2.post(f"{state.endpoint}/", json={"a": "no"}, trust_env=False, timeout=60).status_code == 422


@pytest.mark.parametrize(
    ("model", "more", "words"),
    [
        ("BrokenConstructor", {}, "RuntimeError: no weights at https://host/weights"),
        ("SlowStart", {"start_timeout_s": 1.5}, "not ready within 1.5 s"),
        ("Greedy", {"resources": {"memory": 300 * 2**20}}, "more than its memory"),
    ],
)
def test_what_cannot_start_is_a_failed_deployment_that_says_why(host, model, more, words):
    host.deploy(model, **more)
    state = host.wait("DEPLOY_FAILED")
    assert words in state.message
    assert SECRET not in state.message
    assert "signature" not in state.message


def test_a_redeployment_that_fails_leaves_the_former_one_answering_and_can_be_mended(host):
    state = host.run("Echo")
    host.deploy("BrokenConstructor")
    host.wait("DEPLOY_FAILED")
    assert host.ask(state, a=1).json()["a"] == 1
    assert host.ask(host.run("EchoAgain")).json()["version"] == 2


def test_an_exception_is_its_callers_answer_and_the_only_replica_that_ends_is_replaced(host):
    state = host.run("Ending")
    before = host.ask(state).json()
    assert host.ask(state, how="exit").status_code == 500
    answer = host.ask(state, how="raise")
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "INFERENCE_FAILED"
    assert "no such thing" in answer.text
    assert SECRET not in answer.text
    assert "Signature" not in answer.text
    assert host.ask(state).json() == before

    assert is_lost(host, state, how="kill")

    assert host.wait("UNHEALTHY").message
    assert host.ask(host.wait("RUNNING")).json() != before


def test_with_another_replica_it_stays_running(host):
    state = host.run("Ending", num_replicas=2)
    assert is_lost(host, state, how="kill")
    host.wait("RUNNING", replicas=1)
    assert host.ask(state).status_code == 200
    host.wait("RUNNING", replicas=2)
    assert "UNHEALTHY" not in host.seen


def test_a_replica_that_hangs_or_says_that_it_is_not_well_is_replaced(host):
    # One that is well answers in this time also where the machine is busy.
    host.deploy("Sickly", "sickly@1", health_check_timeout_s=5.0)
    hanging = host.run("Worker", health_check_timeout_s=5.0)
    sickly = host.wait("RUNNING", "sickly@1")
    assert host.ask(sickly).status_code == 200
    host.wait("UNHEALTHY", "sickly@1")
    before = host.ask(hanging).json()["pid"]
    with ThreadPoolExecutor(1) as pool:
        lost = pool.submit(is_lost, host, hanging, block=100.0)
        host.wait("UNHEALTHY")
        assert lost.result()
    assert host.ask(host.wait("RUNNING")).json()["pid"] != before
    host.wait("RUNNING", "sickly@1")


def test_requests_beyond_the_bounds_are_refused_and_batches_are_gathered(host, tmp_path):
    host.deploy("Batched", "batched@1")
    state = host.run("Worker", max_ongoing_requests=1, max_queued_requests=1)
    gate = tmp_path / "gate"
    with ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(host.ask, state, gate=str(gate)) for _ in range(6)]
        try:
            # One is worked on, one waits; the others are answered while those two are held.
            wait_for(lambda: sum(answer.done() for answer in asked) == 4)
        finally:
            gate.touch()
    assert sorted(answer.result().status_code for answer in asked) == [200, 200, 503, 503, 503, 503]

    batched = host.wait("RUNNING", "batched@1")
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda value: host.ask(batched, value=value), (1, 2, 3, -1)))
    assert [answer.status_code for answer in answers] == [200, 200, 200, 500]
    assert max(answer.json()[1] for answer in answers[:3]) > 1


def test_a_redeployment_under_load_drops_nothing(host):
    # However busy the machine is, what was asked is answered before a replica that is replaced has to end.
    patient = {"num_replicas": 2, "graceful_shutdown_timeout_s": 60.0}
    state = host.run("Echo", **patient)
    stop, failures, versions, seen = threading.Event(), [], set(), set()

    def load() -> None:
        # Some callers keep their connection, others open one for each request.
        with httpx2.Client(trust_env=False, timeout=30) as client:
            while not stop.is_set():
                for post in (client.post, lambda url, json: httpx2.post(url, json=json, trust_env=False, timeout=30)):
                    try:
                        answer = post(f"{state.endpoint}/", json={"a": 1})
                        versions.add(answer.json().get("version", 1))
                    except (httpx2.TransportError, ValueError) as exc:
                        failures.append(repr(exc))
                time.sleep(0.005)

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for model in ("EchoAgain", "Echo"):
            revision = host.deploy(model, **patient).revision
            wait_for(lambda revision=revision: host.serving.state(state.name).revision == revision)
            host.wait("RUNNING")
            versions.clear()
            wait_for(lambda version=2 if model == "EchoAgain" else 1: version in versions)
            seen |= versions
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not failures
    assert seen == {1, 2}


def test_two_deployments_of_the_same_at_once_are_one(host):
    with ThreadPoolExecutor(2) as pool:
        states = list(pool.map(lambda _: host.deploy("Echo"), range(2)))
    host.wait("RUNNING")
    host.deploy("Echo")
    state = host.serving.state(NAME)
    assert {entry.revision for entry in [*states, state]} == {1}
    assert len(host.serving.engine.states()) == 1


def test_deleting_lets_requests_end_and_leaves_nothing(host, tmp_path):
    host.deploy("Ending", "ending@1")
    state = host.run("Worker", graceful_shutdown_timeout_s=60.0)
    ending = host.wait("RUNNING", "ending@1")
    children = host.ask(ending, how="fork").json()
    assert all(processes.start_time(pid) for pid in children)
    gate = tmp_path / "gate"
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(host.ask, state, gate=str(gate))
        try:
            wait_for((tmp_path / "gate.reached").exists)
            assert host.serving.delete(state.name).status == "DELETING"
        finally:
            gate.touch()
        assert answer.result().status_code == 200
    host.serving.delete("ending@1")
    wait_for(lambda: host.is_gone() and host.is_gone("ending@1"))
    assert is_lost(host, state)
    wait_for(lambda: not any(processes.start_time(pid) for pid in children))


def test_what_can_never_fit_is_refused_at_once(host):
    def deploy():
        with pytest.raises(ConflictError, match=r"num_cpus: requested 1000, available"):
            host.deploy("Echo", resources={"num_cpus": 1000})

    assert is_quick(deploy)
    assert not host.serving.engine.states()


def test_memory_that_a_request_freed_is_there_for_the_next(host):
    state = host.run("Arrays")
    pages = [host.ask(state).json()["pages"] for _ in range(4)]
    # 32 MiB are 8,192 pages.
    assert min(pages[1:]) < 800 < pages[0], pages


def is_lost(host, state, **inputs) -> bool:
    """Whether a request got no answer of the model: its connection broke, or a proxy said so."""
    with contextlib.suppress(httpx2.TransportError):
        return host.ask(state, **inputs).status_code >= 400
    return True
