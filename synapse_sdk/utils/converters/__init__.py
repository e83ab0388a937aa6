"""Data set formats, both ways: writers, readers and validators that stream."""

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

__all__ = [
    "BadFile",
    "CocoOptions",
    "CocoTask",
    "DatasetWriter",
    "Finding",
    "Format",
    "LossCode",
    "LossLog",
    "NameAllocator",
    "Skip",
    "SourceItem",
    "TableOptions",
    "ValidationReport",
    "VocOptions",
    "WriterOptions",
    "WriterReport",
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
