"""What every page may assume to find in its folder: five small data sets, all of the same images and objects."""

from pathlib import Path

from PIL import Image

from synapse_sdk.utils.converters import create_writer
from synapse_sdk.utils.converters.formats import YoloOptions
from synapse_sdk.wire.annotations import ClassSchema

SIZE = (64, 48)
COUNT = 12
CLASSES = ClassSchema.model_validate({"classes": [{"id": 1, "name": "robin"}, {"id": 2, "name": "wren"}]})
# Folder by format; the names are those that the README and the how-to pages use.
FOLDERS = {"voc": "VOCdevkit/VOC2007", "coco": "cars", "yolo": "cans", "csv": "table", "jsonl": "lines"}


def make_data_sets(folder: Path) -> None:
    for fmt, place in FOLDERS.items():
        options = YoloOptions(yaml_name="dataset.yaml") if fmt == "yolo" else None
        with create_writer(fmt, folder / place, classes=CLASSES, options=options) as writer:
            for number in range(1, COUNT + 1):
                name = f"{number:04}.png"
                image = folder / place / writer.image_path(name)
                image.parent.mkdir(parents=True, exist_ok=True)
                Image.new("RGB", SIZE, (number * 20, 90, 60)).save(image)
                writer.write(_item(number), name)


def _item(number: int) -> dict:
    box = {"id": 1, "type": "bbox", "category": ("robin", "wren")[number % 2], "bbox": [4, 5, 20 + number, 18]}
    return {
        "id": number,
        "data": {"annotations": [box]},
        "data_unit": {"id": number, "name": f"{number:04}.png", "width": SIZE[0], "height": SIZE[1]},
        "tags": [],
    }
