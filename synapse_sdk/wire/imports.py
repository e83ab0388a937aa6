"""Importing annotated items into a project: up to 200 in one request, all or none, safe to send again."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from synapse_sdk.wire.files import RowId

MAX_ITEMS_PER_REQUEST = 200

Pixels = Annotated[int, Field(ge=1, le=2**31 - 1)]
TagName = Annotated[str, StringConstraints(min_length=1, max_length=100)]
SpecificationName = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class ImportFile(BaseModel):
    """An uploaded file and the name that it came under."""

    model_config = ConfigDict(extra="forbid")

    data_file_id: RowId
    file_name: str = Field(min_length=1, max_length=1024)


class ImportItem(BaseModel):
    """One data unit with its annotations.

    Attributes:
        key: What identifies the unit in its collection: importing the same key again adds nothing.
        width: Pixels of the original image, as is `height`.
        files: Uploaded files by specification name; a bare id comes under the item's own name.
        primary: Name of the specification whose file is annotated; default: the collection's primary one.
        data: Annotation data (`synapse_sdk.wire.annotations.AnnotationData`), or None when there is none yet.
    """

    model_config = ConfigDict(extra="forbid")

    key: str = Field(min_length=1, max_length=1024)
    name: str = Field(min_length=1, max_length=1024)
    width: Pixels | None = None
    height: Pixels | None = None
    files: dict[SpecificationName, RowId | ImportFile] = {}
    primary: SpecificationName | None = None
    # Not `JsonValue`: the server checks it as `AnnotationData`; a second look at each value halves an import's speed.
    data: dict[str, Any] | None = None
    tags: list[TagName] = Field([], max_length=100)
    status_label: Literal["pending", "in_progress", "completed"] = "completed"


class ImportRequest(BaseModel):
    """Body of `POST /v2/projects/{id}/import-items/`.

    Attributes:
        create_classes: Give class names that the project does not have the next ids, in order of appearance; when
            false, such names are refused.
    """

    model_config = ConfigDict(extra="forbid")

    items: list[ImportItem] = Field(min_length=1, max_length=MAX_ITEMS_PER_REQUEST)
    create_classes: bool = True


class ImportState(StrEnum):
    """What became of one item."""

    CREATED = "created"
    EXISTS = "exists"
    DIFFERS = "differs"


class ImportOutcome(BaseModel):
    """The answer for one item, in the order of the request.

    Attributes:
        status: `exists` when the server has the same annotations under this key; `differs` when it has others,
            which it keeps.
    """

    key: str
    status: ImportState
    data_unit_id: int
    task_id: int
    assignment_id: int | None = None
