"""Ultralytics' own check of a data set's labels, in its own environment: `python check_labels.py FOLDER CLASSES`.

Prints JSON: how many labels were found, empty and corrupt, and what it says of them.
"""

import json
import sys
from pathlib import Path

from ultralytics.data.utils import verify_image_label

folder, classes = Path(sys.argv[1]), int(sys.argv[2])
found, empty, corrupt, said = 0, 0, 0, []
for image in sorted((folder / "images" / "train").iterdir()):
    label = folder / "labels" / "train" / f"{image.stem if image.suffix else image.name}.txt"
    result = verify_image_label((str(image), str(label), "", False, classes, 0, 0, False))
    _, is_found, is_empty, is_corrupt, message = result[-5:]
    found, empty, corrupt = found + is_found, empty + is_empty, corrupt + is_corrupt
    said += [message] if message else []
sys.stdout.write("CHECKED " + json.dumps({"found": found, "empty": empty, "corrupt": corrupt, "said": said}) + "\n")
