"""Places for files behind one path-like interface: a folder of this machine, or an S3-compatible object store.

Every path is inside its storage: `..`, absolute escapes and links that lead out are refused, because paths come from
parameters and from data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from synapse_sdk.exceptions import StorageError
from synapse_sdk.utils.file.download import download_file
from synapse_sdk.utils.object_store import check_bucket, upload_file

# Stores beside Amazon's take any region's name; most say it is this one.
DEFAULT_REGION = "us-east-1"
_LOCAL = frozenset({"local", "file_system"})
_S3 = frozenset({"s3", "amazon_s3", "minio", "digital_ocean"})
_REFUSED = {
    "gcs": "Google Cloud Storage",
    "gs": "Google Cloud Storage",
    "gcp": "Google Cloud Storage",
    "azure": "Azure Blob Storage",
    "sftp": "SFTP",
    "ftp": "FTP",
    "http": "read-only HTTP",
    "https": "read-only HTTP",
    "synology": "Synology Drive",
    "synology_drive": "Synology Drive",
}


class Storage(Protocol):
    """One place for files."""

    def get_pathlib(self, path: str) -> Any:
        """The path inside the storage, as `pathlib.Path` or `upath.UPath`."""

    def upload(self, path: str | Path, target: str) -> str:
        """Copy a local file into the storage and return its address."""

    def exists(self, target: str) -> bool:
        """Whether there is something under this path."""

    def get_url(self, target: str) -> str:
        """The address of a path: `file://…` or `s3://…`."""


class _PathStorage:
    """What every storage with a path-like interface shares."""

    def get_pathlib(self, path: str) -> Any:
        raise NotImplementedError

    def upload(self, path: str | Path, target: str) -> str:
        destination = self.get_pathlib(target)
        try:
            if isinstance(destination, Path):
                destination.parent.mkdir(parents=True, exist_ok=True)
                download_file(Path(path), destination)
                return self.get_url(target)
            upload_file(Path(path), destination)
        except OSError as exc:
            raise StorageError(f"{Path(path).name} could not be stored: {exc.strerror or exc}.") from exc
        return self.get_url(target)

    def exists(self, target: str) -> bool:
        path = self.get_pathlib(target)
        try:
            return bool(path.exists())
        except OSError as exc:
            raise StorageError(f"{path.name} could not be looked for: {exc.strerror or type(exc).__name__}.") from exc

    def get_url(self, target: str) -> str:
        path = self.get_pathlib(target)
        return path.as_uri() if isinstance(path, Path) else str(path)


class LocalStorage(_PathStorage):
    """A folder of this machine, the configuration's `location`.

    Raises:
        StorageError: `location` is missing or not absolute.
    """

    def __init__(self, configuration: Mapping[str, Any]) -> None:
        location = Path(_required(configuration, "location", "file_system"))
        if not location.is_absolute():
            raise StorageError(f"The storage's location {str(location)!r} is not absolute. Give the whole path.")
        self._root = location

    def get_pathlib(self, path: str) -> Path:
        target = self._root.joinpath(*_safe_parts(path))
        # Links inside the folder may point anywhere.
        if not target.resolve().is_relative_to(self._root.resolve()):
            raise StorageError(f"{path!r} leads out of its storage. Name a path inside it.")
        return target


class S3Storage(_PathStorage):
    """A bucket of an S3-compatible store.

    Configuration: `bucket_name`, and optionally `access_key` and `secret_key` (without them, those that Amazon's tools
    find on this machine: environment variables, a profile, its role), `region_name`, `endpoint_url`, `root_path`.

    Raises:
        StorageError: The configuration is incomplete, or the optional packages are not installed.
    """

    def __init__(self, configuration: Mapping[str, Any]) -> None:
        if find_spec("upath") is None:
            raise StorageError("S3 storages need more packages. Run: pip install 'synapse-platform[s3]'")
        from synapse_sdk.utils.s3.bucket import Connection
        from synapse_sdk.utils.s3.filesystem import open_bucket

        bucket = _required(configuration, "bucket_name", "s3")
        keys = {name: configuration.get(name) or None for name in ("access_key", "secret_key")}
        if any(keys.values()):
            keys = {name: _required(configuration, name, "s3") for name in keys}
        region = str(configuration.get("region_name") or DEFAULT_REGION)
        endpoint_url = configuration.get("endpoint_url") or None
        root = open_bucket(Connection(bucket, **keys, region=region, endpoint_url=endpoint_url))
        self._root = root.joinpath(*_safe_parts(configuration.get("root_path") or ""))

    def get_pathlib(self, path: str) -> Any:
        return self._root.joinpath(*_safe_parts(path))


def get_storage(config: Any) -> Storage:
    """Open a storage.

    Args:
        config: `{"provider": …, "configuration": {…}}`, or an object with these attributes.

    Raises:
        StorageError: The provider is not supported, or its configuration is incomplete.
    """
    provider, configuration = _read_config(config)
    if provider in _LOCAL:
        return LocalStorage(configuration)
    if provider in _S3:
        return S3Storage(configuration)
    name = _REFUSED.get(provider, repr(provider))
    raise StorageError(f"{name} is not supported as a storage. Use file_system, or s3 for an S3-compatible store.")


def check_storage(config: Any) -> None:
    """Make sure that a storage can be used: a folder is made, a bucket must be there.

    Raises:
        StorageError: The storage cannot be opened; the message says what to change.
    """
    root = get_pathlib(config, "")
    try:
        if isinstance(root, Path):
            root.mkdir(parents=True, exist_ok=True)
        else:
            check_bucket(root)
    except OSError as exc:
        raise StorageError(f"The storage cannot be opened: {exc.strerror or type(exc).__name__}.") from exc


def get_pathlib(config: Any, path: str) -> Any:
    """A path inside a storage, as `pathlib.Path` (file_system) or `upath.UPath` (s3).

    Raises:
        StorageError: The storage cannot be opened, or the path leads out of it.
    """
    return get_storage(config).get_pathlib(path)


def get_path_file_count(config: Any, path: str) -> int:
    """Files under a path of a storage, in all folders.

    Raises:
        StorageError: The storage cannot be opened, or the path leads out of it.
    """
    return sum(1 for _ in _walk_files(get_pathlib(config, path)))


def get_path_total_size(config: Any, path: str) -> int:
    """Bytes of all files under a path of a storage.

    Raises:
        StorageError: The storage cannot be opened, or the path leads out of it.
    """
    return sum(int(file.stat().st_size) for file in _walk_files(get_pathlib(config, path)))


def _walk_files(path: Any) -> Iterator[Any]:
    return (entry for entry in path.rglob("*") if entry.is_file()) if path.is_dir() else iter([path] * path.is_file())


def _safe_parts(path: str) -> tuple[str, ...]:
    text = str(path)
    parts = PurePosixPath(text.lstrip("/")).parts
    if ".." in parts or "\\" in text or "\0" in text:
        raise StorageError(f"{text!r} leads out of its storage. Name a path inside it.")
    return parts


def _read_config(config: Any) -> tuple[str, Mapping[str, Any]]:
    if isinstance(config, Mapping):
        provider, configuration = config.get("provider"), config.get("configuration")
    else:
        provider, configuration = getattr(config, "provider", None), getattr(config, "configuration", None)
    if not provider or not isinstance(configuration, Mapping):
        raise StorageError("A storage needs a provider and a configuration.")
    return str(provider).lower(), configuration


def _required(configuration: Mapping[str, Any], key: str, provider: str) -> str:
    value = configuration.get(key)
    if not value:
        raise StorageError(f"The configuration of a {provider} storage needs {key!r}.")
    return str(value)
