"""What is served: an image's address in, its objects out."""

from __future__ import annotations

import asyncio
import io
from typing import Any

from skimage.io import imread

from plugin.segmentation import find_objects
from synapse_sdk.plugins.actions.inference import BaseServeDeployment
from synapse_sdk.utils.file.download import iter_download


class Segmenter(BaseServeDeployment):
    """Finds objects; has no weights."""

    async def _get_model(self, model_info: dict[str, Any]) -> dict[str, Any]:
        return model_info

    async def infer(
        self, image_path: str, category: str | None = None, *, min_area: int = 100, is_dark: bool = False
    ) -> dict[str, Any]:
        content = await asyncio.to_thread(lambda: b"".join(iter_download(image_path)))
        image = imread(io.BytesIO(content))
        return {"annotations": find_objects(image, category, min_area=min_area, is_dark=is_dark)}
