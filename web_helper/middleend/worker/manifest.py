"""What a run begins with, and what it is compared to: the record of what lay on disk, and what was really executed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from synapse_sdk.components.digests import sha256_of
from synapse_sdk.exceptions import ComponentError
from synapse_sdk.wire.experiments import ExperimentJob, ExperimentManifest
from web_helper.middleend.worker.child.gpu_share import VISIBLE
from web_helper.middleend.worker.host import Environment, describe_gpus, read_gpus
from web_helper.middleend.worker.run_tree import TreeRecord


@dataclass(frozen=True)
class Executed:
    """What a run has executed of its kit, as its audit hook wrote it down.

    Attributes:
        files: SHA-256 by path, relative to the run's folder.
        problems: Files that it refused, each with the reason.
    """

    files: dict[str, str]
    problems: tuple[str, ...]


def make_manifest(
    job: ExperimentJob,
    tree: TreeRecord,
    environment: Environment,
    host_id: str,
    *,
    variables: Mapping[str, str] | None = None,
) -> ExperimentManifest:
    """The record of what a run begins with; of the GPUs those that `variables` leave it."""
    gpus, driver = read_gpus()
    visible = (variables or {}).get(VISIBLE, "").split(",")
    # Where GPUs are named otherwise than by their numbers, all are told.
    gpus = [gpu for gpu in gpus if str(gpu.index) in visible] or gpus
    return ExperimentManifest.model_validate(
        {
            "components": tree.components,
            "core_hash": tree.core_hash,
            "base_hash": tree.base_hash,
            "config_sha256": sha256_of(job.config.encode()),
            "seed": job.seed,
            "lock_sha256": environment.lock_sha256,
            "host": host_id,
            "gpu": describe_gpus(gpus, driver),
            "python": environment.python,
            "environment": environment.facts,
        }
    )


def differences(made: ExperimentManifest, wanted: ExperimentManifest) -> list[str]:
    """In what a run would not be the one that it shall repeat; its host and GPU may be others."""
    names = {
        "core_hash": "the kit's core",
        "base_hash": "the kit's base classes",
        "components": "the components",
        "config_sha256": "the config",
        "seed": "the seed",
        "lock_sha256": "the installed packages",
        "python": "Python",
    }
    return [text for name, text in names.items() if getattr(made, name) != getattr(wanted, name)]


def read_executed(path: Path) -> Executed:
    """What the audit hook wrote.

    Raises:
        ComponentError: It is no such file: the run has written to it.
    """
    files: dict[str, str] = {}
    problems: list[str] = []
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        lines = []
    try:
        rows = [msgspec.json.decode(line, type=dict[str, Any]) for line in lines]
        for row in rows:
            if "problem" in row:
                problems.append(f"{row['file']} {row['problem']}")
            else:
                files[row["file"]] = row["sha256"]
    except (msgspec.DecodeError, KeyError) as exc:
        raise ComponentError("the record of what was executed cannot be read") from exc
    return Executed(files, tuple(dict.fromkeys(problems)))


def unrecorded(executed: Executed, recorded: dict[str, str]) -> list[str]:
    """What was executed and is not in the record, one line each; nothing, for every run that is in order."""
    strange = [path for path, digest in executed.files.items() if recorded.get(path) != digest]
    return [*executed.problems, *(f"{path} is not as it was recorded" for path in strange)]
