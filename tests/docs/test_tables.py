"""Tables that people wrote say what the code says, all of it."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from synapse_sdk.plugins.actions.export.delegation import DelegationReason, ExportSettings, SettingSource
from synapse_sdk.plugins.actions.export.formats import ImageMode
from synapse_sdk.plugins.actions.export.formats.params import parse_writer_options
from synapse_sdk.utils.converters import Format
from synapse_sdk.utils.converters.formats import CocoTask, ParquetOptions, WebDatasetOptions, YoloTask
from synapse_sdk.utils.converters.losses import LossCode
from synapse_sdk.utils.converters.parquet.schema import make_schema
from synapse_sdk.utils.converters.webdataset.reader import ShardFacts, ShardIndex
from synapse_sdk.wire.accounts import Role
from synapse_sdk.wire.annotations import Annotation, AnnotationShape
from synapse_sdk.wire.bundle import BUNDLE_STEMS, BundleManifest, BundlePart, ExportRow, RowDataUnit, RowFile
from synapse_sdk.wire.errors import ErrorCode
from synapse_sdk.wire.jobs import ProgressEvent
from tests.docs.carried import COLUMNS, KINDS, carry
from tests.docs.pages import ROOT, blocks_of, prose_of, table_of
from web_helper.backend.queries.work.ground_truths import EVENTS
from web_helper.backend.queries.work.tasks import ASSIGNMENTS, TASKS

REFERENCE, HOW_TO, EXPLANATION = (ROOT / "docs" / shelf for shelf in ("reference", "how-to", "explanation"))
FORMATS, BUNDLE, DELEGATION = (REFERENCE / name for name in ("formats.md", "bundle.md", "delegation.md"))


def first_column(page: Path, header: str) -> list[str]:
    return [row[0] for row in table_of(page, header)]


def test_every_error_code_is_listed():
    assert first_column(REFERENCE / "errors.md", "code") == list(ErrorCode)


def test_every_loss_code_is_listed_with_what_becomes_of_the_annotation():
    words = {True: "is kept with less", False: "is left out"}
    assert {row[0]: row[1] for row in table_of(FORMATS, "code")} == {
        code.value: words[code.is_reduction] for code in LossCode
    }


def test_every_kind_of_annotation_has_a_row_and_every_format_a_column():
    assert first_column(FORMATS, "annotation") == list(KINDS)
    assert "| annotation | " + " | ".join(COLUMNS) + " |" in prose_of(FORMATS)
    assert {fmt for fmt, _ in COLUMNS.values()} == set(Format)


@pytest.mark.parametrize("kind", KINDS)
def test_formats_carry_what_the_page_says(kind, tmp_path):
    row = next(row for row in table_of(FORMATS, "annotation") if row[0] == kind)
    assert row[1:] == [carry(column, kind, tmp_path / column) for column in COLUMNS]


def test_every_format_has_its_layout():
    assert set(first_column(FORMATS, "format")) == set(Format)


def test_every_field_of_shards_and_every_column_of_parquet_is_listed():
    assert set(ShardIndex.__struct_fields__) < set(first_column(FORMATS, "field of shards.json"))
    shards = table_of(FORMATS, "field of shards.json")[-1][1]
    assert all(name in shards for name in ShardFacts.__struct_fields__)
    assert first_column(FORMATS, "column") == make_schema().names
    page = prose_of(FORMATS)
    numbers = {f"{number:,}" for number in (ParquetOptions().file_rows, ParquetOptions().group_rows)}
    assert all(number in page for number in numbers | {f"{WebDatasetOptions().shard_items:,}"})


@pytest.mark.parametrize(
    ("header", "model"),
    [
        ("field of a row", ExportRow),
        ("field of a data unit", RowDataUnit),
        ("field of a file", RowFile),
        ("field of the manifest", BundleManifest),
        ("field of a part", BundlePart),
    ],
)
def test_every_field_of_a_bundle_is_listed(header, model):
    assert first_column(BUNDLE, header) == list(model.model_fields)


def test_the_line_of_a_bundle_is_one():
    (line,) = (block.text for block in blocks_of(BUNDLE) if block.text.startswith('{"id"'))
    row = ExportRow.model_validate_json(line)
    assert ExportRow.model_validate(row.model_dump(exclude_unset=True), extra="forbid") == row
    assert set(row.files_manifest["image"].model_fields_set) == set(RowFile.model_fields)


def test_every_target_has_its_file():
    assert {row[0]: row[1] for row in table_of(BUNDLE, "target")} == {
        target.value: f"{stem}.jsonl" for target, stem in BUNDLE_STEMS.items()
    }


def test_every_reason_of_the_gate_is_listed():
    assert set(first_column(DELEGATION, "reason")) == set(DelegationReason)


def test_places_of_settings_are_listed_by_precedence():
    assert first_column(DELEGATION, "place") == list(SettingSource)


def test_every_export_setting_is_listed_with_default_and_range():
    documented = {row[0]: tuple(row[1:4]) for row in table_of(DELEGATION, "setting")}
    expected = {}
    for setting in fields(ExportSettings):
        low, high = setting.metadata["range"]
        default = "the target's" if setting.default is None else str(setting.default)
        expected[setting.name] = (default, str(low), str(high))
    assert documented == expected


def test_every_event_of_jobs_and_exports_is_listed():
    backend = ROOT / "web_helper" / "backend"
    sources = [
        *(backend / "jobs").rglob("*.py"),
        *(backend / "services" / "exports").rglob("*.py"),
        backend / "worker.py",
    ]
    logged = {name for file in sources for name in re.findall(r'log_event\(\s*"(\w+)"', file.read_text())}
    failures = {"job_interrupted", "job_failed"}
    assert set(first_column(REFERENCE / "metrics.md", "event")) == logged | failures


def test_every_field_of_a_progress_event_is_told():
    told = prose_of(REFERENCE / "metrics.md")
    assert all(f"`{name}`" in told for name in set(ProgressEvent.model_fields) - {"id", "event", "error"})


def test_filters_of_the_export_page_exist():
    known = set(TASKS.filters) | set(ASSIGNMENTS.filters) | set(EVENTS.filters)
    named = {name for row in table_of(HOW_TO / "export.md", "filter") for name in row[0].split(", ")}
    assert named <= known


def test_tasks_of_formats_are_those_of_the_export_page():
    rows = {row[0]: row[1] for row in table_of(HOW_TO / "export.md", "format")}
    for fmt, tasks in ((Format.COCO, CocoTask), (Format.YOLO, YoloTask)):
        assert [task for task in tasks if task.value in rows[fmt]] == list(tasks)
        assert all(parse_writer_options(fmt, {"task": task.value}) for task in tasks)
    images = prose_of(HOW_TO / "export.md")
    assert all(f"`{mode}`" in images or f"--images {mode}`" in images for mode in ImageMode)


def test_every_import_format_is_listed():
    assert set(first_column(HOW_TO / "import.md", "format")) == set(Format)


def test_every_role_is_listed_from_the_lowest():
    assert first_column(HOW_TO / "run-for-a-team.md", "role") == list(Role)


def test_every_field_and_shape_of_an_annotation_is_listed():
    rows = table_of(EXPLANATION / "annotations.md", "field")
    assert [row[0] for row in rows] == list(Annotation.model_fields)
    shapes = next(row[1] for row in rows if row[0] == "type")
    assert all(shape in shapes for shape in AnnotationShape)


def test_every_make_target_is_listed():
    targets = set(re.findall(r"^([a-z0-9-]+):.*##", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    listed = {name.removeprefix("make ") for name in first_column(HOW_TO / "contribute.md", "target")}
    assert listed == targets - {"help"}
