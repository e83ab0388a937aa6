"""Component versions: contents, aliases, change sets, manifests."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

from web_helper.backend.models.base import BigId

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def _reference(table: str, column: str, target: str, when_deleted: str | None = None) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], ondelete=when_deleted, name=op.f(f"fk_{table}_{column}"))


def _created() -> sa.Column[datetime]:
    return sa.Column("created", sa.DateTime(timezone=True), nullable=False)


def _create_versions() -> None:
    op.create_table(
        "component_blobs",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        _created(),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_component_blobs")),
    )
    table = "component_change_sets"
    op.create_table(
        table,
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("user_id", BigId, nullable=True),
        sa.Column("registered", sa.Integer(), nullable=False),
        _created(),
        _reference(table, "user_id", "users.id", "SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    table = "component_versions"
    op.create_table(
        table,
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("path", sa.String(length=120), nullable=False),
        sa.Column("category", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("hash", sa.String(length=16), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("change_set_id", BigId, nullable=False),
        _created(),
        _reference(table, "sha256", "component_blobs.sha256"),
        _reference(table, "change_set_id", "component_change_sets.id"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("path", "hash", name=op.f(f"uq_{table}_path_hash")),
    )
    op.create_index(op.f(f"ix_{table}_hash"), table, ["hash"], unique=False)
    op.create_index(op.f(f"ix_{table}_sha256"), table, ["sha256"], unique=False)


def _create_history() -> None:
    table = "component_aliases"
    op.create_table(
        table,
        sa.Column("path", sa.String(length=120), nullable=False),
        sa.Column("alias", sa.String(length=63), nullable=False),
        sa.Column("version_id", BigId, nullable=False),
        sa.Column("changed", sa.DateTime(timezone=True), nullable=False),
        _reference(table, "version_id", "component_versions.id"),
        sa.PrimaryKeyConstraint("path", "alias", name=op.f(f"pk_{table}")),
    )
    table = "component_alias_changes"
    op.create_table(
        table,
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("change_set_id", BigId, nullable=False),
        sa.Column("path", sa.String(length=120), nullable=False),
        sa.Column("alias", sa.String(length=63), nullable=False),
        sa.Column("from_version_id", BigId, nullable=True),
        sa.Column("to_version_id", BigId, nullable=True),
        _reference(table, "change_set_id", "component_change_sets.id"),
        _reference(table, "from_version_id", "component_versions.id"),
        _reference(table, "to_version_id", "component_versions.id"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    op.create_index(op.f(f"ix_{table}_change_set_id"), table, ["change_set_id"], unique=False)
    op.create_index(f"ix_{table}_path_id", table, ["path", "id"], unique=False)


def _create_manifests() -> None:
    table = "component_manifests"
    op.create_table(
        table,
        sa.Column("experiment_uid", sa.String(length=200), nullable=False),
        sa.Column("user_id", BigId, nullable=True),
        _created(),
        _reference(table, "user_id", "users.id", "SET NULL"),
        sa.PrimaryKeyConstraint("experiment_uid", name=op.f(f"pk_{table}")),
    )
    table = "component_manifest_entries"
    op.create_table(
        table,
        sa.Column("experiment_uid", sa.String(length=200), nullable=False),
        sa.Column("path", sa.String(length=120), nullable=False),
        sa.Column("version_id", BigId, nullable=False),
        _reference(table, "experiment_uid", "component_manifests.experiment_uid"),
        _reference(table, "version_id", "component_versions.id"),
        sa.PrimaryKeyConstraint("experiment_uid", "path", name=op.f(f"pk_{table}")),
    )


def upgrade() -> None:
    _create_versions()
    _create_history()
    _create_manifests()


def downgrade() -> None:
    for table in (
        "component_manifest_entries",
        "component_manifests",
        "component_alias_changes",
        "component_aliases",
        "component_versions",
        "component_change_sets",
        "component_blobs",
    ):
        op.drop_table(table)
