"""`synapse pre-annotation`: runs that annotated tasks before people did, and taking one back."""

from __future__ import annotations

from typing import Annotated

import typer

from synapse_sdk.cli.connection import HostOption, JsonOption, TokenOption, open_v1
from synapse_sdk.cli.output import print_facts, print_json, print_table

app = typer.Typer(no_args_is_help=True, help="List pre-annotation runs, and undo one.")

COLUMNS = ("id", "project_id", "method", "version", "model_id", "specification", "created", "undone_at")


@app.command("list")
def list_runs(
    project: Annotated[int | None, typer.Option(help="Only runs over this project.")] = None,
    host: HostOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """List runs, the newest first."""
    with open_v1(host, token) as client:
        rows = list(client.list_pre_annotation_runs({"project": project}, list_all=True)[0])
    if as_json:
        print_json(rows)
        return
    where = "" if project is None else f" of project {project}"
    empty = f"No run has pre-annotated a task{where} yet. A plugin's action does: `synapse plugin run`."
    print_table(COLUMNS, ([str(row.get(column) or "") for column in COLUMNS] for row in rows), empty=empty)


@app.command("undo")
def undo(
    run: Annotated[str, typer.Argument(help="Id of the run; the job's, where a job made it.")],
    host: HostOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give every task of a run back what it had before; what people have changed since stays."""
    with open_v1(host, token) as client:
        counts = client.undo_pre_annotation_run(run)
    if as_json:
        print_json(counts)
        return
    print_facts({"restored": str(counts["restored"]), "kept, because people changed them": str(counts["kept"])})
