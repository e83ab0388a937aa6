"""Bundles on disk without a server: hostile rows of every kind, and an exporter that reads them."""

import hashlib
import random
from pathlib import Path
from typing import Any

import msgspec

from synapse_sdk.plugins.actions.export.bundle import LocalBundle, load_manifest
from synapse_sdk.plugins.actions.export.formats import FormatExporter
from synapse_sdk.plugins.actions.export.output.record import save_record
from synapse_sdk.plugins.actions.export.sources.bundle_items import BundleItems
from synapse_sdk.wire.bundle import MANIFEST_NAME, BundleManifest, BundlePart, ExportTarget
from tests.export.support import make_ctx, tree

WIDTH, HEIGHT = 200, 100
CLASSES = ["car", "cat", 'q"u,o<t>&%d', "snow☃"]
NAMES = ["a.jpg", "../x.png", "Ünï.png", "con.txt", 'q",<&>.jpg', "100%d.png"]
_BOXES = [[-5, -5, 300, 300], [500, 500, 4, 4], [10, 10, 0, 5], [0, 0, WIDTH, HEIGHT], [1, 2, 3], None, ["a", 1, 2, 3]]
_OUTLINES = [[[1, 2, 3, 4]], [[1, 1, 1, 1, 1, 1]], [], None, [[-10, 5, 50, 50, 20, 90]], "text", [["a"] * 6]]


def annotation(rng: random.Random, *, keypoints: bool) -> Any:
    kinds = ["bbox"] * 6 + ["polygon"] * 3 + ["mask", "rotated_bbox", "polyline", "classification"]
    kind = rng.choice([*kinds, "keypoints"] if keypoints else kinds)
    found: dict[str, Any] = {"id": rng.choice([0, 7, "ü\n,", None]), "type": kind, "category": rng.choice(CLASSES)}
    box = [rng.randint(0, 150), round(rng.uniform(0, 70), 2), round(rng.uniform(1, 40), 3), rng.randint(1, 25)]
    found["bbox"] = box if rng.random() < 0.95 else rng.choice(_BOXES)
    if kind == "polygon":
        outline = [[round(rng.uniform(0, 100), 2) for _ in range(8)] for _ in range(rng.choice([1, 1, 2]))]
        found["segmentation"] = outline if rng.random() < 0.9 else rng.choice(_OUTLINES)
    extras = {
        "mask": {"segmentation": {"size": [HEIGHT, WIDTH], "counts": [100, 50, HEIGHT * WIDTH - 150]}},
        "rotated_bbox": {"rotation": rng.choice([30, 0, 90.5])},
        "keypoints": {"keypoints": rng.choice([[1, 2, 2, 5, 6, 1], [1, 2, 2], [1, 2]])},
    }
    found |= extras.get(kind, {})
    if rng.random() < 0.6:
        found["attributes"] = rng.choice([{"occluded": True, "pose": "l<"}, {"a": "%d \n", "b": [{"c": 1}]}, {}, None])
    if rng.random() < 0.05:
        found |= rng.choice([{"score": 0.5}, {"iscrowd": 1}, {"area": 12.5}, {"custom": "x"}, {"category": "nope"}])
    return found if rng.random() < 0.995 else rng.choice([None, 5, "x"])


def hostile_rows(count: int, seed: int, *, image: Path | None = None, keypoints: bool = False) -> list[dict[str, Any]]:
    """Rows of a bundle; one in three is plain, so that blocks of both kinds come."""
    rng = random.Random(seed)
    rows = []
    for number in range(1, count + 1):
        found = [annotation(rng, keypoints=keypoints) for _ in range(rng.choice([0, 1, 3, 8]))]
        if rng.random() < 0.33:
            found = [{"type": "bbox", "category": "cat", "bbox": [n, 5, 10, 10.5]} for n in range(3)]
        unit = {"id": rng.choice([number] * 9 + [max(1, number - 1)]), "name": "x", "width": WIDTH, "height": HEIGHT}
        unit |= {"width": None} if rng.random() < 0.02 else {}
        entry = {"file_name_original": rng.choice([*NAMES, *[f"{number}.png"] * 6]), "is_primary": True}
        if image is not None:
            content = image.read_bytes()
            entry |= {"sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content), "url": "/gone"}
            entry |= {"bundle_path": image.name} if rng.random() < 0.9 else {"bundle_path": "files/gone"}
        data = {"annotations": found} if rng.random() < 0.97 else rng.choice([None, {}, {"annotations": None}])
        tags = rng.choice([["train"], ["val"], ["test", "ü,"], []])
        rows.append({"id": number, "data": data, "data_unit": unit, "tags": tags, "files_manifest": {"image": entry}})
    return rows


def write_bundle(folder: Path, rows: list[dict[str, Any]]) -> LocalBundle:
    return write_lines(folder, [msgspec.json.encode(row) for row in rows])


def write_lines(folder: Path, rows: list[bytes]) -> LocalBundle:
    folder.mkdir(parents=True, exist_ok=True)
    body = b"".join(row + b"\n" for row in rows)
    (folder / "tasks.jsonl").write_bytes(body)
    part = BundlePart(path="tasks.jsonl", rows=len(rows), size_bytes=len(body), sha256=hashlib.sha256(body).hexdigest())
    manifest = BundleManifest(target=ExportTarget.TASK, filter={}, row_count=len(rows), file_count=0, parts=[part])
    (folder / MANIFEST_NAME).write_text(manifest.model_dump_json())
    return LocalBundle(folder)


def open_exporter(
    bundle: LocalBundle, target: Path, exporter_class: type[FormatExporter] = FormatExporter, **params: Any
) -> FormatExporter:
    manifest = load_manifest(bundle, ExportTarget.TASK)
    classes = [{"id": number, "name": name} for number, name in enumerate(CLASSES, 3)]
    given = {"images": "none", "save_original_file": params.get("images", "none") != "none", "name": "out"}
    given |= {"configuration": {"class_schema": {"classes": classes}}, "count": manifest.row_count} | params
    exporter = exporter_class(make_ctx(), BundleItems(bundle, manifest), target.parent, **given)
    target.mkdir(parents=True)
    exporter.prepare(target, manifest.row_count)
    return exporter


def items_of(bundle: LocalBundle) -> BundleItems:
    return BundleItems(bundle, load_manifest(bundle, ExportTarget.TASK))


def run_exporter(exporter: FormatExporter, target: Path) -> dict[str, bytes]:
    """What the tail of an export does; answers the files."""
    exporter.save_items(exporter.convert_items(exporter.export_items), target)
    exporter.additional_file_saving(target)
    exporter._save_error_list(target, exporter.errors_json, exporter.errors_original)
    facts = {"items_sha256": exporter.digest.hexdigest(), **exporter.record_facts()}
    save_record(target, facts, exporter.checksums())
    return tree(target)
