"""How smoothly the grid of a hundred thousand tasks scrolls: frames that Chromium's own trace says it has drawn.

`python -m tests.bench.grid [--tasks 100000]` seeds an installation, serves it, and scrolls with the browser's own
gesture. `make install` must have built the web UI, and Chromium must be there.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
from playwright.sync_api import CDPSession, Page

from tests.bench.goals import Goal, middle, print_goals
from tests.bench.grid_seed import seed
from tests.e2e.browser import missing, run_browser
from tests.engines.ports import free_ports

GOAL_FPS = 50
PIXELS, SPEED = 12_000, 3_000
FRAME_EVENTS = "disabled-by-default-devtools.timeline.frame,disabled-by-default-devtools.timeline,devtools.timeline"
WINDOW = {"width": 1440, "height": 900}
START_SECONDS = 120
LONG_MICROSECONDS = 50_000


@contextmanager
def serve(home: Path) -> Iterator[str]:
    """A server over an installation."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    environment = {**os.environ, "SYNAPSE_SERVER_HOME": str(home), "SYNAPSE_SERVER_BASE_URL": url}
    command = [sys.executable, "-m", "web_helper.backend.app", "--port", str(port)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_until_up(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def _wait_until_up(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx2.get(f"{url}/health/").status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.2)
    raise RuntimeError("The server did not start.")


def scroll(page: Page, session: CDPSession, distance: int) -> list[dict[str, Any]]:
    """The trace of one gesture over the grid."""
    events: list[dict[str, Any]] = []
    ends: list[bool] = []
    session.on("Tracing.dataCollected", lambda batch: events.extend(batch["value"]))
    session.on("Tracing.tracingComplete", lambda _: ends.append(True))
    session.send("Tracing.start", {"traceConfig": {"includedCategories": FRAME_EVENTS.split(",")}})
    box = page.get_by_role("grid", name="Tasks").bounding_box()
    assert box is not None
    gesture = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2, "yDistance": -distance}
    session.send("Input.synthesizeScrollGesture", gesture | {"speed": SPEED, "gestureSourceType": "mouse"})
    session.send("Tracing.end")
    while not ends:
        page.wait_for_timeout(50)
    return events


def frames_per_second(events: list[dict[str, Any]]) -> float:
    """Frames drawn between the first and the last one of the gesture."""
    drawn = sorted(event["ts"] for event in events if event["name"] == "DrawFrame")
    return (len(drawn) - 1) / ((drawn[-1] - drawn[0]) / 1e6)


def main_thread_ms(events: list[dict[str, Any]]) -> float:
    """CPU of the page's main thread for a fiftieth of a second of scrolling: what does not depend on others' load."""
    used: dict[tuple[int, int], int] = defaultdict(int)
    for event in events:
        if event["name"] == "RunTask":
            used[event["pid"], event["tid"]] += event.get("tdur", 0)
    return max(used.values(), default=0) / 1000 / (PIXELS / SPEED * GOAL_FPS)


def long_tasks(events: list[dict[str, Any]]) -> int:
    """Times that the page's main thread was busy for longer than 50 ms at once."""
    return sum(event["name"] == "RunTask" and event.get("dur", 0) > LONG_MICROSECONDS for event in events)


def answers(url: str, token: str, project: int) -> Iterator[Goal]:
    """What the grid asks the server; each first answer, for nothing is kept yet."""
    questions = {
        "where each page starts": f"/v2/task-cards/pages/?project={project}&page_length=100",
        "where each page starts, of one class": f"/v2/task-cards/pages/?project={project}&page_length=100&category=dog",
        "one page of 100 cards": f"/v2/task-cards/?project={project}&per_page=100&sort=id",
        "statistics": f"/v2/projects/{project}/statistics/",
        "statistics again": f"/v2/projects/{project}/statistics/",
    }
    with httpx2.Client(base_url=url, headers={"Authorization": f"Token {token}"}, timeout=120) as client:
        for what, path in questions.items():
            asked = time.perf_counter()
            assert client.get(path).status_code == 200
            yield Goal(f"server: {what}", time.perf_counter() - asked, None, "s")


def measure(url: str, token: str, project: int, *, tasks: int, rounds: int) -> Iterator[Goal]:
    """Scroll from the top, and from the middle after a jump of the scroll bar."""
    with run_browser() as browser:
        context = browser.new_context(viewport=WINDOW)
        answer = context.request.post(f"{url}/v2/session/", data={"key": token}, headers={"Origin": url})
        assert answer.ok, answer.text()
        page = context.new_page()
        session = context.new_cdp_session(page)
        asked = time.perf_counter()
        page.goto(f"{url}/projects/{project}/tasks")
        page.get_by_role("gridcell").get_by_role("link").first.wait_for()
        yield Goal("grid: first cards on the screen", time.perf_counter() - asked, None, "s")
        found = []
        for _ in range(rounds):
            events = scroll(page, session, PIXELS)
            found.append((frames_per_second(events), long_tasks(events), main_thread_ms(events)))
        facts = {"rounds": [round(fps, 1) for fps, _, _ in found], "long_tasks": [long for _, long, _ in found]}
        yield Goal(
            f"grid of {tasks} tasks: frames per second while scrolling",
            middle(fps for fps, _, _ in found),
            GOAL_FPS,
            "",
            is_at_least=True,
            facts=facts,
        )
        yield Goal(
            "grid: main thread's CPU for a fiftieth of a second of scrolling, in ms",
            middle(spent for _, _, spent in found),
            1000 / GOAL_FPS,
            "",
        )
        asked = time.perf_counter()
        page.get_by_role("grid", name="Tasks").evaluate("grid => { grid.scrollTop = grid.scrollHeight }")
        page.get_by_role("link", name=f"street {tasks:06}.jpg").wait_for()
        yield Goal("grid: from the first to the last task", time.perf_counter() - asked, None, "s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", dest="as_json")
    given = parser.parse_args()
    if reason := missing():
        sys.exit(reason)
    with tempfile.TemporaryDirectory(prefix="synapse-grid-") as folder:
        home = Path(folder)
        token, project = seed(home, given.tasks)
        with serve(home) as url:
            goals = [
                *answers(url, token, project),
                *measure(url, token, project, tasks=given.tasks, rounds=given.rounds),
            ]
    print_goals(goals, as_json=given.as_json)
    if not given.as_json:
        print(*(goal.facts for goal in goals if goal.facts), sep="\n")
    sys.exit(any(goal.is_met is False for goal in goals))


if __name__ == "__main__":
    main()
