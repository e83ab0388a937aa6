"""The platform that the browser visits: server, worker and agent as real processes, with photographs to look at."""

import json
import os
import shutil
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import skimage
from PIL import Image

from synapse_sdk.clients.backend import BackendClient
from synapse_sdk.clients.backend_v2 import BackendV2Client
from tests.conftest import RunningPlatform, run_synapse
from web_helper.launcher.home import Home

PROJECT = "photographs"
ANNOTATED = (
    *("astronaut.png", "camera.png", "cell.png", "chelsea.png", "coffee.png"),
    *("coins.png", "moon.png", "page.png", "rocket.jpg"),
)
BARE = ("brick.png", "clock_motion.png", "text.png")
CLASSES = ("round", "long", "other")
# Larger photographs only cost time.
LONGEST_SIDE = 400


@dataclass(frozen=True)
class Site(RunningPlatform):
    """A platform with one project, `photographs`: nine tasks with two boxes and a polygon each, three with nothing.

    Attributes:
        project: Its id.
    """

    project: int = 0
    _clients: list[BackendClient | BackendV2Client] = field(default_factory=list)

    @cached_property
    def v1(self) -> BackendClient:
        client = BackendClient(self.url, self.token)
        self._clients.append(client)
        return client

    @cached_property
    def v2(self) -> BackendV2Client:
        client = BackendV2Client(self.url, access_token=self.token, allow_insecure=True)
        self._clients.append(client)
        return client

    @property
    def one_click_url(self) -> str:
        return f"{self.url}/#token={self.token}"

    def close(self) -> None:
        for client in self._clients:
            client.close()


@contextmanager
def run_site(folder: Path) -> Iterator[Site]:
    """Started as a user starts it, and stopped at the end."""
    home = Home(folder / "home")
    run_synapse("up", "--detach", "--home", str(home.path))
    try:
        record, token = home.running(), home.read_admin_token()
        assert record is not None
        assert token is not None
        site = Site(
            home.path, record.url, token, seed(RunningPlatform(home.path, record.url, token), folder / "photos")
        )
        yield site
        site.close()
    finally:
        run_synapse("down", "--home", str(home.path))


@contextmanager
def stopped_worker(site: Site) -> Iterator[None]:
    """The worker stands still, and holds no lock of a database."""
    running = Home(site.home).running()
    assert running is not None
    worker = running.children["worker"]
    os.kill(worker, signal.SIGSTOP)
    try:
        while any(is_locked(database) for database in site.home.glob("*.db")):
            os.kill(worker, signal.SIGCONT)
            time.sleep(0.1)
            os.kill(worker, signal.SIGSTOP)
        yield
    finally:
        os.kill(worker, signal.SIGCONT)


def is_locked(database: Path) -> bool:
    """Whether somebody is writing, for longer than a writer that is not stopped would."""
    with closing(sqlite3.connect(database, timeout=2, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        connection.execute("ROLLBACK")
        return False


def seed(platform: RunningPlatform, folder: Path) -> int:
    """Import the photographs, as a user does; the project's id."""
    for names, *more in ((ANNOTATED,), (BARE, "--images-only")):
        listed = write_coco(folder / names[0], names)
        done = platform.synapse("import", "coco", str(listed), "--project", PROJECT, "--json", *more)
    return json.loads(done.stdout)["project"]["id"]


def write_coco(folder: Path, names: tuple[str, ...]) -> Path:
    (folder / "images").mkdir(parents=True)
    images, annotations = [], []
    for number, name in enumerate(names, 1):
        width, height = shrink(Path(skimage.__file__).parent / "data" / name, folder / "images" / name)
        images.append({"id": number, "file_name": name, "width": width, "height": height})
        annotations += shapes(number, width, height)
    categories = [{"id": number, "name": name} for number, name in enumerate(CLASSES, 1)]
    path = folder / "annotations.json"
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    return path


def shrink(source: Path, target: Path) -> tuple[int, int]:
    with Image.open(source) as image:
        if max(image.size) <= LONGEST_SIDE:
            shutil.copyfile(source, target)
        else:
            image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
            image.save(target)
        return image.size


def shapes(image: int, width: int, height: int) -> list[dict]:
    """Two boxes and a polygon."""
    half_width, half_height = width / 2, height / 2
    boxes = [(width / 10, height / 10, width / 4, height / 4), (half_width, half_height, width / 3, height / 5)]
    found = [{"category_id": 1 + number % 2, "bbox": box, "area": box[2] * box[3]} for number, box in enumerate(boxes)]
    corners = [half_width, height * 0.1, width * 0.9, height * 0.4, half_width, height * 0.4]
    box = (half_width, height * 0.1, width * 0.4, height * 0.3)
    found.append({"category_id": 3, "bbox": box, "segmentation": [corners], "area": box[2] * box[3] / 2})
    return [{"id": 10 * image + n, "image_id": image, "iscrowd": 0, **shape} for n, shape in enumerate(found)]
