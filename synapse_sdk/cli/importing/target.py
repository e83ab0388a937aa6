"""Where an import goes: the project is found by name, or made with the data set's own classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from synapse_sdk.cli.resources.projects import create_project, find_project
from synapse_sdk.clients.backend_v2 import BackendV2Client
from synapse_sdk.exceptions import ConfigurationError
from synapse_sdk.wire.annotations import ClassDefinition

# For a collection that says nothing about its files.
IMAGE_SPECIFICATION = "image"


@dataclass(frozen=True)
class ImportTarget:
    """A project that takes items.

    Attributes:
        specification: Name under which its data collection keeps the image.
        is_new: It was made for this import.
    """

    project_id: int
    name: str
    specification: str
    is_new: bool = False


def open_target(
    client: BackendV2Client, project: str, read_classes: Callable[[], Sequence[ClassDefinition]]
) -> ImportTarget:
    """Find the project by name or id, or make one of that name.

    Args:
        client: The server.
        project: Name or id.
        read_classes: The classes that the data set declares; asked only when the project is new.

    Raises:
        ConfigurationError: The project has no data collection, or an id was given that does not exist.
        ClientError: The server refused.
    """
    found = find_project(client, project)
    is_new = found is None
    if found is None:
        if project.isdecimal():
            raise ConfigurationError(
                f"There is no project with the name or id {project}. `synapse project create {project}` makes one."
            )
        classes = [each.model_dump(exclude_none=True) for each in read_classes()]
        found = create_project(client, project, classes=classes)
    return ImportTarget(found["id"], found["name"], _image_specification(client, found), is_new)


def _image_specification(client: BackendV2Client, project: dict[str, Any]) -> str:
    if project.get("data_collection_id") is None:
        raise ConfigurationError(
            f"Project {project['name']!r} has no data collection to put images into. Import into another project."
        )
    collection = client.data_collections.retrieve(project["data_collection_id"])
    specifications = collection["file_specifications"]
    chosen = next((each for each in specifications if each["is_primary"]), None) or next(iter(specifications), None)
    return str(chosen["name"]) if chosen else IMAGE_SPECIFICATION
