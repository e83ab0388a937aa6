"""A container engine of plain processes: what it builds it unpacks, what it starts is a child process.

It passes the same tests as Docker (`test_containers.py`), so tests that need no isolation run on it.
"""

import os
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from synapse_agent.engines.docker.protocol import (
    BuildOrder,
    Container,
    ContainerOrder,
    EngineAwayError,
    EngineError,
    EngineInfo,
    Image,
    ImageBuildError,
    NoContainerError,
    PortTakenError,
    RunState,
    Usage,
)

BASE = "process-base"
OWN_COMMAND = ["-u", ".synapse/start.py", "plugin/gradio_interface.py", "app"]


@dataclass
class Box:
    order: ContainerOrder
    image: Image
    folder: Path
    name: str
    process: subprocess.Popen | None = None
    reader: threading.Thread | None = None
    is_paused: bool = False
    lines: list[tuple[str, str]] = field(default_factory=list)

    @property
    def state(self) -> RunState:
        if self.process is None:
            return RunState.CREATED
        if self.process.poll() is not None:
            # As with Docker, what it printed last is there by then; a process that it left may hold its output open.
            self.reader.join(1)
            return RunState.EXITED
        return RunState.PAUSED if self.is_paused else RunState.RUNNING


class ProcessEngine:
    def __init__(self, folder: Path):
        self.folder, self.is_away = folder, False
        self.images: dict[str, Image] = {BASE: Image("sha-base", {})}
        self.places: dict[str, Path] = {}
        self.boxes: dict[str, Box] = {}
        self.builds = 0
        # What a test says that a container used.
        self.received: dict[str, int] = {}
        self.cpu_seconds: dict[str, float] = {}
        self.unread: dict[str, int] = {}
        self._lock = threading.Lock()

    def describe(self) -> EngineInfo:
        self.ping()
        return EngineInfo("processes", "1")

    def ping(self):
        if self.is_away:
            raise EngineAwayError("No container engine answers: it was taken away by the test.")

    def find_image(self, reference: str) -> Image | None:
        self.ping()
        return next((image for tag, image in self.images.items() if reference in {tag, image.id}), None)

    def list_images(self, labels: Mapping[str, str]) -> list[Image]:
        self.ping()
        found = {image.id: image for image in self.images.values() if labels.items() <= image.labels.items()}
        return [
            replace(image, tags=tuple(f"{tag}:latest" for tag, own in self.images.items() if own.id == image.id))
            for image in found.values()
        ]

    def build_image(self, order: BuildOrder, write: Callable[[str], None]) -> None:
        self.ping()
        self.builds += 1
        image_id = f"sha-{uuid.uuid4().hex}"
        folder = self.folder / image_id
        with order.context() as context, tarfile.open(fileobj=context) as tar:
            tar.extractall(folder, filter="data")
        for line in (folder / order.dockerfile).read_text().splitlines():
            write(line)
        packages = (folder / ".synapse/packages/requirements.txt").read_text()
        if "no-such-package" in packages:
            reason = "Because no-such-package was not found in the package registry, nothing can be installed"
            write(reason)
            raise ImageBuildError(f"The step `RUN pip install` failed.\n{reason}")
        self.places[image_id] = folder
        self.images[order.tag] = Image(image_id, dict(order.labels), created=time.time())

    def forget_image(self, image_id: str) -> None:
        # Its files are the test's to remove.
        if not any(box.image.id == image_id for box in self.boxes.values()):
            self.images = {tag: image for tag, image in self.images.items() if image.id != image_id}

    def create(self, order: ContainerOrder) -> str:
        image = self.find_image(order.image)
        if image is None:
            raise EngineError(f"No such image: {order.image}")
        container_id = uuid.uuid4().hex * 2
        place = self.places.get(image.id)
        if order.command or place is None:
            place = self.folder / container_id
            place.mkdir(parents=True)
        self.boxes[container_id] = Box(order, image, place, f"quiet_{container_id[:6]}")
        return container_id

    def start(self, container_id: str) -> None:
        box = self._find(container_id)
        if box.state in {RunState.RUNNING, RunState.PAUSED}:
            return
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((box.order.host_address, box.order.host_port))
            except OSError as exc:
                raise PortTakenError("port is already allocated") from exc
        env = {**box.order.env, "GRADIO_SERVER_PORT": str(box.order.host_port), "PATH": os.environ["PATH"]}
        command = ["-u", *box.order.command[1:]] if box.order.command else OWN_COMMAND
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=box.folder,
            env=env,
            stdin=subprocess.PIPE if box.order.command else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        box.reader = threading.Thread(target=self._read, args=(box, process), daemon=True)
        box.reader.start()
        box.process = process

    def hand_over(self, container_id: str, content: bytes) -> None:
        box = self._find(container_id)
        if box.state is not RunState.RUNNING:
            raise EngineError("Container is not running")
        try:
            box.process.stdin.write(content)
            box.process.stdin.close()
        except OSError as exc:
            raise EngineError("Container is not running") from exc

    def keep_running(self, container_id: str) -> None:
        self._find(container_id)

    def stop(self, container_id: str, seconds: int) -> None:
        self.ping()
        if container_id in self.boxes:
            self._end(self.boxes[container_id])

    def pause(self, container_id: str) -> None:
        box = self._find(container_id)
        if box.state is not RunState.RUNNING:
            raise EngineError("Container is not running")
        box.process.send_signal(signal.SIGSTOP)
        box.is_paused = True

    def unpause(self, container_id: str) -> None:
        box = self._find(container_id)
        box.process.send_signal(signal.SIGCONT)
        box.is_paused = False

    def remove(self, container_id: str) -> None:
        self.ping()
        box = self.boxes.pop(container_id, None)
        if box is not None:
            self._end(box)

    def inspect(self, container_id: str) -> Container | None:
        self.ping()
        box = self.boxes.get(container_id)
        if box is None:
            return None
        code = box.process.poll() if box.process else 0
        attrs = {"Id": container_id, "HostConfig": {"ReadonlyRootfs": False}}
        return Container(container_id, box.name, box.state, box.order.labels, code or 0, attrs)

    def find_labelled(self, labels: Mapping[str, str]) -> list[Container]:
        self.ping()
        found = [self.inspect(container_id) for container_id in list(self.boxes)]
        return [each for each in found if each and labels.items() <= each.labels.items()]

    def read_log(self, container_id: str, tail: int, since: str = "") -> list[tuple[str, str]]:
        return [line for line in self._find(container_id).lines[-tail:] if line[0] > since]

    def listening_ports(self, container_id: str) -> list[int]:
        return [9999] if "9999" in (self._find(container_id).folder / "plugin/gradio_interface.py").read_text() else []

    def usage(self, container_id: str) -> Usage | None:
        return Usage(self.received.get(container_id, 0), self.cpu_seconds.get(container_id, 0.0))

    def waiting(self, container_id: str, port: int) -> int | None:
        return self.unread.get(container_id)

    def close(self):
        for container_id in list(self.boxes):
            self.remove(container_id)

    def _find(self, container_id: str) -> Box:
        self.ping()
        if container_id not in self.boxes:
            raise NoContainerError(f"No such container: {container_id}")
        return self.boxes[container_id]

    def _read(self, box: Box, process: subprocess.Popen):
        for line in process.stdout:
            moment = datetime.now(UTC).isoformat(timespec="microseconds")
            box.lines.append((moment, line.decode(errors="replace").rstrip("\n")))
        process.stdout.close()

    def _end(self, box: Box):
        if box.process is None:
            return
        if box.process.poll() is None:
            box.process.send_signal(signal.SIGCONT)
            box.process.terminate()
            try:
                box.process.wait(1)
            except subprocess.TimeoutExpired:
                box.process.kill()
        box.process.wait()
        if box.process.stdin is not None:
            with suppress(OSError):
                box.process.stdin.close()
        box.reader.join(1)
