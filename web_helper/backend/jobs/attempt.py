"""One try at building one bundle, and where it lies.

An attempt writes into a folder of its own, `exports/{job id}/{attempt}`, so that a worker that was thought dead cannot
write into its successor's. What an earlier attempt has finished gets a second name there.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import msgspec

from synapse_sdk.wire.bundle import ExportTarget
from web_helper.backend.models import AsyncJob
from web_helper.backend.services.exports.export_marks import MarkedExport

EXPORTS_FOLDER = "exports"
# Grows when lines get other bytes for equal rows: parts of an older server are then written anew.
LINE_VERSION = 1


@dataclass(frozen=True)
class Attempt:
    """Values, because the row they were read from goes on changing."""

    job_id: str
    number: int
    export: MarkedExport
    include_files: bool
    since: str | None
    storage: int

    @classmethod
    def of(cls, job: AsyncJob) -> Attempt:
        params = job.params
        return cls(
            job_id=job.id,
            number=job.attempt,
            export=MarkedExport(ExportTarget(params["target"]), params["project"], params["filter"]),
            include_files=params["options"]["include_files"],
            since=params["options"].get("since"),
            storage=params["storage"],
        )

    @property
    def target(self) -> ExportTarget:
        """What is exported."""
        return self.export.target

    @property
    def prefix(self) -> str:
        """Where this attempt's bundle lies in its storage."""
        return prefix_of(self.job_id, self.number)

    def basis(self, epoch: str, base_url: str) -> str:
        """What a part's bytes depend on besides its rows."""
        facts = [LINE_VERSION, epoch, base_url, self.include_files]
        return hashlib.sha256(msgspec.json.encode(facts)).hexdigest()


def job_prefix(job_id: str) -> str:
    """The folder of all attempts of a job, in its storage."""
    return f"{EXPORTS_FOLDER}/{job_id}"


def prefix_of(job_id: str, number: int) -> str:
    """The folder of one attempt."""
    return f"{job_prefix(job_id)}/{number}"
