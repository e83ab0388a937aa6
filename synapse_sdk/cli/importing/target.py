"""Where an import goes: the project is found by name, or made with the data set's own classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from synapse_sdk.cli.projects import IMAGE_SPECIFICATION, create_project, find_project
from synapse_sdk.clients.backend_v2 import BackendV2Client
from synapse_sdk.exceptions import ConfigurationError


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


def open_target(client: BackendV2Client, project: str) -> ImportTarget:
    """Find the project by name or id, or make one of that name.

    Raises:
        ConfigurationError: The project has no data collection, or an id was given that does not exist.
        ClientError: The server refused.
    """
    found = find_project(client, project)
    if found is not None:
        return ImportTarget(found["id"], found["name"], _image_specification(client, found))
    if project.isdecimal():
        raise ConfigurationError(
            f"There is no project with the name or id {project}. `synapse project create {project}` makes one."
        )
    made = create_project(client, project)
    return ImportTarget(made["id"], made["name"], IMAGE_SPECIFICATION, is_new=True)


def _image_specification(client: BackendV2Client, project: dict[str, Any]) -> str:
    if project.get("data_collection_id") is None:
        raise ConfigurationError(
            f"Project {project['name']!r} has no data collection to put images into. Import into another project."
        )
    collection = client.data_collections.retrieve(project["data_collection_id"])
    specifications = collection["file_specifications"]
    chosen = next((each for each in specifications if each["is_primary"]), None) or next(iter(specifications), None)
    return str(chosen["name"]) if chosen else IMAGE_SPECIFICATION
