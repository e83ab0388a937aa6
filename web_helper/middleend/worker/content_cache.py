"""Components by their SHA-256, kept on a worker: what runs are made of.

A file here may be linked into the trees of several runs, so a run that writes to its own would change the others'. It
is read-only, which stops accidents, and it is hashed again before every use, which finds the rest: what is not what its
name says is thrown away and fetched anew.
"""

from __future__ import annotations

import errno
import os
import threading
from contextlib import suppress
from pathlib import Path

from synapse_sdk.components.digests import sha256_of
from synapse_sdk.exceptions import ComponentError
from web_helper.middleend.worker.small_files import write_new

# Other file systems, file systems without hard links, and a file that is linked too often: then it is a copy.
_NO_LINK = frozenset({errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS})


class ContentCache:
    """Contents below a folder.

    Args:
        root: Where they lie; made when the first one arrives.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def path_of(self, digest: str) -> Path:
        """Where a content lies, if it is here."""
        return self.root / digest[:2] / digest

    def read(self, digest: str) -> bytes | None:
        """A content; None when it is not here, or not any more what it was."""
        path = self.path_of(digest)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        if sha256_of(content) == digest:
            return content
        # Runs that link to it notice by themselves: they hash what they execute.
        path.unlink(missing_ok=True)
        return None

    def add(self, digest: str, content: bytes) -> None:
        """Keep a content.

        Raises:
            ComponentError: The bytes are not those that the digest names.
            OSError: The disk refused; nothing half remains under the name.
        """
        if sha256_of(content) != digest:
            raise ComponentError(f"what arrived as {digest[:12]} is something else")
        path = self.path_of(digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not flushed to the disk: after a loss of power, hashing before use finds what is torn.
        beside = path.with_name(f".{digest}.{os.getpid()}.{threading.get_ident()}")
        try:
            write_new(beside, content)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)

    def link(self, digest: str, target: Path) -> None:
        """Let a content appear at another place, too: as a hard link, or as a copy where there are none.

        Raises:
            ComponentError: It is not here.
            OSError: The disk refused.
        """
        try:
            os.link(self.path_of(digest), target)
        except FileNotFoundError as exc:
            raise ComponentError(f"{digest[:12]} is not in the cache") from exc
        except OSError as exc:
            if exc.errno not in _NO_LINK:
                raise
            write_new(target, self.path_of(digest).read_bytes())

    def sweep(self) -> None:
        """Remove what a killed process left half written."""
        for path in self.root.glob("??/.*"):
            with suppress(FileNotFoundError):
                path.unlink()
