"""A model of a few milliseconds, for the benchmark of serving: an image is made, blurred and cut at a threshold."""

import sys
import time
from typing import Any

import numpy as np
from skimage.filters import gaussian, threshold_otsu

from synapse_sdk.plugins.actions.inference import BaseServeDeployment

SIDE = 288


def run_model(seed: int) -> int:
    """How many pixels of a made-up image are bright."""
    image = np.random.default_rng(seed).random((SIDE, SIDE))
    smooth = gaussian(image, 3)
    return int((smooth > threshold_otsu(smooth)).sum())


class Segmenter(BaseServeDeployment):
    async def _get_model(self, model_info: dict[str, Any]) -> Any:
        return model_info

    async def infer(self, seed: int = 0) -> dict[str, int]:
        return {"bright": run_model(seed)}


if __name__ == "__main__":
    # Alone, in a loop, for so many seconds: calls per second, then CPU seconds per call.
    for seed in range(20):
        run_model(seed)
    began, used, calls = time.monotonic(), time.process_time(), 0
    while time.monotonic() - began < float(sys.argv[1]):
        run_model(calls)
        calls += 1
    sys.stdout.write(f"{calls / (time.monotonic() - began)} {(time.process_time() - used) / calls}\n")
