"""The Python that runs a plugin: its own `.venv`, one made from its requirements, or this one when it has all of them.

An environment is made once per content of the requirements, outside the plugin's folder, and sees this process's
packages behind its own: the SDK is there without being installed again.
"""

from __future__ import annotations

import fcntl
import hashlib
import re
import shutil
import subprocess
import sys
import sysconfig
import threading
import venv
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path

from synapse_sdk.exceptions import BuildError
from synapse_sdk.plugins.config import PluginConfig
from synapse_sdk.plugins.enums import PackageManager
from synapse_sdk.plugins.utils import read_requirements

ENVIRONMENTS_FOLDER = Path(".synapse") / "envs"
INSTALL_SECONDS = 3600
REQUIREMENTS_FILE = "requirements.txt"
_READY = ".ready"
_LINES_IN_ERROR = 8
# An address, or the rest of one that pip tells without its host: "... connection broken by '...': /simple/name/".
_ADDRESS = re.compile(r"(?:\b[a-z][a-z0-9+.-]*://|(?<=': )/)[^\s'\"<>)]+", re.IGNORECASE)


def plugin_python(
    folder: Path,
    config: PluginConfig,
    *,
    notify: Callable[[str], None],
    cache: Path | None = None,
    installer: PackageManager | None = None,
    may_be_ours: bool = True,
) -> Path:
    """Find or make the interpreter for a plugin.

    Args:
        folder: The plugin's folder.
        config: Its configuration.
        notify: Told when an installation starts, since that takes a while, and what the installer says.
        cache: Where environments are kept; `~/.synapse/envs` when None.
        installer: What installs; what the configuration names when None.
        may_be_ours: Whether this process's own interpreter will do, when it has what the requirements ask for.

    Raises:
        BuildError: The requirements cannot be installed.
    """
    installer = installer or config.package_manager
    target = environment_of(folder, config, cache=cache, installer=installer)
    if target is not None and may_be_ours and has_requirements(folder, config):
        return Path(sys.executable)
    if target is None:
        own = folder / ".venv" / "bin" / "python"
        return own if own.exists() else Path(sys.executable)
    target.parent.mkdir(parents=True, exist_ok=True)
    with _locked(target.with_name(f"{target.name}.lock")):
        if not is_built(target):
            requirements = ", ".join(read_requirements(folder / REQUIREMENTS_FILE))
            notify(f"Installing the requirements of {config.code} (once): {_without_addresses(requirements)[:200]}")
            _build(target, folder, config, installer, notify=notify)
    return target / "bin" / "python"


def environment_of(
    folder: Path, config: PluginConfig, *, cache: Path | None = None, installer: PackageManager | None = None
) -> Path | None:
    """Folder of the environment that a plugin's requirements need, built or not; None when it needs none."""
    requirements = read_requirements(folder / REQUIREMENTS_FILE)
    if not requirements or (folder / ".venv" / "bin" / "python").exists():
        return None
    root = cache or Path.home() / ENVIRONMENTS_FOLDER
    return root / _fingerprint(folder, config, requirements, installer or config.package_manager)


def has_requirements(folder: Path, config: PluginConfig) -> bool:
    """Whether this interpreter has what a plugin's requirements ask for, so that nothing need be installed.

    Options of an installer, wheels of the plugin's own, addresses and extras are for an installer to understand.
    """
    if config.package_manager_options or (folder / config.wheels_dir).is_dir():
        return False
    return all(_is_here(line) for line in read_requirements(folder / REQUIREMENTS_FILE))


def _is_here(line: str) -> bool:
    try:
        # Whoever has packages that versions matter to has this, too; without it there is something to install.
        from packaging.requirements import InvalidRequirement, Requirement
    except ImportError:
        return False
    try:
        wanted = Requirement(line)
        if wanted.marker is not None and not wanted.marker.evaluate():
            return True
        has_version = wanted.specifier.contains(metadata.version(wanted.name), prereleases=True)
    except (InvalidRequirement, metadata.PackageNotFoundError):
        return False
    return has_version and wanted.url is None and not wanted.extras


def is_built(environment: Path) -> bool:
    """Whether an environment is whole."""
    return (environment / _READY).exists()


def forget_half_built(cache: Path) -> None:
    """Remove what builds left that were killed; one that still goes on is let alone."""
    for folder in cache.glob("*/"):
        with suppress(BlockingIOError), _locked(folder.with_name(f"{folder.name}.lock"), fcntl.LOCK_NB):
            if not is_built(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _build(
    target: Path, folder: Path, config: PluginConfig, installer: PackageManager, *, notify: Callable[[str], None]
) -> None:
    shutil.rmtree(target, ignore_errors=True)
    try:
        _fill(target, folder, config, installer, notify=notify)
    except BaseException:  # A stop, too, leaves nothing half.
        shutil.rmtree(target, ignore_errors=True)
        raise
    (target / _READY).touch()


def _fill(
    target: Path, folder: Path, config: PluginConfig, installer: PackageManager, *, notify: Callable[[str], None]
) -> None:
    venv.create(target, symlinks=True)
    python = target / "bin" / "python"
    _install(_installer_command(python, folder, config, installer), folder, config, notify=notify)
    # Written last: its own packages come first on the path, and pip did not see ours.
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    behind = "".join(f"import site; site.addsitedir({path!r})\n" for path in _our_packages())
    (target / "lib" / version / "site-packages" / "zz_synapse.pth").write_text(behind, encoding="utf-8")


def _installer_command(python: Path, folder: Path, config: PluginConfig, installer: PackageManager) -> list[str]:
    if installer is PackageManager.UV:
        # Its cache would bring back an older wheel of the same file name.
        command = [sys.executable, "-m", "uv", "pip", "install", "--no-cache", "--no-progress", "--python", str(python)]
    else:
        command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    command += [*config.package_manager_options, "-r", REQUIREMENTS_FILE]
    return command + (["--find-links", config.wheels_dir] if (folder / config.wheels_dir).is_dir() else [])


def _install(command: list[str], folder: Path, config: PluginConfig, *, notify: Callable[[str], None]) -> None:
    last: deque[str] = deque(maxlen=_LINES_IN_ERROR)
    process = subprocess.Popen(  # noqa: S603 - a plugin's requirements are its author's to name.
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    # An installer that hangs prints nothing: the time is kept beside the reading.
    timer = threading.Timer(INSTALL_SECONDS, process.kill)
    timer.start()
    try:
        with process:
            assert process.stdout is not None
            for line in process.stdout:
                if line.strip() and not line.startswith("Using Python"):
                    last.append(_without_addresses(line.rstrip()))
                    notify(last[-1])
    finally:
        process.kill()
        has_time_left = timer.is_alive()
        timer.cancel()
    if not has_time_left:
        raise BuildError(f"Installing the requirements of {config.code} took over {INSTALL_SECONDS} s")
    if process.returncode:
        said = "\n".join(f"  {line}" for line in last)
        raise BuildError(f"The requirements of {config.code} ({REQUIREMENTS_FILE}) cannot be installed:\n{said}")


def _without_addresses(line: str) -> str:
    """An index may be private, and its address hold a password."""
    return _ADDRESS.sub("<address>", line)


def _fingerprint(folder: Path, config: PluginConfig, requirements: list[str], installer: PackageManager) -> str:
    wheels = sorted((folder / config.wheels_dir).glob("*.whl"))
    parts = [sys.version, sys.prefix, installer, *config.package_manager_options, *requirements]
    digest = hashlib.sha256("\0".join(parts).encode())
    for wheel in wheels:
        digest.update(wheel.name.encode() + b"\0" + hashlib.sha256(wheel.read_bytes()).digest())
    return f"{config.code}-{digest.hexdigest()[:16]}"


def _our_packages() -> list[str]:
    return list(dict.fromkeys(sysconfig.get_path(kind) for kind in ("purelib", "platlib")))


@contextmanager
def _locked(path: Path, more: int = 0) -> Iterator[None]:
    """Two runs that start at once build an environment once."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX | more)
        yield
