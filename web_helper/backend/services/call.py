"""Who asks, and in which transaction: what every service function takes first."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from web_helper.backend.core.settings import Settings
from web_helper.backend.core.signing import UrlSigner


@dataclass(frozen=True)
class Actor:
    """The owner of the key that came with a request.

    `scopes` limit what the key may do; the owner's roles limit where.
    """

    user_id: int
    email: str
    is_admin: bool
    scopes: frozenset[str]
    token_id: int
    # Set for the key of a worker, which has no scopes: only what is made for workers takes it.
    device_id: int | None = None

    @property
    def viewer_id(self) -> int | None:
        """The user whose memberships limit what is seen; None sees everything."""
        return None if self.is_admin else self.user_id


@dataclass(frozen=True)
class Call:
    """One request: one actor, one transaction."""

    session: Session
    actor: Actor
    request_id: str
    settings: Settings
    signer: UrlSigner
