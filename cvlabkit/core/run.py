"""A config from file to trained: every run of its grid, one after the other, without any server."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from cvlabkit.core.agent import Metrics
from cvlabkit.core.config import Config
from cvlabkit.core.creator import Creator
from cvlabkit.core.metrics_file import MetricsFile
from cvlabkit.core.randomness import DEFAULT_SEED, limit_threads, seed_everything, use_deterministic_algorithms
from cvlabkit.core.source_import import SourceRecord
from synapse_sdk.exceptions import ComponentError

DEFAULT_LOG_DIR = "logs"


def run_config(
    path: Path, changes: Sequence[str] = (), *, record: SourceRecord | None = None
) -> Iterator[tuple[Path, list[Metrics]]]:
    """Train every run of a config; where each is logged, and the metrics of its epochs.

    Args:
        path: The config.
        changes: `key=value`, each of which wins over what the file says.
        record: What is imported; written beside each run's metrics.

    Raises:
        ComponentError: The config or a component is not what it must be.
    """
    runs = Config(path).with_changes(changes).expand()
    for number, config in enumerate(runs):
        folder = _folder_of(path, config, number if len(runs) > 1 else None)
        with _alone_in(folder):
            metrics = _train(config, folder, record)
        yield folder, metrics


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Two processes in one folder would write one checkpoint; the lock goes with the process that has it."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise ComponentError(f"{folder}: another process runs there; choose another run_name or log_dir.") from exc
        yield
    finally:
        os.close(descriptor)


def _folder_of(path: Path, config: Config, number: int | None) -> Path:
    """`log_dir` where the config has it; a grid's runs have a number each."""
    if (given := config.get("log_dir")) is not None:
        folder = Path(str(given))
    else:
        parts = [str(config.get("project", "project")), str(config.get("run_name", path.stem))]
        folder = Path(DEFAULT_LOG_DIR, *map(_safe, parts))
    return folder if number is None else folder.with_name(f"{folder.name}_{number}")


def _safe(name: str) -> str:
    """A name from a config as one part of a path: it must not lead anywhere else."""
    kept = "".join(char if char.isalnum() or char in "-_." else "_" for char in name)
    return kept.lstrip(".") or "_"


def _train(config: Config, folder: Path, record: SourceRecord | None) -> list[Metrics]:
    seed = config.whole_number("seed", default=DEFAULT_SEED)
    config.merge({"seed": seed}).dump_run(folder / "config.yaml")
    # Components write where the run does; each run of a grid goes on from a checkpoint of its own.
    config = config.merge({"log_dir": str(folder)})
    if (checkpoint := config.get("checkpoint_path")) is not None:
        config = config.merge({"checkpoint_path": str(folder / checkpoint)})
    with _recorded(record, folder):
        # Imports every component, so that what draws is there to be seeded.
        create = Creator(config)
        seed_everything(seed)
        limit_threads(config.whole_number("threads", default=0, at_least=0) or None)
        use_deterministic_algorithms(is_wanted=config.get("deterministic", True) is not False)
        agent = create.agent()
        agent.prepare()
        if record is not None:
            record.write(folder / "imports.json")
        with closing(MetricsFile(folder / "metrics.jsonl")) as file:
            agent.recorder = file
            return agent.fit()


@contextmanager
def _recorded(record: SourceRecord | None, folder: Path) -> Iterator[None]:
    """Write down what the run's processes import, however it ends."""
    if record is None:
        yield
        return
    with record.shared(folder / ".imports.jsonl"):
        try:
            yield
        finally:
            record.write(folder / "imports.json")
