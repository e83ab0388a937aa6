"""The file that describes a YOLO data set: `data.yaml` or `dataset.yaml`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from synapse_sdk.exceptions import FormatError
from synapse_sdk.utils.converters.formats import YoloTask
from synapse_sdk.utils.converters.reading import split_of

_FILE_NAMES = ("data.yaml", "dataset.yaml", "data.yml", "dataset.yml")
_MAX_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class YoloDescription:
    """What the description says.

    Attributes:
        root: The folder that everything lies in.
        splits: Folders of images, or files that list them, by split; each once.
        keypoint_shape: Number of keypoints and of values each, when it is a pose data set.
        task: Stated, or told by `kpt_shape`; None when only the rows can tell.
    """

    file: Path
    root: Path
    names: list[str]
    splits: dict[str, list[Path]]
    keypoint_shape: tuple[int, int] | None
    task: YoloTask | None


def read_description(path: Path, images: Path | None = None) -> YoloDescription:
    """Read the description at or in `path`.

    Args:
        path: The file, or the folder that holds it.
        images: Where to look for the folders of images instead of beside the file.

    Raises:
        FormatError: There is none, it makes no sense, or it names folders elsewhere.
    """
    file = _find(path)
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise FormatError(f"{file} is too large for a description.")
        raw = yaml.safe_load(file.read_text(encoding="utf-8-sig"))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as exc:
        mark = getattr(exc, "problem_mark", None)
        where = f"{file}:{mark.line + 1}" if mark else str(file)
        raise FormatError(f"{where} is no readable YAML. Mend it, then try again.") from exc
    if not isinstance(raw, dict):
        raise FormatError(f"{file} is no mapping. It must name the classes (`names`) and the folders (`train`, `val`).")
    shape = _keypoint_shape(raw.get("kpt_shape"), file)
    root = Path(os.path.normpath((images or file.parent).absolute()))
    splits = _splits(raw, file, root)
    return YoloDescription(file, root, _names(raw, file), splits, shape, _task(raw.get("task"), shape))


def _find(path: Path) -> Path:
    if path.is_file():
        return path
    found = [path / name for name in _FILE_NAMES if (path / name).is_file()] or sorted(path.glob("*.y*ml"))
    if not found:
        raise FormatError(f"{path} has no data.yaml or dataset.yaml. Give the file that describes the data set.")
    return found[0]


def _names(raw: dict[str, Any], file: Path) -> list[str]:
    names = raw.get("names")
    if isinstance(names, dict):
        try:
            numbered = {int(number): str(name) for number, name in names.items()}
        except (TypeError, ValueError) as exc:
            raise FormatError(f"{file}: `names` must have numbers as keys.") from exc
        if sorted(numbered) != list(range(len(numbered))):
            raise FormatError(f"{file}: the numbers of `names` must be 0 to {len(numbered) - 1}, each once.")
        names = [numbered[number] for number in range(len(numbered))]
    if not isinstance(names, list) or not all(isinstance(name, str | int | float) and str(name) for name in names):
        raise FormatError(f"{file}: `names` must list the classes.")
    nc = raw.get("nc", len(names))
    if nc != len(names):
        raise FormatError(f"{file}: `nc` is {nc}, but `names` has {len(names)} classes.")
    return [str(name) for name in names]


def _keypoint_shape(shape: Any, file: Path) -> tuple[int, int] | None:
    if shape is None:
        return None
    if (
        isinstance(shape, list)
        and len(shape) == 2
        and isinstance(shape[0], int)
        and shape[0] > 0
        and shape[1] in (2, 3)
    ):
        return shape[0], shape[1]
    raise FormatError(f"{file}: `kpt_shape` must be the number of keypoints and 2 or 3, not {shape!r}.")


def _task(stated: Any, shape: tuple[int, int] | None) -> YoloTask | None:
    if shape:
        return YoloTask.POSE
    return YoloTask(stated) if stated in list(YoloTask) else None


def _splits(raw: dict[str, Any], file: Path, root: Path) -> dict[str, list[Path]]:
    owners: dict[Path, str] = {}
    for key, value in raw.items():
        split = split_of(str(key)) or _own_split(key, value)
        if split is None or not value:
            continue
        for entry in value if isinstance(value, list) else [value]:
            place = _place(str(entry), str(raw.get("path") or "."), file, root)
            # A data set of one split names its folder twice, because trainers demand two: its name tells whose it is.
            if place not in owners or place.name == key:
                owners[place] = split
    if not owners:
        raise FormatError(f"{file} names no folder of images under `train`, `val` or `test`.")
    splits: dict[str, list[Path]] = {}
    for place, split in owners.items():
        splits.setdefault(split, []).append(place)
    return splits


def _own_split(key: Any, value: Any) -> str | None:
    """A split with a name of its own, as our writer describes it."""
    return str(key) if isinstance(value, str) and value == f"images/{key}" else None


def _place(entry: str, base: str, file: Path, root: Path) -> Path:
    """The folder or list that an entry means, inside the data set: a description must not make us read elsewhere."""
    bare = entry.replace("\\", "/")
    while bare.startswith("../"):
        bare = bare[3:]
    for candidate in (root / base / entry, root / entry, root / bare):
        # By its text, not its target: a folder of links inside the data set is the owner's own doing.
        plain = Path(os.path.normpath(candidate))
        if plain.is_relative_to(root) and plain.exists():
            return plain
    raise FormatError(f"{file}: {entry!r} is no folder or list inside {root.name}. Give its root with --images.")
