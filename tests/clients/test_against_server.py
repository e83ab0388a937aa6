"""The real clients against the real server, in one process."""

import hashlib
import os
from types import SimpleNamespace

import pytest

from synapse_sdk.clients.backend import BackendClient
from synapse_sdk.clients.backend_v2 import BackendV2Client
from synapse_sdk.exceptions import (
    AuthenticationError,
    ClientError,
    ConflictError,
    NotFoundError,
    StreamLimitExceededError,
    ValidationError,
)
from synapse_sdk.testing import Fault, FaultyTransport, InProcessTransport
from synapse_sdk.utils.file.download import download_file
from synapse_sdk.utils.network import StreamLimits
from synapse_sdk.utils.retry import RetryPolicy
from synapse_sdk.wire.imports import ImportItem, ImportState
from synapse_sdk.wire.jobs import JobStatus
from web_helper.backend.app import create_app
from web_helper.backend.core.settings import Settings
from web_helper.backend.services.bootstrap import bootstrap

BASE_URL = "http://testserver"
QUICK = RetryPolicy(retries=3, backoff_seconds=0)
BOX = {"annotations": [{"id": 1, "type": "bbox", "category": "cat", "bbox": [1, 2, 30, 40]}]}


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
        v1 = BackendClient(BASE_URL, running.token, retry=QUICK, transport=wire)
        v2 = BackendV2Client(BASE_URL, access_token=running.token, retry=QUICK, transport=wire)
        return SimpleNamespace(v1=v1, v2=v2, wire=wire)

    return build


@pytest.fixture
def clients(connect):
    return connect()


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(os.urandom(400_000))
    return path


@pytest.fixture
def project(clients, request):
    return clients.v2.projects.create(name=f"project of {request.node.name}"[:200])


def items(*keys, **fields):
    return [ImportItem(key=key, name=f"{key}.jpg", width=640, height=480, data=BOX, **fields) for key in keys]


def test_both_clients_know_whom_they_act_for(clients):
    assert clients.v2.users.me()["is_admin"] is True
    assert clients.v1.list_projects()["count"] >= 0


def test_a_wrong_key_is_refused_and_not_repeated(running):
    client = BackendV2Client(BASE_URL, access_token="syn_wrong", transport=running.transport)
    with pytest.raises(AuthenticationError) as raised:
        client.users.me()
    assert raised.value.detail["error"]["code"] == "AUTHENTICATION_REQUIRED"
    assert raised.value.detail["meta"]["request_id"]


def test_an_unknown_filter_is_refused(clients):
    with pytest.raises(ValidationError, match="no_such_filter"):
        list(clients.v2.tasks.list(no_such_filter=1))
    with pytest.raises(ValidationError, match="no_such_filter"):
        clients.v1.get_tasks({"no_such_filter": 1})


def test_a_project_is_made_read_changed_and_deleted(clients, project):
    assert clients.v1.get_project(project["id"])["name"] == project["name"]
    changed = clients.v2.projects.update(project["id"], description="new")
    assert changed["description"] == "new"
    clients.v2.projects.delete(project["id"])
    with pytest.raises(NotFoundError):
        clients.v2.projects.retrieve(project["id"])


def test_a_file_is_uploaded_once_and_fetched_back(connect, image, tmp_path):
    clients = connect(Fault("/content/", cut_after=100_000))
    first = clients.v2.data_files.upload(image)
    again = clients.v1.upload_files_bulk([image, image])
    assert not first.was_known
    assert [file.was_known for file in again] == [True, True]
    assert {file.data_file_id for file in again} == {first.data_file_id}
    assert clients.wire.count("/objects/", "PUT") == 1
    fetched = clients.v2.data_files.download(first.data_file_id, tmp_path / "copy.jpg")
    assert fetched.read_bytes() == image.read_bytes()


def test_both_ways_of_creating_a_file_answer_the_same_file(clients, image):
    in_a_form = clients.v1.create_data_file(image)
    announced = clients.v1.create_data_file(image, use_chunked_upload=True)
    assert in_a_form["id"] == announced["id"]
    answer = clients.v1.verify_data_files_checksums([in_a_form["sha256"], "0" * 64])
    assert answer == {"existing": {in_a_form["sha256"]: in_a_form["id"]}, "missing": ["0" * 64]}


def test_a_signed_download_goes_on_where_it_broke(connect, image, tmp_path):
    clients = connect(Fault("/objects/", "GET", cut_after=150_000), Fault("/objects/", "GET", cut_after=100_000))
    uploaded = clients.v2.data_files.upload(image)
    url = clients.v2.data_files.retrieve(uploaded.data_file_id)["url"]
    path = download_file(
        url, tmp_path / "b.jpg", client=clients.v2.anonymous, expected_sha256=uploaded.file.sha256, retry=QUICK
    )
    assert path.read_bytes() == image.read_bytes()
    assert clients.wire.count("/objects/", "GET") == 3


@pytest.mark.parametrize(
    "fault",
    [
        Fault("presigned-upload", lose_answer=True),
        Fault("/objects/", "PUT", lose_answer=True),
        Fault("/objects/", "PUT", status=503),
        Fault("confirm-upload", lose_answer=True),
    ],
)
def test_an_upload_survives_a_lost_answer_at_each_step(connect, image, fault):
    clients = connect(fault)
    uploaded = clients.v2.data_files.upload(image)
    assert clients.v2.data_files.retrieve(uploaded.data_file_id)["sha256"] == uploaded.file.sha256


def test_many_files_keep_their_order(clients, tmp_path):
    paths = []
    for number in range(205):
        paths.append(tmp_path / f"{number}.bin")
        paths[-1].write_bytes(f"{os.getpid()} {number % 203}".encode())
    uploaded = clients.v2.data_files.upload_many(paths)
    assert [file.file.path for file in uploaded] == paths
    assert uploaded[0].data_file_id == uploaded[203].data_file_id
    assert len({file.data_file_id for file in uploaded}) == 203


def test_importing_twice_adds_nothing_even_when_the_answer_is_lost(connect, project):
    clients = connect(Fault("import-items", lose_answer=True))
    outcomes = clients.v2.projects.import_items(project["id"], items("a", "b"))
    assert {outcome.status for outcome in outcomes} == {ImportState.EXISTS}
    assert clients.v1.count_tasks({"project": project["id"]}) == 2


def test_seed_names_answer_rows_with_data(clients, project, image):
    uploaded = clients.v2.data_files.upload(image)
    files = {"image": {"data_file_id": uploaded.data_file_id, "file_name": "photo.jpg"}}
    clients.v2.projects.import_items(project["id"], items("a", "b", "c", files=files))
    results, total = clients.v1.get_assignments({"project": project["id"]})
    rows = list(results)
    assert total == len(rows) == clients.v1.count_assignments({"project": project["id"]}) == 3
    assert rows[0]["data"]["annotations"][0]["category"] == "cat"
    assert rows[0]["data_unit"]["width"] == 640
    assert rows[0]["files"]["file_name_original"] == "photo.jpg"
    assert len(list(clients.v1.get_assignments_stream({"project": project["id"], "ids": [rows[0]["id"]]}))) == 1
    tasks, count = clients.v1.get_tasks({"project": project["id"]})
    assert len(list(tasks)) == count == 3


def test_an_empty_selection_selects_nothing(clients, project):
    clients.v2.projects.import_items(project["id"], items("a"))
    assert list(clients.v2.tasks.list(project=project["id"], ids=[])) == []
    assert clients.v1.count_tasks({"project": project["id"], "ids": []}) == 0


def test_slim_lists_then_bulk_rows(connect, project):
    clients = connect(Fault("bulk-fetch", status=504, times=2))
    clients.v2.projects.import_items(project["id"], items("a", "b", "c"))
    slim = list(clients.v2.tasks.list(project=project["id"], per_page=2, sort="-id"))
    ids = [task["id"] for task in slim]
    assert ids == sorted(ids, reverse=True)
    assert len(ids) == 3
    assert "data" not in slim[0]
    rows = clients.v2.tasks.bulk_fetch(ids, response_mode="presigned")
    assert [row["id"] for row in rows] == sorted(ids)
    assert rows[0]["data"] == BOX


def test_annotations_are_submitted_by_the_seeds_name(clients, project):
    clients.v2.projects.import_items(project["id"], items("a", status_label="pending"))
    task = clients.v2.tasks.list(project=project["id"]).first()
    clients.v1.annotate_task_data(task["id"], {"action": "submit", "data": BOX})
    clients.v1.set_tags_tasks({"ids": [task["id"]], "tags": ["night"]})
    assert clients.v1.get_task(task["id"])["status"] == "completed"
    assert clients.v1.count_tasks({"project": project["id"], "tags": ["night"]}) == 1


def test_the_default_storage_can_be_opened(clients):
    storage = clients.v1.get_default_storage()
    assert storage.provider in {"local", "file_system"}
    assert storage.configuration["location"]


def test_a_collection_is_uploaded_with_tasks(clients, project, tmp_path):
    data = []
    for number in range(5):
        path = tmp_path / f"{number}.png"
        path.write_bytes(hashlib.sha256(f"{number}".encode()).digest())
        data.append({"files": {"image": path}, "meta": {"number": number}})
    progress = []
    done = clients.v1.upload_data_collection(
        project["data_collection_id"],
        data,
        project_id=project["id"],
        batch_size=2,
        on_progress=lambda *at: progress.append(at),
    )
    assert done == 5
    assert progress == [(2, 5), (4, 5), (5, 5)]
    assert clients.v1.count_tasks({"project": project["id"]}) == 5


@pytest.fixture
def job(clients):
    return clients.v2.jobs.create(action="train")


def test_a_runs_progress_metrics_and_logs_arrive(clients, job):
    clients.v1.update_job(job["id"], {"status": JobStatus.RUNNING, "progress_record": {"record": {"steps": {}}}})
    entry = {"job": job["id"], "event": "message", "data": {"content": "hi"}, "datetime": "2026-01-01 00:00:00.000000"}
    clients.v1.create_logs([{**entry, "uid": f"{job['id']}-1"}, {**entry, "uid": f"{job['id']}-2"}])
    clients.v1.create_logs({**entry, "uid": f"{job['id']}-1"})
    assert clients.v1.get_job(job["id"])["status"] == "running"
    assert clients.v2.jobs.retrieve(job["id"])["status"] == "RUNNING"
    assert len(list(clients.v2.job_logs.list(job=job["id"]))) == 2


def test_a_console_is_followed_to_its_end(clients, job):
    lines = [f"line {number}" for number in range(20)]
    clients.v1.update_job(job["id"], {"status": "succeeded", "console_logs": "\n".join([*lines, "x" * 20_000, "last"])})
    assert list(clients.v1.tail_job_console_logs(job["id"])) == [*lines, "last"]
    with pytest.raises(StreamLimitExceededError):
        list(clients.v1.tail_job_console_logs(job["id"], limits=StreamLimits(max_lines=5)))


def test_a_release_is_published_with_its_archive(clients, tmp_path):
    archive = tmp_path / "plugin.zip"
    archive.write_bytes(b"PK\x05\x06" + bytes(18))
    data = {"plugin": "my-plugin", "version": "1.0.0", "config": {"name": "My plugin", "code": "my-plugin"}}
    release = clients.v1.create_plugin_release(data, file=archive)
    assert clients.v1.get_plugin_release(release["id"])["version"] == "1.0.0"
    with pytest.raises(ConflictError):
        clients.v1.create_plugin_release(data, file=archive)
    with pytest.raises(ClientError):
        clients.v1.run_plugin("my-plugin", {"action": "train"})


def test_a_review_and_tags_go_through_v2(clients, project):
    clients.v2.projects.import_items(project["id"], items("a", "b"))
    assignments = list(clients.v2.assignments.list(project=project["id"]))
    reviewed = clients.v2.assignments.review(assignments[0]["id"], "approved", "well done")
    assert reviewed["status_review"] == "approved"
    assert clients.v2.assignments.set_tags([row["id"] for row in assignments], ["night"]) == 2
    task = clients.v2.tasks.annotate(assignments[0]["task_id"], {"annotations": []})
    assert (task["status"], task["data"]) == ("completed", {"annotations": []})


def test_ground_truth_is_collected_released_and_read(clients, project):
    clients.v2.projects.import_items(project["id"], items("a", "b"))
    dataset = clients.v2.ground_truth_datasets.create(project=project["id"], name="curated")
    clients.v2.ground_truth_datasets.collect(dataset["id"])
    version = clients.v2.ground_truth_datasets.release(dataset["id"], "v1")
    assert version["event_count"] == 2
    events = clients.v1.list_ground_truth_events(params={"ground_truth_dataset_version": version["id"]}, list_all=True)
    assert len(events) == len(list(events)) == 2
    rows, count = clients.v1.get_ground_truth({"ground_truth_dataset_version": version["id"]})
    assert count == 2
    assert next(rows)["data"] == BOX
    ids = [event["pgh_id"] for event in clients.v2.ground_truth_events.list(dataset=dataset["id"])]
    assert len(clients.v2.ground_truth_events.bulk_data(ids)) == 2


def test_an_export_job_is_made_once_and_can_be_cancelled(connect, project):
    clients = connect(Fault("plugin-exports", lose_answer=True))
    accepted = clients.v2.plugin_exports.create(target="assignment", project=project["id"], filter={"ids": [1]})
    jobs = list(clients.v2.async_jobs.list(project=project["id"]))
    assert [job.job_id for job in jobs] == [accepted.job_id]
    clients.v2.async_jobs.cancel(accepted.job_id)
    events = list(clients.v2.async_jobs.stream_progress(accepted.job_id, timeout=20))
    assert events[-1].event == "cancelled"
