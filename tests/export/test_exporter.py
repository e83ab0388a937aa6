"""The exporter's template, used on its own: layout, names, errors, counts, memory."""

import errno
import json
import threading
import time
import tracemalloc

import httpx2
import pytest

from synapse_sdk.exceptions import ExportError
from synapse_sdk.plugins.actions.export import BaseExporter, ExportLogMessageCode, ExportStatus, MetricsRecord
from tests.export.support import make_ctx, make_item, tree


def run_export(path_root, items, exporter=BaseExporter, **params):
    items = list(items)
    ctx = make_ctx()
    built = exporter(ctx, iter(items), path_root, **{"name": "out", "count": len(items)} | params)
    return built, ctx.logger, built.export()


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "store" / "cat.jpg"
    path.parent.mkdir()
    path.write_bytes(b"\xff\xd8 a cat")
    return path


def test_output_has_the_documented_layout(tmp_path, photo):
    exporter, _, result = run_export(tmp_path / "root", [make_item(1, file=photo)])
    assert result == {"export_path": str(tmp_path / "root"), "output_path": str(tmp_path / "root" / "out")}
    files = tree(tmp_path / "root")
    assert set(files) == {"out/json/cat.json", "out/origin_files/cat.jpg"}
    assert files["out/origin_files/cat.jpg"] == photo.read_bytes()
    assert exporter.data_metrics == MetricsRecord(0, 1, 0) == exporter.original_metrics


def test_json_is_indented_by_four_and_keeps_its_letters(tmp_path):
    data = {"annotations": [{"category": "고양이", "score": 0.5}], "empty": [], "none": None}
    run_export(tmp_path, [make_item(1, "a.jpg", data=data)], save_original_file=False)
    text = (tmp_path / "out" / "json" / "a.json").read_text()
    assert text == json.dumps(data, indent=4, ensure_ascii=False)
    assert not (tmp_path / "out" / "origin_files").exists()


def test_a_second_export_of_one_name_gets_a_number(tmp_path):
    for expected in ("out", "out(1)", "out(2)"):
        assert run_export(tmp_path, [])[2]["output_path"] == str(tmp_path / expected)


@pytest.mark.parametrize("name", ["../../x", "/etc/passwd", "..\\..\\x", "a\0b", "CON", "x" * 400, "", ".", "\n"])
def test_no_name_leaves_the_export(tmp_path, photo, name):
    root = tmp_path / "deep" / "root"
    run_export(root, [make_item(1, name, file=photo)], name=f"{name}/../up" if name else "n")
    outside = [path for path in tree(tmp_path) if not path.startswith(("deep/root/", "store/"))]
    assert outside == []
    (folder,) = root.iterdir()
    assert len(tree(folder)) == 2


def test_two_files_of_one_name_are_both_kept_with_their_data(tmp_path, photo):
    other = photo.with_name("other")
    other.write_bytes(b"another")
    items = [make_item(1, "cat.jpg", file=photo, data={"n": 1}), make_item(2, "cat.jpg", file=other, data={"n": 2})]
    run_export(tmp_path / "root", [*items, make_item(3, "CAT.png", file=other, data={"n": 3})])
    files = tree(tmp_path / "root" / "out")
    assert files["origin_files/cat.jpg"] == photo.read_bytes()
    assert files["origin_files/cat(1).jpg"] == b"another"
    assert json.loads(files["json/cat(1).json"]) == {"n": 2}
    assert len(files) == 6


def test_a_dead_original_is_listed_and_its_data_left_out(tmp_path, photo):
    dead = photo.with_name("dead.jpg")
    exporter, logger, _ = run_export(tmp_path / "root", [make_item(1, file=dead), make_item(2, file=photo)])
    files = tree(tmp_path / "root" / "out")
    assert set(files) == {"json/cat.json", "origin_files/cat.jpg", "error_file_list.json"}
    errors = json.loads(files["error_file_list.json"])
    assert errors["json_file_name"] == []
    assert errors["origin_file_name"][0][0] == "dead.jpg"
    assert exporter.data_metrics == MetricsRecord(0, 1, 1) == exporter.original_metrics
    assert [event["status"] for event in logger.events("export_original_file")] == ["failed", "success"]


@pytest.mark.parametrize(("field", "value"), [("sha256", "0" * 64), ("size_bytes", 3)])
def test_an_original_that_is_not_the_recorded_one_is_not_kept(tmp_path, photo, field, value):
    item = make_item(1, file=photo)
    item["files"][field] = value
    run_export(tmp_path / "root", [item])
    assert set(tree(tmp_path / "root")) == {"out/error_file_list.json"}


def test_null_data_is_reported(tmp_path, photo):
    exporter, logger, _ = run_export(tmp_path / "root", [make_item(7, file=photo, data=None)])
    errors = json.loads((tmp_path / "root" / "out" / "error_file_list.json").read_text())
    assert errors["json_file_name"] == [["cat.json", "data is Null"]]
    assert logger.events("NULL_DATA_DETECTED") == [{"target_id": 7}]
    assert exporter.data_metrics == MetricsRecord(0, 0, 1)


def test_an_item_without_original_keeps_its_data(tmp_path):
    exporter, _, _ = run_export(tmp_path, [make_item(3)])
    files = tree(tmp_path / "out")
    assert set(files) == {"json/3.json", "error_file_list.json"}
    assert exporter.data_metrics.success == 1
    assert exporter.original_metrics.failed == 1


class Shaped(BaseExporter):
    """As the specification's MyExporter: what it makes has neither `data` nor `files`."""

    def convert_data(self, data):
        found = data.get("data", {}).get("annotations", [])
        return {"id": data.get("id"), "filename": data.get("files", {}).get("file_name_original"), "annotations": found}


def test_a_conversion_may_leave_out_data_and_files(tmp_path, photo):
    run_export(tmp_path / "root", [make_item(1, file=photo), make_item(2, "b.jpg", file=photo, data=None)], Shaped)
    files = tree(tmp_path / "root" / "out")
    saved = json.loads(files["json/cat.json"])
    assert saved["filename"] == "cat.jpg"
    assert saved["annotations"][0]["category"] == "cat"
    assert files["origin_files/cat.jpg"] == photo.read_bytes()
    assert json.loads(files["error_file_list.json"])["json_file_name"] == [["b.json", "data is Null"]]


def test_a_conversion_that_fails_names_the_item_and_leaves_nothing(tmp_path):
    with pytest.raises(
        ExportError, match=r"Item 5 could not be converted: KeyError: 'missing' \(test_exporter\.py:\d+\)"
    ):
        run_export(tmp_path, [make_item(5, "a.jpg", data={"other": 1})], WithKeyError)
    assert tree(tmp_path) == {}
    assert not (tmp_path / "out").exists()


class WithKeyError(BaseExporter):
    def convert_data(self, data):
        return data["data"]["missing"]


class WithoutDict(BaseExporter):
    def after_convert(self, data):
        return None


def test_a_conversion_must_answer_a_dict(tmp_path):
    with pytest.raises(ExportError, match="WithoutDict converted item 1 to NoneType"):
        run_export(tmp_path, [make_item(1, "a.jpg")], WithoutDict)


class OwnFolders(BaseExporter):
    def setup_output_directories(self, unique_export_path, save_original_file_flag):
        paths = {
            "json_output_path": unique_export_path / "labels",
            "origin_files_output_path": unique_export_path / "images",
        }
        for path in paths.values():
            path.mkdir()
        return paths


def test_folders_of_an_override_are_used(tmp_path, photo):
    run_export(tmp_path / "root", [make_item(1, file=photo)], OwnFolders)
    assert set(tree(tmp_path / "root" / "out")) == {"labels/cat.json", "images/cat.jpg"}


class Quitter(BaseExporter):
    def process_file_saving(self, *arguments, **more):
        return False


def test_items_that_an_override_gives_up_are_counted(tmp_path):
    exporter, _, _ = run_export(tmp_path, [make_item(n) for n in range(3)], Quitter)
    assert exporter.data_metrics == MetricsRecord(0, 0, 3)


class FullDisk(BaseExporter):
    """Its third file does not fit."""

    written = 0

    def save_as_json(self, result, base_path, error_file_list):
        self.written += 1
        if self.written == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().save_as_json(result, base_path, error_file_list)


def test_a_full_disk_ends_the_export_and_leaves_nothing(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "kept").write_text("of an earlier export")
    with pytest.raises(OSError, match="No space left"):
        run_export(tmp_path, [make_item(n) for n in range(5)], FullDisk, save_original_file=False)
    assert tree(tmp_path) == {"out/kept": b"of an earlier export"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_progress_is_reported_at_intervals_not_per_item(tmp_path):
    count = 1_000
    _, logger, _ = run_export(tmp_path, (make_item(n) for n in range(count)), save_original_file=False)
    assert len(logger.percents("dataset_conversion")) <= 101
    assert logger.percents("dataset_conversion")[-1] == 100.0
    assert len(logger.events("export_data_file")) == count


def test_an_export_of_nothing_is_complete(tmp_path):
    exporter, logger, _ = run_export(tmp_path, [])
    assert exporter.data_metrics == MetricsRecord()
    assert logger.percents("dataset_conversion") == [100.0]


def test_memory_does_not_grow_with_the_number_of_items(tmp_path):
    class Quiet(BaseExporter):
        def save_as_json(self, result, base_path, error_file_list):
            error_file_list.append([self.output_name(result), "not written in this test"])
            return ExportStatus.FAILED

    def peak(count: int) -> int:
        data = {"annotations": [{"bbox": [n, 1, 2, 3]} for n in range(50)]}
        ctx = make_ctx()
        ctx.logger._write_log = lambda entry: None
        items = (make_item(n, f"{n}.jpg", data=json.loads(json.dumps(data))) for n in range(count))
        exporter = Quiet(ctx, items, tmp_path, name="m", count=count, save_original_file=False)
        tracemalloc.start()
        exporter.export()
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(10)
    small, large = peak(100), peak(1_000)
    assert large < small + 500_000


def test_the_run_adapter_takes_every_call_of_the_specification(tmp_path):
    exporter, logger, _ = run_export(tmp_path, [])
    run = exporter.run
    run.log_message("Processing item...")
    run.log_message(ExportLogMessageCode.EXPORT_COMPLETED, count=3)
    run.set_progress(1, 4, step="dataset_conversion")
    run.set_progress(2, 4, "other")
    record = run.MetricsRecord(stand_by=100, success=0, failed=0)
    run.log_metrics(record, category="original_file")
    run.export_log_original_file(1, {"url": "x"}, ExportStatus.SUCCESS, "")
    run.export_log_data_file(1, {"name": "y"}, ExportStatus.FAILED, "broken")
    run.log_export_event("SOMETHING", 1)
    run.log_dev_event("hidden", {"a": 1})
    run.end_log()
    assert logger.messages()[-3:] == ["Processing item...", "The export is complete: 3 items.", "The run is complete."]
    assert logger.percents("dataset_conversion")[-1] == 25.0
    assert logger.get_metrics("original_file") == {"stand_by": 100, "success": 0, "failed": 0}
    (original,) = logger.events("export_original_file")
    assert json.loads(original["original_file_info"]) == {"url": "x"}
    assert (original["target_id"], original["status"], original["error"]) == (1, "success", "")
    assert original["created"].endswith("+00:00")
    (data,) = logger.events("export_data_file")
    assert (data["status"], data["error"]) == ("failed", "broken")


def test_words_are_those_of_the_specification():
    assert [str(status) for status in ExportStatus] == ["success", "failed", "stand_by"]
    record = MetricsRecord(stand_by=100, success=0, failed=0)
    record.stand_by -= 1
    record.success += 1
    assert record.to_dict() == {"stand_by": 99, "success": 1, "failed": 0}


class SlowStore:
    """Serves files by link, slowly, and notes how many are asked for at once."""

    def __init__(self, *, seconds: float = 0.05) -> None:
        self.seconds, self.active, self.most, self.asked = seconds, 0, 0, 0
        self._lock = threading.Lock()
        self.anonymous = httpx2.Client(transport=httpx2.MockTransport(self.answer))

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        with self._lock:
            self.active, self.asked = self.active + 1, self.asked + 1
            self.most = max(self.most, self.active)
        time.sleep(self.seconds)
        with self._lock:
            self.active -= 1
        return httpx2.Response(200, content=request.url.path.encode())


def linked_items(count: int) -> list[dict]:
    return [
        make_item(n, f"{n}.jpg", files={"url": f"http://store/{n}", "file_name_original": f"{n}.jpg"})
        for n in range(count)
    ]


def test_originals_behind_links_are_fetched_side_by_side_and_saved_in_order(tmp_path):
    store = SlowStore()
    ctx = make_ctx(client=store)
    BaseExporter(ctx, iter(linked_items(30)), tmp_path, name="out", count=30).export()
    assert 2 <= store.most <= 8
    files = tree(tmp_path / "out")
    assert {name: body for name, body in files.items() if name.startswith("origin")} == {
        f"origin_files/{n}.jpg": f"/{n}".encode() for n in range(30)
    }
    assert [event["target_id"] for event in ctx.logger.events("export_original_file")] == list(range(30))
    assert store.asked == 30


def test_a_failed_export_fetches_no_further_and_leaves_nothing(tmp_path):
    class Broken(BaseExporter):
        def save_as_json(self, result, base_path, error_file_list):
            raise OSError(errno.EIO, "the disk is gone")

    store = SlowStore()
    with pytest.raises(OSError, match="the disk is gone"):
        Broken(make_ctx(client=store), iter(linked_items(100)), tmp_path, name="out", count=100).export()
    assert store.active == 0
    assert store.asked <= 20
    assert list(tmp_path.iterdir()) == []


def test_files_that_an_override_does_not_want_are_not_kept(tmp_path):
    ctx = make_ctx(client=SlowStore(seconds=0))
    Quitter(ctx, iter(linked_items(20)), tmp_path, name="out", count=20).export()
    assert tree(tmp_path) == {}
