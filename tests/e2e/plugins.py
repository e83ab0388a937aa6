"""Small plugins that a test publishes for itself, under a code that nobody else has."""

import uuid
from pathlib import Path

CONFIG = """
name: {name}
code: {code}
version: "1.0.0"
category: custom
actions:
  train:
    entrypoint: plugin.main.Train
    method: job
  wait:
    entrypoint: plugin.main.Wait
    method: job
"""

MAIN = """
import time
from typing import Literal

from pydantic import BaseModel, Field

from synapse_sdk.plugins.action import BaseAction


class Optimiser(BaseModel):
    rate: float = Field(0.1, gt=0, title="Rate")


class Params(BaseModel):
    epochs: int = Field(3, ge=1, title="Epochs", description="How often everything is seen.")
    optimiser: Optimiser = Optimiser()
    size: Literal["s", "m"] = Field("s", title="Size")


class Train(BaseAction[Params]):
    action_name = "train"

    def execute(self):
        print("\\x1b[31m<img src=x onerror='document.title=1'>\\x1b[0m", flush=True)
        for epoch in range(1, self.params.epochs + 1):
            print(f"epoch {epoch}", flush=True)
            self.ctx.logger.log_metric("train", "loss", 1 / epoch, epoch=epoch)
            self.ctx.logger.set_progress(epoch, self.params.epochs, step="train")
        self.ctx.logger.set_metrics({"best": 0.125}, "train")
        return {"size": self.params.size, "rate": self.params.optimiser.rate}


class Wait(BaseAction[Params]):
    action_name = "wait"

    def execute(self):
        print("waiting", flush=True)
        time.sleep(600)
"""


def write_plugin(folder: Path) -> tuple[str, Path]:
    """A plugin that trains at once, and one that waits until it is stopped: its code and its folder."""
    code = f"e2e-{uuid.uuid4().hex[:10]}"
    plugin = folder / code
    (plugin / "plugin").mkdir(parents=True)
    (plugin / "config.yaml").write_text(CONFIG.format(name=f"Trainer {code}", code=code))
    (plugin / "plugin" / "__init__.py").touch()
    (plugin / "plugin" / "main.py").write_text(MAIN)
    return code, plugin
