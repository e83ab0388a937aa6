"""Ten thousand tasks on a real server: one bad one loses exactly itself, the counts are the truth, one call undoes all."""

from typing import ClassVar

import pytest
from sqlalchemy import func, insert, select

from synapse_sdk.plugins.actions.to_task import ToTaskAction
from tests.backend.factories import boxes
from tests.bench.images import write_images
from tests.to_task.test_files import VOC
from web_helper.backend.models import DataUnit, DataUnitFile, PreAnnotation, Task

COUNT = 10_000
BOX = boxes("raccoon")


@pytest.fixture
def whole(place, tmp_path):
    """10,000 tasks, one of which, somewhere in the middle, has an annotation file that is no XML."""
    write_images(tmp_path / "images", ["a.png"])
    image = tmp_path / "images" / "a.png"
    (tmp_path / "a.xml").write_text(VOC)
    (tmp_path / "bad.xml").write_text("<annotation><object>")
    (first,) = place.add([(image, tmp_path / "a.xml")])
    multiply(place, first, 6_000)
    (bad,) = place.add([(image, tmp_path / "bad.xml")])
    multiply(place, first, COUNT - 6_002)
    return first, bad


def multiply(place, task_id, count):
    """Further tasks with the files of one that is there."""
    with place.platform.database.write() as session:
        task = session.get(Task, task_id)
        known = session.get(DataUnit, task.data_unit_id)
        rows = session.scalars(select(DataUnitFile).where(DataUnitFile.data_unit_id == known.id)).all()
        columns = [column.key for column in DataUnitFile.__table__.columns if column.key not in {"id", "data_unit_id"}]
        files = [{name: getattr(row, name) for name in columns} for row in rows]
        unit = {"data_collection_id": place.collection, "name": "a.png", "width": 100, "height": 80}
        ids = session.scalars(insert(DataUnit).returning(DataUnit.id), [unit] * count).all()
        session.execute(insert(DataUnitFile), [{**file, "data_unit_id": number} for number in ids for file in files])
        session.execute(insert(Task), [{"project_id": place.project, "data_unit_id": number} for number in ids])


def stored(place, run_id):
    """What the tables say: results of the run, and tasks of the project that have data."""
    with place.platform.database.read() as session:
        results = session.scalar(select(func.count()).where(PreAnnotation.run_id == run_id))
        filled = session.scalar(select(func.count()).where(Task.project_id == place.project, Task.data.is_not(None)))
    return results, filled


def test_one_bad_task_of_ten_thousand_loses_exactly_itself(place, whole, tmp_path):
    first, bad = whole

    result, logger = place.run()

    assert result.status == "succeeded"
    assert (result.total_tasks, result.success_count, result.failed_count) == (COUNT, COUNT - 1, 1)
    assert [failure.task_id for failure in result.failures] == [bad]
    assert stored(place, result.run_id) == (COUNT - 1, COUNT - 1)
    assert logger.get_metrics("annotate_task_data") == {"success": COUNT - 1, "failed": 1, "stand_by": 0}
    assert logger.events("add_task_data_task_failed") == [failure.model_dump() for failure in result.failures]

    again, _ = place.run()

    assert (again.success_count, again.skipped_count, again.failed_count) == (COUNT - 1, COUNT - 1, 1)
    assert stored(place, again.run_id) == (0, COUNT - 1)
    # What people have made of a pre-annotation stays theirs.
    place.client.annotate_task_data(first, {"action": "submit", "data": BOX})
    assert place.client.undo_pre_annotation_run(result.run_id) == {"restored": COUNT - 2, "kept": 1}
    assert stored(place, result.run_id)[1] == 1
    assert place.data(first) == BOX


BAD_ANSWERS = [
    RuntimeError("the device is lost"),
    None,
    {"annotations": [{"category": "x", "bbox": "?"}]},
    {"annotations": 3},
    {"annotations": [{"category": "x", "bbox": [0, 0, float("nan"), 1]}]},
]


class Faulty(ToTaskAction):
    """Fails for some tasks, or makes of them what no server takes."""

    bad: ClassVar = {}

    def convert_data_from_file(self, *_files, task_data=None):
        answer = self.bad.get(task_data["id"], {"annotations": []})
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_whatever_is_wrong_with_some_tasks_they_alone_are_lost(place, tmp_path):
    write_images(tmp_path / "images", ["a.png"])
    (tmp_path / "a.xml").write_text(VOC)
    (first,) = place.add([(tmp_path / "images" / "a.png", tmp_path / "a.xml")])
    multiply(place, first, 1_999)
    bad = dict(zip(range(first + 100, first + 2_000, 300), BAD_ANSWERS, strict=False))

    result, _ = place.run(type("Faulty", (Faulty,), {"bad": bad}))

    assert [failure.task_id for failure in result.failures] == sorted(bad)
    assert result.success_count == 2_000 - len(BAD_ANSWERS)
    assert stored(place, result.run_id) == (result.success_count, result.success_count)
