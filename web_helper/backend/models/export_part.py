"""Finished parts of running export jobs; they go when the job ends."""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from web_helper.backend.models.base import Base


class ExportPart(Base):
    """One finished file of rows, and all that is needed to know whether it is still right.

    Its rows are those of the selection with an id from `first_id` to `last_id`, as a snapshot at `position` saw them.
    `basis` names what else its bytes depend on. It lies in the folder of `attempt`.
    """

    __tablename__ = "export_parts"

    job_id: Mapped[str] = mapped_column(ForeignKey("async_jobs.id", ondelete="CASCADE"), primary_key=True)
    first_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    last_id: Mapped[int] = mapped_column(BigInteger)
    attempt: Mapped[int]
    path: Mapped[str] = mapped_column(String(100))
    row_count: Mapped[int]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    missing_files: Mapped[int]
    position: Mapped[int] = mapped_column(BigInteger)
    basis: Mapped[str] = mapped_column(String(64))
