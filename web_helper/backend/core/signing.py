"""Links that carry their own permission: what may be done, to what, until when, signed with the installation's key.

A signed link needs no token, so that a browser, a plugin's container or `curl` can follow it. The key lies in `home`,
readable by its owner only: server and worker share it, and a copy of the database alone signs nothing.
"""

from __future__ import annotations

import os
import secrets
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from itsdangerous import BadSignature, URLSafeSerializer

from web_helper.backend.core.settings import Settings

KEY_FILE = "secret.key"
KEY_BYTES = 32


class LinkInvalidError(Exception):
    """The link was not signed by this installation, or was changed."""


class LinkExpiredError(Exception):
    """The link was good, and its time is over."""


class Operation(StrEnum):
    """What a signed object link allows."""

    GET = "get"
    PUT = "put"


@dataclass(frozen=True)
class SignedUrl:
    """A link and the moment it stops working."""

    url: str
    expires_at: datetime


@dataclass(frozen=True)
class ObjectGrant:
    """What an object link allows: everything at or below `prefix` in one storage.

    `sha256` and `size_bytes` are set for an upload: they are what the bytes must turn out to be. `file_name` is what a
    download should be called. `signed` is when the link was made that it was read from.
    """

    storage_id: int
    prefix: str
    operation: Operation
    sha256: str | None = None
    size_bytes: int | None = None
    file_name: str | None = None
    signed: datetime | None = None

    def allows(self, path: str) -> bool:
        """Whether `path` is the object itself or lies inside the prefix."""
        return path == self.prefix or path.startswith(self.prefix.rstrip("/") + "/")


@dataclass(frozen=True)
class PayloadGrant:
    """What a payload link allows: reading the stored JSON of one row.

    Attributes:
        made: The microsecond in which the row was made: SQLite gives the number of a deleted one again.
    """

    table: str
    row_id: int
    made: int


def read_or_create_key(home: Path) -> bytes:
    """The installation's signing key; made on first use, safely when several processes start at once."""
    path = home / KEY_FILE
    if not path.exists():
        home.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{KEY_FILE}.{os.getpid()}.{secrets.token_hex(4)}")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(KEY_BYTES))
        try:
            # Unlike a rename, a link never replaces the key that another process has made meanwhile.
            path.hardlink_to(beside)
        except FileExistsError:
            pass
        finally:
            beside.unlink()
    return path.read_bytes().strip()


class Login(NamedTuple):
    """A token, and the microsecond in which it was made: SQLite gives the number of a deleted one again."""

    token_id: int
    made: int


class UrlSigner:
    """Makes signed links, and reads them back."""

    def __init__(self, settings: Settings) -> None:
        key = read_or_create_key(settings.home)
        self._objects = URLSafeSerializer(key, salt="objects of storages")
        self._payloads = URLSafeSerializer(key, salt="payloads of rows")
        self._tickets = URLSafeSerializer(key, salt="playground login")
        self._base_url = settings.base_url.rstrip("/")
        self._seconds = settings.signed_url_seconds

    def sign_prefix(
        self, storage_id: int, prefix: str, operation: Operation = Operation.GET, *, seconds: int | None = None
    ) -> SignedUrl:
        """A link that ends in `/`: append a path inside `prefix` to it."""
        grant = ObjectGrant(storage_id, prefix.strip("/"), operation)
        token, expires_at = self._sign_object(grant, seconds)
        return SignedUrl(f"{self._base_url}/objects/{token}/{quote(grant.prefix)}/", expires_at)

    def sign_object(self, grant: ObjectGrant, *, seconds: int | None = None) -> SignedUrl:
        """A link to one object."""
        token, expires_at = self._sign_object(grant, seconds)
        return SignedUrl(f"{self._base_url}/objects/{token}/{quote(grant.prefix)}", expires_at)

    def sign_payload(self, grant: PayloadGrant, *, seconds: int | None = None) -> SignedUrl:
        """A link to the stored JSON of one row."""
        expires = self._expiry(seconds)
        token = self._payloads.dumps([grant.table, grant.row_id, grant.made, expires])
        return SignedUrl(f"{self._base_url}/payloads/{token}/", datetime.fromtimestamp(expires, UTC))

    def sign_ticket(self, container_id: str, login: Login, *, seconds: int) -> str:
        """A ticket to one playground app, for whoever is logged in."""
        return str(self._tickets.dumps([container_id, *login, self._expiry(seconds)]))

    def read_ticket(self, ticket: str) -> tuple[str, Login]:
        """Which app a ticket opens, and by whose login it was made.

        Raises:
            LinkInvalidError: It was not signed by this installation.
            LinkExpiredError: Its time is over.
        """
        container_id, *login, expires = self._read(self._tickets, ticket)
        _check_expiry(expires)
        return container_id, Login(*login)

    def read_object_token(self, token: str) -> ObjectGrant:
        """What an object link's token allows.

        Raises:
            LinkInvalidError: It was not signed by this installation.
            LinkExpiredError: Its time is over.
        """
        signed, storage_id, prefix, operation, expires, *rest = self._read(self._objects, token)
        _check_expiry(expires)
        grant = ObjectGrant(storage_id, prefix, Operation(operation), *rest)
        return replace(grant, signed=datetime.fromtimestamp(signed, UTC))

    def read_payload_token(self, token: str) -> PayloadGrant:
        """What a payload link's token allows.

        Raises:
            LinkInvalidError: It was not signed by this installation.
            LinkExpiredError: Its time is over.
        """
        *grant, expires = self._read(self._payloads, token)
        _check_expiry(expires)
        return PayloadGrant(*grant)

    def _sign_object(self, grant: ObjectGrant, seconds: int | None) -> tuple[str, datetime]:
        expires = self._expiry(seconds)
        fields = [time.time(), grant.storage_id, grant.prefix, grant.operation.value, expires]
        fields += [grant.sha256, grant.size_bytes, grant.file_name]
        return self._objects.dumps(fields), datetime.fromtimestamp(expires, UTC)

    def _expiry(self, seconds: int | None) -> int:
        return int(time.time()) + (self._seconds if seconds is None else seconds)

    @staticmethod
    def _read(serializer: URLSafeSerializer, token: str) -> list[Any]:
        try:
            fields: list[Any] = serializer.loads(token)
        except BadSignature as exc:
            raise LinkInvalidError("The link was not signed by this server.") from exc
        return fields


def _check_expiry(expires: int) -> None:
    if time.time() >= expires:
        raise LinkExpiredError("The link has expired; ask for a new one.")
