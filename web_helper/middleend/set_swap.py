"""How a set of files takes the place of another: announced in a journal, then carried out; done once, done whole.

Each new file is written and checked in a folder of its own first. Killed or refused by the disk at any instruction, the
tree is whole again after `recover`: either nothing of the set was announced yet, or the rest of it is done.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

import msgspec

from synapse_sdk.clients.components import Contents
from synapse_sdk.components.digests import sha256_of
from synapse_sdk.components.names import Category, folder_of, parse_component_path
from synapse_sdk.exceptions import ComponentError
from synapse_sdk.wire.component_offer import BrokenOfferError
from web_helper.middleend.file_swap import (
    NO_REPLACE,
    exchange_files,
    finish_exchange,
    identity_of,
    place_file,
    put_file,
    read_file,
    rename_with,
    replace_file,
    write_file,
)


class Replacement(msgspec.Struct, frozen=True, gc=False):
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
        done: SHA-256 of the components that are as wanted, by path.
        edited: Components whose file was edited meanwhile: the edit is in its place, untouched.
        kept: Where copies of replaced edits lie.
        written: The files that were to be put in place, as `identity_of` tells them apart from any other.
    """

    done: dict[str, str]
    edited: tuple[str, ...] = ()
    kept: dict[str, Path] = field(default_factory=dict)
    written: dict[str, tuple[int, int, int] | None] = field(default_factory=dict)


class SetSwap:
    """Replaces sets of files below `root`; what it must remember meanwhile lies in `state`."""

    def __init__(self, root: Path, state: Path) -> None:
        self._root, self._state = str(root), state
        self._incoming = str(state / "incoming")
        self._journal = str(state / "journal.json")

    def announce(self, replacements: Sequence[Replacement], contents: Contents) -> None:
        """Have everything of a set on the disk, then say that it will be done.

        Raises:
            ComponentError: A path is none, or bytes are not what they were announced as; nothing was changed.
            OSError: The disk refused; nothing was changed, unless the journal is there already.
        """
        lacking: dict[str, list[Replacement]] = {}
        for each in replacements:
            parse_component_path(each.path)
            lacking.setdefault(each.sha256, []).append(each)
        # Of a set that was never announced: a folder may go into the tree as it is.
        self._clear()
        for category in {each.path.partition("/")[0] for each in replacements}:
            Path(self._incoming, category).mkdir(parents=True, exist_ok=True)
        written = []
        try:
            for digest, content in contents.items():
                if digest in lacking and sha256_of(content) == digest:
                    for each in lacking.pop(digest):
                        written.append(new := self._new(each))
                        write_file(new, content)
        except BrokenOfferError as exc:
            raise ComponentError(f"What arrived cannot be unpacked ({exc}); nothing was changed.") from exc
        for each in chain.from_iterable(lacking.values()):
            raise ComponentError(f"{each.path}: what arrived is not what was announced; nothing was changed.")
        announced = msgspec.json.encode(list(replacements))
        replace_file(self._journal, announced, after=written)

    def find_announced(self) -> list[Replacement] | None:
        """The set that was announced and is not known to be done; what a crash has torn apart is put together."""
        try:
            announced = msgspec.json.decode(read_file(self._journal), type=list[Replacement])
        except FileNotFoundError:
            return None
        for each in announced:
            finish_exchange(self._new(each))
        return announced

    def carry_out(self, replacements: Sequence[Replacement]) -> Replaced:
        """Do what was announced, as far as it is not done; edits that landed meanwhile stay in their places."""
        groups: dict[Category, list[tuple[str, Replacement]]] = {}
        for each in replacements:
            component = parse_component_path(each.path)
            groups.setdefault(component.category, []).append((f"{component.name}.py", each))
        replaced, edited = Replaced({}), []
        for category, some in groups.items():
            folder = f"{self._root}/{folder_of(category)}"
            # A folder that went away with a file that was expected in it was deleted: that is an edit.
            is_new = all(each.expected is None for _, each in some)
            there = self._place_folder(category, folder) if is_new else ()
            Path(folder).mkdir(parents=True, exist_ok=True)
            for name, each in some:
                if name in there or self._put(each, f"{folder}/{name}", replaced):
                    replaced.done[each.path] = each.sha256
                else:
                    edited.append(each.path)
            _forget_bytecode(folder, {name for name, each in some if each.path in replaced.done})
        return replace(replaced, edited=tuple(edited))

    def close(self) -> None:
        """Forget a set that is done."""
        # First what was left: a file there may be the same one as in the tree, which the next set must not write into.
        self._clear()
        os.unlink(self._journal)  # noqa: PTH108 - a seam of the tests

    def _clear(self) -> None:
        for folder, _, names in os.walk(self._incoming):
            for name in names:
                os.unlink(f"{folder}/{name}")  # noqa: PTH108 - a seam of the tests

    def _new(self, each: Replacement) -> str:
        return f"{self._incoming}/{each.path}"

    def _place_folder(self, category: Category, folder: str) -> Collection[str]:
        """Where there is no such folder, the one with the new files becomes it, in one step; names of what is in it."""
        if os.path.lexists(folder):
            return ()
        Path(folder).parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError, FileNotFoundError):
            if rename_with(NO_REPLACE, f"{self._incoming}/{category}", folder):
                return set(os.listdir(folder))  # noqa: PTH208 - plain names
        return ()

    def _put(self, each: Replacement, target: str, replaced: Replaced) -> bool:
        """Whether the new file is in its place; a copy that was kept on the way is among the others then."""
        replaced.written[each.path] = identity_of(self._new(each))
        if each.expected is None and self._place(each, target):
            return True
        is_done, left = self._exchange(each, target)
        # It may be an edit, whoever the file belongs to now.
        copy = self._keep(each, left)
        if copy is not None:
            replaced.kept[each.path] = copy
        return is_done

    def _place(self, each: Replacement, target: str) -> bool:
        """Whether the new file went to where none was: one step of the kernel, and nothing is left."""
        with suppress(FileExistsError, FileNotFoundError):
            place_file(self._new(each), target)
            return True
        return False

    def _exchange(self, each: Replacement, target: str) -> tuple[bool, str | None]:
        """Whether the new file is in its place, and the SHA-256 of what lies where it was."""
        new = self._new(each)
        before = _read(target)
        found = _digest_of(before)
        if found != each.expected or found == each.sha256:
            return found == each.sha256, _digest_of(_read(new))
        try:
            if not put_file(new, target):
                return True, None
        except FileNotFoundError:
            # No new file: it was put in place before a crash, and somebody has edited or deleted it since.
            return False, None
        left = _read(new)
        if left == before:
            return True, found
        # Deleted in this very moment, there is nothing to exchange: then a copy is kept.
        with suppress(FileNotFoundError):
            exchange_files(new, target)
        return False, _digest_of(_read(new))

    def _keep(self, each: Replacement, digest: str | None) -> Path | None:
        """Keep what an exchange has left, unless it is the new file, or lies elsewhere too."""
        if digest in (None, each.sha256) or (digest == each.expected and not each.keeps_copy):
            return None
        left = self._new(each)
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        copy = self._state / "kept" / stamp / each.path
        copy.parent.mkdir(parents=True, exist_ok=True)
        os.replace(left, copy)  # noqa: PTH105 - a seam of the tests
        return copy


def _read(file: str) -> bytes | None:
    try:
        return read_file(file)
    except FileNotFoundError:
        return None


def _digest_of(content: bytes | None) -> str | None:
    return None if content is None else sha256_of(content)


def _forget_bytecode(folder: str, sources: Collection[str]) -> None:
    """Python trusts whole seconds and sizes: after a quick replacement of equal length it would run the old code."""
    for compiled in _bytecode_in(folder):
        if f"{compiled.partition('.')[0]}.py" in sources:
            with suppress(FileNotFoundError):
                os.unlink(f"{folder}/__pycache__/{compiled}")  # noqa: PTH108 - a seam of the tests


def _bytecode_in(folder: str) -> Iterator[str]:
    with suppress(FileNotFoundError, NotADirectoryError):
        yield from (name for name in os.listdir(f"{folder}/__pycache__") if name.endswith(".pyc"))  # noqa: PTH208
