"""Run with `synapse plugin test --path .`."""

import asyncio
from pathlib import Path

import skimage
from plugin.inference import Segmenter
from plugin.to_task import ToTask

from synapse_sdk.loggers import NoOpLogger
from synapse_sdk.plugins.actions.to_task import ToTaskParams
from synapse_sdk.plugins.context import PluginEnvironment, RuntimeContext

COINS = Path(skimage.__file__).parent / "data" / "coins.png"


def segment(category="coin", **params):
    return asyncio.run(Segmenter().infer(str(COINS), category, **params))


def test_most_of_the_24_coins_are_found_inside_the_image():
    found = segment(min_area=400)["annotations"]
    assert 18 <= len(found) <= 30
    for coin in found:
        x, y, width, height = coin["bbox"]
        assert x >= 0 <= y
        assert x + width <= 384
        assert y + height <= 303
        assert len(coin["segmentation"][0]) >= 6
        assert 0 < coin["score"] <= 1


def test_small_regions_are_left_out():
    assert len(segment(min_area=10_000)["annotations"]) == 0


def test_without_a_class_each_region_has_its_shape():
    found = segment(None, min_area=400)["annotations"]
    assert [one["category"] for one in found].count("round") > len(found) / 2
    assert {one["category"] for one in found} <= {"round", "long", "other"}


def test_the_answer_becomes_task_data():
    params = ToTaskParams(name="a", project=1, agent=1)
    action = ToTask(params, RuntimeContext(logger=NoOpLogger(), env=PluginEnvironment({})))
    answer = segment(min_area=400)
    assert action.convert_data_from_inference(answer)["annotations"] == answer["annotations"]
