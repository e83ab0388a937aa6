"""Packs a folder into a zip that is the same, byte for byte, whenever its content is."""

from __future__ import annotations

import shutil
import stat
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from synapse_sdk.exceptions import ArchiveError
from synapse_sdk.utils.file.ignore import IgnoreRule, is_ignored, parse_rules

IGNORE_FILES = (".gitignore", ".synapseignore")
DEFAULT_IGNORED = (
    *(".git/", ".hg/", ".svn/", ".venv/", "venv/", "node_modules/", "__pycache__/", "*.py[cod]", "*.egg-info/"),
    *(".pytest_cache/", ".mypy_cache/", ".ruff_cache/", ".tox/", ".idea/", ".vscode/", ".DS_Store", "dist/", "build/"),
    # Secrets are the one thing that must never travel by accident.
    *(".env", ".env.*", "*.pem", "*.key", ".synapse/", "config.yaml.bak", "synapse.yaml.bak"),
)
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class ArchiveFilter:
    """What is packed: everything that no rule leaves out.

    Attributes:
        patterns: Rules in the words of a `.gitignore`.
        ignore_files: Names of files with more rules, read in every folder.
    """

    patterns: Sequence[str] = DEFAULT_IGNORED
    ignore_files: Sequence[str] = IGNORE_FILES

    def files(self, folder: Path) -> list[Path]:
        """The files to pack, sorted by their path.

        Raises:
            ArchiveError: A link leads out of the folder, or something is no plain file.
        """
        found = self._walk(folder.resolve(), "", parse_rules(self.patterns))
        return sorted(found, key=lambda path: path.relative_to(folder.resolve()).as_posix())

    def _walk(self, root: Path, base: str, rules: list[IgnoreRule]) -> Iterator[Path]:
        folder = root / base
        for name in self.ignore_files:
            if (folder / name).is_file():
                rules = rules + parse_rules(_read_lines(folder / name), base)
        for path in _entries(folder):
            relative = path.relative_to(root).as_posix()
            is_folder = path.is_dir() and not path.is_symlink()
            if is_ignored(relative, rules, is_folder=is_folder):
                continue
            if is_folder:
                yield from self._walk(root, relative, rules)
            else:
                yield _require_plain(path, root)


def create_archive(folder: str | Path, target: str | Path, archive_filter: ArchiveFilter | None = None) -> list[str]:
    """Pack a folder.

    Args:
        folder: What to pack.
        target: The zip to write; written beside and renamed.
        archive_filter: What to leave out; version control, caches, environments and secrets when None.

    Returns:
        The names of the packed files, sorted.

    Raises:
        ArchiveError: The folder is missing or empty, or one of its files cannot be packed.
    """
    root, target = Path(folder).resolve(), Path(target)
    if not root.is_dir():
        raise ArchiveError(f"{folder} is not a folder")
    files = [path for path in (archive_filter or ArchiveFilter()).files(root) if path != target.resolve()]
    if not files:
        raise ArchiveError(f"{folder} holds nothing to pack: all its files are ignored, or there are none")
    beside = target.with_name(f".{target.name}.part")
    try:
        with zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for path in files:
                _add(archive, path, path.relative_to(root).as_posix())
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
    return [path.relative_to(root).as_posix() for path in files]


def get_archive_size(path: str | Path) -> int:
    """Size of an archive in bytes.

    Raises:
        OSError: It cannot be read.
    """
    return Path(path).stat().st_size


def list_archive_contents(path: str | Path) -> list[str]:
    """Names of the files in an archive.

    Raises:
        ArchiveError: It is not a zip.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (OSError, zipfile.BadZipFile) as exc:
        raise ArchiveError(f"{path} cannot be read as a zip: {exc}") from exc


def _add(archive: zipfile.ZipFile, path: Path, name: str) -> None:
    try:
        info = zipfile.ZipInfo(name, _EPOCH)
        is_executable = path.stat().st_mode & stat.S_IXUSR
        info.create_system = 3  # Unix, also when packed elsewhere.
        info.external_attr = (stat.S_IFREG | (0o755 if is_executable else 0o644)) << 16
        info.compress_type = zipfile.ZIP_DEFLATED
        info.file_size = path.stat().st_size
        with path.open("rb") as source, archive.open(info, "w") as packed:
            shutil.copyfileobj(source, packed)
    except (OSError, ValueError) as exc:
        raise ArchiveError(f"{name!a} cannot be packed: {exc}. Mend it, or name it in .synapseignore") from exc


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as exc:
        raise ArchiveError(f"{folder} cannot be read: {exc.strerror}. Mend it, or name it in .synapseignore") from exc


def _read_lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8", errors="replace").splitlines()


def _require_plain(path: Path, root: Path) -> Path:
    name = path.relative_to(root).as_posix()
    if not path.resolve().is_relative_to(root):
        raise ArchiveError(f"{name} is a link that leads out of the folder; copy the file in, or ignore it")
    if not path.is_file():
        raise ArchiveError(f"{name} is not a plain file (a broken link, a linked folder, a socket …); ignore it")
    return path
