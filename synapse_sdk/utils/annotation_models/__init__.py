"""Annotation formats as objects: for scripts that look at one file; the converters stream plain records."""

from synapse_sdk.utils.annotation_models.coco import (
    COCOAnnotation,
    COCOCategory,
    COCODataset,
    COCOImage,
    COCOInfo,
    COCOLicense,
)
from synapse_sdk.utils.annotation_models.dm import DMAttribute, DMv2Dataset, DMv2Image, DMv2Object, DMVersion
from synapse_sdk.utils.annotation_models.pascal import PascalAnnotation, PascalBox, PascalObject
from synapse_sdk.utils.annotation_models.yolo import YOLOAnnotation, YOLODataset, YOLODatasetConfig

__all__ = [
    "COCOAnnotation",
    "COCOCategory",
    "COCODataset",
    "COCOImage",
    "COCOInfo",
    "COCOLicense",
    "DMAttribute",
    "DMVersion",
    "DMv2Dataset",
    "DMv2Image",
    "DMv2Object",
    "PascalAnnotation",
    "PascalBox",
    "PascalObject",
    "YOLOAnnotation",
    "YOLODataset",
    "YOLODatasetConfig",
]
