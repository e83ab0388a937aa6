"""Marks: a short text that names the moment of an export, so that a later one can ask what has changed since.

A mark belongs to one export (target, project, filter) of one installation. Taken for another it would leave rows out
without a word, so it says whose it is. Tokens of streams say it the same way.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from pydantic import JsonValue
from sqlalchemy.orm import Session

from synapse_sdk.wire.bundle import ExportTarget
from web_helper.backend.core.problems import ValidationProblem
from web_helper.backend.queries import changes, export_projects
from web_helper.backend.queries.changes import Scope
from web_helper.backend.queries.export_rows import EXPORT_SOURCES
from web_helper.backend.queries.filters import parse_value

FIELD = "options.since"
_MARK = re.compile(r"([0-9a-f]{12})-([0-9a-f]{16})-(\d{1,19})")


@dataclass(frozen=True)
class MarkedExport:
    """What a mark belongs to."""

    target: ExportTarget
    project: int
    filter: Mapping[str, JsonValue]

    @property
    def scope(self) -> Scope:
        """Whose changes count for it."""
        with_users = self.target is ExportTarget.TASK and self.filter.get("user") is not None
        return Scope(self.target, self.project, with_users)

    def fingerprint(self, session: Session) -> str:
        """The same for two spellings of one filter, and another in every installation.

        It tells a project from a deleted one whose id it got: SQLite gives the highest id again.
        """
        known = EXPORT_SOURCES[self.target].listing.filters
        parsed = {
            name: parse_value(known[name], name, value) for name, value in self.filter.items() if value is not None
        }
        made = export_projects.created_of(session, self.project)
        return _digest([_log_name(session), self.target.value, self.project, made, parsed])[:16]


def write_mark(session: Session, export: MarkedExport, position: int) -> str:
    """The mark of an export whose snapshot is at a position."""
    return f"{_log_name(session)}-{export.fingerprint(session)}-{position}"


def read_since(session: Session, export: MarkedExport, mark: str) -> int:
    """The position that a mark names, in the log of this database.

    Raises:
        ValidationProblem: It is no mark, one of another installation or export, or too old.
    """
    match = _MARK.fullmatch(mark)
    state = changes.read_state(session)
    if match is None:
        raise ValidationProblem.of_field(FIELD, "is not the `snapshot` of an export's manifest.")
    if match[1] != _log_name(session) or int(match[3]) > state.newest:
        raise ValidationProblem.of_field(FIELD, "is of another installation or database; export everything once.")
    if match[2] != export.fingerprint(session):
        raise ValidationProblem.of_field(
            FIELD, "is of an export with another target, project or filter; they must be the same."
        )
    if int(match[3]) < state.floor:
        raise ValidationProblem.of_field(
            FIELD, "is older than the changes that this server still knows; export everything once."
        )
    return int(match[3])


def _log_name(session: Session) -> str:
    return _digest(changes.read_state(session).epoch)[:12]


def _digest(value: object) -> str:
    return hashlib.sha256(msgspec.json.encode(value, order="sorted")).hexdigest()
