"""`synapse project`: what a team labels, and with which classes."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from synapse_sdk.cli.connection import HostOption, JsonOption, TokenOption, open_v1, open_v2
from synapse_sdk.cli.failures import UsageError
from synapse_sdk.cli.output import plain, print_facts, print_json, print_table, say
from synapse_sdk.clients.backend_v2 import BackendV2Client
from synapse_sdk.exceptions import ConfigurationError

app = typer.Typer(no_args_is_help=True, help="Create, list, show and delete projects.")

# The specification that people annotate.
IMAGE = "image"

ProjectArgument = Annotated[str, typer.Argument(help="Name or id.")]


def find_project(client: BackendV2Client, name_or_id: str) -> dict[str, Any] | None:
    """The project of that exact name, else of that id, else None."""
    name_or_id = name_or_id.strip()
    for project in client.projects.list(search=name_or_id):
        if project["name"] == name_or_id:
            return dict(project)
    if name_or_id.isdecimal():
        return next((dict(project) for project in client.projects.list(ids=name_or_id)), None)
    return None


def require_project(client: BackendV2Client, name_or_id: str) -> dict[str, Any]:
    """The project of that name or id.

    Raises:
        ConfigurationError: There is none.
    """
    project = find_project(client, name_or_id)
    if project is None:
        raise ConfigurationError(
            f"There is no project {name_or_id!r} that this token may see. `synapse project list` shows what there is."
        )
    return project


def create_project(
    client: BackendV2Client,
    name: str,
    *,
    description: str = "",
    classes: list[dict[str, Any]] | None = None,
    collection: int | None = None,
) -> dict[str, Any]:
    """Make a project; without a data collection, the server gives it one of images.

    Raises:
        ClientError: The server refused.
    """
    configuration = {"class_schema": {"classes": classes or []}}
    more = {} if collection is None else {"data_collection": collection}
    return dict(client.projects.create(name=name, description=description, configuration=configuration, **more))


def create_collection(client: BackendV2Client, name: str, data_files: list[str]) -> int:
    """Make a data collection of images with files that come with them.

    Raises:
        ClientError: The server refused.
    """
    image = {"name": IMAGE, "is_primary": True}
    others = [{"name": each, "file_type": "data", "is_required": False} for each in data_files]
    return int(client.data_collections.create(name=name, file_specifications=[image, *others])["id"])


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="A name of its own.")],
    *,
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
    classes: Annotated[str, typer.Option(help="Class names, with commas; ids count from 1 in this order.")] = "",
    data_files: Annotated[
        list[str] | None,
        typer.Option(
            "--data-file", metavar="NAME", help="A file that comes with each image, such as labels. Repeatable."
        ),
    ] = None,
    host: HostOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create a project with a data collection of images.

    Example: synapse project create cars --classes car,lorry,bus
    """
    names = [part.strip() for part in classes.split(",") if part.strip()]
    with open_v2(host, token) as client:
        if find_project(client, name):
            raise ConfigurationError(f"There is a project {name!r} already. Choose another name.")
        schema = [{"id": number, "name": each} for number, each in enumerate(names, 1)]
        collection = create_collection(client, name, data_files) if data_files else None
        project = create_project(client, name, description=description, classes=schema, collection=collection)
    if as_json:
        print_json(project)
        return
    say(f"Project {plain(name)!r} is there, with id {project['id']}.")


@app.command("list")
def list_projects(
    search: Annotated[str | None, typer.Option(help="Only names that contain this.")] = None,
    host: HostOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the projects that you may see."""
    with open_v2(host, token) as client:
        rows = list(client.projects.list(search=search, sort="id"))
    if as_json:
        print_json(rows)
        return
    print_table(
        ("id", "name", "classes", "created"),
        ([row["id"], row["name"], len(class_names(row)), row.get("created")] for row in rows),
        empty=f"No project's name contains {search!r}."
        if search
        else "You see no project yet. Make one: `synapse project create`, or `synapse import` with images.",
    )


@app.command("show")
def show(
    project: ProjectArgument, host: HostOption = None, token: TokenOption = None, as_json: JsonOption = False
) -> None:
    """Show a project, its classes, and how far the work is."""
    with open_v2(host, token) as client:
        found = require_project(client, project)
    with open_v1(host, token) as counter:
        selection = {"project": found["id"]}
        found["task_count"] = counter.count_tasks(selection)
        found["assignment_count"] = counter.count_assignments(selection)
        found["completed_count"] = counter.count_assignments({**selection, "status_label": "completed"})
    if as_json:
        print_json(found)
        return
    facts = {name: found.get(name) for name in ("id", "name", "description", "data_collection_id", "created")}
    counts = {"tasks": found["task_count"], "assignments": found["assignment_count"]}
    print_facts({**facts, "classes": ", ".join(class_names(found)), **counts, "completed": found["completed_count"]})


@app.command("delete")
def delete(
    project: ProjectArgument,
    is_sure: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    host: HostOption = None,
    token: TokenOption = None,
) -> None:
    """Delete a project with its tasks and annotations. Its images stay in the data collection."""
    with open_v2(host, token) as client:
        found = require_project(client, project)
        if not is_sure:
            _ask_to_delete(found)
        client.projects.delete(found["id"])
    say(f"Project {plain(found['name'])!r} is deleted.")


def _ask_to_delete(project: dict[str, Any]) -> None:
    if not sys.stdin.isatty():
        raise UsageError("Deleting cannot be undone. Pass --yes to do it without a terminal to ask in.")
    if typer.prompt("This cannot be undone. Type the project's name to delete it", err=True) != project["name"]:
        say("Nothing was deleted.")
        raise typer.Exit(1)


def class_names(project: Mapping[str, Any]) -> list[str]:
    """Names of a project's classes, in the order of their ids."""
    schema = (project.get("configuration") or {}).get("class_schema") or {}
    return [each["name"] for each in sorted(schema.get("classes") or [], key=lambda each: each["id"])]
