"""What travels to a cluster with a run: the plugin's folder, its requirements, and the request itself.

Ray shows `env_vars` of a job to everybody who can open its dashboard. Keys therefore go into a file of the packed
folder, which the run removes once it has read it.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import synapse_sdk
from synapse_sdk.plugins.enums import PackageManager
from synapse_sdk.plugins.executors import job_protocol
from synapse_sdk.plugins.executors.environment import REQUIREMENTS_FILE
from synapse_sdk.plugins.executors.job_protocol import RunRequest
from synapse_sdk.plugins.utils import read_requirements
from synapse_sdk.utils.auth import ENV_RUN_USER_TOKEN, ENV_SYNAPSE_ACCESS_TOKEN
from synapse_sdk.utils.file.archive import create_archive

SECRET_VARIABLES = frozenset({ENV_SYNAPSE_ACCESS_TOKEN, ENV_RUN_USER_TOKEN})
_PARAMS_NAME, _ENV_NAME, _CONFIG_NAME = ".synapse_params.json", ".synapse_env.json", ".synapse_config.json"
_WHEELS_ROOT = "${RAY_RUNTIME_ENV_CREATE_WORKING_DIR}"


@dataclass(frozen=True)
class Dependencies:
    """How a plugin's requirements are installed on the cluster."""

    requirements_file: str = REQUIREMENTS_FILE
    package_manager: PackageManager = PackageManager.PIP
    options: tuple[str, ...] = ()
    wheels_dir: str = "wheels"


def pack_run(working_dir: Path, target: Path, request: RunRequest, env: Mapping[str, str]) -> dict[str, str]:
    """Pack a plugin's folder together with one request.

    Args:
        working_dir: The plugin's folder.
        target: The zip to write.
        request: What is to be run.
        env: Variables of the run, keys included.

    Returns:
        The variables that may be seen by others.

    Raises:
        ArchiveError: The folder cannot be packed.
    """
    create_archive(working_dir, target)
    secrets = {name: value for name, value in env.items() if name in SECRET_VARIABLES}
    shown = {name: value for name, value in env.items() if name not in SECRET_VARIABLES}
    shown[job_protocol.ENTRYPOINT] = request.entrypoint
    shown |= {job_protocol.NAME: request.action} if request.action else {}
    shown |= {job_protocol.JOB_ID: request.job_id} if request.job_id else {}
    files = {_PARAMS_NAME: request.params, _CONFIG_NAME: request.config, _ENV_NAME: secrets}
    variables = (job_protocol.PARAMS_FILE, job_protocol.CONFIG_FILE, job_protocol.ENV_FILE)
    with zipfile.ZipFile(target, "a") as archive:
        for (name, content), variable in zip(files.items(), variables, strict=True):
            archive.writestr(name, json.dumps(content))
            shown[variable] = name
    return shown


def build_runtime_env(
    given: Mapping[str, Any], working_dir: Path | None, dependencies: Dependencies, *, include_sdk: bool
) -> dict[str, Any]:
    """A run's environment on the cluster: what the plugin's configuration says, and its requirements.

    Lines of the requirements that start with `-` become options of the installer.

    Args:
        given: `runtime_env` of the plugin's configuration; what it names itself wins.
        working_dir: The plugin's folder.
        dependencies: How to install its requirements.
        include_sdk: Send this SDK along, for a cluster that has none.
    """
    made: dict[str, Any] = dict(given)
    if working_dir is not None and not {"pip", "uv", "conda"} & set(made):
        made |= _installed(working_dir, dependencies)
    if include_sdk:
        made["py_modules"] = [*made.get("py_modules", ()), str(Path(synapse_sdk.__path__[0]))]
    return made


def _installed(folder: Path, dependencies: Dependencies) -> dict[str, Any]:
    lines = read_requirements(folder / dependencies.requirements_file)
    options = [word for line in lines if line.startswith("-") for word in line.split()]
    packages = [line for line in lines if not line.startswith("-")]
    wheels = sorted((folder / dependencies.wheels_dir).glob("*.whl"))
    # Before the names that ask for them: pip looks a name up elsewhere unless it has met its wheel.
    packages = [f"{_WHEELS_ROOT}/{dependencies.wheels_dir}/{wheel.name}" for wheel in wheels] + packages
    if not packages:
        return {}
    manager = dependencies.package_manager
    # The defaults are those of the contract: a cluster's node keeps what was installed for others.
    default = ["--no-cache"] if manager is PackageManager.UV else ["--upgrade"]
    key = "uv_pip_install_options" if manager is PackageManager.UV else "pip_install_options"
    return {manager.value: {"packages": packages, key: [*(dependencies.options or default), *options]}}
