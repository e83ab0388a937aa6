"""The rows of a stream are those of a bundle, however often and wherever the connection breaks."""

import json
from types import SimpleNamespace

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synapse_sdk.clients.backend_v2 import BackendV2Client
from synapse_sdk.exceptions import ClientConnectionError, NotFoundError, StreamError, ValidationError
from synapse_sdk.testing import Fault, FaultyTransport, InProcessTransport
from synapse_sdk.utils.retry import NO_RETRY, RetryPolicy
from synapse_sdk.wire.imports import ImportItem
from web_helper.backend.app import create_app
from web_helper.backend.core.settings import Settings
from web_helper.backend.jobs.export_job import ExportJob
from web_helper.backend.services.bootstrap import bootstrap

BASE_URL = "http://testserver"
QUICK = RetryPolicy(retries=2, backoff_seconds=0)
STREAM = "exports/stream"


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A server with 230 annotated items, and the rows of their bundle."""
    configured = Settings(home=tmp_path_factory.mktemp("home"), base_url=BASE_URL)
    token, app = bootstrap(configured).token, create_app(configured)
    with InProcessTransport(app) as transport:
        client = BackendV2Client(BASE_URL, access_token=token, transport=transport)
        project = client.projects.create(name="birds")["id"]
        for start in (0, 200):
            items = [item(number) for number in range(start, min(start + 200, 230))]
            client.projects.import_items(project, items)
        asked = client.plugin_exports.create(target="task", project=project, options={"include_files": False})
        job = ExportJob(app.state.database, configured)
        job.finish(asked.job_id, job.build(asked.job_id))
        prefix = client.async_jobs.retrieve(asked.job_id).bundle.prefix
        lines = (configured.storage_dir / prefix / "tasks.jsonl").read_bytes().split(b"\n")[:-1]
        yield SimpleNamespace(transport=transport, token=token, project=project, rows=[json.loads(x) for x in lines])


def item(number):
    box = {"type": "bbox", "category": "robin", "bbox": [number, 2, 3, 4]}
    data = {"annotations": [{**box, "id": each} for each in range(1, number % 7)]}
    return ImportItem(key=f"k{number}", name=f"bird {number}\u2028é.png", data=data, files={})


@pytest.fixture
def connect(running):
    def build(*faults, retry=QUICK, base_url=BASE_URL, accepted=None):
        wire = FaultyTransport(running.transport, faults)
        client = BackendV2Client(base_url, access_token=running.token, retry=retry, transport=wire)
        if accepted:
            client.http.headers["Accept-Encoding"] = accepted
        return SimpleNamespace(exports=client.exports, wire=wire)

    return build


def test_rows_are_those_of_the_bundle(connect, running):
    assert len(running.rows) == 230
    rows = connect().exports.stream(target="task", project=running.project)
    assert list(rows) == running.rows
    assert rows.token


@pytest.mark.parametrize(
    ("base_url", "accepted"), [(BASE_URL, "gzip"), (BASE_URL, "zstd"), ("http://127.0.0.1:1", None)]
)
def test_cuts_anywhere_lose_nothing_and_repeat_nothing(connect, running, base_url, accepted):
    @settings(max_examples=25, deadline=None, database=None, derandomize=True)
    @given(cuts=st.lists(st.integers(3000, 60_000), max_size=6))
    def run(cuts):
        # The way to another machine is packed, some twelve to one; a short cut may then leave no line at all.
        faults = [Fault(STREAM, cut_after=cut if "127" in base_url else cut // 12) for cut in cuts]
        retry = RetryPolicy(retries=6, backoff_seconds=0)
        opened = connect(*faults, base_url=base_url, retry=retry, accepted=accepted)
        assert list(opened.exports.stream(target="task", project=running.project)) == running.rows

    run()


def test_a_token_takes_the_stream_up_in_a_later_run(connect, running):
    rows = connect().exports.stream(target="task", project=running.project)
    head = [next(rows) for _ in range(17)]
    rows.close()
    rest = connect().exports.stream(target="task", project=running.project, after=rows.token)
    assert head + list(rest) == running.rows


@pytest.mark.parametrize(
    "fault", [{"status": 503}, {"status": 429}, {"error": httpx2.ConnectError}, {"error": httpx2.ReadTimeout}]
)
def test_passing_trouble_is_sat_out(connect, running, fault):
    opened = connect(Fault(STREAM, times=2, **fault))
    assert list(opened.exports.stream(target="task", project=running.project)) == running.rows


def test_a_connection_that_never_gives_anything_is_given_up(connect, running):
    opened = connect(Fault(STREAM, cut_after=10, times=100))
    with pytest.raises(ClientConnectionError, match="connection broke"):
        list(opened.exports.stream(target="task", project=running.project))
    assert opened.wire.count(STREAM) == 3
    opened = connect(Fault(STREAM, cut_after=9000), retry=NO_RETRY, base_url="http://127.0.0.1:1")
    with pytest.raises(ClientConnectionError):
        list(opened.exports.stream(target="task", project=running.project))


def test_an_answer_that_ends_early_without_an_error_is_no_complete_export(connect, running):
    opened = connect(Fault(STREAM, status=200, body=b"", times=100))
    with pytest.raises(StreamError, match="before its last line"):
        list(opened.exports.stream(target="task", project=running.project))


def test_refusals_are_not_repeated(connect, running):
    opened = connect()
    for error, arguments in (
        (ValidationError, {"nonsense": 1}),
        (ValidationError, {"after": "x"}),
        (NotFoundError, {"project": 99}),
    ):
        with pytest.raises(error):
            next(opened.exports.stream(**{"target": "task", "project": running.project, **arguments}))
    assert opened.wire.count(STREAM) == 3


def test_filters_travel_as_in_lists(connect, running):
    chosen = [row["id"] for row in running.rows[5:9]]
    exports = connect().exports
    rows = exports.stream(target="task", project=running.project, ids=chosen, is_discarded=False)
    assert [row["id"] for row in rows] == chosen
    assert list(exports.stream(target="task", project=running.project, ids=[])) == []
