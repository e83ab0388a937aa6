"""From what Ray Serve says to a status and a line for people; from what its nodes use to whether more fits."""

from datetime import UTC, datetime, timedelta

import pytest

from synapse_agent.engines.ray.serve.declaration import declare, declared_by_others
from synapse_agent.engines.ray.serve.logs import replicas_to_read
from synapse_agent.engines.ray.serve.records import Deployment, RayApplication, load_applications
from synapse_agent.engines.ray.serve.view import own_words_of, view_application, words_of
from synapse_agent.engines.serving.protocol import Reserved
from synapse_agent.services.capacity_ray import find_shortages
from synapse_sdk.wire.serve import CapacityRequest
from tests.serving.conftest import spec_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)
GIB = 2**30


def application(**more) -> RayApplication:
    wanted = Deployment(spec=spec_of("Echo", num_replicas=2, start_timeout_s=60), revision=3)
    return RayApplication(wanted=wanted, declared=NOW, **more)


def details(status, running=0, revision=3, message="", of_deployment=""):
    replicas = [{"state": "RUNNING"}] * running + [{"state": "STARTING"}]
    return {
        "status": status,
        "message": message,
        "deployed_app_config": {"args": {"synapse_agent": "me", "revision": revision}},
        "deployments": {"replica": {"message": of_deployment, "replicas": replicas}},
    }


@pytest.mark.parametrize(
    ("state", "told", "status", "flags"),
    [
        ({}, None, "DEPLOYING", {"is_missing"}),
        ({}, details("NOT_STARTED"), "NOT_STARTED", set()),
        ({}, details("DEPLOYING"), "DEPLOYING", set()),
        ({}, details("RUNNING", 2, revision=2), "DEPLOYING", {"is_missing"}),
        ({}, details("RUNNING", 2), "RUNNING", set()),
        ({}, details("UNHEALTHY", 1), "DEPLOYING", set()),
        ({}, details("DEPLOY_FAILED"), "DEPLOY_FAILED", set()),
        ({"was_ready": True}, details("RUNNING", 2), "RUNNING", set()),
        ({"was_ready": True}, details("UNHEALTHY", 1), "RUNNING", set()),
        ({"was_ready": True}, details("UNHEALTHY", 0), "UNHEALTHY", set()),
        ({"was_ready": True}, details("DEPLOYING", 0), "UNHEALTHY", set()),
        ({"was_ready": True}, None, "DEPLOYING", {"is_missing"}),
        ({"failure": "too late"}, details("RUNNING", 2, revision=2), "DEPLOY_FAILED", set()),
        ({"failure": "too late"}, None, "DEPLOY_FAILED", set()),
        ({"is_deleting": True}, details("RUNNING", 2), "DELETING", set()),
        ({"is_deleting": True}, details("DELETING"), "DELETING", set()),
        ({"is_deleting": True}, None, "DELETING", {"is_gone"}),
    ],
)
def test_what_ray_says_is_one_of_our_statuses(state, told, status, flags):
    view = view_application(application(**state), told, NOW)
    assert view.status == status
    assert {name for name in ("is_gone", "is_missing", "is_hopeless") if getattr(view, name)} == flags


def test_one_that_is_not_ready_in_time_is_given_up():
    view = view_application(application(), details("DEPLOYING"), NOW + timedelta(seconds=61))
    assert (view.status, view.is_hopeless) == ("DEPLOY_FAILED", True)
    assert view.message == "A replica was not ready within 60 s"


def test_words_are_the_replicas_own_or_one_line_without_a_trace():
    trace = 'The deployment failed.\nTraceback (most recent call last):\n  File "/x/y.py", line 1\nValueError: token=1'
    told = details(
        "DEPLOYING", of_deployment=f"{trace}\nReplicaError: <synapse:3:A replica ended: it is broken:synapse>"
    )
    view = view_application(application(), told, NOW)
    assert (view.status, view.message, view.is_hopeless) == ("DEPLOY_FAILED", "A replica ended: it is broken", True)
    # What replicas of the revision before said is over.
    assert own_words_of(told, 4) == ""
    said = words_of(details("DEPLOY_FAILED", message="Failed to update", of_deployment=trace))
    assert said == "The deployment failed. (ValueError)"
    assert words_of(details("RUNNING")) == ""


@pytest.mark.parametrize(
    ("tool", "said"),
    [
        ("    ERROR: Could not find\n    ERROR: No matching distribution found for nope==1\n", "No matching distribution found for nope==1"),
        ("error: Failed to parse: `nope=1`\n", "Failed to parse: `nope=1`"),
    ],
)  # fmt: skip
def test_requirements_that_cannot_be_installed_are_named(tool, said):
    text = f"Runtime env setup failed:\nTraceback\nSubprocessCalledProcessError: Run cmd\nLast 50 lines:\n{tool}"
    assert words_of(details("DEPLOY_FAILED", message=text)) == f"Runtime env setup failed: {said}"


def test_replicas_that_live_and_the_wanted_revisions_that_ended_are_read():
    def actor(number, state, package):
        return {"actor_id": str(number), "state": state, "serialized_runtime_env": f'{{"working_dir": "{package}"}}'}

    lost = [actor(number, "DEAD", "gcs://new.zip") for number in range(5)]
    actors = [actor(7, "ALIVE", "gcs://old.zip"), actor(8, "DEAD", "gcs://old.zip"), *lost, actor(9, "ALIVE", "")]
    assert replicas_to_read(actors, "gcs://new.zip") == ["2", "3", "4", "7", "9"]
    assert replicas_to_read(actors, "") == ["7", "9"]


def test_a_declaration_names_what_ray_is_to_do_and_shows_no_key(tmp_path):
    spec = spec_of("Echo", resources={"num_cpus": 2, "memory": GIB}, num_replicas=3, max_queued_requests=7)
    made = declare(Deployment(spec=spec, revision=4), "gcs://package.zip", "me", surges=True)
    (replica,) = made["deployments"]
    assert (made["name"], made["route_prefix"]) == ("models@1.0.0", "/models-1.0.0")
    assert made["args"] == {"synapse_agent": "me", "revision": 4}
    assert made["runtime_env"]["working_dir"] == "gcs://package.zip"
    assert replica["ray_actor_options"] == {"num_cpus": 2.0, "num_gpus": 0.0, "memory": GIB}
    assert (replica["num_replicas"], replica["max_queued_requests"], replica["max_surge_percent"]) == (3, 7, 100)


def test_what_others_declared_stays():
    def row(owner=None, source="declarative"):
        return {"source": source, "deployed_app_config": {"name": "x", "args": {"synapse_agent": owner}, "host": None}}

    served = {"applications": {"theirs": row("other"), "mine": row("me"), "lost": row("me"), "by-hand": row()}}
    served["applications"]["imperative"] = row(source="imperative")
    kept = declared_by_others(served, "me", ["mine"])
    assert kept == [{"name": "x", "args": {"synapse_agent": owner}} for owner in ("other", None)]


def test_records_are_found_again(tmp_path):
    known = application(was_ready=True)
    known.save(tmp_path)
    assert load_applications(tmp_path) == {"models@1.0.0": known}
    known.forget(tmp_path)
    assert not load_applications(tmp_path)


def node(cpus, used=0.0, memory=8 * GIB, gpus=0.0):
    return {"CPU": (used, cpus), "memory": (0.0, memory), "GPU": (0.0, gpus)}


@pytest.mark.parametrize(
    ("nodes", "held", "wish", "short"),
    [
        ([node(2)], [], {"num_cpus": 1, "num_replicas": 2}, {}),
        ([node(2, used=0.5)], [], {"num_cpus": 1, "num_replicas": 2}, {"num_cpus": (2, 1.5)}),
        ([node(2)], [], {"num_cpus": 1000, "memory": 9 * GIB}, {"num_cpus": (1000, 2), "memory": (9 * GIB, 8 * GIB)}),
        ([node(2), node(2)], [], {"num_cpus": 3}, {"num_cpus": (3, 2)}),
        ([node(2), node(2)], [], {"num_cpus": 2, "num_replicas": 2}, {}),
        ([node(2)], [], {"num_gpus": 0.1}, {"num_gpus": (0.1, 0)}),
        ([node(2, gpus=1)], [], {"num_gpus": 0.5, "num_replicas": 2}, {}),
        ([node(2)], [Reserved(num_cpus=1.5, name="other")], {"num_cpus": 1}, {"num_cpus": (1, 0.5)}),
        ([node(2, used=1.5)], [Reserved(num_cpus=1.5, name="same")], {"num_cpus": 2, "name": "same"}, {}),
        ([], [], {"num_cpus": 1}, {"num_cpus": (1, 0)}),
        ([node(2)], [], {}, {}),
    ],
)
def test_capacity_is_what_the_nodes_have_left(nodes, held, wish, short):
    usage = {str(number): each for number, each in enumerate(nodes)}
    reasons = find_shortages(CapacityRequest(**wish), usage, held)
    assert {reason.resource: (reason.requested, reason.available) for reason in reasons} == short
