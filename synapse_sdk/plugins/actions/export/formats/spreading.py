"""Converts a bundle in blocks, over as many processes as were asked for, and puts the outcome in order."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

from synapse_sdk.exceptions import ExportError, FormatError
from synapse_sdk.plugins.actions.export.formats.intake import Block, Intake
from synapse_sdk.plugins.actions.export.formats.ray_pool import RayPool, find_cluster, free_cores
from synapse_sdk.plugins.actions.export.sources.bundle_items import BundleItems
from synapse_sdk.utils.converters.blocks.pool import BlockPool, InlinePool, ProcessPool
from synapse_sdk.utils.converters.blocks.proof import Proof
from synapse_sdk.utils.converters.blocks.worker import WorkerJob, convert_checked, seldom_collecting
from synapse_sdk.utils.converters.sinks import LocalSink

if TYPE_CHECKING:
    from collections.abc import Callable

    from synapse_sdk.plugins.actions.export.formats.exporter import FormatExporter

# Fewer items are converted before another process has started.
MANY_ITEMS = 20_000
MOST_WORKERS = 16


def choose_workers(parallelism: int | None, count: int, *, cores: int) -> int:
    """How many processes convert: as many as were asked for, else one per core where the export is worth it."""
    if parallelism is not None:
        return parallelism
    return 1 if count < MANY_ITEMS else min(cores, MOST_WORKERS)


def usable_cores() -> int:
    """Cores that this process may use; a container may have fewer than its machine."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def convert_bundle(exporter: FormatExporter, rows: BundleItems, advance: Callable[[Block], None]) -> Proof:
    """Convert and write every item of a bundle.

    Args:
        exporter: Whose writer, digest and parameters are used.
        rows: The bundle.
        advance: Told of each block that is written.

    Returns:
        What was found out about the data set's bytes on the way.

    Raises:
        ExportError: A block could not be converted.
        ConverterLostError: A worker process ended early.
        BundleError: The bundle is not what its manifest says.
        OSError: A file cannot be written.
    """
    proof = Proof(exporter.dataset, has_images=exporter.saves_originals)
    pool = open_pool(exporter)
    try:
        with seldom_collecting():
            for block, chunk in pool.convert(Intake(exporter, rows).blocks()):
                outcome = convert_checked(exporter.dataset, block.items) if chunk.needs_order else chunk
                exporter.dataset.absorb(outcome)
                proof.add(outcome)
                advance(block)
    except FormatError as exc:
        raise ExportError(str(exc)) from exc
    finally:
        pool.close()
    return proof


def open_pool(exporter: FormatExporter) -> BlockPool:
    """This process, or several beside it; tasks of the cluster when the run is on one.

    Raises:
        PluginRunError: The run is a Ray job, and its cluster does not answer.
    """
    asked, count, writer = exporter.params.get("parallelism"), exporter.data_metrics.stand_by, exporter.dataset
    if choose_workers(asked, count, cores=MOST_WORKERS) < 2:
        return InlinePool(writer)
    ray = find_cluster()
    workers = choose_workers(asked, count, cores=usable_cores() if ray is None else free_cores(ray))
    if workers < 2:
        return InlinePool(writer)
    folder = str(writer.sink.folder) if isinstance(writer.sink, LocalSink) else None
    classes = list(writer.classes.definitions)
    options = msgspec.to_builtins(exporter.writer_options())
    if ray is not None:
        # Another node has other disks.
        return RayPool(ray, WorkerJob(str(exporter.format), classes, options, None), workers)
    return ProcessPool(WorkerJob(str(exporter.format), classes, options, folder), workers)
