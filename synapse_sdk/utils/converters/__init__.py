"""Data set formats, both ways: writers, readers and validators that stream.

Names are loaded on first use: a process that converts blocks starts in a third of the time that all of them take.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synapse_sdk.utils.converters.base import DatasetWriter
    from synapse_sdk.utils.converters.dm import (
        COCOToDMConverter,
        FromDMToCOCOConverter,
        FromDMToPascalConverter,
        FromDMToYOLOConverter,
        PascalToDMConverter,
        YOLOToDMConverter,
    )
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

_HOMES = {
    "base": ("DatasetWriter",),
    "dm": (
        "COCOToDMConverter",
        "FromDMToCOCOConverter",
        "FromDMToPascalConverter",
        "FromDMToYOLOConverter",
        "PascalToDMConverter",
        "YOLOToDMConverter",
    ),
    "formats": (
        "CocoOptions",
        "CocoTask",
        "Format",
        "TableOptions",
        "VocOptions",
        "WriterOptions",
        "YoloOptions",
        "YoloTask",
    ),
    "losses": ("LossCode", "LossLog", "Skip", "save_loss_report"),
    "names": ("NameAllocator", "safe_name"),
    "reading": ("read_image_size",),
    "records": ("BadFile", "Finding", "SourceItem", "ValidationReport", "WriterReport"),
    "registry": ("create_writer", "read_classes", "read_dataset", "validate_dataset"),
    "splits": ("check_ratios", "split_by_ratio", "split_by_tag"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

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
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
