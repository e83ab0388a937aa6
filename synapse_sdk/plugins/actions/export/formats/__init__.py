"""The built-in exporter: COCO, YOLO, Pascal VOC, CSV and JSONL, checked against the format's rules before it ends."""

from synapse_sdk.plugins.actions.export.formats.action import FormatExportAction
from synapse_sdk.plugins.actions.export.formats.exporter import FormatExporter
from synapse_sdk.plugins.actions.export.formats.params import FormatExportParams, ImageMode

__all__ = ["FormatExportAction", "FormatExportParams", "FormatExporter", "ImageMode"]
