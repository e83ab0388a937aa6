"""Datumaro: its own JSON to COCO instances. `python with_datumaro.py DATASET FOLDER`."""

import sys

from cost import told
from datumaro import Dataset

source, folder = sys.argv[1:]
with told():
    Dataset.import_from(source, "datumaro").export(folder, "coco_instances", save_media=False)
