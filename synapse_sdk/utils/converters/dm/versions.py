"""DM v1 records to v2 and back."""

from __future__ import annotations

from typing import Any

_V2_KINDS = ("bounding_box", "polygon", "polyline", "keypoint", "segmentation")


class DMv1ToV2Converter:
    """Brings a DM v1 record (objects and their data in two tables by media id) into v2."""

    def convert(self, record: dict[str, Any]) -> dict[str, Any]:
        """The v2 record; images in the order of their media ids.

        Raises:
            ValueError: The record has no `annotations` by media id.
        """
        annotations = record.get("annotations")
        if not isinstance(annotations, dict):
            raise ValueError("A DM v1 record needs `annotations` by media id.")  # noqa: TRY004 - as documented.
        classes: dict[str, list[str]] = {}
        images = [
            self._image(annotations[media] or [], (record.get("annotationsData") or {}).get(media) or [], classes)
            for media in sorted(annotations, key=_media_order)
        ]
        for image, media in zip(images, sorted(annotations, key=_media_order), strict=True):
            image["relation"] = (record.get("relations") or {}).get(media) or []
            image["group"] = (record.get("annotationGroups") or {}).get(media) or []
        return {"classification": classes, "images": images}

    def _image(
        self, objects: list[dict[str, Any]], shapes: list[dict[str, Any]], classes: dict[str, list[str]]
    ) -> dict[str, Any]:  # fmt: skip
        image: dict[str, Any] = {kind: [] for kind in _V2_KINDS}
        by_id = {shape.get("id"): shape for shape in shapes}
        for found in objects:
            shape = by_id.get(found.get("id"), {})
            kind = shape.get("type") or found.get("type") or found.get("tool") or "bounding_box"
            name, attributes = _class_of(found.get("classification"))
            entry = {
                "id": found.get("id"),
                "classification": name,
                "attrs": attributes,
                "data": _shape_data(found, shape),
            }
            image.setdefault(kind, []).append(entry)
            if name and name not in classes.setdefault(kind, []):
                classes[kind].append(name)
        return image


class DMv2ToV1Converter:
    """Brings a DM v2 record into v1, with `image_1`, `image_2` … as media ids."""

    def convert(self, record: dict[str, Any]) -> dict[str, Any]:
        """The v1 record.

        Raises:
            ValueError: The record has no `images`.
        """
        if not isinstance(record.get("images"), list):
            raise ValueError("A DM v2 record needs `images`.")  # noqa: TRY004 - as documented.
        result: dict[str, Any] = {
            "annotations": {},
            "annotationsData": {},
            "relations": {},
            "annotationGroups": {},
            "extra": {},
        }
        for number, image in enumerate(record["images"], 1):
            media = f"image_{number}"
            objects = [(kind, entry) for kind in image if kind not in ("relation", "group") for entry in image[kind]]
            result["annotations"][media] = [self._object(kind, entry) for kind, entry in objects]
            result["annotationsData"][media] = [
                {"id": entry.get("id"), "type": kind, "data": entry.get("data")} for kind, entry in objects
            ]
            result["relations"][media] = image.get("relation") or []
            result["annotationGroups"][media] = image.get("group") or []
        return result

    def _object(self, kind: str, entry: dict[str, Any]) -> dict[str, Any]:
        classification: dict[str, Any] = {"class": entry.get("classification") or ""}
        classification |= {attr["name"]: attr.get("value") for attr in entry.get("attrs") or ()}
        return {"id": entry.get("id"), "type": kind, "classification": classification, "data": entry.get("data")}


def _media_order(media: str) -> tuple[str, int]:
    """`image_2` in front of `image_10`."""
    name, _, number = media.rpartition("_")
    return (name, int(number)) if number.isdecimal() else (media, 0)


def _class_of(classification: Any) -> tuple[str, list[dict[str, Any]]]:
    """Class and attributes: v1 has a name, or a mapping in which everything but `class` is an attribute."""
    if not isinstance(classification, dict):
        return str(classification or ""), []
    attributes = [{"name": key, "value": value} for key, value in classification.items() if key != "class"]
    return str(classification.get("class") or ""), attributes


def _shape_data(found: dict[str, Any], shape: dict[str, Any]) -> Any:
    data = shape.get("data", shape.get("coordinate", found.get("data")))
    if isinstance(data, dict) and {"x", "y", "width", "height"} <= data.keys():
        return [data["x"], data["y"], data["width"], data["height"]]
    if isinstance(data, list) and data and isinstance(data[0], dict):
        return [[point["x"], point["y"]] for point in data]
    return data
