"""How a release becomes an image: its name, its Dockerfile, and what the build is given. Pure, but for the tar.

Packages come first and alone, so that a change of the plugin's code does not install them again: the engine keeps that
layer by the content of the requirements.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
from pathlib import Path

from synapse_agent.services.containers.records import AppFacts

OWN_FOLDER = ".synapse"
DOCKERFILE = f"{OWN_FOLDER}/Dockerfile"
_PACKAGES = f"{OWN_FOLDER}/packages"
START = Path(__file__).with_name("app_start.py")
_NAME = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
_GRADIO = re.compile(r"gradio(?![A-Za-z0-9._-])", re.IGNORECASE)
_COMMENT = re.compile(r"(^|\s)#.*$")
# uv takes a tenth of pip's time; a base image need not have it.
_INSTALL = (
    "if command -v uv > /dev/null; then uv pip install --no-cache -r requirements.txt; "
    "else pip install --no-cache-dir -r requirements.txt; fi"
)


# The builder keeps the values of its own proxy arguments out of the image's history, and of all others in it. No tool
# here downloads by FTP, so this one is free to carry the address of the package index, which may hold a password.
INDEX_ARGUMENT = "FTP_PROXY"
_TAKE_INDEX = (
    f'export PIP_INDEX_URL="${INDEX_ARGUMENT}" UV_DEFAULT_INDEX="${INDEX_ARGUMENT}" && unset {INDEX_ARGUMENT} && '
)


def image_name(code: str, version: str) -> str:
    """`synapse-plugin-<code>-<version>`; what an image's name cannot hold is left out, and a hash keeps it apart."""
    wanted = f"synapse-plugin-{code}-{version}"
    if _NAME.fullmatch(wanted) and len(wanted) <= 120:
        return wanted
    plain = re.sub(r"[^a-z0-9]+", "-", wanted.lower())[:100].strip("-")
    return f"{plain}-{hashlib.sha256(wanted.encode()).hexdigest()[:8]}"


def requirement_lines(text: str) -> str:
    """What is to be installed, without comments; Gradio is added where it is missing."""
    lines = [_COMMENT.sub("", line).strip() for line in text.splitlines()]
    lines = [line for line in lines if line]
    if not any(_GRADIO.match(line) for line in lines):
        lines.append("gradio")
    return "\n".join(lines) + "\n"


def packages_hash(base_image: str, folder: Path | None = None) -> str:
    """What is installed for a release, in one word: the same word, the same packages; of the base alone without one."""
    digest = hashlib.sha256(f"{base_image}\n".encode())
    digest.update(requirement_lines("" if folder is None else _requirements_of(folder)).encode())
    for path in [] if folder is None else _beside_requirements(folder):
        digest.update(f"\n{path.name}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def write_dockerfile(app: AppFacts, *, has_index: bool = False) -> str:
    """The text of the Dockerfile."""
    install = f"{_TAKE_INDEX if has_index else ''}{_INSTALL}"
    command = json.dumps(["python", f"/app/{OWN_FOLDER}/start.py", app.file, app.name])
    return f"FROM {app.base_image}\n\nWORKDIR /app\nCOPY {_PACKAGES}/ .\nRUN {install}\nCOPY . .\nCMD {command}\n"


def build_checksum(archive_sha256: str, dockerfile: str) -> str:
    """What an image is made of, in one word: the same word, the same image."""
    content = f"{archive_sha256}\n{dockerfile}\n{hashlib.sha256(START.read_bytes()).hexdigest()}"
    return hashlib.sha256(content.encode()).hexdigest()


def write_context(folder: Path, dockerfile: str, target: Path) -> None:
    """Write the tar that a build is given: the release, and our own folder beside it."""
    with tarfile.open(target, "w") as tar:
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            # It would leave files out of the image that the plugin needs; what not to pack is .synapseignore's to say.
            if name != ".dockerignore" and not name.startswith(f"{OWN_FOLDER}/"):
                _add(tar, name, path)
        for path in _beside_requirements(folder):
            _add(tar, f"{_PACKAGES}/{path.relative_to(folder).as_posix()}", path)
        _add_text(tar, f"{_PACKAGES}/requirements.txt", requirement_lines(_requirements_of(folder)))
        _add_text(tar, DOCKERFILE, dockerfile)
        _add_text(tar, f"{OWN_FOLDER}/start.py", START.read_text())


def _requirements_of(folder: Path) -> str:
    path = folder / "requirements.txt"
    return path.read_text(encoding="utf-8-sig", errors="replace") if path.exists() else ""


def _beside_requirements(folder: Path) -> list[Path]:
    """Files that requirements may name."""
    beside = [path for path in folder.glob("*.txt") if path.name != "requirements.txt"]
    return sorted([*beside, *folder.glob("wheels/*.whl")])


def _add(tar: tarfile.TarFile, name: str, path: Path) -> None:
    entry = tar.gettarinfo(path, arcname=name)
    # Equal content makes an equal layer, whoever unpacked it.
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o755 if path.is_dir() or entry.mode & 0o100 else 0o644
    if path.is_file():
        with path.open("rb") as content:
            tar.addfile(entry, content)
    elif path.is_dir():
        tar.addfile(entry)


def _add_text(tar: tarfile.TarFile, name: str, text: str) -> None:
    content = text.encode()
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o644
    tar.addfile(entry, io.BytesIO(content))
