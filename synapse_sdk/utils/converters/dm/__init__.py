"""The DM format of the annotation tool: between its versions, and from and to the usual formats."""

from synapse_sdk.utils.converters.dm.from_dm import (
    FromDMToCOCOConverter,
    FromDMToPascalConverter,
    FromDMToYOLOConverter,
)
from synapse_sdk.utils.converters.dm.to_dm import COCOToDMConverter, PascalToDMConverter, YOLOToDMConverter
from synapse_sdk.utils.converters.dm.versions import DMv1ToV2Converter, DMv2ToV1Converter

__all__ = [
    "COCOToDMConverter",
    "DMv1ToV2Converter",
    "DMv2ToV1Converter",
    "FromDMToCOCOConverter",
    "FromDMToPascalConverter",
    "FromDMToYOLOConverter",
    "PascalToDMConverter",
    "YOLOToDMConverter",
]
