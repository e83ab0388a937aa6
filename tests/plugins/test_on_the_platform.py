"""The framework against the real server: a job's log arrives there, and a release can be fetched again."""

import uuid
from types import SimpleNamespace

import httpx2
import pytest

from synapse_sdk.clients.backend import BackendClient
from synapse_sdk.clients.backend_v2 import BackendV2Client
from synapse_sdk.exceptions import PluginUploadError
from synapse_sdk.loggers import JobLogger
from synapse_sdk.plugins.enums import LogLevel
from synapse_sdk.plugins.packaging.publish import pack_plugin, publish_plugin
from synapse_sdk.testing import Fault, FaultyTransport, InProcessTransport
from synapse_sdk.utils.file.archive import list_archive_contents
from synapse_sdk.utils.retry import RetryPolicy
from web_helper.backend.app import create_app
from web_helper.backend.core.settings import Settings
from web_helper.backend.services.bootstrap import bootstrap

BASE_URL = "http://testserver"
ECHO = "class Main(BaseAction[Params]):\n    def execute(self):\n        return {'value': self.params.value}\n"


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    settings = Settings(home=tmp_path_factory.mktemp("home"), base_url=BASE_URL)
    token = bootstrap(settings).token
    with InProcessTransport(create_app(settings)) as transport:
        yield SimpleNamespace(transport=transport, token=token)


@pytest.fixture
def connect(running):
    def build(*faults):
        wire = FaultyTransport(running.transport, faults)
        once = RetryPolicy(retries=0, backoff_seconds=0)
        v1 = BackendClient(BASE_URL, running.token, retry=once, transport=wire)
        return SimpleNamespace(
            v1=v1, v2=BackendV2Client(BASE_URL, access_token=running.token, transport=running.transport)
        )

    return build


@pytest.fixture
def job(connect):
    return connect().v2.jobs.create(action="export", id=str(uuid.uuid4()))["id"]


def run_job(client, job, spool):
    logger = JobLogger(
        client, job, {"convert": 100}, spool_folder=spool, send_every_seconds=0.02, finish_wait_seconds=120
    )
    logger.set_step("convert")
    for index in range(1500):
        logger.log(LogLevel.INFO, "item", {"index": index})
    logger.set_progress(3, 4)
    logger.set_metrics({"success": 3})
    logger.log_message("완료", "success")
    logger.finish()


def events_of(client, job):
    return list(client.job_logs.list(job=job, sort="id", per_page=200))


def test_a_jobs_log_progress_and_metrics_arrive(connect, job, tmp_path):
    clients = connect()
    run_job(clients.v1, job, tmp_path)
    entries = events_of(clients.v2, job)
    assert [entry["data"]["index"] for entry in entries[:-1]] == list(range(1500))
    assert (entries[-1]["event"], entries[-1]["level"], entries[-1]["step"]) == ("message", "success", "convert")
    kept = clients.v2.jobs.retrieve(job)
    assert kept["progress_record"]["current_progress"]["overall"] == 75
    assert kept["metrics_record"] == {"record": {"steps": {"convert": {"success": 3}}}}


def test_a_server_that_fails_for_a_while_ends_with_every_entry_once(connect, job, tmp_path):
    flaky = connect(
        Fault("/logs/", "POST", times=2, status=503),
        Fault("/logs/", "POST", times=2, lose_answer=True),
        Fault("/logs/", "POST", error=httpx2.ConnectError),
        Fault("/jobs/", "PATCH", times=2, status=500),
    )
    run_job(flaky.v1, job, tmp_path)
    entries = events_of(flaky.v2, job)
    assert [entry["data"]["index"] for entry in entries[:-1]] == list(range(1500))
    assert list(tmp_path.iterdir()) == []


def test_a_release_is_published_once_and_comes_back_as_it_was_packed(connect, make_plugin, tmp_path):
    clients = connect()
    folder = make_plugin(ECHO, config="version: 1.0.0\n", code="release-test")
    packed = pack_plugin(folder, tmp_path, notify=lambda _: None)
    result = publish_plugin(packed, clients.v1)
    release = clients.v1.get_plugin_release("release-test@1.0.0")
    assert (release["id"], release["sha256"]) == (result.release_id, packed.checksum)
    assert release["config"]["actions"]["main"]["num_cpus"] == 2
    assert release["config"]["actions"]["main"]["hyperparameters"]["train_ui_schemas"][0]["name"] == "value"
    assert release["config"]["actions"]["main"]["params_schema"]["properties"].keys() == {"value"}
    assert "params_schema" not in (folder / "config.yaml").read_text()
    with pytest.raises(PluginUploadError, match=r"release-test 1\.0\.0 is published already"):
        publish_plugin(packed, clients.v1)
    assert list_archive_contents(packed.archive) == ["config.yaml", "plugin/__init__.py", "plugin/main.py"]
