"""Annotation files of the usual formats as task data: COCO, YOLO, Pascal VOC and LabelMe, told by content."""

from synapse_sdk.plugins.actions.to_task.file_formats.action import FileToTaskAction
from synapse_sdk.plugins.actions.to_task.file_formats.recognise import AnnotationFormat, recognise_format

__all__ = ["AnnotationFormat", "FileToTaskAction", "recognise_format"]
