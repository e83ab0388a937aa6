"""Label Studio's converter: its tasks in JSON to COCO. `python label_studio.py TASKS.json LABELS.xml FOLDER`."""

import sys

from cost import told
from label_studio_sdk.converter import Converter

tasks, labels, folder = sys.argv[1:]
with told():
    converter = Converter(config=labels, project_dir=folder, download_resources=False)
    converter.convert_to_coco(tasks, folder, is_dir=False)
