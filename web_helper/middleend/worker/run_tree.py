"""The tree that one run is executed in: core and base classes of this installation, and the run's own components.

Nobody works in it, no other run uses it, and nothing is in it but what its record says.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

from synapse_sdk.components.digests import sha256_of, short_hash
from synapse_sdk.components.names import BASE, KIT, component_of_module, parse_component_path
from synapse_sdk.exceptions import ComponentError
from web_helper.middleend.worker.content_cache import ContentCache
from web_helper.middleend.worker.small_files import write_new

BASE_FOLDER = PurePosixPath(KIT, "component", BASE)


@dataclass(frozen=True)
class KitFiles:
    """What every run has beside its components, by its path relative to the folder that holds `cvlabkit`."""

    contents: Mapping[str, bytes]

    @property
    def digests(self) -> dict[str, str]:
        """SHA-256 by path."""
        return {path: sha256_of(content) for path, content in self.contents.items()}

    @property
    def core_hash(self) -> str:
        """Names everything but the base classes."""
        return hash_of_files({path: digest for path, digest in self.digests.items() if not _is_base(path)})

    @property
    def base_hash(self) -> str:
        """Names the base classes."""
        return hash_of_files({path: digest for path, digest in self.digests.items() if _is_base(path)})


@dataclass(frozen=True)
class TreeRecord:
    """What lay on disk, each file hashed.

    Attributes:
        files: SHA-256 of every file, by its path relative to the run's folder.
        components: SHA-256 and short hash of the components, by component path.
    """

    files: dict[str, str]
    components: dict[str, dict[str, str]]
    core_hash: str
    base_hash: str


def installed_kit() -> Path:
    """The folder of the kit of this installation, found without importing it.

    Raises:
        ComponentError: There is none.
    """
    spec = find_spec(KIT)
    if spec is None or spec.origin is None:
        raise ComponentError(f"{KIT} is not installed on this machine.")
    return Path(spec.origin).parent


def read_kit(folder: Path) -> KitFiles:
    """Every file of a kit that is no component. Read once: what is copied is what was hashed."""
    contents = {}
    for path in sorted(folder.rglob("*")):
        relative = PurePosixPath(KIT, path.relative_to(folder).as_posix())
        if path.is_file() and "__pycache__" not in relative.parts and not _is_component(relative):
            contents[str(relative)] = path.read_bytes()
    return KitFiles(contents)


def build_tree(folder: Path, kit: KitFiles, components: Mapping[str, str], cache: ContentCache) -> None:
    """Make the tree below a run's folder, from nothing.

    Args:
        folder: Of the run.
        kit: What the tree has beside components.
        components: SHA-256 by component path.
        cache: Has all of them.

    Raises:
        ComponentError: A path is no component's, or its content is not in the cache.
        OSError: The disk refused.
    """
    shutil.rmtree(folder / KIT, ignore_errors=True)
    for name, content in kit.contents.items():
        write_new(_made(folder / name), content)
    for path, digest in components.items():
        cache.link(digest, _made(folder / parse_component_path(path).file))


def verify_tree(folder: Path, kit: KitFiles, components: Mapping[str, str]) -> TreeRecord:
    """Hash what lies there now.

    Raises:
        ComponentError: A file is missing, is another one, or should not be there.
    """
    places = {str(parse_component_path(path).file): path for path in components}
    wanted = {**kit.digests, **{place: components[path] for place, path in places.items()}}
    found = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted((folder / KIT).rglob("*"))
        if path.is_symlink() or not path.is_dir()
    }
    digests = {place: sha256_of(content) for place, content in found.items()}
    wrong = sorted(place for place in {*wanted, *digests} if wanted.get(place) != digests.get(place))
    if wrong:
        raise ComponentError(f"on this worker's disk is not what belongs there: {', '.join(wrong[:10])}")
    return TreeRecord(
        digests,
        {path: {"sha256": digests[place], "hash": short_hash(found[place])} for place, path in places.items()},
        kit.core_hash,
        kit.base_hash,
    )


def hash_of_files(digests: Mapping[str, str]) -> str:
    """One SHA-256 for a set of files, in the form that `sha256sum` writes."""
    lines = "".join(f"{digest}  {path}\n" for path, digest in sorted(digests.items()))
    return sha256_of(lines.encode())


def _is_base(path: str) -> bool:
    return PurePosixPath(path).is_relative_to(BASE_FOLDER)


def _is_component(path: PurePosixPath) -> bool:
    component = component_of_module(".".join(path.with_suffix("").parts))
    # What starts with `_` is never in the store, so it belongs to the kit.
    return component is not None and component.file == path and not component.name.startswith("_")


def _made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
