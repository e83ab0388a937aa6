"""The first start of an installation: schema, default storage, first administrator. Every later start finds them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from synapse_sdk.exceptions import ConfigurationError
from synapse_sdk.wire.accounts import Scope
from web_helper.backend.core.database import Database
from web_helper.backend.core.migrate import upgrade_database
from web_helper.backend.core.settings import Settings
from web_helper.backend.models import Storage, User
from web_helper.backend.queries.data import storages
from web_helper.backend.queries.work import accounts
from web_helper.backend.services.authentication import add_token

ADMIN_EMAIL = "admin@localhost"
DEFAULT_STORAGE_NAME = "default"


@dataclass(frozen=True)
class AdminAccess:
    """The first administrator's key: set only when it was made just now, for it is kept nowhere."""

    token: str | None


def bootstrap(settings: Settings) -> AdminAccess:
    """Prepare an installation; safe to repeat, and to run from several processes at once."""
    settings.home.mkdir(parents=True, exist_ok=True)
    settings.storage_dir.mkdir(parents=True, exist_ok=True)
    database = Database(settings.sqlalchemy_url)
    try:
        upgrade_database(database)
        with database.write() as session:
            _ensure_default_storage(session, settings)
            if accounts.first_admin(session) is not None:
                return AdminAccess(None)
            admin = User(email=ADMIN_EMAIL, name="Administrator", is_admin=True)
            session.add(admin)
            session.flush()
            return AdminAccess(add_token(session, admin.id, "first administrator", [scope.value for scope in Scope])[1])
    finally:
        database.dispose()


def issue_admin_token(settings: Settings, name: str = "recovery") -> str:
    """A new key for the first administrator, for whoever may read the installation's files.

    Raises:
        ConfigurationError: `bootstrap` has not run yet.
    """
    database = Database(settings.sqlalchemy_url)
    try:
        with database.write() as session:
            admin = accounts.first_admin(session)
            if admin is None:
                raise ConfigurationError("There is no administrator yet; run `synapse up` once.")
            return add_token(session, admin.id, name, [scope.value for scope in Scope])[1]
    finally:
        database.dispose()


def _ensure_default_storage(session: Session, settings: Settings) -> None:
    if storages.default_storage(session) is None:
        session.add(
            Storage(
                name=DEFAULT_STORAGE_NAME,
                provider="file_system",
                configuration={"location": str(settings.storage_dir)},
                is_default=True,
            )
        )
