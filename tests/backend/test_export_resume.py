"""An export that was cut off goes on behind its last finished part, and ends as if nothing had happened."""

import json
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.backend.factories import boxes
from web_helper.backend.jobs import bundle_build
from web_helper.backend.jobs.bundle_build import BundleBuild
from web_helper.backend.jobs.export_job import ExportJob
from web_helper.backend.models import WorkStatus

ROWS, PART_ROWS = 40, 8


class Killed(BaseException):
    """The worker's process has ended here."""


@pytest.fixture
def settings(settings):
    return settings.model_copy(update={"bundle_part_rows": PART_ROWS})


@pytest.fixture
def project(make, database):
    project = make.project()
    tasks = make.tasks(project, ROWS, files=True, data=boxes("cat"), status=WorkStatus.COMPLETED)
    make.tag(project, "train", tasks=tasks[:5])
    # A gap, into which a row can come later.
    run(database, "DELETE FROM task_tags WHERE task_id = 3", "DELETE FROM tasks WHERE id = 3")
    return project


def run(database, *statements: str) -> None:
    with database.write() as session:
        for statement in statements:
            session.execute(text(statement))


class Exports:
    """Jobs of one project, carried out by this process."""

    def __init__(self, client, settings, database, project) -> None:
        self.client, self.settings, self.project = client, settings, project
        self.job = ExportJob(database, settings)

    def start(self, **options) -> str:
        body = {"target": "task", "project": self.project["id"], "filter": {"status": "completed"}, "options": options}
        answer = self.client.post("/v2/plugin-exports/", json=body)
        assert answer.status_code == 202, answer.text
        return answer.json()["data"]["job_id"]

    def work(self, job_id: str) -> None:
        self.job.finish(job_id, json.loads(json.dumps(self.job.build(job_id))))
        self.job.clean_up(job_id)

    def read(self, job_id: str) -> dict:
        return self.client.get(f"/v2/async-jobs/{job_id}/").json()["data"]

    def contents(self, job_id: str) -> dict[str, bytes]:
        """What lies in the finished bundle, file by file."""
        answer = self.read(job_id)
        assert answer["status"] == "SUCCEEDED", answer
        folder = self.settings.storage_dir / answer["bundle"]["prefix"]
        assert [path.name for path in folder.parent.iterdir()] == [folder.name]
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    def undisturbed(self, **options) -> dict[str, bytes]:
        job_id = self.start(**options)
        self.work(job_id)
        return self.contents(job_id)

    def cut_off(self, monkeypatch, job_id: str, after_rows: int) -> None:
        """Have an attempt end without a word after some rows; all parts finished until then are noted."""
        monkeypatch.setattr("web_helper.backend.jobs.parts.finished.NOTE_SECONDS", 0)
        report = BundleBuild._report

        def die(build, rows):
            if build._done + rows > after_rows:
                raise Killed
            report(build, rows)

        with monkeypatch.context() as patch:
            patch.setattr(BundleBuild, "_report", die)
            with pytest.raises(Killed):
                self.job.build(job_id)


@pytest.fixture
def exports(client, settings, database, project):
    return Exports(client, settings, database, project)


def count_written(monkeypatch) -> list[str]:
    """Names of the parts that are written from now on."""
    written, real = [], bundle_build.write_part

    def write(target: Path, *arguments):
        written.append(target.name)
        return real(target, *arguments)

    monkeypatch.setattr(bundle_build, "write_part", write)
    return written


@pytest.mark.parametrize("include_files", [True, False])
def test_nothing_is_written_twice_when_nothing_has_changed(exports, monkeypatch, include_files):
    whole = exports.undisturbed(include_files=include_files)
    job_id = exports.start(include_files=include_files)
    exports.cut_off(monkeypatch, job_id, 20)
    written = count_written(monkeypatch)
    exports.work(job_id)
    assert exports.contents(job_id) == whole
    parts = [name for name in whole if name.endswith(".jsonl")]
    assert len(parts) >= 5
    assert 0 < len(written) < len(parts) - 1


@pytest.mark.parametrize("after_rows", [0, ROWS // 2, ROWS - 2])
def test_without_its_last_row_a_bundle_has_no_manifest(exports, monkeypatch, after_rows):
    job_id = exports.start()
    exports.cut_off(monkeypatch, job_id, after_rows)
    folder = exports.settings.storage_dir / "exports" / job_id
    assert not list(folder.rglob("manifest.json"))
    exports.work(job_id)
    assert len(list(folder.rglob("manifest.json"))) == 1


CHANGES = {
    "edited": ("UPDATE tasks SET data = NULL WHERE id = 4",),
    "deleted": ("DELETE FROM task_tags WHERE task_id = 2", "DELETE FROM tasks WHERE id = 2"),
    "inserted": (
        (
            "INSERT INTO tasks (id, project_id, data_unit_id, status, is_discarded, meta, created) "
            "SELECT 3, project_id, 3, status, is_discarded, meta, created FROM tasks WHERE id = 4"
        ),
    ),
    "left the filter": ("UPDATE tasks SET status = 'pending' WHERE id IN (1, 2, 4, 5)",),
    "tag renamed": ("UPDATE tags SET name = 'test'",),
    "tag removed": ("DELETE FROM task_tags WHERE task_id = 5",),
    "unit resized": ("UPDATE data_units SET width = 7 WHERE id = 6",),
    "file replaced": ("UPDATE data_unit_files SET file_name_original = 'other.png' WHERE data_unit_id = 6",),
    "everything edited": ("UPDATE tasks SET data = NULL",),
    "nearly all deleted": ("DELETE FROM task_tags", "DELETE FROM tasks WHERE id > 6"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_parts_whose_rows_have_changed_are_written_anew(exports, database, monkeypatch, change):
    job_id = exports.start()
    exports.cut_off(monkeypatch, job_id, 20)
    run(database, *CHANGES[change])
    exports.work(job_id)
    assert exports.contents(job_id) == exports.undisturbed()


def test_it_may_be_cut_off_again_and_again(exports, database, monkeypatch):
    job_id = exports.start()
    for rows in (9, 3, 15, 15, 26, 38):
        exports.cut_off(monkeypatch, job_id, rows)
        run(database, f"UPDATE tasks SET is_discarded = true WHERE id = {rows}")
    exports.work(job_id)
    assert exports.contents(job_id) == exports.undisturbed()


def test_a_finished_part_that_was_damaged_is_written_anew(exports, settings, monkeypatch):
    whole = exports.undisturbed()
    job_id = exports.start()
    exports.cut_off(monkeypatch, job_id, 20)
    parts = sorted((settings.storage_dir / "exports" / job_id).rglob("*.jsonl"))
    parts[0].write_bytes(parts[0].read_bytes()[:-7] + b"broken\n")
    parts[1].unlink()
    exports.work(job_id)
    assert exports.contents(job_id) == whole


def test_a_worker_that_was_thought_dead_changes_nothing(exports, monkeypatch):
    """It writes on while its successor has taken over its parts, and even reports them."""
    whole = exports.undisturbed()
    job_id, taken_over = exports.start(), []
    report = BundleBuild._report

    def pause(self, rows):
        report(self, rows)
        if self._done > 20 and not taken_over:
            taken_over.append(True)
            taken_over.append(exports.job.build(job_id))

    monkeypatch.setattr(BundleBuild, "_report", pause)
    late = exports.job.build(job_id)
    exports.job.finish(job_id, json.loads(json.dumps(late)))
    assert exports.read(job_id)["status"] == "RUNNING"
    exports.job.finish(job_id, json.loads(json.dumps(taken_over[1])))
    exports.job.clean_up(job_id)
    assert exports.contents(job_id) == whole


def test_another_address_of_the_server_makes_new_lines(exports, database, monkeypatch):
    job_id = exports.start()
    exports.cut_off(monkeypatch, job_id, 20)
    exports.job = ExportJob(database, exports.settings.model_copy(update={"base_url": "http://elsewhere"}))
    exports.work(job_id)
    assert all(b"testserver" not in data for data in exports.contents(job_id).values())


def test_finished_parts_are_forgotten_with_the_job(exports, database, monkeypatch):
    job_id = exports.start()
    exports.cut_off(monkeypatch, job_id, 20)
    with database.read() as session:
        assert session.execute(text("SELECT count(*) FROM export_parts")).scalar_one() > 0
    exports.client.post(f"/v2/async-jobs/{job_id}/cancel/")
    exports.work(job_id)
    with database.read() as session:
        assert session.execute(text("SELECT count(*) FROM export_parts")).scalar_one() == 0


@pytest.mark.parametrize("database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
class TestConnectionCut:
    def cut_when(self, monkeypatch, database, at_rows):
        """End every connection of the job at these numbers of rows."""
        report, left = BundleBuild._report, list(at_rows)

        def cut(self, rows):
            report(self, rows)
            if left and self._done >= left[0]:
                left.pop(0)
                with database.engine.connect() as connection:
                    connection.execute(
                        text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                             "WHERE datname = current_database() AND pid <> pg_backend_pid()")
                    )  # fmt: skip

        monkeypatch.setattr(BundleBuild, "_report", cut)
        monkeypatch.setattr("web_helper.backend.jobs.parts.finished.NOTE_SECONDS", 0)

    def test_another_attempt_goes_on(self, exports, database, monkeypatch):
        whole = exports.undisturbed()
        self.cut_when(monkeypatch, database, [12, 20, 30])
        exports.work(job_id := exports.start())
        assert exports.contents(job_id) == whole

    def test_there_is_an_end_to_it(self, exports, database, monkeypatch):
        monkeypatch.setattr("web_helper.backend.jobs.export_job.RETRY_SECONDS", (0, 0, 0))
        self.cut_when(monkeypatch, database, [0] * 100)
        exports.work(job_id := exports.start())
        answer = exports.read(job_id)
        assert answer["status"] == "FAILED"
        assert "database did not answer" in answer["error"]
        assert not (exports.settings.storage_dir / "exports" / job_id).exists()
