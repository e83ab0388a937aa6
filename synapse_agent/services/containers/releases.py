"""Releases of the playground: archives that people send along, checked before anything is built of them."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from synapse_agent.core.playground_settings import PlaygroundSettings
from synapse_agent.services.containers.image.dockerfile import (
    build_checksum,
    image_name,
    packages_hash,
    write_dockerfile,
)
from synapse_agent.services.containers.records import AppFacts
from synapse_sdk.clients.agent.container_request import entrypoint_file
from synapse_sdk.exceptions import ArchiveError, ConfigurationError
from synapse_sdk.utils.file.checksum import calculate_checksum
from synapse_sdk.utils.file.plugin_config import CONFIG_FILE_NAMES, find_plugin_config, read_plugin_config
from synapse_sdk.utils.file.unpacking import unpack_archive

APP_FILE = "plugin/gradio_interface.py"
ACTION = "gradio"
MAX_ARCHIVE_BYTES = 2 * 2**30


@dataclass(frozen=True)
class AppRelease:
    """A release that can be built.

    Attributes:
        plugin_release: `code@version`.
        checksum: What its image is made of.
    """

    plugin_release: str
    image: str
    checksum: str
    app: AppFacts


@dataclass(frozen=True)
class AppWish:
    """What a request says about the app, where the configuration does not."""

    action: str | None = None
    entrypoint: str | None = None


class ReleaseShelf:
    """Archives by their SHA-256.

    Args:
        folder: Where they are kept.
        settings: The base images.
    """

    def __init__(self, folder: Path, settings: PlaygroundSettings) -> None:
        self._folder, self._settings = folder, settings
        self._guard, self._users = threading.Lock(), 0
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def take(self, upload: IO[bytes]) -> str:
        """Keep an archive; answers its SHA-256.

        Raises:
            ArchiveError: It is too large.
        """
        digest, size = hashlib.sha256(), 0
        part = self._folder / f"{uuid.uuid4().hex}.part"
        try:
            with part.open("wb") as file:
                while block := upload.read(1 << 20):
                    size += len(block)
                    if size > MAX_ARCHIVE_BYTES:
                        raise ArchiveError(f"The archive is larger than {MAX_ARCHIVE_BYTES} bytes")
                    digest.update(block)
                    file.write(block)
            # Whoever reads it finds it whole.
            part.replace(self.path_of(digest.hexdigest()))
        finally:
            part.unlink(missing_ok=True)
        return digest.hexdigest()

    def path_of(self, sha256: str) -> Path:
        return self._folder / f"{sha256}.zip"

    def has(self, sha256: str) -> bool:
        return self.path_of(sha256).exists()

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Forget no archive while the block lasts: what is taken and described in it has no record yet."""
        with self._guard:
            self._users += 1
        try:
            yield
        finally:
            with self._guard:
                self._users -= 1

    def forget(self, sha256: str, is_needed: Callable[[], bool]) -> None:
        """Forget an archive that no record needs; where somebody may be about to, the next start does it."""
        with self._guard:
            if not self._users and not is_needed():
                self.path_of(sha256).unlink(missing_ok=True)

    def describe(self, sha256: str, wish: AppWish) -> AppRelease:
        """What an archive holds.

        Raises:
            ArchiveError: It is not safe to unpack, or holds no app.
            ConfigurationError: Its configuration cannot be used.
        """
        with self.unpacked(sha256) as folder:
            config = _config_of(folder)
            app = self._app_of(config, folder, sha256, wish)
        code, version = str(config.get("code") or ""), str(config.get("version", "0.1.0"))
        if not code:
            raise ConfigurationError("The plugin's configuration has no code; add one, such as code: my-plugin")
        dockerfile = write_dockerfile(app, has_index=self._settings.index_url is not None)
        return AppRelease(f"{code}@{version}", image_name(code, version), build_checksum(sha256, dockerfile), app)

    @contextmanager
    def unpacked(self, sha256: str) -> Iterator[Path]:
        """An archive's files, for as long as the block lasts.

        Raises:
            ArchiveError: It is not here, or not safe to unpack.
        """
        path = self.path_of(sha256)
        if not path.exists():
            raise ArchiveError("The agent does not keep the release's archive any more; send it again")
        with tempfile.TemporaryDirectory(dir=self._folder, prefix="unpacked-") as parent:
            if calculate_checksum(path) != sha256:
                path.unlink(missing_ok=True)
                raise ArchiveError("The archive that the agent kept is damaged; send it again")
            folder = Path(parent) / "release"
            unpack_archive(path, folder)
            yield folder

    def keep_only(self, wanted: set[str]) -> None:
        """Forget archives that no record needs, and what a crash left half done."""
        for path in self._folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            elif path.suffix == ".part" or path.stem not in wanted:
                path.unlink(missing_ok=True)

    def _app_of(self, config: Mapping[str, Any], folder: Path, sha256: str, wish: AppWish) -> AppFacts:
        section = _section_of(config, wish)
        entrypoint = str(section.get("entrypoint") or wish.entrypoint or APP_FILE)
        file = entrypoint_file(entrypoint)
        if file.startswith("/") or ".." in PurePosixPath(file).parts or not (folder / file).is_file():
            raise ArchiveError(
                f"The archive has no {file}: a playground plugin defines its Gradio app there, or names another file "
                "as entrypoint of its action `gradio`"
            )
        needs = section.get("required_resources") or {}
        base_image = self._base_image(str(section.get("base_image") or ""))
        return AppFacts(
            file=file,
            name=_object_of(entrypoint),
            base_image=base_image,
            archive=sha256,
            memory_bytes=_number(needs, "memory", "memory_bytes"),
            cpus=_number(needs, "required_cpu_count", "num_cpus"),
            gpus=int(_number(needs, "required_gpu_count", "num_gpus") or 0),
            packages=packages_hash(base_image, folder),
        )

    def _base_image(self, wanted: str) -> str:
        own = self._settings.gradio_container_base_image
        if wanted and wanted not in {own, *self._settings.allowed_base_images}:
            raise ConfigurationError(
                f"This agent does not build on the image {wanted!r}; leave base_image out, or ask its administrator to "
                "add it to SYNAPSE_AGENT_PLAYGROUND_ALLOWED_BASE_IMAGES"
            )
        return wanted or own


def _config_of(folder: Path) -> dict[str, Any]:
    if not any((folder / name).is_file() for name in CONFIG_FILE_NAMES):
        raise ArchiveError("The archive has no config.yaml at its top; pack the plugin's folder itself")
    return read_plugin_config(find_plugin_config(folder))


def _section_of(config: Mapping[str, Any], wish: AppWish) -> dict[str, Any]:
    """The configuration of the app's action; empty when there is none."""
    actions = config.get("actions") or {}
    sections = {name: {"entrypoint": each} if isinstance(each, str) else each or {} for name, each in actions.items()}
    for name in (wish.action, ACTION):
        if name in sections:
            return dict(sections[name])
    apps = [each for each in sections.values() if "gradio_interface" in str(each.get("entrypoint", ""))]
    return dict(apps[0]) if apps else {}


def _object_of(entrypoint: str) -> str:
    if entrypoint.endswith(".py"):
        return "app"
    return entrypoint.replace(":", ".").rpartition(".")[2]


def _number(needs: Mapping[str, Any], *names: str) -> Any:
    return next((needs[name] for name in names if needs.get(name) is not None), None)
