"""Exports as streams of lines: what a bundle contains, from one moment, as fast as the client reads."""

import gzip
import json
import socket
import threading
import time
import zlib
from random import Random

import httpx2
import pytest
import uvicorn
from sqlalchemy import event, text

from tests.backend.factories import SQLITE_ONLY, boxes
from web_helper.backend.app import create_app
from web_helper.backend.jobs.export_job import ExportJob
from web_helper.backend.models import Role, WorkStatus
from web_helper.backend.services.exports.packing import Packing, pack, zstd

PATH = "/v2/exports/stream/"


def unpack_zstd(body):
    # A reader that stops before the frame ends has not seen the whole.
    reader = zstd.ZstdDecompressor()
    whole = reader.decompress(body)
    assert reader.eof
    return whole


def stream(client, expect=200, **params):
    answer = client.get(PATH, params=params)
    assert answer.status_code == expect, answer.text
    return [json.loads(line) for line in answer.text.split("\n")[:-1]] if expect == 200 else answer.json()["error"]


@pytest.fixture
def project(make):
    """Work with files, tags, a name that holds a line end of Unicode, and rows of another project in between."""
    project, other = make.project(), make.project()
    tasks = []
    for number in range(4):
        names = [f"unit {number}\u2028.jpg", f"unit {number}.jpg"]
        tasks += make.tasks(project, names=names, files=True, data=boxes("cat"), status=WorkStatus.COMPLETED)
        make.tasks(other, 1, data=boxes("dog"))
    make.tasks(project, 2, data=None)
    work = make.assignments(project, tasks, data=boxes("dog"), status_label=WorkStatus.COMPLETED)
    make.tag(project, "day", tasks=tasks[:3], assignments=work[3:])
    return project


@pytest.fixture
def bundle_lines(client, database, settings):
    """The lines of a bundle that refers to its files."""

    def build(**body):
        asked = client.post("/v2/plugin-exports/", json={**body, "options": {"include_files": False}})
        job_id, job = asked.json()["data"]["job_id"], ExportJob(database, settings)
        job.finish(job_id, json.loads(json.dumps(job.build(job_id))))
        bundle = client.get(f"/v2/async-jobs/{job_id}/").json()["data"]["bundle"]
        folder = settings.storage_dir / bundle["prefix"]
        parts = [(folder / part["path"]).read_bytes() for part in bundle["manifest"]["parts"]]
        return b"".join(parts).split(b"\n")[:-1]

    return build


@pytest.mark.parametrize(
    ("target", "filters"),
    [("task", {}), ("task", {"tags": "day"}), ("assignment", {"search": "UNIT 2"}), ("task", {"ids": []})],
)
def test_a_stream_has_the_very_bytes_of_a_bundle(client, bundle_lines, project, target, filters):
    expected = bundle_lines(target=target, project=project["id"], filter=filters)
    query = {name: value or "" for name, value in filters.items()}
    body = client.get(PATH, params={"target": target, "project": project["id"], **query}).content
    *lines, last = body.split(b"\n")[:-1]
    assert [line.split(b'"row":', 1)[1][:-1] for line in lines] == expected
    assert json.loads(last)["end"] == {"rows": len(expected)}


def test_ground_truth_streams_by_version_as_it_was_released(client, bundle_lines, project):
    body = {"project": project["id"], "name": "gold"}
    dataset = client.post("/v2/ground-truth-datasets/", json=body).json()["data"]["id"]
    client.post(f"/v2/ground-truth-datasets/{dataset}/collect/", json={})
    version = client.post(f"/v2/ground-truth-datasets/{dataset}/versions/", json={"name": "v1"}).json()["data"]["id"]
    document = {"ground_truth_dataset_version": version}
    expected = bundle_lines(target="ground_truth", filter=document)
    lines = stream(client, target="ground_truth", **document)
    assert [line["row"] for line in lines[:-1]] == [json.loads(line) for line in expected]
    assert len(expected) == 8


def test_every_token_takes_the_stream_up_behind_its_line(client, project):
    params = {"target": "task", "project": project["id"], "status": "completed"}
    lines = stream(client, **params)
    rows = [line["row"] for line in lines[:-1]]
    assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)
    for number, line in enumerate(lines[:-1], 1):
        rest = stream(client, **params, after=line["token"])
        assert [each["row"] for each in rest[:-1]] == rows[number:]
        assert rest[-1]["end"] == {"rows": len(rows) - number}
    assert stream(client, **params, after=lines[-1]["token"])[0]["end"] == {"rows": 0}


def test_tokens_of_another_export_or_server_and_no_tokens_at_all_are_refused(client, project, database):
    params = {"target": "task", "project": project["id"]}
    token = stream(client, **params)[0]["token"]
    for wrong in ("", "x", "1", token + "x", token.split("-")[0], token.split("-")[0] + "--1"):
        assert stream(client, 400, **params, after=wrong)["details"][0]["field"] == "after"
    assert stream(client, 400, **params, status="completed", after=token)["details"][0]["field"] == "after"
    assert stream(client, 400, target="assignment", project=project["id"], after=token)["code"] == "VALIDATION_ERROR"
    # The order of filters, and of ids in them, is no difference.
    first = stream(client, **params, ids="1,2", search="unit")[0]["token"]
    assert stream(client, search="unit", ids="2,1", **params, after=first)
    # The same project, target and filters, in a database of other rows.
    with database.write() as session:
        session.execute(text("UPDATE change_log SET epoch = 'of another installation'"))
    assert stream(client, 400, **params, after=token)["details"][0]["field"] == "after"


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"target": "nothing", "project": 1}, "target"),
        ({"project": 1}, "target"),
        ({"target": "task"}, "project"),
        ({"target": "task", "project": "1,2"}, "project"),
        ({"target": "task", "project": 1, "nonsense": 1}, "nonsense"),
        ({"target": "task", "project": 1, "dataset": 1}, "dataset"),
        ({"target": "task", "project": 1, "ids": "x"}, "ids"),
        ({"target": "task", "project": 1, "status": "done"}, "status"),
        ({"target": "ground_truth"}, "ground_truth_dataset_version"),
    ],
)
def test_what_is_not_understood_is_refused_by_its_name(client, project, params, field):
    error = stream(client, 400, **params)
    assert (error["code"], error["details"][0]["field"]) == ("VALIDATION_ERROR", field)


def test_whoever_may_not_export_may_not_stream(make, project):
    params = {"target": "task", "project": project["id"]}
    _, stranger = make.user()
    _, annotator = make.user(project=project, role=Role.ANNOTATOR)
    _, manager = make.user(project=project, role=Role.MANAGER, scopes=["read"])
    assert stream(stranger, 404, **params)["code"] == "NOT_FOUND"
    assert stream(annotator, 403, **params)["code"] == "PERMISSION_DENIED"
    assert len(stream(manager, **params)) == 11


UNPACK = {None: bytes, "gzip": gzip.decompress, "zstd": unpack_zstd}


@SQLITE_ONLY
@pytest.mark.parametrize(
    ("accepted", "packing"),
    [
        ("gzip, deflate", "gzip"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("ZSTD;q=0.5, gzip;q=0.8", "gzip"),
        ("zstd;q=0, gzip;q=0.001", "gzip"),
        ("*;q=0, gzip", "gzip"),
        ("gzip;q=0, zstd; q=0.0", None),
        ("gzip;q=.", None),
        ("*", None),
        ("identity", None),
        ("", None),
    ],
)
def test_lines_are_packed_as_the_client_likes_best(client, project, accepted, packing):
    params = {"target": "task", "project": project["id"]}
    with client.stream("GET", PATH, params=params, headers={"Accept-Encoding": accepted}) as answer:
        body = b"".join(answer.iter_raw())
    assert answer.headers.get("Content-Encoding") == packing
    assert "Accept-Encoding" in answer.headers["Vary"]
    assert len(UNPACK[packing](body).split(b"\n")) == 12


@pytest.mark.parametrize("packing", Packing)
def test_every_packed_block_can_be_read_when_it_arrives(packing):
    blocks = [(f'{{"row":{number}}}' * 50).encode() for number in range(20)]
    packed = pack((block for block in blocks), packing)
    read = zstd.ZstdDecompressor().decompress if packing == "zstd" else zlib.decompressobj(31).decompress
    assert [read(next(packed)) for _ in blocks] == blocks


@pytest.fixture
def app(settings, admin_token):
    app = create_app(settings.model_copy(update={"max_export_streams": 2}))
    yield app
    app.state.database.dispose()


@pytest.fixture
def address(app, client):
    """The same app behind a real socket."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", lifespan="off"))
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(20)
    listener.close()


def noise(seed):
    return json.dumps({"annotations": [], "note": Random(seed).randbytes(2500).hex()})


@pytest.fixture
def large(make):
    """Some 30 MB: more than the buffers of sockets hold, packed or not."""
    project = make.project()
    ids = make.tasks(project, 6000, data=None)
    # Noise, which packing cannot make small.
    rows = [{"id": row_id, "data": noise(row_id)} for row_id in ids]
    with make.database.write() as session:
        session.execute(text("UPDATE tasks SET data = :data WHERE id = :id"), rows)
    return {"target": "task", "project": project["id"]}


@pytest.fixture
def reading(address, admin_token, large):
    """Opens a stream and reads its first bytes; answers with them and with what follows."""
    headers = {"Authorization": f"Token {admin_token}"}
    # A small window: what is on the way must not be as much as there is.
    transport = httpx2.HTTPTransport(socket_options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**16)])
    with httpx2.Client(base_url=address, headers=headers, timeout=60, transport=transport) as http:

        def begin(packing="identity"):
            headers = {"Accept-Encoding": packing}
            answer = http.send(http.build_request("GET", PATH, params=large, headers=headers), stream=True)
            blocks = answer.iter_raw()
            return answer, next(blocks), blocks

        yield begin


def in_use(app):
    return app.state.database.engine.pool.checkedout()


def wait_until(condition):
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


@pytest.mark.parametrize("packing", ["identity", *Packing])
def test_a_client_that_does_not_read_is_not_read_for_and_one_that_hangs_up_frees_the_cursor(app, reading, packing):
    scans = []
    event.listen(app.state.database.engine, "before_cursor_execute", lambda *a: scans.append("FROM tasks" in a[2]))
    answer, _, _blocks = reading(packing)
    before = -1
    while before != sum(scans):
        before = sum(scans)
        time.sleep(0.7)
    # 6,000 rows are 12 batches.
    assert before < 12
    assert in_use(app) == 1
    answer.close()
    wait_until(lambda: in_use(app) == 0)


def test_places_are_limited_and_come_back(app, reading):
    first, second = reading(), reading()
    refused, body, _ = reading()
    assert (refused.status_code, json.loads(body)["error"]["code"]) == (429, "RATE_LIMIT_EXCEEDED")
    first[0].close()
    # The snapshot goes first, and then the place.
    wait_until(lambda: app.state.stream_slots.taken == 1)
    assert in_use(app) == 1
    third = reading()
    assert third[0].status_code == 200
    second[0].close()
    third[0].close()
    wait_until(lambda: in_use(app) == 0)


def test_a_stream_shows_one_moment_whatever_is_written_meanwhile(database, reading):
    _, first, blocks = reading()
    with database.write() as session:
        session.execute(text("DELETE FROM tasks WHERE id > 10"))
    rest = (first + b"".join(blocks)).split(b"\n")
    assert len(rest) == 6002
    assert json.loads(rest[-2])["end"] == {"rows": 6000}
