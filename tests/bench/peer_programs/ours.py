"""This platform's converter: a bundle to COCO, verified, losses noted, checksums taken, the result read back and checked.

`python -m tests.bench.peer_programs.ours FOLDER_WITH_BUNDLE OUT`.
"""

import sys
from pathlib import Path

from tests.bench.conversion import convert
from tests.bench.peer_programs.cost import told

if __name__ == "__main__":
    with told() as more:
        costs = convert(Path(sys.argv[1]), Path(sys.argv[2]) / "coco", "coco", 1)
        more["unchecked_cpu_seconds"] = costs["convert"]
