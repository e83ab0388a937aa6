"""`synapse job`: the server's own durable jobs (exports) and the runs of plugins, under one name."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from itertools import islice
from typing import Annotated, Any

import typer

from synapse_sdk.cli.connection import HostOption, JsonOption, TokenOption, open_v2
from synapse_sdk.cli.output import plain, print_facts, print_json, print_table, say
from synapse_sdk.clients.backend_v2 import BackendV2Client
from synapse_sdk.clients.base import Call
from synapse_sdk.exceptions import ConfigurationError, NotFoundError
from synapse_sdk.utils.network import validate_resource_id
from synapse_sdk.wire.jobs import AsyncJobStatus, JobStatus

app = typer.Typer(no_args_is_help=True, help="Follow and stop jobs: server exports and plugin runs.")

JobArgument = Annotated[str, typer.Argument(help="Id, from `synapse job list`.")]
FOLLOW_SECONDS = 1.0


class JobKind(StrEnum):
    """Which jobs to list."""

    ALL = "all"
    SERVER = "server"
    RUN = "run"


_STATUSES: dict[JobKind, set[str]] = {
    JobKind.SERVER: {status.upper() for status in AsyncJobStatus},
    JobKind.RUN: {status.upper() for status in JobStatus},
}


@app.command("list")
def list_jobs(
    *,
    kind: Annotated[JobKind, typer.Option(help="Server jobs, plugin runs, or both.")] = JobKind.ALL,
    status: Annotated[str | None, typer.Option(help="Only this status, such as RUNNING.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many of each kind, newest first.")] = 20,
    host: HostOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """List jobs, newest first."""
    rows: list[dict[str, Any]] = []
    with open_v2(host, token) as client:
        kinds, status = _read_wish(kind, status)
        if JobKind.SERVER in kinds:
            rows += [_from_server_job(job) for job in islice(client.async_jobs.list(status=status), limit)]
        if JobKind.RUN in kinds:
            rows += [_from_run(job) for job in islice(client.jobs.list(status=status), limit)]
    rows.sort(key=lambda row: str(row["created"]), reverse=True)
    if as_json:
        print_json(rows)
        return
    columns = ("id", "kind", "what", "status", "progress", "created")
    is_narrowed = status is not None or kind != JobKind.ALL
    empty = "No job is like that." if is_narrowed else "There is no job yet. `synapse export` starts one."
    print_table(columns, ([row[column] for column in columns] for row in rows), empty=empty)


def _read_wish(kind: JobKind, status: str | None) -> tuple[set[JobKind], str | None]:
    """Which kinds to ask for; of a status that one kind alone can have, the other has no job."""
    kinds: set[JobKind] = set(_STATUSES) if kind is JobKind.ALL else {kind}
    if status is None:
        return kinds, None
    status = status.upper()
    # What no kind can have the server refuses, with those that there are.
    return {each for each in kinds if status in _STATUSES[each]} or kinds, status


@app.command("show")
def show(job_id: JobArgument, host: HostOption = None, token: TokenOption = None, as_json: JsonOption = False) -> None:
    """Show one job."""
    with open_v2(host, token) as client:
        job, describe = _find(client, job_id)
    if as_json:
        print_json(job)
        return
    details = {name: job.get(name) for name in ("params", "started", "finished", "error", "result")}
    print_facts({**describe(job), **{name: value for name, value in details.items() if value not in (None, {})}})


@app.command("logs")
def logs(
    job_id: JobArgument,
    is_following: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run ends.")] = False,
    host: HostOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the events and the console of a plugin run; of a server job, its progress."""
    with open_v2(host, token) as client:
        _, describe = _find(client, job_id)
        if describe is _from_server_job:
            _print_server_progress(client, job_id, is_following=is_following, as_json=as_json)
            return
        last_id = console_bytes = 0
        while True:
            # Asked before the entries are read: what a run logged before it ended is then not missed.
            is_over = not is_following or _is_over(client.jobs.retrieve(job_id))
            for entry in client.job_logs.list(job=job_id, sort="id"):
                if entry["id"] > last_id:
                    last_id = entry["id"]
                    _print_entry(dict(entry), as_json=as_json)
            console_bytes = _print_console(client, job_id, console_bytes, as_json=as_json)
            if is_over:
                return
            time.sleep(FOLLOW_SECONDS)


@app.command("cancel", help="The same as `synapse job stop`.")
@app.command("stop")
def stop(job_id: JobArgument, host: HostOption = None, token: TokenOption = None) -> None:
    """Ask a job to stop; it stops at its next checkpoint and cleans up."""
    with open_v2(host, token) as client:
        _, describe = _find(client, job_id)
        if describe is _from_server_job:
            client.async_jobs.cancel(job_id)
        else:
            client.jobs.update(job_id, status=JobStatus.STOPPED.value.upper())
    say(f"Job {job_id} was asked to stop. `synapse job show {job_id}` says when it has.")


def _find(client: BackendV2Client, job_id: str) -> tuple[dict[str, Any], Callable[[dict[str, Any]], dict[str, Any]]]:
    """A job of either kind as plain JSON, and how to describe it in one row."""
    try:
        return client.async_jobs.retrieve(job_id).model_dump(mode="json"), _from_server_job
    except NotFoundError:
        pass
    try:
        return dict(client.jobs.retrieve(job_id)), _from_run
    except NotFoundError as exc:
        raise ConfigurationError(
            f"There is no job {job_id!r} that this token may see. `synapse job list` shows what there is."
        ) from exc


def _from_server_job(job: Any) -> dict[str, Any]:
    facts = job if isinstance(job, dict) else job.model_dump(mode="json")
    progress = facts.get("progress") or {}
    total = progress.get("total")
    return {
        "id": facts["job_id"],
        "kind": str(JobKind.SERVER),
        "what": facts["kind"],
        "status": facts["status"],
        "progress": f"{progress.get('processed', 0):,} of {'?' if total is None else f'{total:,}'}",
        "created": facts["created"],
    }


def _from_run(job: Any) -> dict[str, Any]:
    facts = dict(job)
    overall = ((facts.get("progress_record") or {}).get("current_progress") or {}).get("overall")
    return {
        "id": facts["id"],
        "kind": str(JobKind.RUN),
        "what": facts["action"],
        "status": str(facts["status"]).upper(),
        "progress": "" if overall is None else f"{overall:g} %",
        "created": facts["created"],
    }


def _print_console(client: BackendV2Client, job_id: str, after: int, *, as_json: bool) -> int:
    """Print what a run has printed since; answers how much it is by now."""
    path = f"v2/jobs/{validate_resource_id(job_id)}/console-logs/"
    console = client.send_json(Call("GET", path, params={"after": after}))["data"]
    if console["console_logs"] and as_json:
        typer.echo(json.dumps({"event": "console", "text": console["console_logs"]}, ensure_ascii=False))
    elif console["console_logs"]:
        # What a plugin prints is not trusted with the terminal.
        typer.echo("".join(f"{plain(line)}\n" for line in console["console_logs"].splitlines()), nl=False)
    return int(console["size_bytes"])


def _is_over(run: Any) -> bool:
    return JobStatus(run["status"]) in {JobStatus.STOPPED, JobStatus.SUCCEEDED, JobStatus.FAILED}


def _print_entry(entry: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        # One document per line: a run that is followed has no end to close a list at.
        typer.echo(json.dumps(entry, ensure_ascii=False, default=str))
        return
    data = entry.get("data")
    text = data.get("content") or data.get("message") if isinstance(data, dict) else None
    typer.echo(plain(f"{entry.get('datetime')} {entry.get('event')} {text or json.dumps(data, ensure_ascii=False)}"))


def _print_server_progress(client: BackendV2Client, job_id: str, *, is_following: bool, as_json: bool) -> None:
    if not is_following:
        job = client.async_jobs.retrieve(job_id).model_dump(mode="json")
        _print_entry(_progress_entry(job["status"].lower(), job["progress"], job.get("error")), as_json=as_json)
        return
    for event in client.async_jobs.stream_progress(job_id):
        progress = {"processed": event.processed, "total": event.total}
        _print_entry(_progress_entry(event.event, progress, event.error), as_json=as_json)


def _progress_entry(event: str, progress: dict[str, Any], error: str | None) -> dict[str, Any]:
    total = "?" if progress["total"] is None else progress["total"]
    data = {**progress, "message": error or f"{progress['processed']} of {total} rows"}
    return {"datetime": datetime.now(UTC).isoformat(timespec="seconds"), "event": event, "data": data}
