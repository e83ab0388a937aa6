"""Mean average precision, against COCO's own code."""

import contextlib
import io
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

np = pytest.importorskip("numpy")
COCO = pytest.importorskip("pycocotools.coco").COCO
COCOeval = pytest.importorskip("pycocotools.cocoeval").COCOeval

from cvlabkit.component.metric.mean_average_precision import MeanAveragePrecision, box_iou  # noqa: E402
from cvlabkit.core.config import Config  # noqa: E402

# Few places and sizes: overlaps of every size, and ties.
BOXES = st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(1, 8), st.integers(1, 8)).map(
    lambda box: (box[0], box[1], box[0] + box[2], box[1] + box[3])
)
LABELS = st.integers(1, 3)
OBJECTS = st.lists(st.tuples(BOXES, LABELS), max_size=6)
FOUND = st.lists(st.tuples(BOXES, LABELS, st.sampled_from([0.1, 0.5, 0.5, 0.9])), max_size=8)


@settings(deadline=None, max_examples=150)
@given(images=st.lists(st.tuples(OBJECTS, FOUND), min_size=1, max_size=4))
def test_it_is_what_coco_computes(images):
    metric = MeanAveragePrecision(Config({}))
    for objects, found in images:
        metric.update([as_mapping(found)], [as_mapping(objects)])
    result = metric.compute()
    if not any(objects for objects, _ in images):
        assert math.isnan(result["map"])
        return
    expected = coco_of(images)
    assert [result["map"], result["map_50"], result["map_75"]] == pytest.approx(expected, abs=1e-9)


def as_mapping(objects):
    return {
        "boxes": np.array([each[0] for each in objects], dtype=float).reshape(-1, 4),
        "labels": np.array([each[1] for each in objects]),
        "scores": np.array([each[2] for each in objects if len(each) > 2]),
    }


def coco_of(images):
    annotations, results = [], []
    for number, (objects, found) in enumerate(images, 1):
        for box, label in objects:
            width, height = box[2] - box[0], box[3] - box[1]
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": label,
                    "iscrowd": 0,
                    "bbox": [box[0], box[1], width, height],
                    "area": width * height,
                }
            )
        results += [
            {
                "image_id": number,
                "category_id": label,
                "score": score,
                "bbox": [box[0], box[1], box[2] - box[0], box[3] - box[1]],
            }
            for box, label, score in found
        ]
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {
            "images": [{"id": number} for number in range(1, len(images) + 1)],
            "categories": [{"id": label} for label in (1, 2, 3)],
            "annotations": annotations,
        }
        truth.createIndex()
        if not results:
            return [0.0, 0.0, 0.0]
        evaluation = COCOeval(truth, truth.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats[:3].tolist()


@given(boxes=st.lists(BOXES, min_size=1, max_size=5))
def test_overlap_is_symmetric_one_with_itself_and_a_share_of_pixels(boxes):
    array = np.array(boxes, dtype=float)
    overlaps = box_iou(array, array)
    assert np.allclose(overlaps, overlaps.T)
    assert np.allclose(np.diag(overlaps), 1)
    pixels = [{(x, y) for x in range(box[0], box[2]) for y in range(box[1], box[3])} for box in boxes]
    assert overlaps[0, -1] == pytest.approx(len(pixels[0] & pixels[-1]) / len(pixels[0] | pixels[-1]))
