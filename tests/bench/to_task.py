"""Pre-annotation from files: tasks per CPU second of client and server together, against the real server process.

`python -m tests.bench.to_task [tasks]`: once with a file per task (YOLO, VOC), once with one COCO file for all of them.
"""

import hashlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import insert, select

from tests.bench.items import HEIGHT, WIDTH, drawn, encode
from tests.bench.measure import measure
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
        image = _file(session, storage.id, root, b"image")
        files: dict[str, int] = {}
        for number, content in enumerate(contents(kind, count)):
            sha256 = hashlib.sha256(content).hexdigest() if kind != "coco" or not files else next(iter(files))
            labels = files.get(sha256) or _file(session, storage.id, root, content)
            files[sha256] = labels
            unit = DataUnit(data_collection_id=collection.id, name=f"{number}.png", width=WIDTH, height=HEIGHT)
            session.add(unit)
            session.flush()
            rows = [("image", True, image, f"{number}.png"), ("labels", False, labels, f"{number}.{kind}")]
            session.execute(
                insert(DataUnitFile),
                [
                    {
                        "data_unit_id": unit.id,
                        "specification": n,
                        "is_primary": p,
                        "data_file_id": f,
                        "file_name_original": o,
                    }
                    for n, p, f, o in rows
                ],
            )
            session.add(Task(project_id=project.id, data_unit_id=unit.id))
            if number % 1000 == 0:
                session.flush()
                session.expunge_all()
        project_id = project.id
    database.dispose()
    return project_id


def _file(session, storage_id: int, root: Path, content: bytes) -> int:
    sha256 = hashlib.sha256(content).hexdigest()
    known = session.scalar(select(DataFile.id).where(DataFile.sha256 == sha256))
    if known:
        return known
    path = path_of_content(sha256)
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_bytes(content)
    file = DataFile(storage_id=storage_id, sha256=sha256, size_bytes=len(content), path=path, status="confirmed")
    session.add(file)
    session.flush()
    return file.id


def annotate(project: int) -> None:
    """What a run's own process does."""
    from synapse_sdk.clients.backend import BackendClient
    from synapse_sdk.loggers import NoOpLogger
    from synapse_sdk.plugins.actions.to_task import FileToTaskAction
    from synapse_sdk.plugins.context import PluginEnvironment, RuntimeContext

    client = BackendClient(os.environ["SYNAPSE_HOST"], os.environ["SYNAPSE_ACCESS_TOKEN"])
    ctx = RuntimeContext(logger=NoOpLogger(), env=PluginEnvironment({}), client=client)
    params = {"name": "bench", "project": project, "agent": 1, "target_specification_name": "labels"}
    result = FileToTaskAction.dispatch(params | {"extra_params": {"class_names": NAMES}}, ctx)
    assert not result.failures, result.failures[:3]
    print(result.success_count)


def main(count: int = 10_000) -> None:
    with open_bench() as bench:
        for kind in ("yolo", "voc", "coco"):
            project = prepare(bench, kind, count)
            command = [sys.executable, "-m", "tests.bench.to_task", "--project", str(project)]
            cost = measure(command, servers={"server": bench.servers["server"]}, variables=bench.variables)
            assert int(cost.output) == count
            rate = count / cost.cpu_seconds
            verdict = "met" if rate >= GOAL_TASKS_PER_CPU_SECOND and cost.peak_mb <= GOAL_MB else "NOT met"
            by = ", ".join(f"{name} {seconds:.2f}" for name, seconds in sorted(cost.cpu_by_process.items()))
            print(
                f"to_task {kind}: {count} tasks, {rate:,.0f} per CPU second ({cost.cpu_seconds:.2f} s: {by}), "
                f"peak {cost.peak_mb:.0f} MB {cost.peaks}: {verdict}"
            )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--project"]:
        annotate(int(sys.argv[2]))
    else:
        main(*map(int, sys.argv[1:2]))
