"""LabelMe files as annotations: every shape that can be kept, and a word about those that cannot."""

import json

import pytest

from synapse_sdk.exceptions import FormatError
from synapse_sdk.plugins.actions.to_task.file_formats.convert import problems_of
from synapse_sdk.utils.converters.labelme.reader import read_labelme, read_shapes
from synapse_sdk.utils.converters.records import BadFile, SourceItem
from tests.bench.images import write_images


def read(*shapes, size=(100, 80)):
    problems = problems_of("a.json")
    found = read_shapes({"shapes": [{"label": "cat", **shape} for shape in shapes]}, size, problems)
    return [{k: v for k, v in one.items() if k not in ("id", "category")} for one in found], problems.found


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ({"shape_type": "rectangle", "points": [[40, 60], [10, 20]]}, {"type": "bbox", "bbox": [10, 20, 30, 40]}),
        ({"points": [[0, 0], [4, 0], [0, 3]]}, {"type": "polygon", "bbox": [0, 0, 4, 3], "segmentation": [[0, 0, 4, 0, 0, 3]]}),
        ({"shape_type": "line", "points": [[0, 1], [2, 3]]}, {"type": "polyline", "segmentation": [[0, 1, 2, 3]]}),
        ({"shape_type": "linestrip", "points": [[0, 1], [2, 3], [4, 5.5]]}, {"type": "polyline", "segmentation": [[0, 1, 2, 3, 4, 5.5]]}),
        ({"shape_type": "point", "points": [[7, 8]]}, {"type": "keypoints", "keypoints": [7, 8, 2]}),
    ],
)  # fmt: skip
def test_shapes_become_annotations(shape, expected):
    assert read(shape) == ([expected], [])


def test_a_circle_becomes_a_polygon_of_its_size():
    ((circle,), problems) = read({"shape_type": "circle", "points": [[50, 40], [60, 40]]})
    assert circle["bbox"] == [40, 30, 20, 20]
    assert len(circle["segmentation"][0]) == 128
    assert problems == []


def test_flags_group_and_description_are_kept():
    shape = {
        "shape_type": "rectangle",
        "points": [[0, 0], [5, 5]],
        "group_id": 3,
        "flags": {"hard": True, "no": False},
        "description": "x",
    }
    assert read(shape)[0][0]["attributes"] == {"hard": True, "group_id": 3, "description": "x"}


@pytest.mark.parametrize(
    ("shape", "code"),
    [
        ({"shape_type": "rectangle", "points": [[1, 1], [1, 5]]}, "zero_area"),
        ({"shape_type": "rectangle", "points": [[-50, -50], [-1, -1]]}, "outside_image"),
        ({"shape_type": "mask", "points": [[1, 1], [2, 2]]}, "invalid_geometry"),
        ({"points": [[0, 0], [1, 1], [2, 2]]}, "zero_area"),
        ({"points": [[0, 0], [1], [2, 2]]}, "invalid_geometry"),
        ({"points": [[0, 0], [float("nan"), 1], [2, 2]]}, "invalid_geometry"),
        ({"points": None}, "invalid_geometry"),
        ({"label": "", "points": [[0, 0], [1, 0], [2, 2]]}, "invalid_geometry"),
    ],
)
def test_what_cannot_be_kept_is_told(shape, code):
    annotations, problems = read(shape)
    assert annotations == []
    assert [problem.code for problem in problems] == [code]


def test_a_folder_is_read_in_order_with_its_images(tmp_path):
    write_images(tmp_path / "set", ["b.png", "a.png"])
    for name in "ab":
        document = {"imagePath": f"{name}.png", "shapes": [{"label": "cat", "points": [[0, 0], [4, 0], [0, 3]]}]}
        (tmp_path / "set" / f"{name}.json").write_text(json.dumps(document))
    (tmp_path / "set" / "c.json").write_text("{")
    items = list(read_labelme(tmp_path / "set"))
    assert [item.name for item in items if isinstance(item, SourceItem)] == ["a.png", "b.png"]
    assert [item.width for item in items if isinstance(item, SourceItem)] == [1920, 1920]
    assert [item.code for item in items if isinstance(item, BadFile)] == ["malformed"]


def test_a_folder_without_json_files_is_refused(tmp_path):
    with pytest.raises(FormatError, match="no JSON files"):
        list(read_labelme(tmp_path))
