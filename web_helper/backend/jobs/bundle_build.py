"""Builds one attempt's bundle from one snapshot: plans its parts, keeps those that are right, writes the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy.orm import Session

from synapse_sdk.exceptions import BundleError
from synapse_sdk.wire.bundle import (
    BUNDLE_SCHEMA_VERSION,
    DELETIONS_NAME,
    DELTA_SCHEMA_VERSION,
    BundleManifest,
    BundlePart,
)
from web_helper.backend.core.database import Database
from web_helper.backend.core.event_log import log_event, log_failure
from web_helper.backend.core.settings import Settings
from web_helper.backend.jobs.attempt import Attempt, job_prefix, prefix_of
from web_helper.backend.jobs.bundle_files import BundleFiles
from web_helper.backend.jobs.bundle_writer import read_part_files, write_manifest, write_part
from web_helper.backend.jobs.durable_files import carry_file, remove_tree
from web_helper.backend.jobs.job_control import JobControl
from web_helper.backend.jobs.parts.finished import FinishedPart, PartLog, find_unchanged
from web_helper.backend.jobs.parts.plan import PartRange, name_part, plan_ranges, stretch_bits
from web_helper.backend.jobs.storage_roots import StorageRoots
from web_helper.backend.models import ExportPart
from web_helper.backend.queries import async_jobs, changes, export_parts, export_scan
from web_helper.backend.queries.export_rows import EXPORT_SOURCES, UnitFile, files_manifest, select_target
from web_helper.backend.queries.export_scan import ROWS_PER_BLOCK, Composer, Scan
from web_helper.backend.queries.filters import Selection
from web_helper.backend.services.exports.export_marks import read_since, write_mark

_decode_files = msgspec.json.Decoder(list[tuple[int, int, str, str, int, str, bool, str]]).decode


@dataclass(frozen=True)
class BuildPlan:
    """What a snapshot has to give.

    Attributes:
        selection: The rows of the bundle: all that the filter selects, or what of them changed.
        everything: All that the filter selects.
        position: The snapshot's own place in the log of changes.
        since: The place from which changes count; None is from the beginning.
    """

    selection: Selection
    everything: Selection
    ranges: Sequence[PartRange]
    position: int
    since: int | None

    @property
    def total(self) -> int:
        """Rows of the bundle."""
        return sum(place.rows for place in self.ranges)


def plan_build(session: Session, attempt: Attempt, max_rows: int) -> BuildPlan:
    """Count the rows where they are.

    Raises:
        ValidationProblem: The mark to count changes from has become too old.
    """
    export = attempt.export
    everything = selection = select_target(attempt.target, export.filter, viewer_id=None)
    since = read_since(session, export, attempt.since) if attempt.since is not None else None
    if since is not None:
        selection = export_parts.changed_only(everything, export.scope, since)
    ranges = plan_ranges(export_parts.count_ranges(session, selection, stretch_bits(max_rows)), max_rows)
    return BuildPlan(selection, everything, ranges, changes.read_position(session, export.scope), since)


class BundleBuild:
    """One attempt at work, on the state of the database that its session sees."""

    def __init__(self, database: Database, settings: Settings, attempt: Attempt, control: JobControl) -> None:
        self._database, self._settings = database, settings
        self._attempt, self._control = attempt, control
        self._base_url = settings.base_url.rstrip("/")
        self._roots: dict[int, Path] = {}
        self._done = 0
        self.written_parts = 0

    def run(self, session: Session) -> BundleManifest:
        """Write the bundle.

        Raises:
            JobStopped: The job has to stop.
        """
        attempt = self._attempt
        plan = plan_build(session, attempt, self._settings.bundle_part_rows)
        with self._database.write() as writing:
            async_jobs.record_total(writing, attempt.job_id, attempt.number, plan.total)
        root = self._root_of(attempt.storage)
        folder = root / attempt.prefix
        folder.mkdir(parents=True, exist_ok=True)
        threads = self._settings.bundle_copy_threads
        with BundleFiles(folder, self._root_of, self._control.check, threads=threads) as files:
            parts = list(self._parts(session, plan, root, files))
            files.sync()
        deletions = self._write_deletions(session, plan, folder)
        manifest = BundleManifest(
            schema_version=BUNDLE_SCHEMA_VERSION if plan.since is None else DELTA_SCHEMA_VERSION,
            target=attempt.target,
            filter=dict(attempt.export.filter),
            project=attempt.export.project,
            row_count=plan.total,
            file_count=files.file_count,
            missing_files=sum(part.missing_files for part in parts),
            parts=[part.part for part in parts],
            snapshot=write_mark(session, attempt.export, plan.position),
            since=attempt.since,
            deletions=deletions,
        )
        self._control.check()
        write_manifest(folder, manifest)
        return manifest

    def _parts(self, session: Session, plan: BuildPlan, root: Path, files: BundleFiles) -> Iterator[FinishedPart]:
        attempt, folder = self._attempt, root / self._attempt.prefix
        names = {place: name_part(attempt.target, index, len(plan.ranges)) for index, place in enumerate(plan.ranges)}
        basis = attempt.basis(changes.read_state(session).epoch, self._base_url)
        log = PartLog(self._database, (attempt.job_id, attempt.number), plan.position, basis)
        kept: dict[PartRange, FinishedPart] = {}
        scope = attempt.export.scope
        for place, known in find_unchanged(session, attempt.job_id, plan.ranges, scope, basis=basis).items():
            part = self._keep(place, known, root, (folder / names[place], files))
            if part is not None:
                kept[place] = part
                self._report(place.rows)
        log.begin(list(kept.values()))
        self._remove_earlier(root)
        if kept:
            rows = sum(place.rows for place in kept)
            log_event("job_resumed", job_id=attempt.job_id, attempt=attempt.number, parts=len(kept), rows=rows)
        for is_kept, places in groupby(plan.ranges, kept.__contains__):
            if is_kept:
                yield from (kept[place] for place in places)
                continue
            for part in self._write_run(session, plan, list(places), (folder, names, files)):
                log.add(part)
                yield part

    def _keep(
        self, place: PartRange, known: ExportPart, root: Path, into: tuple[Path, BundleFiles]
    ) -> FinishedPart | None:
        """Give a part of an earlier attempt, and the files that it names, a second name in this one's folder."""
        target, files = into
        earlier = root / prefix_of(known.job_id, known.attempt)
        self._control.check()
        try:
            named = read_part_files(earlier / known.path, known.sha256)
            if named is None:
                return None
            files.carry(earlier, named.paths)
            carry_file(earlier / known.path, target)
        except OSError as exc:
            log_failure("part_not_kept", exc, job_id=known.job_id, part=known.path)
            return None
        part = BundlePart(path=target.name, rows=known.row_count, size_bytes=known.size_bytes, sha256=known.sha256)
        return FinishedPart(place, part, known.missing_files)

    def _remove_earlier(self, root: Path) -> None:
        # On a full disk they may be what is in the way.
        for folder in (root / job_prefix(self._attempt.job_id)).glob("*"):
            if folder.name != str(self._attempt.number):
                remove_tree(folder)

    def _write_run(
        self, session: Session, plan: BuildPlan, places: list[PartRange], into: tuple[Path, Any, BundleFiles]
    ) -> Iterator[FinishedPart]:
        """Write neighbouring parts from one statement, which in the usual case is the whole scan."""
        folder, names, files = into
        source = EXPORT_SOURCES[self._attempt.target]
        composer = export_scan.composer_of(session, source)
        with_files = self._attempt.include_files and composer.has_files
        columns = export_scan.heads_of(composer, source) if with_files else self._lines(composer)
        statement = export_scan.between(columns, plan.selection, places[0].first_id, places[-1].last_id)
        if plan.since is None:
            export_scan.flow_in_order(session)
        with export_scan.scanning(session, statement) as scan:
            for place in places:
                missing = files.missing_files
                blocks = self._rows_with_files(scan, place.rows, files) if with_files else _blocks(scan, place.rows)
                part = write_part(folder / names[place], blocks, self._report)
                if part.rows != place.rows:
                    raise BundleError(f"The scan gave {part.rows} rows of {place.rows} in {part.path}.")
                self.written_parts += 1
                yield FinishedPart(place, part, files.missing_files - missing)

    def _lines(self, composer: Composer) -> Any:
        return export_scan.lines_of(composer, EXPORT_SOURCES[self._attempt.target], self._base_url)

    def _rows_with_files(self, scan: Scan, rows: int, files: BundleFiles) -> Iterator[tuple[bytes, int]]:
        for size in _sizes(rows):
            heads = scan.take_rows(size)
            lists = [[UnitFile(*item) for item in _decode_files(raw)] if raw else [] for _, raw in heads]
            path_of = files.place(chain.from_iterable(lists))
            lines = (
                b"%b%b}\n" % (head, files_manifest(of_row, self._url_of, path_of))
                for (head, _), of_row in zip(heads, lists, strict=True)
            )
            yield b"".join(lines), len(heads)

    def _write_deletions(self, session: Session, plan: BuildPlan, folder: Path) -> BundlePart | None:
        if plan.since is None:
            return None
        gone = export_parts.iterate_gone(session, plan.everything, self._attempt.export.scope, plan.since)
        blocks = ((b'{"id":%d}\n' % row_id, 1) for row_id in gone)
        return write_part(folder / DELETIONS_NAME, blocks, lambda _rows: self._control.check())

    def _root_of(self, storage_id: int) -> Path:
        # With a session of its own: the snapshot's connection is busy with the scan.
        if storage_id not in self._roots:
            with self._database.read() as session:
                self._roots[storage_id] = StorageRoots(session).open(storage_id)
        return self._roots[storage_id]

    def _report(self, rows: int) -> None:
        self._done += rows
        self._control.report(self._done)

    def _url_of(self, file: UnitFile) -> str:
        return f"{self._base_url}/data_files/{file.data_file_id}/content/"


def _sizes(rows: int) -> Iterator[int]:
    whole, rest = divmod(rows, ROWS_PER_BLOCK)
    yield from [ROWS_PER_BLOCK] * whole
    if rest:
        yield rest


def _blocks(scan: Scan, rows: int) -> Iterator[tuple[bytes, int]]:
    for size in _sizes(rows):
        yield scan.take_lines(size)
