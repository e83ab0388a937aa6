"""A config from file to trained: every run of its grid, one after the other, without any server."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cvlabkit.agent
import cvlabkit.component
from cvlabkit.core.agent import Agent, Metrics
from cvlabkit.core.config import Config
from cvlabkit.core.creator import Creator

DEFAULT_LOG_DIR = "logs"


def use_tree(base: Path) -> None:
    """Let components of another folder that holds `cvlabkit` be found, before those of this installation."""
    for package, folder in ((cvlabkit.component, "component"), (cvlabkit.agent, "agent")):
        place = str((base / "cvlabkit" / folder).resolve())
        if place not in package.__path__:
            package.__path__.insert(0, place)


def run_config(path: Path) -> Iterator[tuple[Path, list[Metrics]]]:
    """Train every run of a config; where each is logged, and the metrics of its epochs.

    Raises:
        ComponentError: The config or a component is not what it must be.
    """
    runs = Config(path).expand()
    for number, config in enumerate(runs):
        folder = _folder_of(path, config, number if len(runs) > 1 else None)
        yield folder, _train(config, folder)


def _folder_of(path: Path, config: Config, number: int | None) -> Path:
    parts = [str(config.get("project", "project")), str(config.get("run_name", path.stem))]
    names = [_safe(part) for part in parts]
    suffix = "" if number is None else f"_{number}"
    return Path(str(config.get("log_dir", DEFAULT_LOG_DIR))) / names[0] / f"{names[1]}{suffix}"


def _safe(name: str) -> str:
    """A name from a config as one part of a path: it must not lead anywhere else."""
    kept = "".join(char if char.isalnum() or char in "-_." else "_" for char in name)
    return kept.lstrip(".") or "_"


def _train(config: Config, folder: Path) -> list[Metrics]:
    _set_seed(config.get("seed"))
    folder.mkdir(parents=True, exist_ok=True)
    config.dump_template(folder / "config.yaml")
    agent = Creator(config).agent()
    with (folder / "metrics.jsonl").open("w", encoding="utf-8") as file:
        _log_into(agent, file)
        return agent.fit()


def _log_into(agent: Agent, file: Any) -> None:
    own = agent.log

    def log(metrics: Metrics) -> None:
        file.write(json.dumps(metrics) + "\n")
        file.flush()
        own(metrics)

    agent.log = log  # type: ignore[method-assign]


def _set_seed(seed: int | None) -> None:
    if seed is None:
        return
    random.seed(seed)
    if find_spec("numpy") is not None:
        import numpy as np

        np.random.seed(seed)  # noqa: NPY002 - components of other people use the global generator
    if find_spec("torch") is not None:
        import torch

        torch.manual_seed(seed)
