"""Releases from the server: fetched once, checked against their checksum each time, unpacked for each use anew."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import httpx2

from synapse_sdk.clients.base import BaseClient, Call
from synapse_sdk.exceptions import ArchiveError, ChecksumMismatchError
from synapse_sdk.utils.file.ages import newest_first
from synapse_sdk.utils.file.checksum import calculate_checksum
from synapse_sdk.utils.file.unpacking import UnpackLimits, unpack_archive
from synapse_sdk.utils.network import transport_error

KEPT_ARCHIVES = 50


class ReleaseCache:
    """Archives by their SHA-256.

    Args:
        folder: Where they are kept.
        client: The server.
        limits: What an archive may hold when it is unpacked.
        max_bytes: Largest archive that is fetched.
    """

    def __init__(
        self, folder: Path, client: BaseClient, *, limits: UnpackLimits | None = None, max_bytes: int = 2 * 2**30
    ) -> None:
        self._folder, self._client = folder, client
        self._limits, self._max_bytes = limits, max_bytes
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def keep(self, url: str, sha256: str) -> None:
        """Fetch a release unless it is here.

        Raises:
            ChecksumMismatchError: What the server sent is not what was published.
            ClientError: It could not be fetched.
        """
        with self._kept(url, sha256):
            pass
        self._forget_oldest()

    @contextmanager
    def opened(self, url: str, sha256: str) -> Iterator[IO[bytes]]:
        """Fetch a release unless it is here, and read its archive within the block.

        Raises:
            ChecksumMismatchError: What the server sent is not what was published.
            ClientError: It could not be fetched.
        """
        with self._kept(url, sha256) as path:
            # Whoever drops it from now on takes nothing from who has it open.
            archive = path.open("rb")
        with archive:
            self._forget_oldest()
            yield archive

    def drop(self, sha256: str) -> None:
        """Forget a release; the next run fetches it again."""
        with self._locked(sha256):
            (self._folder / f"{sha256}.zip").unlink(missing_ok=True)

    def unpack(self, url: str, sha256: str, target: Path) -> None:
        """Fetch a release unless it is here, and unpack it into a new folder.

        Raises:
            ChecksumMismatchError: What the server sent is not what was published.
            ArchiveError: It is no archive, or not safe to unpack.
            ClientError: It could not be fetched.
        """
        with self._kept(url, sha256) as archive:
            unpack_archive(archive, target, self._limits)
        self._forget_oldest()

    @contextmanager
    def _kept(self, url: str, sha256: str) -> Iterator[Path]:
        """A release's archive, fetched unless it is here; the one that was used last from now on."""
        with self._locked(sha256):
            archive = self._folder / f"{sha256}.zip"
            if not self._is_sound(archive, sha256):
                self._fetch(url, sha256, archive)
            os.utime(archive)
            yield archive

    def _is_sound(self, archive: Path, sha256: str) -> bool:
        return archive.exists() and calculate_checksum(archive) == sha256

    def _fetch(self, url: str, sha256: str, archive: Path) -> None:
        part = archive.with_suffix(".part")
        path = urlsplit(url)
        # The server may call itself by a name that is not the one by which this host reaches it.
        address = f"{self._client.base_url}{path.path}" + (f"?{path.query}" if path.query else "")
        size = 0
        try:
            with (
                self._client.stream(Call("GET", address, is_signed=True, is_long=True)) as answer,
                part.open("wb") as file,
            ):
                for block in answer.iter_bytes():
                    size += len(block)
                    if size > self._max_bytes:
                        raise ArchiveError(f"The release is larger than {self._max_bytes} bytes")
                    file.write(block)
        except httpx2.RequestError as exc:
            raise transport_error(exc, "GET the release") from exc
        if (found := calculate_checksum(part)) != sha256:
            part.unlink()
            raise ChecksumMismatchError(
                f"The release's archive is damaged: its SHA-256 begins {found[:12]}, published was {sha256[:12]}. "
                "Publish the release again."
            )
        part.replace(archive)

    def _forget_oldest(self) -> None:
        for archive in newest_first(self._folder.glob("*.zip"))[KEPT_ARCHIVES:]:
            archive.unlink(missing_ok=True)

    @contextmanager
    def _locked(self, sha256: str) -> Iterator[None]:
        with (self._folder / f"{sha256}.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
