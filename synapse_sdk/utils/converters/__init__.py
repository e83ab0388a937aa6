"""Data set formats, both ways: writers, readers and validators that stream."""

from typing import Any

from synapse_sdk.utils.converters.base import DatasetWriter
from synapse_sdk.utils.converters.formats import (
    CocoOptions,
    CocoTask,
    Format,
    TableOptions,
    VocOptions,
    WriterOptions,
    YoloOptions,
    YoloTask,
)
from synapse_sdk.utils.converters.losses import LossCode, LossLog, Skip, save_loss_report
from synapse_sdk.utils.converters.names import NameAllocator, safe_name
from synapse_sdk.utils.converters.reading import read_image_size
from synapse_sdk.utils.converters.records import BadFile, Finding, SourceItem, ValidationReport, WriterReport
from synapse_sdk.utils.converters.registry import create_writer, read_classes, read_dataset, validate_dataset
from synapse_sdk.utils.converters.splits import check_ratios, split_by_ratio, split_by_tag

# Loaded when asked for: they stand on the registry, and few need them.
_DM_NAMES = frozenset(
    {
        "COCOToDMConverter",
        "FromDMToCOCOConverter",
        "FromDMToPascalConverter",
        "FromDMToYOLOConverter",
        "PascalToDMConverter",
        "YOLOToDMConverter",
    }
)

__all__ = [
    "BadFile",
    "COCOToDMConverter",
    "CocoOptions",
    "CocoTask",
    "DatasetWriter",
    "Finding",
    "Format",
    "FromDMToCOCOConverter",
    "FromDMToPascalConverter",
    "FromDMToYOLOConverter",
    "LossCode",
    "LossLog",
    "NameAllocator",
    "PascalToDMConverter",
    "Skip",
    "SourceItem",
    "TableOptions",
    "ValidationReport",
    "VocOptions",
    "WriterOptions",
    "WriterReport",
    "YOLOToDMConverter",
    "YoloOptions",
    "YoloTask",
    "check_ratios",
    "create_writer",
    "read_classes",
    "read_dataset",
    "read_image_size",
    "safe_name",
    "save_loss_report",
    "split_by_ratio",
    "split_by_tag",
    "validate_dataset",
]


def __getattr__(name: str) -> Any:
    if name not in _DM_NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from synapse_sdk.utils.converters import dm

    return getattr(dm, name)
