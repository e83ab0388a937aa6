"""Fills a project with items without images, through the API: `python -m tests.bench.fill ITEMS.jsonl PROJECT`."""

import sys
from itertools import islice
from pathlib import Path

import msgspec

from synapse_sdk.utils.auth import create_backend_v2_client

BATCH = 200


def fill(path: Path, name: str) -> None:
    with create_backend_v2_client() as client, path.open("rb") as lines:
        project = client.projects.create(name=name)
        while batch := [msgspec.json.decode(line) for line in islice(lines, BATCH)]:
            items = [
                {
                    "key": row["file_name"],
                    "name": row["file_name"],
                    "width": row["width"],
                    "height": row["height"],
                    "data": {"annotations": row["annotations"]},
                }
                for row in batch
            ]
            client.projects.import_items(project["id"], items)


if __name__ == "__main__":
    fill(Path(sys.argv[1]), sys.argv[2])
