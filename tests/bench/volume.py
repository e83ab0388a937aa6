"""One very large export, watched: `python -m tests.bench.volume --items 10000000 --log docs/explanation/ten-million.log`.

It fills a database, exports it to COCO through server, worker and the command line, and reads the result line by line.
Every few seconds a line tells rows, memory of each process and disk use. It refuses to begin without enough free disk,
goes on where it was stopped (the same `--folder`), and deletes its folder when it has succeeded.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.filling import fill
from tests.bench.items import BOXES
from tests.bench.measure import Watch, cpu_of_tree
from tests.bench.platform import PROJECT, Bench, open_bench
from web_helper.backend.core.database import Database
from web_helper.backend.core.settings import Settings
from web_helper.backend.services.bootstrap import bootstrap

LINE_SECONDS = 5.0
# Database, bundle, and the export while its two halves are joined.
BYTES_PER_ITEM = 6_500
SPARE_BYTES = 2 << 30
PEAK_MB = 128.0
MB = 1e6


@dataclass
class Log:
    """Lines with the time since the start, on the terminal and in a file."""

    path: Path
    started: float

    def __call__(self, text: str) -> None:
        line = f"{time.strftime('%H:%M:%S', time.gmtime())} {time.monotonic() - self.started:8.1f} s  {text}"
        print(line, flush=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")


def disk_bytes(path: Path) -> int:
    """What a folder takes on the disk, also while files come and go."""
    total = 0
    for each in path.rglob("*") if path.is_dir() else ():
        try:
            total += each.stat().st_blocks * 512
        except FileNotFoundError:
            continue
    return total


def require_room(folder: Path, items: int) -> None:
    free = shutil.disk_usage(folder).free + disk_bytes(folder)
    need = items * BYTES_PER_ITEM + SPARE_BYTES
    if free < need:
        raise SystemExit(f"{items:,} items need about {need / 1e9:.0f} GB in {folder}; {free / 1e9:.0f} GB are free.")


class Watcher:
    """Tells how far an export is, and remembers the most that was seen."""

    def __init__(self, bench: Bench, log: Log) -> None:
        self._bench, self._log = bench, log
        self.peak_disk: dict[str, int] = {}

    @contextmanager
    def following(self, process: subprocess.Popen[bytes]) -> Iterator[Watch]:
        with Watch(self._bench.servers) as watch:
            watch.follow("command", process.pid)
            yield watch

    def until_the_end(self, process: subprocess.Popen[bytes], watch: Watch, step: Path) -> int:
        while True:
            try:
                return process.wait(LINE_SECONDS)
            except subprocess.TimeoutExpired:
                self._tell(watch, step)

    def _tell(self, watch: Watch, step: Path) -> None:
        folder = self._bench.folder
        disk = {
            "database": sum(each.stat().st_size for each in (folder / "home").glob("synapse.db*")),
            "bundle": disk_bytes(folder / "home" / "storage" / "exports"),
            "export": disk_bytes(folder / "out"),
        }
        for name, size in disk.items():
            self.peak_disk[name] = max(self.peak_disk.get(name, 0), size)
        said = step.read_text(errors="replace").strip().splitlines()
        memory = ", ".join(f"{name} {peak:.0f}" for name, peak in sorted(watch.look().items()))
        sizes = ", ".join(f"{name} {size / MB:,.0f}" for name, size in disk.items())
        self._log(f"{said[-1] if said else 'begins'} | peak MB: {memory} | disk MB: {sizes}")


def export(bench: Bench, log: Log) -> tuple[Watch, Watcher, float]:
    """Export, or go on with the export that was begun here before."""
    notes = sorted((bench.folder / ".synapse" / "exports").glob("*.json"))
    where = ("--project", PROJECT, "--target", "task", "--out", str(bench.folder / "out"), "--name", "coco")
    begin = ("export", *where, "--format", "coco", "--images", "none")
    arguments = ("export", "--resume", notes[-1].stem) if notes else begin
    log(f"synapse {' '.join(arguments[:3])} ...")
    before = {name: cpu_of_tree(pid) for name, pid in bench.servers.items()}
    ended_before = ended_children_cpu()
    step, watcher = bench.folder / "command.log", Watcher(bench, log)
    with step.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "synapse_sdk", *arguments],
            stdout=output, stderr=subprocess.STDOUT, env={**bench.variables, "HOME": str(bench.folder)},
        )  # fmt: skip
        with watcher.following(process) as watch:
            status = watcher.until_the_end(process, watch, step)
    if status:
        raise SystemExit(f"The export failed; run the same command again to go on.\n{step.read_text()}")
    cpu = {name: cpu_of_tree(pid) - before.get(name, 0) for name, pid in bench.servers.items()}
    cpu["command"] = ended_children_cpu() - ended_before
    log("CPU seconds: " + ", ".join(f"{name} {seconds:.1f}" for name, seconds in cpu.items()))
    return watch, watcher, sum(cpu.values())


def ended_children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def verify(path: Path, count: int, log: Log) -> None:
    """Read the export line by line: every image is there once, and every annotation belongs to it."""
    images = annotations = last_image = last_owner = 0
    with path.open("rb") as lines:
        for line in lines:
            if line.startswith(b'{"id":'):
                number = int(line[6 : line.index(b",")])
                if b'"image_id":' not in line:
                    assert number > last_image, f"image {number} comes after {last_image}"
                    images, last_image = images + 1, number
                else:
                    begin = line.index(b'"image_id":') + 11
                    owner = int(line[begin : line.index(b",", begin)])
                    annotations += 1
                    assert number == annotations, f"annotation {number} is the {annotations}th"
                    assert owner >= last_owner, f"annotation {number} of image {owner} comes after one of {last_owner}"
                    last_owner = owner
    log(f"read back: {images:,} images, {annotations:,} annotations")
    assert (images, annotations) == (count, count * BOXES), "items were lost"


def run(folder: Path, count: int, log: Log) -> None:
    log(f"filling {count:,} items")
    fill_alone(folder / "home", count, NowAndThen(log))
    with open_bench(folder) as bench:
        begun = time.monotonic()
        watch, watcher, cpu = export(bench, log)
        seconds = time.monotonic() - begun
        out = bench.folder / "out" / "coco"
        record = json.loads((out / "export.json").read_text())
        report = record["report"]
        log(f"items in {report['items_in']:,}, out {report['images']:,}, skipped {report['items_skipped']:,}")
        assert (report["items_in"], report["images"], report["items_skipped"]) == (count, count, 0)
        verify(out / "annotations.json", count, log)
        size = disk_bytes(out)
        log(f"{seconds:.1f} s, {cpu:.1f} CPU s over all processes: {count / cpu:,.0f} items per CPU second")
        for name, peak in sorted(watch.peaks.items()):
            log(f"peak memory, {name}: {peak:.1f} MB ({'met' if peak <= PEAK_MB else 'NOT met'}: at most {PEAK_MB:g})")
        for name, peak in watcher.peak_disk.items():
            log(f"most disk seen, {name}: {peak / MB:,.0f} MB")
        used = max(watcher.peak_disk.get("export", 0), size)
        log(f"export on disk: {size / MB:,.0f} MB; most while it was written: {used / size:.2f} of that (at most 1.1)")


def fill_alone(home: Path, count: int, report: Callable[[int], None]) -> None:
    """Fill the platform's database before its processes start."""
    settings = Settings(home=home)
    bootstrap(settings)
    database = Database(settings.sqlalchemy_url)
    try:
        fill(database, PROJECT, count, report, is_alone=True)
    finally:
        database.dispose()


class NowAndThen:
    """Not every transaction is worth a line."""

    def __init__(self, log: Log) -> None:
        self._log, self._next = log, 0.0

    def __call__(self, done: int) -> None:
        if time.monotonic() >= self._next:
            self._log(f"{done:,} items are in the database")
            self._next = time.monotonic() + LINE_SECONDS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "synapse-volume")
    parser.add_argument("--log", type=Path, help="where the lines are kept; volume.log in the folder when absent")
    parser.add_argument("--keep", action="store_true", help="leave the folder as it is at the end")
    given = parser.parse_args()
    folder = given.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    require_room(folder, given.items)
    log = Log((given.log or folder / "volume.log").resolve(), time.monotonic())
    run(folder, given.items, log)
    if not given.keep:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
