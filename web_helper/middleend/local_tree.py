"""The components of a working tree: what lies there, what it last had in common with the server, how sets replace it.

Every synchronisation, and whoever runs something from the tree, begins with `recover`.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import msgspec

from synapse_sdk.clients.components import Contents
from synapse_sdk.components.local_tree import leads_outside
from synapse_sdk.components.names import KIT, Category, ComponentPath, folder_of, is_component_file
from web_helper.middleend.file_swap import identity_of, replace_file
from web_helper.middleend.set_swap import Replaced, Replacement, SetSwap
from web_helper.middleend.stat_index import Listing, Look, StatIndex, list_times

STATE_FOLDER = Path(".synapse", "components")


class Settled(msgspec.Struct, frozen=True):
    """A synchronisation after which there was nothing to do.

    Attributes:
        key: What was synchronised.
        server: The server's address and state at that time.
        digests: SHA-256 of everything that was looked at; None where there was no file.
        hashes: Short hashes of what lies there.
        own: Paths at which something else was left than the server has.
        listing: Names what the file system told of the files when they held this; empty when nobody looked since.
    """

    key: str
    server: str
    digests: dict[str, str | None]
    hashes: dict[str, str]
    own: frozenset[str]
    listing: str = ""


# Digests, hashes and what is its own.
_Files = tuple[dict[str, str | None], dict[str, str], frozenset[str]]


class KeptSettled(msgspec.Struct, frozen=True, array_like=True):
    """`Settled` as it lies on the disk: what it tells of files is read only when it is the one that is looked for."""

    key: str
    server: str
    listing: str
    files: msgspec.Raw

    @classmethod
    def of(cls, settled: Settled) -> KeptSettled:
        """To be written."""
        files = msgspec.msgpack.encode((settled.digests, settled.hashes, settled.own))
        return cls(settled.key, settled.server, settled.listing, msgspec.Raw(files))

    def read(self) -> Settled | None:
        """All of it; None when it is damaged."""
        with suppress(msgspec.DecodeError):
            digests, hashes, own = msgspec.msgpack.decode(self.files, type=_Files)
            return Settled(self.key, self.server, digests, hashes, own, self.listing)
        return None


class LocalTree:
    """The tree whose `cvlabkit` lies in `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._state = self.root / STATE_FOLDER
        self._swap = SetSwap(self.root, self._state)
        self._index = StatIndex(self._state / "index.msgpack")
        self._bases: tuple[tuple[int, ...], dict[str, str]] | None = None

    @contextmanager
    def lock(self) -> Iterator[None]:
        """One synchronisation of a tree at a time; whoever dies lets go."""
        descriptor = self._open_lock()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def file_of(self, component: ComponentPath) -> Path:
        """Where a component lies."""
        return self.root / component.file

    def read(self, component: ComponentPath) -> bytes | None:
        """A component's bytes; None when there is no such file."""
        with suppress(FileNotFoundError, IsADirectoryError):
            return self.file_of(component).read_bytes()
        return None

    def leads_outside(self, component: ComponentPath) -> bool:
        """Whether a component's file is a link out of the tree, so that no server may see what it holds."""
        return leads_outside(self.root, self.file_of(component))

    def look(self, paths: Iterable[str]) -> dict[str, Look | None]:
        """What names the bytes that lie at these components' paths; None where there is no file."""
        index = self._index.look
        return {path: index(path, self._place_of(path)) for path in paths}

    def is_there(self, path: str, written: tuple[int, int, int] | None) -> bool:
        """Whether it is this file that lies at a component's path, whatever it holds by now."""
        return written is not None and identity_of(self._place_of(path)) == written

    def list_paths(self) -> list[str]:
        """Every component that lies here; files that start with `_` are none."""
        found = []
        for category in Category:
            with suppress(FileNotFoundError):
                names = os.listdir(self.root / folder_of(category))  # noqa: PTH208 - plain names
                found += [f"{category}/{name}" for name in names if is_component_file(name)]
        return found

    def list_times(self) -> AbstractContextManager[Callable[[], Listing | None]]:
        """What the file system tells of every file that lies where components do; None where that takes too long."""
        return list_times(str(self.root), [folder_of(category) for category in Category])

    def read_settled(self) -> KeptSettled | None:
        """The last synchronisation that left nothing to do."""
        with suppress(FileNotFoundError, msgspec.DecodeError):
            return msgspec.msgpack.decode(self._settled_file.read_bytes(), type=KeptSettled)
        return None

    def note_settled(self, settled: Settled) -> None:
        """Remember that there was nothing to do, and what files held."""
        replace_file(str(self._settled_file), msgspec.msgpack.encode(KeptSettled.of(settled)))
        self._index.save()

    def read_bases(self) -> Mapping[str, str]:
        """What tree and server last had in common: SHA-256 by path. Lost, nothing is: edits are asked about then."""
        try:
            version = self._version_of_bases()
            if self._bases is None or self._bases[0] != version:
                self._bases = version, msgspec.json.decode(self._bases_file.read_bytes(), type=dict[str, str])
        except (FileNotFoundError, msgspec.DecodeError):
            return {}
        return self._bases[1]

    def note_bases(self, digests: Mapping[str, str]) -> None:
        """Remember what tree and server have in common now."""
        known = self.read_bases()
        if any(known.get(path) != digest for path, digest in digests.items()):
            self._state.mkdir(parents=True, exist_ok=True)
            bases = {**known, **digests}
            replace_file(str(self._bases_file), msgspec.json.encode(bases))
            # Under the lock nobody else writes: it need not be read again.
            self._bases = self._version_of_bases(), bases

    def read_staged(self) -> dict[str, str]:
        """What this tree has pushed without making it active: SHA-256 by path, the last of each."""
        with suppress(FileNotFoundError, msgspec.DecodeError):
            return msgspec.json.decode(self._staged_file.read_bytes(), type=dict[str, str])
        return {}

    def bases_beside(self, local: Mapping[str, str | None], active: Mapping[str, str | None]) -> Mapping[str, str]:
        """What tree and server last had in common, of what lies here and what is active there: SHA-256 by path.

        What was pushed from here and made active later is in common, too, unless here lies what was before it.
        """
        bases = self.read_bases()
        activated = {
            path: digest
            for path, digest in self.read_staged().items()
            if active.get(path) == digest and local.get(path) != bases.get(path)
        }
        return {**bases, **activated} if activated else bases

    def note_staged(self, digests: Mapping[str, str]) -> None:
        """Remember what was pushed without making it active: once somebody does, it is what both have in common."""
        self._state.mkdir(parents=True, exist_ok=True)
        replace_file(str(self._staged_file), msgspec.json.encode({**self.read_staged(), **digests}))

    def replace(self, replacements: Sequence[Replacement], contents: Contents) -> Replaced:
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
            return Replaced({})
        self._swap.announce(replacements, contents)
        return self._carry_out(replacements)

    def recover(self) -> None:
        """Finish a set that was announced and not done: always before anything of the tree is used."""
        announced = self._swap.find_announced()
        if announced is not None:
            self._carry_out(announced)

    def _open_lock(self) -> int:
        file, flags = f"{self._state}/lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        with suppress(FileNotFoundError):
            return os.open(file, flags, 0o666)
        self._state.mkdir(parents=True, exist_ok=True)
        return os.open(file, flags, 0o666)

    def _place_of(self, path: str) -> str:
        return f"{self.root}/{KIT}/{path if _is_agent(path) else f'component/{path}'}"

    def _version_of_bases(self) -> tuple[int, ...]:
        """Each writing makes another file: one that was read is not read again."""
        found = self._bases_file.stat()
        return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns

    @property
    def _settled_file(self) -> Path:
        return self._state / "settled.msgpack"

    @property
    def _bases_file(self) -> Path:
        return self._state / "bases.json"

    @property
    def _staged_file(self) -> Path:
        return self._state / "staged.json"

    def _carry_out(self, replacements: Sequence[Replacement]) -> Replaced:
        replaced = self._swap.carry_out(replacements)
        # Before the journal goes: a set that is done and not remembered would look like edits.
        self.note_bases(replaced.done)
        self._swap.close()
        return replaced


def _is_agent(path: str) -> bool:
    return path.startswith(f"{Category.AGENT}/")
