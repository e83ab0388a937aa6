"""Pre-annotation from files: tasks per CPU second of the run's process, its start included, and of run and server together.

`python -m tests.bench.to_task [tasks]`: once with a file per task (YOLO, VOC), once with one COCO file for all of them. The run
is what an agent starts: `python -m synapse_sdk.plugins.entrypoint` on its own, against the real server process.
"""

import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from synapse_sdk.plugins.executors import job_protocol
from tests.bench.items import HEIGHT, WIDTH, drawn, encode
from tests.bench.measure import Cost, measure
from tests.bench.platform import Bench, open_bench
from web_helper.backend.core.database import Database
from web_helper.backend.models import (
    DataCollection,
    DataFile,
    DataUnit,
    DataUnitFile,
    FileSpecification,
    Project,
    Storage,
    Task,
)
from web_helper.backend.services.data.objects import path_of_content

GOAL_TASKS_PER_CPU_SECOND, GOAL_MB = 5000, 128
BATCH = 500
ACTION = "synapse_sdk.plugins.actions.to_task:FileToTaskAction"
NAMES = sorted({found["category"] for data in drawn() for found in data["annotations"]})


def yolo(number: int) -> bytes:
    rows = []
    for found in drawn()[number % len(drawn())]["annotations"]:
        x, y, w, h = found["bbox"]
        center = f"{(x + w / 2) / WIDTH:.6f} {(y + h / 2) / HEIGHT:.6f} {w / WIDTH:.6f} {h / HEIGHT:.6f}"
        rows.append(f"{NAMES.index(found['category'])} {center}")
    # One row with the item's own number: no two files are equal.
    return "\n".join([*rows, f"0 0.5 0.5 0.{number % 900_000 + 100_000} 0.1"]).encode()


def voc(number: int) -> bytes:
    parts = [f"<annotation><filename>{number}.png</filename>"]
    for found in drawn()[number % len(drawn())]["annotations"]:
        x, y, w, h = found["bbox"]
        parts.append(
            f"<object><name>{found['category']}</name><bndbox><xmin>{x + 1:.2f}</xmin><ymin>{y + 1:.2f}</ymin>"
            f"<xmax>{x + w:.2f}</xmax><ymax>{y + h:.2f}</ymax></bndbox></object>"
        )
    return "".join([*parts, "</annotation>"]).encode()


def coco(count: int) -> bytes:
    numbers = {name: number for number, name in enumerate(NAMES, 1)}
    rows = [
        {"image_id": number, "category_id": numbers[found["category"]], "bbox": found["bbox"]}
        for number in range(count)
        for found in drawn()[number % len(drawn())]["annotations"]
    ]
    images = [{"id": number, "file_name": f"{number}.png"} for number in range(count)]
    return encode(
        {"images": images, "categories": [{"id": i, "name": n} for n, i in numbers.items()], "annotations": rows}
    )


def contents(kind: str, count: int) -> Iterator[bytes]:
    if kind == "coco":
        whole = coco(count)
        return (whole for _ in range(count))
    return ({"yolo": yolo, "voc": voc}[kind](number) for number in range(count))


def prepare(bench: Bench, kind: str, count: int) -> int:
    """A project of tasks, each with an image and an annotation file."""
    database = Database(bench.database_url)
    with database.write() as session:
        storage = session.scalars(select(Storage).where(Storage.is_default)).one()
        root = Path(storage.configuration["location"])
        collection = DataCollection(name=f"to task {kind}")
        specifications = [("image", True), ("labels", False)]
        collection.file_specifications = [FileSpecification(name=n, is_primary=p) for n, p in specifications]
        session.add(collection)
        session.flush()
        project = Project(name=f"to task {kind}", data_collection_id=collection.id)
        session.add(project)
        session.flush()
        target = _Target(session, storage.id, root, collection.id, project.id)
        image = target.files([b"image"])[0]
        numbered = enumerate(contents(kind, count))
        while batch := list(islice(numbered, BATCH)):
            target.add(batch, image, kind)
            session.expunge_all()
        project_id = target.project
    database.dispose()
    return project_id


@dataclass(frozen=True)
class _Target:
    """Where units and tasks go, hundreds at a time."""

    session: Session
    storage: int
    root: Path
    collection: int
    project: int

    def add(self, batch: list[tuple[int, bytes]], image: int, kind: str) -> None:
        labels = self.files([content for _, content in batch])
        units = [
            DataUnit(data_collection_id=self.collection, name=f"{number}.png", width=WIDTH, height=HEIGHT)
            for number, _ in batch
        ]
        self.session.add_all(units)
        self.session.flush()
        rows = []
        for (number, _), unit, file in zip(batch, units, labels, strict=True):
            rows.append(_unit_file(unit.id, "image", image, f"{number}.png"))
            rows.append(_unit_file(unit.id, "labels", file, f"{number}.{kind}"))
        self.session.execute(insert(DataUnitFile), rows)
        self.session.add_all([Task(project_id=self.project, data_unit_id=unit.id) for unit in units])
        self.session.flush()

    def files(self, contents: list[bytes]) -> list[int]:
        """Store each content once; answers the files' ids."""
        # One large file may stand for all of them.
        distinct = {id(content): content for content in contents}
        hashes = {key: hashlib.sha256(content).hexdigest() for key, content in distinct.items()}
        digests = [hashes[id(content)] for content in contents]
        known = select(DataFile.sha256, DataFile.id).where(DataFile.sha256.in_(digests))
        ids = {row.sha256: row.id for row in self.session.execute(known)}
        new = {sha256: content for sha256, content in zip(digests, contents, strict=True) if sha256 not in ids}
        rows = [self._file(sha256, content) for sha256, content in new.items()]
        self.session.add_all(rows)
        self.session.flush()
        ids |= {row.sha256: row.id for row in rows}
        return [ids[sha256] for sha256 in digests]

    def _file(self, sha256: str, content: bytes) -> DataFile:
        path = path_of_content(sha256)
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_bytes(content)
        size = len(content)
        return DataFile(storage_id=self.storage, sha256=sha256, size_bytes=size, path=path, status="confirmed")


def _unit_file(unit: int, specification: str, file: int, name: str) -> dict[str, Any]:
    return {
        "data_unit_id": unit,
        "specification": specification,
        "is_primary": specification == "image",
        "data_file_id": file,
        "file_name_original": name,
    }


def main(count: int = 10_000) -> bool:
    """Whether every goal was met."""
    is_met = True
    with open_bench() as bench:
        for kind in ("yolo", "voc", "coco"):
            project = prepare(bench, kind, count)
            params = {"name": "bench", "project": project, "agent": 1, "target_specification_name": "labels"}
            params["extra_params"] = {"class_names": NAMES}
            variables = {**bench.variables, job_protocol.ENTRYPOINT: ACTION}
            variables[job_protocol.PARAMS] = json.dumps(params)
            command = [sys.executable, "-m", job_protocol.ENTRYPOINT_MODULE]
            cost = measure(command, servers={"server": bench.servers["server"]}, variables=variables)
            assert f'"success_count": {count}' in cost.output, cost.output[-500:]
            is_met &= _tell(kind, count, cost)
    return is_met


def _tell(kind: str, count: int, cost: Cost) -> bool:
    rate = count / cost.cpu_by_process["command"]
    is_met = rate >= GOAL_TASKS_PER_CPU_SECOND and cost.peak_mb <= GOAL_MB
    by = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in sorted(cost.cpu_by_process.items()))
    peaks = ", ".join(f"{name} {megabytes:.0f} MB" for name, megabytes in cost.peaks.items())
    print(
        f"to_task {kind}: {count:,} tasks, {rate:,.0f} per CPU second of the run, {count / cost.cpu_seconds:,.0f} with the "
        f"server's ({by}); peaks {peaks}: {'met' if is_met else 'NOT met'}"
    )
    return is_met


if __name__ == "__main__":
    sys.exit(not main(*map(int, sys.argv[1:2])))
