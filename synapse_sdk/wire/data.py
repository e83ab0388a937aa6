"""Data as the API shows it: collections with their file specifications, units with their files, files, storages."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, Field, JsonValue, StringConstraints

from synapse_sdk.wire.files import RowId, Sha256
from synapse_sdk.wire.imports import ImportFile, Pixels, SpecificationName
from synapse_sdk.wire.work import JsonObject, Name, Request

MAX_UNITS_PER_REQUEST = 1000
MAX_CHECKSUMS_PER_REQUEST = 1000

FileName = Annotated[str, StringConstraints(min_length=1, max_length=1024)]


class FileKind(StrEnum):
    """What a file of a data unit is."""

    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    TEXT = "text"
    POINT_CLOUD = "pcd"
    DATA = "data"


class SpecificationCreate(Request):
    """One file that each data unit of a collection has, or may have. The primary one is what people annotate."""

    name: SpecificationName
    file_type: FileKind = FileKind.IMAGE
    is_required: bool = True
    is_primary: bool = False


class Specification(SpecificationCreate):
    """A file specification of a collection."""

    id: int


class DataCollection(BaseModel):
    """A set of data units with the same files."""

    id: int
    name: str
    description: str
    file_specifications: list[Specification]
    created_by_id: int | None
    created: datetime


class DataCollectionCreate(Request):
    """Body of `POST /v2/data-collections/`. Without specifications a unit may have one image."""

    name: Name
    description: str = ""
    file_specifications: list[SpecificationCreate] = Field([], max_length=100)


class DataCollectionChange(Request):
    """Body of `PATCH /v2/data-collections/{id}/`. Specifications are sent as a whole; those in use stay."""

    name: Name | None = None
    description: str | None = None
    file_specifications: list[SpecificationCreate] | None = Field(None, min_length=1, max_length=100)


class UnitFile(BaseModel):
    """A file in its role within a data unit; `url` is signed and works without a token for a while."""

    data_file_id: int
    specification: str
    file_name_original: str
    url: str
    sha256: str
    size_bytes: int
    is_primary: bool


class DataUnit(BaseModel):
    """What one annotation is about: usually one image, with its size in pixels; files by specification name."""

    id: int
    data_collection_id: int
    key: str | None
    name: str
    width: int | None
    height: int | None
    meta: JsonObject
    files: dict[str, UnitFile]
    created: datetime


class ContentReference(Request):
    """An uploaded file by its SHA-256, and the name that it came under."""

    checksum: Sha256
    path: FileName


class DataUnitCreate(Request):
    """One element of the body of `POST /v2/data-units/`. Without a name the unit has that of its primary file."""

    data_collection: RowId
    name: FileName | None = None
    key: FileName | None = None
    width: Pixels | None = None
    height: Pixels | None = None
    files: dict[SpecificationName, RowId | ImportFile | ContentReference] = Field({})
    meta: JsonObject = Field({})


class DataUnitChange(Request):
    """Body of `PATCH /v2/data-units/{id}/`."""

    name: FileName | None = None
    width: Pixels | None = None
    height: Pixels | None = None
    meta: JsonObject | None = None


class DataFile(BaseModel):
    """Bytes in a storage. `url` is signed and works without a token for a while; None until the bytes are there."""

    id: int
    storage_id: int
    sha256: str
    size_bytes: int
    status: str
    url: str | None
    created: datetime


class ChecksumQuestion(Request):
    """Body of `POST /data_files/verify_checksums/`."""

    checksums: list[Sha256] = Field(max_length=MAX_CHECKSUMS_PER_REQUEST)


class ChecksumAnswer(BaseModel):
    """Which contents are there: ids of files by SHA-256, and what is missing."""

    existing: dict[str, int]
    missing: list[str]


class StorageCategory(StrEnum):
    """Whose storage it is."""

    INTERNAL = "internal"
    EXTERNAL = "external"


class Storage(BaseModel):
    """A place for files; what may be secret in its configuration is masked."""

    id: int
    name: str
    category: str
    provider: str
    configuration: dict[str, JsonValue]
    is_default: bool
    created: datetime


class StorageCreate(Request):
    """Body of `POST /v2/storages/`; provider and configuration are those of `synapse_sdk.utils.storage`."""

    name: Name
    category: StorageCategory = StorageCategory.INTERNAL
    provider: str = Field(min_length=1, max_length=32)
    configuration: dict[str, JsonValue] = Field({})
    is_default: bool = False


class StorageChange(Request):
    """Body of `PATCH /v2/storages/{id}/`. A masked value that is sent back stays what it was."""

    name: Name | None = None
    category: StorageCategory | None = None
    provider: str | None = Field(None, min_length=1, max_length=32)
    configuration: dict[str, JsonValue] | None = None
    is_default: bool | None = None
