"""The Python that runs a plugin: its own `.venv`, one made from its requirements, or this one when it needs nothing.

An environment is made once per content of the requirements, outside the plugin's folder, and sees this process's
packages behind its own: the SDK is there without being installed again.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from synapse_sdk.exceptions import BuildError
from synapse_sdk.plugins.config import PluginConfig
from synapse_sdk.plugins.enums import PackageManager
from synapse_sdk.plugins.utils import read_requirements

ENVIRONMENTS_FOLDER = Path(".synapse") / "envs"
INSTALL_SECONDS = 3600
REQUIREMENTS_FILE = "requirements.txt"
_READY = ".ready"


def plugin_python(
    folder: Path, config: PluginConfig, *, notify: Callable[[str], None], cache: Path | None = None
) -> Path:
    """Find or make the interpreter for a plugin.

    Args:
        folder: The plugin's folder.
        config: Its configuration.
        notify: Told when an installation starts, since that takes a while.
        cache: Where environments are kept; `~/.synapse/envs` when None.

    Raises:
        BuildError: The requirements cannot be installed.
    """
    own = folder / ".venv" / "bin" / "python"
    if own.exists():
        return own
    requirements = read_requirements(folder / REQUIREMENTS_FILE)
    if not requirements:
        return Path(sys.executable)
    root = cache or Path.home() / ENVIRONMENTS_FOLDER
    target = root / _fingerprint(folder, config, requirements)
    root.mkdir(parents=True, exist_ok=True)
    with _locked(root / f"{target.name}.lock"):
        if not (target / _READY).exists():
            notify(f"Installing the requirements of {config.code} (once): {', '.join(requirements)[:200]}")
            _build(target, folder, config)
    return target / "bin" / "python"


def _build(target: Path, folder: Path, config: PluginConfig) -> None:
    shutil.rmtree(target, ignore_errors=True)
    venv.create(target, symlinks=True)
    python = target / "bin" / "python"
    _install(python, folder, config)
    # Written last: its own packages come first on the path, and pip did not see ours.
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    behind = "".join(f"import site; site.addsitedir({path!r})\n" for path in _our_packages())
    (target / "lib" / version / "site-packages" / "zz_synapse.pth").write_text(behind, encoding="utf-8")
    (target / _READY).touch()


def _install(python: Path, folder: Path, config: PluginConfig) -> None:
    if config.package_manager is PackageManager.UV:
        # Its cache would bring back an older wheel of the same file name.
        command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-cache", "--python", str(python)]
    else:
        command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    command += [*config.package_manager_options, "-r", REQUIREMENTS_FILE]
    if (folder / config.wheels_dir).is_dir():
        command += ["--find-links", config.wheels_dir]
    try:
        done = subprocess.run(  # noqa: S603 - a plugin's requirements are its author's to name.
            command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as exc:
        raise BuildError(f"Installing the requirements of {config.code} took over {INSTALL_SECONDS} s") from exc
    if done.returncode:
        said = "\n".join(f"  {line}" for line in done.stderr.strip().splitlines()[-8:])
        raise BuildError(f"The requirements of {config.code} ({REQUIREMENTS_FILE}) cannot be installed:\n{said}")


def _fingerprint(folder: Path, config: PluginConfig, requirements: list[str]) -> str:
    wheels = sorted((folder / config.wheels_dir).glob("*.whl"))
    parts = [sys.version, sys.prefix, config.package_manager, *config.package_manager_options, *requirements]
    digest = hashlib.sha256("\0".join(parts).encode())
    for wheel in wheels:
        digest.update(wheel.name.encode() + b"\0" + hashlib.sha256(wheel.read_bytes()).digest())
    return f"{config.code}-{digest.hexdigest()[:16]}"


def _our_packages() -> list[str]:
    return list(dict.fromkeys(sysconfig.get_path(kind) for kind in ("purelib", "platlib")))


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Two runs that start at once build an environment once."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
