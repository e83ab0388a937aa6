"""The components of a working tree, and how a set of them is replaced.

A set is written into a folder of its own, each file checked; then a journal says what will be done, then the files
change places. Killed at any instruction, the tree is whole again after `recover`, which every synchronisation and every
run begins with: either nothing of the set was announced yet, or the rest of it is done.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from synapse_sdk.components.digests import sha256_of
from synapse_sdk.components.names import ComponentPath, parse_component_path
from synapse_sdk.exceptions import ComponentError
from web_helper.middleend.file_swap import exchange_files, finish_exchange, put_file

STATE_FOLDER = Path(".synapse", "components")


class Replacement(msgspec.Struct, frozen=True):
    """One file of a set.

    Attributes:
        path: The component.
        sha256: Of the new bytes.
        expected: SHA-256 of what lies there now; None for no file. Anything else is an edit that landed meanwhile.
        keeps_copy: What lies there is nowhere else: a copy is kept.
    """

    path: str
    sha256: str
    expected: str | None
    keeps_copy: bool = False


@dataclass(frozen=True)
class Replaced:
    """What became of a set.

    Attributes:
        done: Components that are as wanted.
        edited: Components whose file was edited meanwhile: the edit is in its place, untouched.
        kept: Where copies of replaced edits lie.
    """

    done: tuple[str, ...]
    edited: tuple[str, ...]
    kept: dict[str, Path]


class LocalTree:
    """The tree whose `cvlabkit` lies in `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._state = self.root / STATE_FOLDER

    @contextmanager
    def lock(self) -> Iterator[None]:
        """One synchronisation of a tree at a time; whoever dies lets go."""
        self._state.mkdir(parents=True, exist_ok=True)
        with (self._state / "lock").open("wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def file_of(self, component: ComponentPath) -> Path:
        """Where a component lies."""
        return self.root / component.file

    def read(self, component: ComponentPath) -> bytes | None:
        """A component's bytes; None when there is no such file."""
        with suppress(FileNotFoundError):
            return self.file_of(component).read_bytes()
        return None

    def read_bases(self) -> dict[str, str]:
        """What tree and server last had in common: SHA-256 by path. Lost, nothing is: edits are asked about then."""
        try:
            return msgspec.json.decode(self._bases_file.read_bytes(), type=dict[str, str])
        except (FileNotFoundError, msgspec.DecodeError):
            return {}

    def note_bases(self, digests: Mapping[str, str]) -> None:
        """Remember what tree and server have in common now."""
        known = self.read_bases()
        if any(known.get(path) != digest for path, digest in digests.items()):
            self._write(self._bases_file, msgspec.json.encode({**known, **digests}))

    def replace(self, replacements: Sequence[Replacement], contents: Mapping[str, bytes]) -> Replaced:
        """Put a set of files in place.

        Args:
            replacements: The files; recovered first is what an earlier set left undone.
            contents: Bytes by SHA-256.

        Raises:
            ComponentError: The bytes are not what they were announced as; nothing was changed.
            OSError: The disk refused; what was announced is done by the next `recover`.
        """
        self.recover()
        if not replacements:
            return Replaced((), (), {})
        for each in replacements:
            content = contents.get(each.sha256)
            if content is None or sha256_of(content) != each.sha256:
                raise ComponentError(f"{each.path}: what arrived is not what was announced; nothing was changed.")
            self._write(self._incoming(each), content)
        self._write(self._journal, msgspec.json.encode(list(replacements)))
        return self._carry_out(replacements)

    def recover(self) -> None:
        """Finish a set that was announced and not done: always before anything of the tree is used."""
        with suppress(FileNotFoundError):
            self._carry_out(msgspec.json.decode(self._journal.read_bytes(), type=list[Replacement]))

    @property
    def _journal(self) -> Path:
        return self._state / "journal.json"

    @property
    def _bases_file(self) -> Path:
        return self._state / "bases.json"

    def _incoming(self, replacement: Replacement) -> Path:
        return self._state / "incoming" / replacement.path.replace("/", ".")

    def _carry_out(self, replacements: Sequence[Replacement]) -> Replaced:
        done: list[str] = []
        edited: list[str] = []
        kept: dict[str, Path] = {}
        for each in replacements:
            is_done, copy = self._replace_one(each)
            (done if is_done else edited).append(each.path)
            if copy is not None:
                kept[each.path] = copy
        digests = {each.path: each.sha256 for each in replacements}
        self.note_bases({path: digests[path] for path in done})
        for each in replacements:
            self._incoming(each).unlink(missing_ok=True)
        self._journal.unlink()
        return Replaced(tuple(done), tuple(edited), kept)

    def _replace_one(self, each: Replacement) -> tuple[bool, Path | None]:
        """Whether the new file is in place, and where a copy of the old one is kept."""
        component = parse_component_path(each.path)
        target, incoming = self.file_of(component), self._incoming(each)
        finish_exchange(incoming)
        found = self.read(component)
        is_expected = each.expected == (sha256_of(found) if found is not None else None)
        if found is not None and sha256_of(found) == each.sha256:
            # Done before a crash; what the exchange left behind may be an edit still.
            return True, self._keep(each, incoming)
        if not is_expected:
            return False, None
        target.parent.mkdir(parents=True, exist_ok=True)
        if put_file(incoming, target):
            left = sha256_of(incoming.read_bytes())
            if left != each.expected:
                exchange_files(incoming, target)
                return False, self._keep(each, incoming)
        _forget_bytecode(target)
        return True, self._keep(each, incoming)

    def _keep(self, each: Replacement, left: Path) -> Path | None:
        """Keep what an exchange has left, unless it is the new file, or lies elsewhere too."""
        try:
            digest = sha256_of(left.read_bytes())
        except FileNotFoundError:
            return None
        if digest == each.sha256 or (digest == each.expected and not each.keeps_copy):
            return None
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        copy = self._state / "kept" / stamp / each.path
        copy.parent.mkdir(parents=True, exist_ok=True)
        left.replace(copy)
        return copy

    def _write(self, path: Path, content: bytes) -> None:
        """Write beside, flush, rename: the file is the old one or the new one."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.part")
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)


def _forget_bytecode(source: Path) -> None:
    """Python trusts whole seconds and sizes: after a quick replacement of equal length it would run the old code."""
    for compiled in (source.parent / "__pycache__").glob(f"{source.stem}.*.pyc"):
        compiled.unlink(missing_ok=True)
