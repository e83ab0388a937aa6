"""Lines that the database composes are, byte for byte, those that single answers carry."""

import pytest

from synapse_sdk.wire.bundle import ExportTarget
from tests.backend.factories import boxes, stored
from tests.backend.lines import read_lines
from web_helper.backend.jobs.bundle_build import _decode_files
from web_helper.backend.models import DataFile, DataUnit, DataUnitFile, FileStatus, Storage, Task, WorkStatus
from web_helper.backend.queries.export_rows import (
    EXPORT_SOURCES,
    UnitFile,
    files_manifest,
    select_target,
)
from web_helper.backend.queries.export_scan import between, composer_of, heads_of, lines_of, scanning

BASE = "http://testserver"
HOSTILE = ('a "quoted" name', "back\\slash\\", "tab\there", "line\nfeed\r", "bell\x07\x1f", "한글 ünïcode 🦊", "\x7f",
           "null", "\\N", "{},[]:'%s %(x)s ::text", "</script>", "\u2028", "")  # fmt: skip


@pytest.fixture
def project(make, database, client):
    """Rows whose names, tags and files try to break out of their lines, and plain ones."""
    project = make.project()
    tasks = make.tasks(project, names=list(HOSTILE), data=boxes("cat"))
    bare = make.tasks(project, 3, data=None)
    assignments = make.assignments(project, tasks + bare, data=boxes("dog"), status_label=WorkStatus.COMPLETED)
    for number, name in enumerate(HOSTILE):
        make.tag(project, name or "empty", tasks=tasks[number:], assignments=assignments[:number])
    with database.write() as session:
        storage = session.query(Storage).filter_by(is_default=True).one()
        for number, name in enumerate(HOSTILE):
            unit_id = session.get_one(Task, tasks[number]).data_unit_id
            for role in ("image", name or "mask"):
                file = DataFile(storage_id=storage.id, sha256=f"{number:032x}{len(role):032x}"[-64:] + "", size_bytes=2**40,
                                path=f"data/{number}-{len(role)}", status=FileStatus.CONFIRMED)  # fmt: skip
                session.add(file)
                session.flush()
                session.add(DataUnitFile(data_unit_id=unit_id, data_file_id=file.id, specification=role,
                                         is_primary=role == "image", file_name_original=name + ".JPG"))  # fmt: skip
        session.get_one(DataUnit, session.get_one(Task, bare[0]).data_unit_id).width = None
        odd = {"annotations": [], "note": "".join(HOSTILE)}
        session.get_one(Task, bare[1]).data = stored(odd)
    body = {"project": project["id"], "name": "gold"}
    dataset = client.post("/v2/ground-truth-datasets/", json=body).json()["data"]["id"]
    client.post(f"/v2/ground-truth-datasets/{dataset}/collect/", json={})
    version = client.post(f"/v2/ground-truth-datasets/{dataset}/versions/", json={"name": "v1"}).json()["data"]["id"]
    return {**project, "version": version}


def url_of(file: UnitFile) -> str:
    return f"{BASE}/data_files/{file.data_file_id}/content/"


@pytest.mark.parametrize("target", ExportTarget)
def test_composed_lines_are_those_of_single_answers(database, project, target):
    document = {"project": project["id"]}
    if target is ExportTarget.GROUND_TRUTH:
        document = {"ground_truth_dataset_version": project["version"]}
    source, selection = EXPORT_SOURCES[target], select_target(target, document, viewer_id=None)
    with database.snapshot() as session:
        expected = list(read_lines(session, target, document, url_of))
        composer = composer_of(session, source)
        with scanning(session, between(lines_of(composer, source, BASE), selection, 0, 2**62)) as scan:
            lines = b"".join(iter(lambda: scan.take_lines(4)[0], b"")).split(b"\n")
        with scanning(session, between(heads_of(composer, source), selection, 0, 2**62)) as scan:
            rows = [row for taken in iter(lambda: scan.take_rows(4), []) for row in taken]
    assert lines == [*expected, b""]
    assert len(expected) == len(HOSTILE) + 3
    whole = [
        b"%b%b}"
        % (head, files_manifest([UnitFile(*item) for item in _decode_files(files or b"[]")], url_of, lambda _f: None))
        for head, files in rows
    ]
    assert whole == expected


@pytest.mark.parametrize("target", ExportTarget)
def test_a_range_of_ids_gives_its_rows_only(database, project, target):
    document = {"project": project["id"]}
    if target is ExportTarget.GROUND_TRUTH:
        document = {"ground_truth_dataset_version": project["version"]}
    source, selection = EXPORT_SOURCES[target], select_target(target, document, viewer_id=None)
    with database.snapshot() as session:
        statement = between(lines_of(composer_of(session, source), source, BASE), selection, 3, 6)
        with scanning(session, statement) as scan:
            lines, _ = scan.take_lines(2)
        # What was not taken is no hindrance.
        assert session.connection().exec_driver_sql("SELECT 1").scalar_one() == 1
    assert [line.split(b",")[0] for line in lines.splitlines()] == [b'{"id":3', b'{"id":4']
