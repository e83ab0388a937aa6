"""Makes the pictures of the web UI in `docs/images/` (`make screenshots`): every view, light and dark, of real data.

It starts a platform and a worker of its own, does what a team would do, looks, and stops both. It needs Chromium and
PyTorch (`make engines`), and takes some minutes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx2
from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from synapse_sdk.clients.backend_v2 import BackendV2Client
from web_helper.launcher.home import Home

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
# Chromium that does not mind when containers come and go on this machine.
CHROMIUM = ROOT / "tests" / "e2e" / "chromium.py"
EXPERIMENTS = ROOT / "examples" / "experiments"
SECONDS = 300.0
WINDOW: ViewportSize = {"width": 1440, "height": 900}
QUALITY = 88
ENDED = {"completed", "failed", "cancelled", "expired", "crashed"}
# What a device has that nobody has brought to the server.
LOCAL_LOSS = "loss/cross_entropy.py"


@dataclass(frozen=True)
class View:
    """A picture's name, and where its view is; without `is_logged_in` nobody is."""

    name: str
    path: str
    is_logged_in: bool = True


@dataclass(frozen=True)
class Team:
    """A platform with somebody's work in it."""

    url: str
    token: str
    variables: dict[str, str]

    def run(self, *arguments: str) -> Any:
        """A `synapse` command's JSON answer."""
        say(f"$ synapse {' '.join(arguments)}")
        said = synapse(*arguments, "--json", variables=self.variables)
        return json.loads(said) if said.strip() else None

    def send(self, path: str, body: Any, *, token: str | None = None) -> Any:
        """What the server answers to a POST."""
        headers = {"Authorization": f"Token {token or self.token}"}
        answer = httpx2.post(f"{self.url}{path}", json=body, headers=headers, timeout=SECONDS)
        answer.raise_for_status()
        return answer.json()["data"]


def synapse(*arguments: str, variables: dict[str, str] | None = None) -> bytes:
    """What a `synapse` command prints."""
    command = [sys.executable, "-m", "synapse_sdk", *arguments]
    return subprocess.run(command, env=variables, stdout=subprocess.PIPE, check=True, timeout=SECONDS).stdout  # noqa: S603 - our own command


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the pictures of the web UI.")
    parser.add_argument("--only", nargs="*", help="names of views; default is all")
    only = parser.parse_args().only
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with running_platform(folder / "home") as team, running_worker(team, folder):
            views = [view for view in work(team, folder) if not only or view.name in only]
            take_pictures(team, views)


@contextmanager
def running_platform(home: Path) -> Iterator[Team]:
    synapse("demo", "--home", str(home), "--exit")
    synapse("up", "--detach", "--home", str(home))
    try:
        record, token = Home(home).running(), Home(home).read_admin_token()
        assert record is not None
        assert token is not None
        variables = {**os.environ, "SYNAPSE_HOST": record.url, "SYNAPSE_ACCESS_TOKEN": token}
        yield Team(record.url, token, variables)
    finally:
        synapse("down", "--home", str(home))


@contextmanager
def running_worker(team: Team, folder: Path) -> Iterator[None]:
    """This machine as a worker."""
    arguments = ["worker", "up", "--server", team.url, "--work", str(folder / "worker"), "--device-name", "gpu-1"]
    command = [sys.executable, "-m", "synapse_sdk", *arguments, "--stop-runs"]
    with (folder / "worker.log").open("wb") as log:
        process = subprocess.Popen(command, env=team.variables, stdout=log, stderr=log)  # noqa: S603 - our own command
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def work(team: Team, folder: Path) -> list[View]:
    """Do what a team does, and name the views that show it."""
    team.run("component", "push", "--base", str(ROOT), "-m", "the kit's own")
    runs = [run["uid"] for run in team.run("experiment", "submit", str(EXPERIMENTS / "digits-grid.yaml"))]
    team.run("component", "push", "--base", str(EXPERIMENTS / "label-smoothing"), "-m", "smoothed labels")
    task, project, dataset = annotate(team, folder)
    wish = {"target": "assignment", "project": project, "format": "yolo", "split": {"train": 0.8, "val": 0.2}}
    export = team.send("/v2/dataset-exports/", wish)["job_id"]
    ask_about_conflict(team)
    wait_for(team, runs)
    jobs = [job["id"] for job in team.run("job", "list", "--kind", "run")]
    return [
        View("login", "/login", is_logged_in=False),
        View("home", "/"),
        View("projects", "/projects"),
        View("tasks", f"/projects/{project}/tasks"),
        View("task", f"/projects/{project}/tasks/{task}"),
        View("ground-truth", "/ground-truth"),
        View("ground-truth-dataset", f"/ground-truth/{dataset}"),
        View("exports", "/exports"),
        View("export", f"/exports/{export}"),
        View("plugins", "/plugins"),
        View("plugin", "/plugins/classical-segmenter"),
        View("jobs", "/jobs"),
        *(View("job", f"/jobs/{job}") for job in jobs[:1]),
        View("models", "/models"),
        View("serving", "/serving"),
        View("apps", "/apps"),
        View("experiments", "/experiments"),
        View("experiment", f"/experiments/{runs[0]}"),
        View("experiment-new", "/experiments/new"),
        View("experiments-compared", f"/experiments/compare?a={runs[0]}&b={runs[1]}"),
        View("components", f"/components?path={LOCAL_LOSS}"),
        View("devices", "/devices"),
        View("notifications", "/notifications"),
        *(
            View(f"settings-{name}", f"/settings/{name}")
            for name in ("profile", "tokens", "members", "users", "storages", "agents")
        ),
    ]


def annotate(team: Team, folder: Path) -> tuple[int, int, int]:
    """The demo's photographs with what its model found, as work that people have done: task, project, data set."""
    team.run(
        "export", "--project", "photographs", "--target", "task", "--format", "coco", "--out", str(folder / "coco")
    )
    listed = next((folder / "coco").rglob("annotations.json"))
    done = team.run("import", "coco", str(listed.parent), "--project", "birds and cats")
    project = done["project"]["id"]
    dataset = team.send("/v2/ground-truth-datasets/", {"project": project, "name": "birds and cats, reviewed"})
    team.send(f"/v2/ground-truth-datasets/{dataset['id']}/collect/", {})
    team.send(f"/v2/ground-truth-datasets/{dataset['id']}/versions/", {"name": "2026.1"})
    ada = team.send("/v2/users/", {"email": "ada@example.org", "name": "Ada"})
    team.send("/v2/members/", {"project": project, "user": ada["id"], "role": "manager"})
    team.send("/v2/tokens/", {"name": "nightly export", "scopes": ["read"]})
    with BackendV2Client(team.url, access_token=team.token, allow_insecure=True) as client:
        return next(iter(client.tasks.list(project=project)))["id"], project, dataset["id"]


def ask_about_conflict(team: Team) -> None:
    """A second device has changed a file that has another version on the server, too."""
    device = team.send("/api/devices", {"host_id": "gpu-2"})
    local = (ROOT / "cvlabkit" / "component" / LOCAL_LOSS).read_text().replace("weight", "class_weight")
    server = (EXPERIMENTS / "label-smoothing" / "cvlabkit" / "component" / LOCAL_LOSS).read_bytes()
    conflict = {
        "path": LOCAL_LOSS,
        "conflict_type": "both_changed",
        "local_sha256": hashlib.sha256(local.encode()).hexdigest(),
        "server_sha256": hashlib.sha256(server).hexdigest(),
        "local_content": local,
        "message": "Changed on the device and on the server.",
    }
    gpu = {"name": "NVIDIA RTX A6000", "memory_used_bytes": 12 * 2**30, "memory_total_bytes": 48 * 2**30}
    report = {
        "host_id": "gpu-2",
        "cpu_percent": 31.0,
        "cpu_count": 32,
        "memory_used_bytes": 41 * 2**30,
        "memory_total_bytes": 128 * 2**30,
        "gpus": [{**gpu, "index": index, "utilization_percent": used} for index, used in enumerate((64.0, 3.0))],
    }
    team.send("/api/devices/heartbeat", report, token=device["token"])
    team.send("/api/notifications", conflict, token=device["token"])


def wait_for(team: Team, uids: list[str]) -> None:
    """Until these experiments have ended."""
    deadline = time.monotonic() + SECONDS
    waiting = list(uids)
    while waiting and time.monotonic() < deadline:
        waiting = [uid for uid in waiting if team.run("experiment", "show", uid)["status"] not in ENDED]
        time.sleep(2)


def take_pictures(team: Team, views: list[View]) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for theme in ("light", "dark"):
            pages = {is_logged_in: open_page(browser, team, theme, is_logged_in) for is_logged_in in (True, False)}
            for view in views:
                take_picture(pages[view.is_logged_in], view, theme)
        browser.close()


def open_page(browser: Browser, team: Team, theme: Any, is_logged_in: bool) -> Page:  # noqa: FBT001 - one of two pages
    context = browser.new_context(
        base_url=team.url, viewport=WINDOW, locale="en-GB", color_scheme=theme, reduced_motion="reduce"
    )
    page = context.new_page()
    if is_logged_in:
        page.goto(f"/#token={team.token}")
        page.get_by_role("navigation").first.wait_for()
    return page


def take_picture(page: Page, view: View, theme: str) -> None:
    page.goto(view.path)
    page.get_by_role("heading").first.wait_for()
    # Whatever the page still loads: its data, its pictures, its editor.
    page.wait_for_timeout(2_500)
    path = IMAGES / f"{view.name}-{theme}.webp"
    with Image.open(BytesIO(page.screenshot())) as image:
        image.convert("RGB").save(path, quality=QUALITY, method=6)
    say(f"{path.relative_to(ROOT)}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
