"""Which format an annotation file has: decided from its content, because names say little. Pure."""

from __future__ import annotations

from enum import StrEnum

from synapse_sdk.exceptions import FormatError

_BOM = b"\xef\xbb\xbf"
# Keys stand near the beginning or anywhere: LabelMe files may begin with the image itself.
_PROBE_BYTES = 4096


class AnnotationFormat(StrEnum):
    """A format of annotation files."""

    COCO = "coco"
    YOLO = "yolo"
    VOC = "voc"
    LABELME = "labelme"


def recognise_format(content: bytes) -> AnnotationFormat:
    """The format of an annotation file; an empty one is a YOLO file without objects.

    Raises:
        FormatError: It is none that is known.
    """
    start = content.removeprefix(_BOM)[:_PROBE_BYTES].lstrip()
    if start.startswith(b"<"):
        return AnnotationFormat.VOC
    if start.startswith(b"{"):
        if b'"shapes"' in content:
            return AnnotationFormat.LABELME
        if b'"images"' in content and (b'"annotations"' in content or b'"categories"' in content):
            return AnnotationFormat.COCO
    elif _is_yolo(start):
        return AnnotationFormat.YOLO
    raise FormatError(
        "The annotation file is none of COCO, YOLO, Pascal VOC and LabelMe; "
        "override convert_data_from_file() to read it"
    )


def _is_yolo(start: bytes) -> bool:
    first = start.split(b"\n", 1)[0].split()
    if not first:
        return True
    try:
        numbers = [float(word) for word in first]
    except ValueError:
        return False
    return len(numbers) >= 5 and numbers[0].is_integer()
