"""What goes wrong, and where it ends: retried, listed, or rolled back with its reason."""

import errno
import json

import httpx2
import pytest

from synapse_sdk.exceptions import (
    AuthorizationError,
    BundleError,
    ClientTimeoutError,
    ExportJobFailedError,
    ServerError,
)
from synapse_sdk.plugins.actions.export import BaseExporter, ExportAction
from synapse_sdk.plugins.actions.export.steps import ExportStep, preparation
from synapse_sdk.testing import Fault
from tests.backend.factories import boxes
from tests.export.platform import export, wire_of
from tests.export.support import tree
from web_helper.backend.models import DataFile

IN_PROCESS = {"disable_async_delegate": True}
HEADS = pytest.mark.parametrize("head", [{}, IN_PROCESS], ids=["delegated", "in-process"])


@pytest.fixture
def project(platform):
    project = platform.make.project()
    platform.make.tasks(project, 5, files=True, data=boxes("cat"))
    return project["id"]


@pytest.fixture
def linked_project(thrifty):
    """Its data comes by link."""
    project = thrifty.make.project()
    thrifty.make.tasks(project, 5, files=True, data=boxes("cat"))
    return project["id"]


def nothing_is_left(platform) -> bool:
    return not platform.outputs.exists() or list(platform.outputs.iterdir()) == []


def test_a_list_page_that_fails_twice_is_asked_for_again(platform, project):
    ctx = platform.ctx(Fault(r"^/v2/tasks/$", "GET", times=2, status=500))
    assert export(platform, ctx, project=project, **IN_PROCESS)["exported_count"] == 5
    assert wire_of(ctx).count(r"^/v2/tasks/$", "GET") == 3


def test_a_list_page_that_keeps_failing_ends_the_export(platform, project):
    ctx = platform.ctx(Fault(r"^/v2/tasks/$", "GET", times=99, status=500))
    with pytest.raises(RuntimeError, match="Step 'fetch_results' failed") as caught:
        export(platform, ctx, project=project, page_retries=1, **IN_PROCESS)
    assert isinstance(caught.value.__cause__, ServerError)
    assert wire_of(ctx).count(r"^/v2/tasks/$", "GET") == 2
    assert nothing_is_left(platform)
    assert ctx.logger.events("export_failed")[0]["code"] == "EXPORT_FAILED_SERVER"


def test_a_bulk_call_that_times_out_is_repeated(platform, project):
    ctx = platform.ctx(Fault("bulk-fetch", times=3, error=httpx2.ReadTimeout))
    assert export(platform, ctx, project=project, **IN_PROCESS)["exported_count"] == 5


def test_a_bulk_call_that_keeps_timing_out_ends_the_export(platform, project):
    ctx = platform.ctx(Fault("bulk-fetch", times=99, error=httpx2.ReadTimeout))
    with pytest.raises(RuntimeError, match="Step 'save_files' failed") as caught:
        export(platform, ctx, project=project, **IN_PROCESS)
    assert isinstance(caught.value.__cause__, ClientTimeoutError)
    assert nothing_is_left(platform)
    assert "could not be reached in time" in ctx.logger.messages()[-1]


def test_an_expired_payload_link_is_asked_for_again_once(thrifty, linked_project):
    ctx = thrifty.ctx(Fault("/payloads/", times=2, status=403))
    assert export(thrifty, ctx, project=linked_project, **IN_PROCESS)["exported_count"] == 5
    assert wire_of(ctx).count("bulk-fetch") == 2
    assert wire_of(ctx).count("/payloads/") == 5 + 2


def test_a_payload_that_stays_refused_ends_the_export(thrifty, linked_project):
    ctx = thrifty.ctx(Fault("/payloads/", times=99, status=403))
    with pytest.raises(RuntimeError, match="refused under a fresh link") as caught:
        export(thrifty, ctx, project=linked_project, **IN_PROCESS)
    assert isinstance(caught.value.__cause__, AuthorizationError)
    assert wire_of(ctx).count("bulk-fetch") == 2
    assert nothing_is_left(thrifty)


def test_an_expired_link_to_an_original_is_asked_for_again(platform, project):
    ctx = platform.ctx(Fault("/objects/", times=1, status=403))
    result = export(platform, ctx, project=project, **IN_PROCESS)
    assert (result["exported_count"], result["failed_count"]) == (5, 0)


def test_an_expired_link_to_the_bundle_is_asked_for_again(platform, project, monkeypatch):
    monkeypatch.setattr(
        "synapse_sdk.plugins.actions.export.steps.delegated.BundleReader._find_local", lambda self: None
    )
    # The manifest comes first; then a part, and an original.
    for skip in (1, 2, 4):
        ctx = platform.ctx(Fault("/objects/", skip=skip, times=1, status=403))
        result = export(platform, ctx, project=project)
        assert (result["exported_count"], result["failed_count"]) == (5, 0), skip


def kill_one_original(platform, project) -> str:
    """Remove the bytes of the third task's image; answers its name."""
    task = list(platform.ctx().client.get_tasks({"project": project, "ordering": "id"})[0])[2]
    with platform.database.read() as session:
        path = session.query(DataFile).filter_by(sha256=task["files"]["sha256"]).one().path
    (platform.settings.storage_dir / path).unlink()
    return task["files"]["file_name_original"]


def test_a_dead_original_is_listed_by_either_head_in_the_same_words(platform, project):
    name = kill_one_original(platform, project)
    for number, head in enumerate(({}, IN_PROCESS)):
        result = export(platform, platform.ctx(), project=project, path=f"outputs/{number}", page_retries=0, **head)
        assert (result["exported_count"], result["failed_count"]) == (4, 1)
    near, far = tree(platform.outputs / "0"), tree(platform.outputs / "1")
    assert near == far
    errors = json.loads(near["out/error_file_list.json"])
    assert [entry[0] for entry in errors["origin_file_name"]] == [name]
    assert len(near) == 4 + 4 + 2


class FullDisk(BaseExporter):
    """Its third file does not fit."""

    written = 0

    def save_as_json(self, result, base_path, error_file_list):
        self.written += 1
        if self.written == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().save_as_json(result, base_path, error_file_list)


class FullDiskAction(ExportAction):
    @property
    def entrypoint(self):
        return FullDisk


@HEADS
def test_a_full_disk_is_rolled_back_and_named(platform, project, head):
    ctx = platform.ctx()
    (platform.outputs / "out").mkdir(parents=True)
    (platform.outputs / "out" / "kept").write_text("of an earlier export")
    with pytest.raises(RuntimeError, match="No space left") as caught:
        export(platform, ctx, FullDiskAction, project=project, **head)
    assert isinstance(caught.value.__cause__, OSError)
    assert tree(platform.outputs) == {"out/kept": b"of an earlier export"}
    assert list(platform.outputs.iterdir()) == [platform.outputs / "out"]
    assert ctx.logger.events("export_failed")[0]["code"] == "EXPORT_FAILED_DISK_FULL"
    assert "no space left" in ctx.logger.messages()[-1]


@HEADS
def test_what_cannot_be_removed_is_named_with_its_reason(platform, project, head, monkeypatch):
    def fail(folder):
        raise OSError(errno.EIO, "the store does not answer")

    monkeypatch.setattr(preparation, "remove_folder", fail)
    ctx = platform.ctx()
    with pytest.raises(RuntimeError, match="No space left"):
        export(platform, ctx, FullDiskAction, project=project, **head)
    (told,) = [message for message in ctx.logger.messages() if "could not be removed" in message]
    assert told == "out is unfinished and could not be removed: the store does not answer. Remove it, or go on."


class Bomb(ExportStep):
    step_name, weight = "bomb", 0.1

    def __init__(self, error):
        self.error = error

    def execute(self, context):
        raise self.error


def with_step(before: str, step) -> type[ExportAction]:
    class WithStep(ExportAction):
        def setup_steps(self, registry):
            super().setup_steps(registry)
            registry.insert_before(before, step)

    return WithStep


@HEADS
@pytest.mark.parametrize("before", ["convert_data", "save_files", "finalize"])
def test_a_step_that_raises_in_the_middle_is_rolled_back(platform, project, head, before):
    error = LookupError("of the plugin's own")
    ctx = platform.ctx()
    with pytest.raises(RuntimeError, match="Step 'bomb' failed: of the plugin") as caught:
        export(platform, ctx, with_step(before, Bomb(error)), project=project, **head)
    assert caught.value.__cause__ is error
    assert nothing_is_left(platform)


@HEADS
def test_an_interrupt_is_rolled_back(platform, project, head):
    with pytest.raises(KeyboardInterrupt):
        export(platform, platform.ctx(), with_step("finalize", Bomb(KeyboardInterrupt())), project=project, **head)
    assert nothing_is_left(platform)


def test_a_failure_before_the_servers_job_has_ended_cancels_it(platform, project):
    platform.worker.is_paused = True
    try:
        action = with_step("delegate_stream_progress", Bomb(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            export(platform, platform.ctx(), action, project=project)
        assert platform.last_job().status == "CANCELLED"
    finally:
        platform.worker.is_paused = False


def test_a_job_that_fails_on_the_server_is_reported_with_its_reason(platform, project):
    exports = platform.settings.storage_dir / "exports"
    aside = exports.rename(exports.with_name("aside")) if exports.exists() else None
    exports.write_text("no folder")
    ctx = platform.ctx()
    try:
        with pytest.raises(RuntimeError, match="Step 'delegate_stream_progress' failed") as caught:
            export(platform, ctx, project=project)
    finally:
        exports.unlink()
        if aside:
            aside.rename(exports)
    assert isinstance(caught.value.__cause__, ExportJobFailedError)
    assert nothing_is_left(platform)
    assert [event.get("code") for event in ctx.logger.events("export_failed")] == [None, "EXPORT_FAILED_SERVER_JOB"]
    assert ctx.logger.get_metrics("server_export")["success"] == 0


class Tamper(ExportStep):
    """Changes the bundle after its job has ended."""

    step_name, weight = "tamper", 0.1

    def __init__(self, folder):
        self.folder = folder

    def execute(self, context):
        from synapse_sdk.plugins.steps import StepResult

        prefix = context.v2_client.async_jobs.retrieve(context.job_id).bundle.prefix
        part = self.folder / prefix / "tasks.jsonl"
        part.write_bytes(part.read_bytes().replace(b"cat", b"dog", 1))
        return StepResult()


def test_a_bundle_that_was_changed_is_refused_and_rolled_back(platform, project):
    ctx = platform.ctx()
    with pytest.raises(RuntimeError, match="Step 'save_files' failed") as caught:
        export(platform, ctx, with_step("bundle_read", Tamper(platform.settings.storage_dir)), project=project)
    assert isinstance(caught.value.__cause__, BundleError)
    assert nothing_is_left(platform)
    assert ctx.logger.events("export_failed")[-1]["code"] == "EXPORT_FAILED_BUNDLE"


def test_a_request_whose_answer_is_lost_starts_no_second_job(platform, project):
    before = platform.job_count()
    ctx = platform.ctx(Fault("plugin-exports", lose_answer=True))
    assert export(platform, ctx, project=project)["exported_count"] == 5
    assert wire_of(ctx).count("plugin-exports") == 2
    assert platform.job_count() == before + 1


@pytest.mark.parametrize("fault", [{"error": httpx2.ReadTimeout}, {"status": 502}, {"cut_after": 10}])
def test_a_progress_stream_that_breaks_is_taken_up_again(platform, project, fault):
    ctx = platform.ctx(Fault("/progress/", times=2, **fault))
    assert export(platform, ctx, project=project)["exported_count"] == 5


def test_rows_that_vanish_while_they_are_fetched_are_told(platform, project):
    ids = [task["id"] for task in platform.ctx().client.get_tasks({"project": project})[0]]

    class Delete(Bomb):
        def execute(self, context):
            from synapse_sdk.plugins.steps import StepResult

            context.v2_client.tasks.delete(ids[0])
            return StepResult()

    ctx = platform.ctx()
    result = export(platform, ctx, with_step("save_files", Delete(None)), project=project, **IN_PROCESS)
    assert (result["exported_count"], result["total_count"]) == (4, 5)
    assert any("1 items vanished" in message for message in ctx.logger.messages())
