"""`make bench-peers`: the same items to COCO, by others and by us, each from its own input format and environment.

Each program tells its own CPU seconds, without the time that its imports take, and its peak memory.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from tests.bench.conversion import write_bundle
from tests.bench.goals import Goal, middle, print_goals
from tests.bench.images import write_images
from tests.bench.items import CLASSES, HEIGHT, WIDTH, generate_items, name_of

ENVIRONMENTS = Path("bench-results/peers")
PROGRAMS = Path(__file__).parent / "peer_programs"
MEMORY_SHARE = 0.1


@dataclass(frozen=True)
class Environment:
    """Packages of others, pinned, apart from ours and from each other."""

    name: str
    packages: tuple[str, ...]
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Peer:
    """Someone else's converter.

    Attributes:
        program: In `peer_programs`.
        write: Writes the items in its format, and answers the program's arguments.
        times: How often as many items per CPU second ours should do.
        at_most: More items would take it longer than anyone waits.
    """

    environment: Environment
    program: str
    write: Callable[[Path, int], list[Path]]
    times: float
    at_most: int = 1_000_000

    @property
    def name(self) -> str:
        return self.environment.name


def write_label_studio(folder: Path, count: int) -> list[Path]:
    """Tasks with results in percent, as Label Studio exports them."""
    labels = "".join(f'<Label value="{name}"/>' for name in CLASSES)
    config = folder / "labels.xml"
    config.write_text(
        '<View><Image name="image" value="$image"/>'
        f'<RectangleLabels name="label" toName="image">{labels}</RectangleLabels>'
        f'<PolygonLabels name="outline" toName="image">{labels}</PolygonLabels></View>'
    )
    tasks = ({"id": item["id"], "data": {"image": item["data_unit"]["name"]}, "annotations": [
        {"id": item["id"], "was_cancelled": False, "result": list(map(label_studio_result, item["data"]["annotations"]))}
    ]} for item in generate_items(count))  # fmt: skip
    path = folder / "tasks.json"
    write_array(path, tasks)
    return [path, config]


def label_studio_result(found: dict) -> dict:
    common = {"to_name": "image", "original_width": WIDTH, "original_height": HEIGHT, "image_rotation": 0}
    meta = {"meta": {"attributes": found["attributes"]}}
    if found["type"] == "polygon":
        flat = found["segmentation"][0]
        points = [[x / WIDTH * 100, y / HEIGHT * 100] for x, y in zip(flat[::2], flat[1::2], strict=True)]
        value = {"points": points, "closed": True, "polygonlabels": [found["category"]]}
        return {**common, **meta, "from_name": "outline", "type": "polygonlabels", "value": value}
    x, y, w, h = found["bbox"]
    box = {"x": x / WIDTH * 100, "y": y / HEIGHT * 100, "width": w / WIDTH * 100, "height": h / HEIGHT * 100}
    value = {**box, "rotation": 0, "rectanglelabels": [found["category"]]}
    return {**common, **meta, "from_name": "label", "type": "rectanglelabels", "value": value}


def write_datumaro(folder: Path, count: int) -> list[Path]:
    """Datumaro's own format."""
    path = folder / "annotations" / "default.json"
    path.parent.mkdir()
    names = [{"name": name, "parent": "", "attributes": []} for name in CLASSES]
    head = {
        "dm_format_version": "1.0",
        "media_type": 2,
        "infos": {},
        "categories": {"label": {"label_groups": [], "labels": names, "attributes": []}},
    }
    items = ({"id": item["data_unit"]["name"][:-4], "attr": {}, "annotations": [
        datumaro_annotation(number, found) for number, found in enumerate(item["data"]["annotations"])
    ], "image": {"path": item["data_unit"]["name"], "size": [HEIGHT, WIDTH]}} for item in generate_items(count))  # fmt: skip
    beside = folder / "items.json"
    write_array(beside, items)
    with path.open("w") as file, beside.open() as rows:
        file.write(json.dumps(head)[:-1] + ', "items": ')
        shutil.copyfileobj(rows, file)
        file.write("}")
    beside.unlink()
    return [folder]


def datumaro_annotation(number: int, found: dict) -> dict:
    label = CLASSES.index(found["category"])
    common = {"id": number, "attributes": found["attributes"], "group": number, "label_id": label, "z_order": 0}
    if found["type"] == "polygon":
        return {**common, "type": "polygon", "points": found["segmentation"][0]}
    return {**common, "type": "bbox", "bbox": found["bbox"]}


def write_supervision(folder: Path, count: int) -> list[Path]:
    """A YOLO data set: what Supervision reads without a detour. It has boxes only, which is less work."""
    labels = folder / "labels" / "train"
    labels.mkdir(parents=True)
    (folder / "images").mkdir()
    write_images(folder / "images" / "train", (name_of(number) for number in range(1, count + 1)))
    for item in generate_items(count):
        rows = []
        for found in item["data"]["annotations"]:
            x, y, w, h = found["bbox"]
            center = f"{(x + w / 2) / WIDTH:.7f} {(y + h / 2) / HEIGHT:.7f} {w / WIDTH:.7f} {h / HEIGHT:.7f}"
            rows.append(f"{CLASSES.index(found['category'])} {center}\n")
        (labels / f"{item['data_unit']['name'][:-4]}.txt").write_text("".join(rows))
    names = "".join(f"  {number}: {name}\n" for number, name in enumerate(CLASSES))
    (folder / "data.yaml").write_text(f"train: images/train\nval: images/train\nnc: {len(CLASSES)}\nnames:\n{names}")
    return [folder]


LABEL_STUDIO = Environment("label-studio-sdk", ("label-studio-sdk==2.1.2",))
DATUMARO = Environment("datumaro", ("datumaro==1.13.12",))
SUPERVISION = Environment("supervision", ("supervision==0.31.2", "opencv-python-headless==5.0.0.93"))
# For its check of labels only, hence without what training and plotting need.
ULTRALYTICS = Environment(
    "ultralytics",
    (
        "ultralytics==8.4.190", "torch==2.13.0", "torchvision==0.28.0", "numpy==2.4.6", "pillow==13.0.0", "psutil==7.2.2",
        "opencv-python-headless==5.0.0.93", "pyyaml==6.0.3", "requests==2.34.2", "typing-extensions==4.16.0",
    ),
    ("--no-deps",),
)  # fmt: skip
PEERS = (
    Peer(LABEL_STUDIO, "label_studio.py", write_label_studio, 10),
    Peer(DATUMARO, "with_datumaro.py", write_datumaro, 10),
    Peer(SUPERVISION, "with_supervision.py", write_supervision, 40, at_most=60_000),
)


def write_array(path: Path, rows: Iterable[dict]) -> None:
    with path.open("w") as file:
        for number, row in enumerate(rows):
            file.write(("[" if number == 0 else ",\n") + json.dumps(row))
        file.write("]")


def python_of(environment: Environment) -> Path | None:
    """The Python of an environment; None when it is not there with these versions."""
    folder = ENVIRONMENTS / environment.name
    note = folder / "packages.txt"
    if not note.is_file() or note.read_text().split() != list(environment.packages):
        return None
    return (folder / "bin" / "python").absolute()


def make_environment(environment: Environment) -> Path:
    """The same, made when it is missing."""
    python = python_of(environment)
    if python is None:
        folder = ENVIRONMENTS / environment.name
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        python = (folder / "bin" / "python").absolute()
        options = ["--quiet", *environment.options]
        subprocess.run([str(python), "-m", "pip", "install", *options, *environment.packages], check=True)
        (folder / "packages.txt").write_text("\n".join(environment.packages))
    return python


@dataclass(frozen=True)
class Run:
    """What one conversion cost, and what came out of it."""

    items: int
    cpu_seconds: float
    peak_mb: float
    images: int
    annotations: int
    unchecked_cpu_seconds: float

    @property
    def speed(self) -> float:
        """Items per CPU second."""
        return self.items / self.cpu_seconds


def convert(command: list[str], folder: Path, count: int) -> Run:
    folder.mkdir()
    done = subprocess.run([*command, str(folder)], capture_output=True, text=True, check=False)
    told = re.search(r"^COST (.*)$", done.stdout, re.MULTILINE)
    if done.returncode or told is None:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")
    cost = json.loads(told[1])
    (coco,) = (found for path in folder.rglob("*.json") if "categories" in (found := json.loads(path.read_bytes())))
    shutil.rmtree(folder)
    return Run(
        count,
        cost["cpu_seconds"],
        cost["peak_mb"],
        len(coco["images"]),
        len(coco["annotations"]),
        cost.get("unchecked_cpu_seconds", cost["cpu_seconds"]),
    )


def compare(peer: Peer, folder: Path, count: int, rounds: int) -> tuple[list[Run], list[Run]]:
    """Theirs and ours, in turn."""
    source = folder / peer.name
    source.mkdir()
    shutil.rmtree(folder / "bundle", ignore_errors=True)
    write_bundle(folder / "bundle", count)
    theirs_command = [
        str(make_environment(peer.environment)),
        str(PROGRAMS / peer.program),
        *map(str, peer.write(source, count)),
    ]
    ours_command = [sys.executable, "-m", "tests.bench.peer_programs.ours", str(folder / "bundle")]
    theirs, ours = [], []
    for _ in range(rounds):
        theirs.append(convert(theirs_command, folder / "theirs", count))
        ours.append(convert(ours_command, folder / "ours", count))
    shutil.rmtree(source)
    return theirs, ours


def goals_of(peer: Peer, theirs: list[Run], ours: list[Run]) -> list[Goal]:
    assert {run.images for run in (*theirs, *ours)} == {ours[0].items}, (theirs, ours)
    speeds = [middle(run.speed for run in runs) for runs in (theirs, ours)]
    peaks = [max(run.peak_mb for run in runs) for runs in (theirs, ours)]
    unchecked = middle(run.items / run.unchecked_cpu_seconds for run in ours)
    facts = {
        "items": ours[0].items,
        "their_items_per_cpu_second": speeds[0],
        "our_items_per_cpu_second": speeds[1],
        "their_peak_mb": peaks[0],
        "our_peak_mb": peaks[1],
        "their_annotations": theirs[0].annotations,
        "our_annotations": ours[0].annotations,
    }
    what = f"{peer.name}, {ours[0].items:,} items"
    return [
        Goal(f"{what}: our items per CPU second against theirs", speeds[1] / speeds[0], peer.times, "x", True, facts),
        Goal(f"{what}: the same, before ours is completed, read back and checked", unchecked / speeds[0], None),
        Goal(f"{what}: our peak memory against theirs", peaks[1] / peaks[0], MEMORY_SHARE, "x"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", default=",".join(peer.name for peer in PEERS))
    parser.add_argument("--json", action="store_true", dest="as_json")
    parser.add_argument("--only-environment", help="make this environment, and nothing else")
    given = parser.parse_args()
    if given.only_environment:
        make_environment(
            {each.name: each for each in (LABEL_STUDIO, DATUMARO, SUPERVISION, ULTRALYTICS)}[given.only_environment]
        )
        return
    console, goals = Console(stderr=True, width=120), []
    with tempfile.TemporaryDirectory(prefix="synapse-peers-") as name:
        folder = Path(name)
        for peer in PEERS:
            if peer.name in given.peers.split(","):
                console.print(f"[dim]{peer.name}[/dim]")
                found = goals_of(peer, *compare(peer, folder, min(given.items, peer.at_most), given.rounds))
                console.print(found[0].facts)
                goals += found
    print_goals(goals, as_json=given.as_json)


if __name__ == "__main__":
    main()
