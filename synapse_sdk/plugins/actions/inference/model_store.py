"""Weights on this machine: fetched once, checked, unpacked beside and renamed, so that nobody loads half a model."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from synapse_sdk.exceptions import ConfigurationError, StorageError
from synapse_sdk.utils.file.download import download_file

MODELS_FOLDER = Path(".synapse") / "models"
FOLDER_VARIABLE = "SYNAPSE_MODEL_CACHE"
MAX_UNPACKED_BYTES = 200 * 2**30
_CHUNK_BYTES = 2**20


def fetch_model(model: Mapping[str, Any], root: Path | None = None) -> Path:
    """The folder with a model's files; downloaded when it is not there yet.

    A zip archive is unpacked into it; any other file lies in it under its own name.

    Args:
        model: The model's facts, with `url` and, to be sure of its bytes, `sha256`.
        root: Where models are kept; `~/.synapse/models` when None.

    Raises:
        ConfigurationError: The model has no weights.
        StorageError: The bytes are not the announced ones, or the archive is unsafe.
        ClientError: They could not be fetched.
    """
    url = model.get("url") or model.get("file")
    if not url:
        raise ConfigurationError(f"Model {model.get('id')} has no weights; upload them, or choose another model.")
    root = root or Path.home() / MODELS_FOLDER
    target = root / _key(model)
    if target.exists():
        return target
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = root / f".{uuid4().hex}.part"
    try:
        part.mkdir()
        _fill(part, model, str(url))
        # Two that fetch the same model at once make the same folder: the first one's stays.
        if not target.exists():
            part.rename(target)
    except OSError as exc:
        if not target.exists():
            raise StorageError(f"Model {model.get('id')} could not be kept: {exc.strerror or exc}.") from exc
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return target


def unpack_model(archive: Path, folder: Path) -> None:
    """Unpack a zip, and nothing outside the folder.

    Raises:
        StorageError: A member leaves the folder, or there is too much of it.
    """
    try:
        with zipfile.ZipFile(archive) as content:
            members = [member for member in content.infolist() if not member.is_dir()]
            if sum(member.file_size for member in members) > MAX_UNPACKED_BYTES:
                raise StorageError(f"{archive.name} would unpack to more than {MAX_UNPACKED_BYTES} bytes.")
            for member in members:
                _unpack_member(content, member, folder)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as exc:
        if isinstance(exc, StorageError):
            raise
        raise StorageError(f"{archive.name} is not a readable zip archive. Upload the model again.") from exc


def _fill(folder: Path, model: Mapping[str, Any], url: str) -> None:
    name = _file_name(model, url)
    path = download_file(url, folder / name, expected_sha256=_fact(model, "sha256") or None)
    if name.lower().endswith(".zip"):
        unpack_model(path, folder)
        path.unlink()


def _unpack_member(content: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path) -> None:
    path = PurePosixPath(member.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in member.filename:
        raise StorageError("The model's archive holds a path that leaves its folder. Upload the model again.")
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    left = member.file_size
    with content.open(member) as source, target.open("xb") as file:
        while chunk := source.read(_CHUNK_BYTES):
            left -= len(chunk)
            if left < 0:
                raise StorageError("The model's archive holds more than it says. Upload the model again.")
            file.write(chunk)


def _fact(model: Mapping[str, Any], name: str) -> str:
    """What the server says, else what was noted when the model was uploaded."""
    noted = model.get("metadata") or {}
    return str(model.get(name) or (noted.get(name) if isinstance(noted, Mapping) else "") or "")


def _key(model: Mapping[str, Any]) -> str:
    digest = _fact(model, "sha256")
    if digest.isalnum():
        return digest
    facts = "\0".join(str(model.get(name)) for name in ("id", "data_file_id", "version", "created"))
    return hashlib.sha256(facts.encode()).hexdigest()


def _file_name(model: Mapping[str, Any], url: str) -> str:
    name = str(_fact(model, "file_name") or unquote(urlsplit(url).path).rpartition("/")[2])
    clean = PurePosixPath(name.replace("\\", "/")).name
    return clean if clean not in {"", ".", ".."} else "weights"
