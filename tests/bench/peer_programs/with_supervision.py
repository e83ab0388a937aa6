"""Supervision: a YOLO data set to COCO. It reads each image for its size. `python with_supervision.py DATASET FOLDER`."""

import sys
from pathlib import Path

import supervision
from cost import told

source, folder = map(Path, sys.argv[1:])
with told():
    found = supervision.DetectionDataset.from_yolo(
        str(source / "images/train"), str(source / "labels/train"), str(source / "data.yaml")
    )
    found.as_coco(annotations_path=str(folder / "annotations.json"))
