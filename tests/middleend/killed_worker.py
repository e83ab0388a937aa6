"""A worker that is killed at a chosen point of a job, as by SIGKILL, and counts the points that it passes.

    python -m tests.middleend.killed_worker FOLDER URL COUNT_FILE POINT

Points lie before and after everything that writes, sends or starts something.
"""

import os
import signal
import sys
import threading
from pathlib import Path

from synapse_sdk.clients.components import ComponentClient
from synapse_sdk.clients.devices import DeviceClient
from web_helper.middleend.device_agent import DeviceAgent, HostRecord, WorkerSettings
from web_helper.middleend.worker import device_agent, job
from web_helper.middleend.worker.child.run_process import RunProcess
from web_helper.middleend.worker.content_cache import ContentCache
from web_helper.middleend.worker.run_store import RunStore

STEPS = [
    (DeviceClient, "next_job"), (RunStore, "take"), (RunStore, "save"), (ComponentClient, "negotiate"),
    (ContentCache, "add"), (job, "build_tree"), (job, "verify_tree"), (DeviceClient, "start"), (RunProcess, "start"),
    (DeviceClient, "send_log"), (DeviceClient, "send_metrics"), (DeviceClient, "complete"), (RunStore, "close"),
]  # fmt: skip


class Points:
    """Counts, one line of a file for each, and kills at the chosen one."""

    def __init__(self, file: Path, chosen: int):
        self.file, self.chosen, self.count = file, chosen, 0
        self.lock = threading.Lock()

    def reach(self, name: str):
        with self.lock:
            self.count += 1
            with self.file.open("a") as file:
                file.write(f"{name}\n")
            if self.count == self.chosen:
                os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, place, name: str):
        real = getattr(place, name)

        def step(*arguments, **options):
            # Asking in vain happens any number of times.
            if name != "next_job":
                self.reach(f"before {name}")
            answer = real(*arguments, **options)
            if answer is not None or name != "next_job":
                self.reach(f"after {name}")
            return answer

        setattr(place, name, step)


def main(folder: str, url: str, key: str, file: str, chosen: str):
    points = Points(Path(file), int(chosen))
    for place, name in STEPS:
        points.watch(place, name)
    # What is printed and measured goes in one piece, so that the points are the same each time.
    job.LOOK_SECONDS = 0.1
    job.RunDeltas.send = _at_the_end(job.RunDeltas.send)
    settings = WorkerSettings(url, Path(folder), heartbeat_seconds=0.5, poll_seconds=0.1)
    agent = DeviceAgent(settings, HostRecord(Path(folder).name, url, key), lambda event, **_: _stop_at_end(event))
    globals()["_agent"] = agent
    agent.run()


def _at_the_end(real):
    def send(deltas):
        log = deltas._streams["log"][0]
        return real(deltas) if (log.parent / "exit.json").exists() else False

    return send


def _stop_at_end(event: str):
    if event == "run_ended":
        globals()["_agent"].stop()


assert device_agent  # The module whose names are watched through `job`.
if __name__ == "__main__":
    main(*sys.argv[1:])
