"""What runs print and measure: bytes that grow at their end, each taken in once."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from synapse_sdk.wire.errors import FieldError
from synapse_sdk.wire.experiments import (
    MAX_DELTA_BYTES,
    MAX_STREAM_BYTES,
    ExperimentStatus,
    MetricPoints,
    Received,
    StreamDelta,
)
from web_helper.backend.core.problems import ConflictProblem, TooLargeProblem, ValidationProblem
from web_helper.backend.models import Device, Experiment
from web_helper.backend.models.base import utc_now
from web_helper.backend.queries.experiments import chunks
from web_helper.backend.services.call import Call
from web_helper.backend.services.experiments.moving import lock_attempt
from web_helper.backend.services.experiments.reading import find_experiment

READ_BYTES = 256 * 1024
# Logs that one transaction removes: others wait for it.
LOGS_PER_REMOVAL = 50


@dataclass(frozen=True)
class LogBlock:
    """A piece of a log, and where it ends.

    Attributes:
        is_last: Nothing more will come.
    """

    text: str
    end: int
    status: ExperimentStatus
    has_more: bool
    is_last: bool


class Stream(StrEnum):
    """The two files that a run writes."""

    LOG = "log"
    METRICS = "metrics"


def size_of(experiment: Experiment, stream: Stream) -> int:
    """How many bytes the server has."""
    return experiment.log_size if stream is Stream.LOG else experiment.metrics_size


def append(call: Call, device: Device, uid: str, stream: Stream, *, body: StreamDelta) -> Received:
    """Take in bytes. What is there already must be the same.

    Raises:
        ConflictProblem: It is another's attempt, bytes before these are missing, or others are in their place; the
            details say what the server has.
        TooLargeProblem: The stream is full.
    """
    data = bytes(body.data)
    if len(data) > MAX_DELTA_BYTES or hashlib.sha256(data).hexdigest() != body.sha256:
        raise ValidationProblem.of_field("sha256", "is not that of the data, or the data is too long.")
    experiment = lock_attempt(call.session, device, uid, body.attempt)
    size = size_of(experiment, stream)
    end = body.offset + len(data)
    if body.offset > size:
        raise _conflict(experiment, stream, "bytes before these are missing")
    known = chunks.read_stream(call.session, experiment.id, stream, body.offset, limit=min(size, end) - body.offset)
    if known != data[: len(known)]:
        raise _conflict(experiment, stream, "other bytes are in this place")
    if end > MAX_STREAM_BYTES:
        raise TooLargeProblem(f"The {stream.value} of experiment {uid} is full: {MAX_STREAM_BYTES} bytes are kept.")
    if end > size:
        chunks.add_chunk(call.session, experiment.id, stream, size, content=data[size - body.offset :])
        if stream is Stream.LOG:
            experiment.log_size = end
        else:
            experiment.metrics_size = end
    call.session.flush()
    return received(experiment)


def received(experiment: Experiment) -> Received:
    """What the server has of a run."""
    return Received(
        log=experiment.log_size,
        metrics=experiment.metrics_size,
        attempt=experiment.attempt,
        status=ExperimentStatus(experiment.status),
    )


def read_log(call: Call, uid: str, offset: int, *, follow: bool) -> LogBlock:
    """What has come of a log since an offset, as text.

    A character that is cut off at the end waits for its rest until the run has ended.
    """
    experiment = find_experiment(call, uid)
    status = ExperimentStatus(experiment.status)
    if experiment.log_removed is not None:
        text = "" if offset >= experiment.log_size else f"[The log was removed on {experiment.log_removed:%Y-%m-%d}.]\n"
        return LogBlock(text, experiment.log_size, status, has_more=False, is_last=True)
    block = chunks.read_stream(call.session, experiment.id, Stream.LOG, offset, limit=READ_BYTES)
    has_more = offset + len(block) < experiment.log_size
    is_over = not has_more and (status.has_ended or not follow)
    kept = block if is_over and status.has_ended else whole_text(block)
    return LogBlock(kept.decode(errors="replace"), offset + len(kept), status, has_more=has_more, is_last=is_over)


def read_metrics(call: Call, uid: str, offset: int, limit: int = READ_BYTES) -> MetricPoints:
    """Whole rows from an offset on."""
    experiment = find_experiment(call, uid)
    block = chunks.read_stream(call.session, experiment.id, Stream.METRICS, offset, limit=limit)
    whole = block[: block.rfind(b"\n") + 1]
    if not whole and len(block) == limit:
        # A row of this length is none; going on must be possible all the same.
        whole = block
    return MetricPoints(rows=list(_rows_of(whole)), next_offset=offset + len(whole))


def read_all_metrics(call: Call, experiment: Experiment) -> list[dict[str, Any]]:
    """Every row of a run."""
    size = experiment.metrics_size
    block = chunks.read_stream(call.session, experiment.id, Stream.METRICS, 0, limit=size)
    return _rows_of(block)


def remove_old_logs(session: Session, finished_before: datetime) -> int:
    """Remove what some of the experiments printed that ended before then; how many, 0 when none is left."""
    found = chunks.list_old_logs(session, finished_before, LOGS_PER_REMOVAL)
    if found:
        chunks.remove_stream(session, found, Stream.LOG)
        chunks.note_removed_logs(session, found, utc_now())
    return len(found)


def whole_text(block: bytes) -> bytes:
    """The block without a character that is cut off at its end."""
    for length in range(1, min(4, len(block)) + 1):
        byte = block[-length]
        if byte < 0x80 or byte > 0xF4:
            # It ends a character, or begins none.
            return block
        if byte >= 0xC0:
            needed = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return block if length >= needed else block[:-length]
    return block


def _rows_of(block: bytes) -> list[dict[str, Any]]:
    rows = []
    for line in block.splitlines():
        try:
            # Not a number is a word in JSON: a loss that has become one must be seen.
            row = json.loads(line, parse_constant=str)
        except (ValueError, RecursionError):
            # A component may print there too; what is no row is not shown.
            continue
        if isinstance(row, dict):
            rows.append(row)
    return rows


def _conflict(experiment: Experiment, stream: Stream, what: str) -> ConflictProblem:
    size = size_of(experiment, stream)
    return ConflictProblem(
        f"The {stream.value} of experiment {experiment.uid}: {what}; the server has {size} bytes.",
        [FieldError(field="received", message=str(size))],
    )
