"""A DM v2 record as annotation data, and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Annotation = dict[str, Any]


def dm_to_data(record: dict[str, Any]) -> dict[str, Any]:
    """Annotation data of the first image of a DM v2 record; relations and groups are kept beside the annotations.

    Raises:
        ValueError: The record has no `images`, or an object's data is not of its kind.
    """
    images = record.get("images")
    if not isinstance(images, list) or not images:
        raise ValueError("A DM v2 record needs `images` with one entry per image. A v1 record: DMv1ToV2Converter.")
    image = images[0]
    data: dict[str, Any] = {"annotations": [a for kind in _READERS for a in _read_kind(image, kind)]}
    data |= {key: image[key] for key in ("relation", "group") if image.get(key)}
    return data


def _read_kind(image: dict[str, Any], kind: str) -> list[Annotation]:
    found: list[Annotation] = []
    for entry in image.get(kind) or ():
        try:
            geometry = _READERS[kind](entry["data"])
        except (KeyError, TypeError, ValueError, IndexError) as exc:
            raise ValueError(f"The {kind} {entry.get('id')!r} has data that is none of its kind: {exc!r}") from exc
        annotation: Annotation = geometry | {"category": entry.get("classification") or ""}
        annotation |= {"id": entry["id"]} if entry.get("id") is not None else {}
        if attributes := {attr["name"]: attr.get("value") for attr in entry.get("attrs") or ()}:
            annotation["attributes"] = attributes
        found.append(annotation)
    return found


def _flat(points: Sequence[Sequence[float]]) -> list[float]:
    return [value for x, y in points for value in (x, y)]


def _read_box(data: Sequence[float]) -> Annotation:
    x, y, w, h, *turned = data
    if turned and turned[0]:
        return {"type": "rotated_bbox", "bbox": [x, y, w, h], "rotation": turned[0]}
    return {"type": "bbox", "bbox": [x, y, w, h]}


def _read_keypoint(data: Sequence[Any]) -> Annotation:
    points = data if isinstance(data[0], Sequence) else [data]
    return {"type": "keypoints", "keypoints": [value for x, y, *_ in points for value in (x, y, 2)]}


_READERS: dict[str, Callable[[Any], Annotation]] = {
    "bounding_box": _read_box,
    "polygon": lambda data: {"type": "polygon", "segmentation": [_flat(data)]},
    "polyline": lambda data: {"type": "polyline", "segmentation": [_flat(data)]},
    "keypoint": _read_keypoint,
    "segmentation": lambda data: {"type": "mask", "segmentation": {"size": data["size"], "counts": data["counts"]}},
    "classification": lambda _data: {"type": "classification"},
}


def data_to_dm(data: dict[str, Any]) -> dict[str, Any]:
    """A DM v2 record of one image. An outline of several parts becomes a polygon each: DM knows no parts."""
    image: dict[str, Any] = {
        kind: [] for kind in ("bounding_box", "polygon", "polyline", "keypoint", "relation", "group")
    }
    classes: dict[str, list[str]] = {}
    for number, annotation in enumerate(data.get("annotations") or (), 1):
        name = annotation["category"]
        for place, (kind, shape) in enumerate(_shapes(annotation)):
            own = annotation.get("id", number)
            entry = {
                "id": str(own) if place == 0 else f"{own}-{place + 1}",
                "classification": name,
                "attrs": [{"name": key, "value": value} for key, value in (annotation.get("attributes") or {}).items()],
                "data": shape,
            }
            image.setdefault(kind, []).append(entry)
            if name not in classes.setdefault(kind, []):
                classes[kind].append(name)
    image |= {key: data[key] for key in ("relation", "group") if data.get(key)}
    return {"classification": classes, "images": [image]}


def _shapes(annotation: Annotation) -> list[tuple[str, Any]]:
    segmentation = annotation.get("segmentation")
    if annotation.get("type") == "classification":
        return [("classification", None)]
    if annotation.get("keypoints"):
        points = annotation["keypoints"]
        return [("keypoint", [points[i], points[i + 1]]) for i in range(0, len(points), 3) if points[i + 2]]
    if isinstance(segmentation, dict):
        return [("segmentation", segmentation)]
    if segmentation:
        kind = "polyline" if annotation.get("type") == "polyline" else "polygon"
        return [(kind, [list(point) for point in zip(p[0::2], p[1::2], strict=True)]) for p in segmentation]
    turned = [annotation["rotation"]] if annotation.get("rotation") else []
    return [("bounding_box", [*annotation["bbox"], *turned])]
