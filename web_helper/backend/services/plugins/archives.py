"""What a plugin's archive says of itself, for those who send nothing but the archive.

The plugin's code is not run here: a release that comes like this has its actions, but no schema of their parameters.
"""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import yaml

from synapse_sdk.exceptions import ConfigurationError
from synapse_sdk.plugins.config import PluginConfig
from synapse_sdk.utils.file.plugin_config import CONFIG_FILE_NAMES, MAX_CONFIG_BYTES, read_plugin_config
from synapse_sdk.wire.plugins import PluginReleaseCreate
from web_helper.backend.core.problems import ValidationProblem

FIELD = "file"


def check_archive(content: BinaryIO) -> None:
    """Refuse what is no zip, or would write outside the folder that it is unpacked into."""
    try:
        with zipfile.ZipFile(content) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as exc:
        raise ValidationProblem.of_field(FIELD, "is not a zip archive.") from exc
    for name in names:
        path = PurePosixPath(name.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in name:
            raise ValidationProblem.of_field(FIELD, "holds a path that leaves the plugin's folder.")


def describe_archive(content: BinaryIO, *, debug: bool) -> PluginReleaseCreate:
    """The release that an archive is, by the configuration in it.

    Raises:
        ValidationProblem: It has no configuration that can be used.
    """
    try:
        with zipfile.ZipFile(content) as archive:
            config = PluginConfig.from_dict(_read_config(archive)).to_dict()
    except ConfigurationError as exc:
        raise ValidationProblem.of_field(FIELD, f"{exc}.") from exc
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as exc:
        raise ValidationProblem.of_field(FIELD, "holds a configuration that cannot be unpacked.") from exc
    return PluginReleaseCreate(plugin=config["code"], version=config["version"], config=config, debug=debug)


def _read_config(archive: zipfile.ZipFile) -> dict[str, Any]:
    found = [name for name in CONFIG_FILE_NAMES if name in archive.namelist()]
    if len(found) != 1:
        wanted = " or ".join(CONFIG_FILE_NAMES)
        raise ConfigurationError(f"the archive has no {wanted} at its top: pack what is in the folder, not the folder")
    with archive.open(found[0]) as file:
        # What the archive says about the size is not believed.
        content = file.read(MAX_CONFIG_BYTES + 1)
    with tempfile.TemporaryDirectory(prefix="synapse-release-") as folder:
        path = Path(folder) / found[0]
        path.write_bytes(content)
        _refuse_aliases(content)
        try:
            return read_plugin_config(path)
        except ConfigurationError as exc:
            # Its message names our folder, which means nothing to who sent the archive.
            raise ConfigurationError(str(exc).replace(f"{folder}/", "")) from exc


def _refuse_aliases(content: bytes) -> None:
    """A few lines of aliases can stand for more than any memory holds."""
    try:
        has_alias = any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(content, Loader=yaml.SafeLoader))
    except (yaml.YAMLError, ValueError, RecursionError):
        return
    if has_alias:
        raise ConfigurationError("its configuration has YAML aliases; write them out, or use `synapse plugin publish`")
