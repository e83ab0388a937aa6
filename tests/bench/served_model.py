"""A model for the benchmarks of serving, in two sizes: an image is made, blurred and cut at a threshold."""

import sys
import time
from typing import Any, ClassVar

import numpy as np
from skimage.filters import gaussian, threshold_otsu

from synapse_sdk.plugins.actions.inference import BaseDeploymentAction, BaseServeDeployment
from synapse_sdk.plugins.actions.to_task import ToTaskAction

# 20 ms, as a small detector takes, and 5 ms, where what is around the model counts most.
SIDE, SMALL_SIDE = 600, 288


def run_model(seed: int, side: int = SIDE) -> int:
    """How many pixels of a made-up image are bright."""
    image = np.random.default_rng(seed).random((side, side))
    smooth = gaussian(image, 3)
    return int((smooth > threshold_otsu(smooth)).sum())


class Segmenter(BaseServeDeployment):
    async def _get_model(self, model_info: dict[str, Any]) -> Any:
        return model_info

    async def infer(self, seed: int = 0, side: int = SIDE, image_path: str = "") -> dict[str, int]:
        return {"bright": run_model(seed, side)}


class Deployment(BaseDeploymentAction):
    entrypoint = Segmenter


class ToTask(ToTaskAction):
    # When each answer came.
    answered: ClassVar[list[float]] = []

    def convert_data_from_inference(self, inference_data, task_data=None):
        self.answered.append(time.monotonic())
        attributes = {"pixels": inference_data["bright"]}
        return {"annotations": [{"id": 1, "type": "classification", "category": "a", "attributes": attributes}]}


if __name__ == "__main__":
    # Alone, in a loop, for so many seconds: calls per second, then CPU seconds per call.
    wanted, size = float(sys.argv[1]), int(sys.argv[2])
    for seed in range(20):
        run_model(seed, size)
    began, used, calls = time.monotonic(), time.process_time(), 0
    while time.monotonic() - began < wanted:
        run_model(calls, size)
        calls += 1
    sys.stdout.write(f"{calls / (time.monotonic() - began)} {(time.process_time() - used) / calls}\n")
