"""Follows a job's log into the run's folder, from a thread of its own.

Ray sends a log from its beginning; what the folder has of it already is passed over.
"""

from __future__ import annotations

import threading
from pathlib import Path
from urllib.parse import quote

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from synapse_agent.engines.ray.cluster import RayCluster
from synapse_agent.engines.ray.job_log import JobLog

OPEN_SECONDS, LISTEN_SECONDS = 10.0, 1.0
# A line of a log may be long: a result comes as one.
MAX_MESSAGE_BYTES = 64 * 2**20


class LogFollower:
    """One job's log.

    Args:
        cluster: Where it runs.
        job_id: The job.
        mark: What the marks of its run begin with.
        folder: The run's folder.
    """

    def __init__(self, cluster: RayCluster, job_id: str, mark: str, folder: Path) -> None:
        self._cluster, self._job_id, self._folder = cluster, job_id, folder
        self._log, self._size = JobLog(mark), 0
        self._halt = threading.Event()
        self._thread = threading.Thread(target=self._follow, name=f"log-{job_id}", daemon=True)

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End it; nothing is written to the folder afterwards."""
        self._halt.set()
        self._thread.join()

    def _follow(self) -> None:
        url = f"ws{self._cluster.url.removeprefix('http')}/api/jobs/{quote(self._job_id, safe='')}/logs/tail"
        try:
            with connect(
                url,
                additional_headers=self._cluster.headers,
                open_timeout=OPEN_SECONDS,
                close_timeout=1,
                max_size=MAX_MESSAGE_BYTES,
                proxy=None,
                # Compressed, the dashboard's messages do not arrive: it closes the connection at the first one.
                compression=None,
                # Nor does the dashboard answer a ping while it sends a log.
                ping_interval=None,
            ) as socket:
                while not self._halt.is_set():
                    try:
                        text = socket.recv(LISTEN_SECONDS)
                    except TimeoutError:
                        continue
                    self._take(text if isinstance(text, str) else text.decode(errors="replace"))
        except (OSError, WebSocketException):
            # The engine looks every moment whether it goes on, and starts another one.
            return

    def _take(self, text: str) -> None:
        data = self._log.feed(text).encode()
        self._size += len(data)
        append_console(self._folder, data, size=self._size)


def console_path(folder: Path) -> Path:
    """Where a run's output lies."""
    return folder / "console" / f"{0:015d}.log"


def append_console(folder: Path, data: bytes, *, size: int | None = None) -> None:
    """Add what is new.

    Args:
        folder: The run's.
        data: Part of what it printed.
        size: Bytes of its output up to the end of this part; None where the part is all of it.
    """
    end = len(data) if size is None else size
    path = console_path(folder)
    path.parent.mkdir(exist_ok=True, mode=0o700)
    with path.open("ab") as file:
        missing = end - file.tell()
        if missing > 0:
            file.write(data[-missing:])
