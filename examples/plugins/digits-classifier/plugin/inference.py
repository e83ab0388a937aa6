"""What is served: an image's address in, its digit out."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Any

from PIL import Image

from plugin.network import classify, load_weights, read_digit
from synapse_sdk.plugins.actions.inference import BaseServeDeployment
from synapse_sdk.utils.file.download import iter_download


class Digits(BaseServeDeployment):
    """Answers with the model that each request chooses; a replica keeps the last three loaded."""

    async def _get_model(self, model_info: dict[str, Any]) -> Any:
        return await asyncio.to_thread(_load, Path(model_info["path"]))

    async def infer(self, image_path: str) -> dict[str, Any]:
        model = await self.get_model()
        content = await asyncio.to_thread(lambda: b"".join(iter_download(image_path)))
        with Image.open(io.BytesIO(content)) as image:
            return classify(model, read_digit(image)[None])[0]


def _load(folder: Path) -> Any:
    return load_weights(next(folder.glob("*.json")))
