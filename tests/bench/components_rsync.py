"""An rsync daemon on this machine that serves a tree, for what keeping components is held against.

It needs Debian's `rsync` (`apt-get install rsync`); without it nothing is measured, and that is said.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MISSING = "rsync is not on this machine, so nothing is held against it: apt-get install rsync"
START_SECONDS = 20.0
_RECEIVED = re.compile(r"Total bytes received: ([\d,]+)")


class Rsync:
    """A client of the daemon."""

    def __init__(self, program: str, port: int) -> None:
        self._program, self._source = program, f"rsync://127.0.0.1:{port}/tree/"
        self.received = 0

    def fetch(self, target: Path) -> None:
        """Bring a copy up to date, with what the kit needs and nothing else; counts the bytes that came."""
        command = [self._program, "-a", "--stats", "--include=/cvlabkit/***", "--exclude=*", self._source, f"{target}/"]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found = _RECEIVED.search(done.stdout)
        assert found is not None, done.stdout
        self.received = int(found[1].replace(",", ""))


@contextmanager
def open_rsync(folder: Path, tree: Path) -> Iterator[Rsync | None]:
    """A daemon for `tree`, until the block ends; None where there is no rsync."""
    program = shutil.which("rsync")
    if program is None:
        print(MISSING, file=sys.stderr)
        yield None
        return
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = folder / "rsyncd.conf"
    # Started by root, it would become `nobody`, who may not read the folder.
    owner = f"uid = {os.getuid()}\ngid = {os.getgid()}\n" if os.getuid() == 0 else ""
    config.write_text(f"use chroot = no\n{owner}[tree]\npath = {tree}\nread only = yes\n")
    command = [program, "--daemon", "--no-detach", f"--config={config}", "--address=127.0.0.1", f"--port={port}"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as daemon:
        try:
            _await(port)
            yield Rsync(program, port)
        finally:
            daemon.terminate()


def _await(port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1.0).close()
        except ConnectionRefusedError:
            assert time.monotonic() < deadline, "the rsync daemon did not start"
            time.sleep(0.05)
        else:
            return
