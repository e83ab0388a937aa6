"""A root file system of this host's own Python, the libraries that it needs and a few tools, as a tar file.

For hosts that reach no Debian mirror: nothing is downloaded. Usage: `python3 host_root.py root.tar`.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterator
from pathlib import Path

TOOLS = (
    *("sh", "env", "cat", "ls", "mkdir", "rm", "cp", "mv", "ln"),
    *("chmod", "chown", "id", "sleep", "true", "uname", "touch", "test"),
)
LOADED_LATE = (
    "lib/*-linux-gnu/libnss_*.so*",
    "lib/*-linux-gnu/libdl.so.2",
    "lib/*-linux-gnu/libm.so.6",
    "lib/*-linux-gnu/libpthread.so.0",
    "lib/*-linux-gnu/libresolv.so.2",
    "lib/*-linux-gnu/librt.so.1",
    "lib/*-linux-gnu/libutil.so.1",
    "lib64/ld-*.so*",
    "lib/ld-*.so*",
    "usr/lib/*-linux-gnu/libgcc_s.so.1",
    "usr/lib/*-linux-gnu/libstdc++.so.6",
    "usr/lib/*-linux-gnu/libgomp.so.1",
)
LEFT_OUT = re.compile(
    r"/(test|tests|idlelib|turtledemo|lib2to3|site-packages|dist-packages|__pycache__|config-[^/]*)(/|$)|\.a$"
)
FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
    "etc/nsswitch.conf": "hosts: files dns\n",
}
EMPTY_FOLDERS = ("etc/ssl/certs", "root", "var/tmp", "proc", "sys", "dev")


class RootTar:
    """A tar file to which each path is added once, with the folders above it."""

    def __init__(self, path: str) -> None:
        self._tar = tarfile.open(path, "w")  # noqa: SIM115 - closed by `close`.
        self._seen: set[str] = set()
        # Where /lib is a link to /usr/lib, both must be the same in the image.
        self._links = [name for name in ("bin", "sbin", "lib", "lib64") if Path("/", name).is_symlink()]
        for name in self._links:
            self.folder(f"usr/{name}")
            self.link(name, f"usr/{name}")

    def file(self, source: Path) -> None:
        name = self._place(source.as_posix().lstrip("/"))
        if name not in self._seen:
            self.folder(os.path.dirname(name))  # noqa: PTH120 - a name in the tar, not a path of this host.
            self._seen.add(name)
            self._tar.add(source.resolve(), arcname=name, recursive=False)

    def folder(self, name: str, mode: int = 0o755) -> None:
        name = name.strip("/")
        if name and name not in self._seen:
            self.folder(os.path.dirname(name))  # noqa: PTH120
            self._seen.add(name)
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            self._tar.addfile(entry)

    def link(self, name: str, target: str) -> None:
        self._seen.add(name)
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = tarfile.SYMTYPE, target
        self._tar.addfile(entry)

    def text(self, name: str, content: str) -> None:
        self.folder(os.path.dirname(name))  # noqa: PTH120
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = len(content), 0o644
        self._tar.addfile(entry, io.BytesIO(content.encode()))

    def close(self) -> None:
        self._tar.close()

    def _place(self, name: str) -> str:
        return f"usr/{name}" if name.partition("/")[0] in self._links else name


def libraries_of(program: Path) -> Iterator[Path]:
    """Shared libraries that a program or library is linked with."""
    listed = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=False).stdout  # noqa: S603, S607
    yield from (Path(found) for found in re.findall(r"(/[^ ]+) \(0x", listed))


def python_files(python: Path) -> Iterator[Path]:
    """The interpreter, its own library, and its standard library."""
    version = sysconfig.get_python_version()
    yield python
    yield from Path(sys.base_prefix).resolve().glob(f"lib/libpython{version}*.so*")
    for folder, folders, names in os.walk(sysconfig.get_path("stdlib")):
        if LEFT_OUT.search(f"{folder}/"):
            folders.clear()
            continue
        yield from (Path(folder, name) for name in names if not LEFT_OUT.search(f"{folder}/{name}"))


def main() -> None:
    tar = RootTar(sys.argv[1])
    python = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    programs = [Path(found) for tool in TOOLS if (found := shutil.which(tool))] + [Path("/bin/sh"), python]
    modules = list(Path(sysconfig.get_path("stdlib"), "lib-dynload").glob("*.so"))
    late = [found for pattern in LOADED_LATE for found in Path("/").glob(pattern)]
    needed = [found for program in [*programs, *modules] for found in libraries_of(program)]
    for path in sorted({*programs, *late, *needed, *python_files(python)}):
        if path.is_file():
            tar.file(path)
    tar.folder("usr/local/bin")
    for name in ("python3", "python"):
        if python != Path("/usr/local/bin", name):
            tar.link(f"usr/local/bin/{name}", str(python))
    for name, content in FILES.items():
        tar.text(name, content)
    for name in EMPTY_FOLDERS:
        tar.folder(name)
    tar.folder("tmp", 0o1777)
    tar.close()


if __name__ == "__main__":
    main()
