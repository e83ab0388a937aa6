"""Thumbnails of files: made once, kept on disk by content and size, one at a time."""

from __future__ import annotations

import os
import time
import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from web_helper.backend.core.problems import NotFoundProblem, UnprocessableProblem, ValidationProblem

# The longer side: cards, cards on dense screens, and what the editor shows of a format that browsers cannot.
SIZES = (192, 384, 2048)
MAX_SOURCE_BYTES = 256 * 2**20
KEEP_SECONDS = 30 * 86_400
# Its age tells when a thumbnail was last asked for, roughly: touching it for every request would write all the time.
TOUCH_AFTER_SECONDS = 86_400


class Thumbnails:
    """The thumbnails of one installation."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._maker = ThreadPoolExecutor(1, "thumbnails")

    def find(self, sha256: str, size: int) -> Path | None:
        """The thumbnail, if it was made before."""
        path = self._path(sha256, size)
        try:
            age = time.time() - path.stat().st_mtime
            if age > TOUCH_AFTER_SECONDS:
                # Not `touch`, which would make an empty one where it has just been removed.
                os.utime(path)
        except FileNotFoundError:
            return None
        return path

    def make(self, sha256: str, size: int, source: Path) -> Future[Path]:
        """Make a thumbnail when its turn has come; the future fails with the problem that is to be told."""
        return self._maker.submit(self._make, sha256, size, source)

    def close(self) -> None:
        """Make no more."""
        self._maker.shutdown(wait=False, cancel_futures=True)

    def _make(self, sha256: str, size: int, source: Path) -> Path:
        # Of two that asked for the same, the second finds it.
        known = self.find(sha256, size)
        if known is not None:
            return known
        # Megabytes of memory that a process without pictures does without.
        from web_helper.backend.services.labelling.pictures import shrink

        return self._keep(self._path(sha256, size), shrink(_content(source), size))

    def _keep(self, path: Path, content: bytes) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{uuid.uuid4().hex}")
        try:
            beside.write_bytes(content)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
        return path

    def _path(self, sha256: str, size: int) -> Path:
        return self._folder / sha256[:2] / f"{sha256[2:]}-{size}.webp"


def check_size(size: int) -> int:
    """A size that thumbnails come in.

    Raises:
        ValidationProblem: It is another one.
    """
    if size not in SIZES:
        raise ValidationProblem.of_field("size", f"must be one of {', '.join(map(str, SIZES))}.")
    return size


def remove_unused(folder: Path, older_than_seconds: float = KEEP_SECONDS) -> int:
    """Delete thumbnails that nobody has asked for lately; how many there were."""
    limit, count = time.time() - older_than_seconds, 0
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            try:
                if path.stat().st_mtime < limit:
                    path.unlink()
                    count += 1
            except FileNotFoundError:
                continue
    return count


def _content(source: Path) -> bytes:
    try:
        size_bytes = source.stat().st_size
        if size_bytes > MAX_SOURCE_BYTES:
            raise UnprocessableProblem(f"No picture is made of a file of {size_bytes} bytes.")
        return source.read_bytes()
    except FileNotFoundError as exc:
        raise NotFoundProblem("The object is not in its storage.") from exc
