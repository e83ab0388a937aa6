"""`synapse plugin`: make a plugin, run it, test it, publish it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from synapse_sdk.cli import jobs
from synapse_sdk.cli.connection import HostOption, JsonOption, TokenOption, open_v1
from synapse_sdk.cli.output import print_facts, print_json, say, warn
from synapse_sdk.cli.resources.agents import selected_agent
from synapse_sdk.cli.runs.carrying import as_ray_job, carry_out, here, in_ray_actor
from synapse_sdk.cli.runs.following import follow_run, how_to_go_on, result_of_run
from synapse_sdk.exceptions import ConfigurationError
from synapse_sdk.loggers import send_leftovers
from synapse_sdk.plugins.config_sync import sync_plugin_config, write_plugin_config
from synapse_sdk.plugins.entrypoint import make_context
from synapse_sdk.plugins.enums import ExecutionMode, PluginCategory
from synapse_sdk.plugins.executors import InlineExecutor
from synapse_sdk.plugins.packaging.publish import pack_plugin, publish_plugin, result_of
from synapse_sdk.plugins.packaging.scaffold import code_from_name, create_plugin
from synapse_sdk.plugins.runner import PluginProcess, open_for_cluster, open_plugin, run_plugin
from synapse_sdk.utils.auth import (
    ENV_SYNAPSE_ACCESS_TOKEN,
    ENV_SYNAPSE_HOST,
    load_credentials,
    read_env,
)
from synapse_sdk.utils.file.plugin_config import find_plugin_config, read_plugin_config

app = typer.Typer(no_args_is_help=True, help="Make, run, test and publish plugins.")
job_app = typer.Typer(no_args_is_help=True, help="Follow runs of plugins on the server.")
app.add_typer(job_app, name="job")
job_app.command("get")(jobs.show)
job_app.command("logs")(jobs.logs)
job_app.command("stop")(jobs.stop)

PathOption = Annotated[Path, typer.Option("--path", help="The plugin's folder, or its configuration file.")]
FolderOption = Annotated[Path, typer.Option("--path", "-p", help="The plugin's folder.")]
ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="The configuration file, when it is not in the folder's usual place."),
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


# What people type, and what the server calls it.
REMOTE_NAMES = {"infer": "inference", "deploy": "deployment"}


class RunMode(StrEnum):
    """Where an action runs."""

    LOCAL = "local"
    TASK = "task"
    JOB = "job"
    REMOTE = "remote"


@app.command("create")
def create(
    *,
    name: Annotated[str | None, typer.Option("--name", "-n", help="Name to people.")] = None,
    code: Annotated[str | None, typer.Option(help="Name to machines; made from the name when left out.")] = None,
    category: Annotated[PluginCategory, typer.Option("--category", "-c")] = PluginCategory.CUSTOM,
    path: Annotated[Path, typer.Option("--path", "-p", help="Where the plugin's folder is made.")] = Path(),
    yes: YesOption = False,
) -> None:
    """Make a plugin that runs, with a test that passes.

    Example: synapse plugin create --name 'Coin counter' --category export --yes
    """
    if name is None:
        if yes:
            raise typer.BadParameter("--yes asks nothing, so give the plugin a --name")
        name = str(typer.prompt("Name of the plugin"))
    folder = create_plugin(path, name=name, code=code or code_from_name(name), category=category)
    say(f"Made {folder}. Next: cd {folder} && synapse plugin test")


@app.command("run")
def run(
    action: Annotated[str, typer.Argument(help="Name of the action in config.yaml.")],
    *,
    plugin: Annotated[
        str | None, typer.Option("--plugin", "-p", help="An importable module; with --mode remote, a plugin's code.")
    ] = None,
    path: PathOption = Path(),
    params: Annotated[str, typer.Option(help="Parameters as JSON, or @FILE.")] = "{}",
    mode: Annotated[
        RunMode, typer.Option("--mode", "-m", help="local: here; remote: on an agent; task, job: on Ray.")
    ] = RunMode.LOCAL,
    agent: Annotated[
        int | None,
        typer.Option(help="remote: id of the agent; the one of `synapse agent select`, or any, when left out."),
    ] = None,
    version: Annotated[str | None, typer.Option("--version", help="remote: which release; else the newest.")] = None,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="remote: start it and return its job; job: its id at Ray.")
    ] = False,
    ray_address: Annotated[
        str | None, typer.Option("--ray-address", help="task: address of the cluster; job: of its dashboard.")
    ] = None,
    cpus: Annotated[float | None, typer.Option("--cpus", min=0, help="task, job: cores that it needs.")] = None,
    gpus: Annotated[float | None, typer.Option("--gpus", min=0, help="task, job: GPUs that it needs.")] = None,
    debug: Annotated[bool, typer.Option("--debug", help="local: run in this very process, for a debugger.")] = False,
    host: HostOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run an action and print its result.

    Example: synapse plugin run export --path ./coin-counter --params @params.json
    """
    values = _read_params(params)
    if mode is RunMode.REMOTE:
        wish = {"action": REMOTE_NAMES.get(action, action), "params": values, "agent": agent, "version": version}
        result = _run_remote(plugin or open_code(path), wish, (host, token), is_detached=detach)
    elif mode is RunMode.LOCAL and debug:
        result = _run_inline(open_plugin(plugin or path, notify=say), action, values, env=_given(host, token))
    elif mode is RunMode.LOCAL:
        process = open_plugin(plugin or path, notify=say)
        # An action that is not there becomes no job that failed.
        process.plugin.get_action_entrypoint(action)
        carrier = here(process, action, values, _given(host, token))
        result = carry_out(action, values, carrier, load_credentials(host=host, access_token=token))
    else:
        address = "ray_address" if mode is RunMode.TASK else "dashboard_address"
        cluster: dict[str, Any] = {address: ray_address, "num_cpus": cpus, "num_gpus": gpus}
        options = {name: value for name, value in cluster.items() if value is not None}
        result = _run_on_ray(mode, plugin or path, (action, values), (host, token), options=options, is_detached=detach)
    if as_json or not isinstance(result, dict):
        print_json(result)
    else:
        print_facts(result)


@app.command("test", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def run_tests(context: typer.Context, *, path: FolderOption = Path()) -> None:
    """Run the plugin's own tests with its own packages; what follows `--` goes to pytest."""
    process = open_plugin(path, notify=say)
    if not any(process.folder.glob("tests/**/*.py")) and not any(process.folder.glob("test_*.py")):
        raise ConfigurationError(f"{process.folder} has no tests: put them into tests/test_*.py")
    python = str(process.python)
    has_pytest = subprocess.run([python, "-c", "import pytest"], capture_output=True, check=False).returncode == 0  # noqa: S603
    runner = ["pytest", "--rootdir=."] if has_pytest else ["unittest", "discover", "-s", "tests"]
    env = {**read_env(), **{key: str(value) for key, value in process.plugin.config.env.items()}}
    done = subprocess.run([python, "-m", *runner, *context.args], cwd=process.folder, env=env, check=False)  # noqa: S603
    raise typer.Exit(1 if done.returncode else 0)


@app.command("publish")
def publish(
    *,
    path: FolderOption = Path(),
    config: ConfigOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Pack and check; send nothing.")] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="A release for trying out; may replace one of its version.")
    ] = False,
    yes: YesOption = False,
    host: HostOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send the plugin to the server as a release.

    Example: synapse plugin publish --path ./coin-counter
    """
    # The server and its key first: packing may take minutes.
    client = None if dry_run else open_v1(host, token)
    with tempfile.TemporaryDirectory(prefix="synapse-publish-") as folder:
        packed = pack_plugin(config or path, Path(folder), notify=warn, is_debug=debug)
        if client is None:
            result = result_of(packed)
        else:
            question = f"Publish {packed.config['code']} {packed.config['version']} ({len(packed.files)} files)?"
            if not (yes or typer.confirm(question, err=True)):
                raise typer.Abort
            with client:
                result = publish_plugin(packed, client, is_debug=debug)
    facts = {"plugin": packed.config["code"], **asdict(result)}
    if as_json:
        print_json(facts | {"files": packed.files})
        return
    print_facts(facts)
    if dry_run:
        say("Files:\n" + "\n".join(f"  {name}" for name in packed.files))


@app.command("update-config")
def update_config(path: FolderOption = Path(), config: ConfigOption = None) -> None:
    """Write what the code declares (entrypoints, types, forms) into config.yaml."""
    file = find_plugin_config(config or path)
    before = read_plugin_config(file)
    process = open_plugin(file, notify=say)
    after = sync_plugin_config(file, python=process.python)
    if after == before:
        say(f"{file} is up to date.")
        return
    backup = write_plugin_config(file, after)
    changed = [name for name, section in after["actions"].items() if section != (before.get("actions") or {}).get(name)]
    say(f"Updated {', '.join(changed)} in {file}; the former file, with its comments, is {backup.name}.")


@job_app.command("send-logs")
def send_logs(host: HostOption = None, token: TokenOption = None) -> None:
    """Send the log entries that earlier runs could not, because the server was away."""
    with open_v1(host, token) as client:
        count = 0
        for file, records in send_leftovers(client):
            count += 1
            say(f"{file.name}: {records} records sent")
    say("Nothing was waiting." if not count else f"{count} files emptied.")


def _read_params(text: str) -> dict[str, Any]:
    source = "--params"
    try:
        if text.startswith("@"):
            source = text[1:]
            text = Path(source).read_text(encoding="utf-8")
        values = json.loads(text)
    except OSError as exc:
        raise typer.BadParameter(f"{source} cannot be read: {exc.strerror}") from exc
    except ValueError as exc:
        raise typer.BadParameter(f"{source} is not JSON: {exc}") from exc
    if not isinstance(values, dict):
        raise typer.BadParameter(f"{source} must be a JSON object of parameters, not {type(values).__name__}")
    return values


def _run_inline(process: PluginProcess, action: str, params: Mapping[str, Any], *, env: Mapping[str, str]) -> Any:
    entrypoint = process.plugin.get_action_entrypoint(action)
    settings = {key: str(value) for key, value in process.plugin.config.env.items()}
    config = process.plugin.get_action_config(action).settings
    ctx = make_context({**read_env(), **settings, **env}, config=config)
    # As in a process of its own: what the action prints is for people, and stdout is for its result.
    with redirect_stdout(sys.stderr):
        try:
            return InlineExecutor(ctx, working_dir=process.folder, action_name=action).execute(entrypoint, params)
        finally:
            ctx.logger.finish()


def _run_on_ray(
    mode: RunMode,
    plugin: str | Path,
    wish: tuple[str, dict[str, Any]],
    server: tuple[str | None, str | None],
    *,
    options: dict[str, Any],
    is_detached: bool,
) -> Any:
    action, params = wish
    # A cluster's machines know nothing of the login of this one.
    credentials = load_credentials(host=server[0], access_token=server[1])
    env = _given(credentials.host, credentials.access_token) if credentials.access_token else {}
    if is_detached:
        if mode is RunMode.TASK:
            raise typer.BadParameter("--detach needs --mode job or remote: an actor ends with this command")
        return run_plugin(plugin, action, params, mode=ExecutionMode.JOB, env=env, **options)
    target, executor_options = open_for_cluster(plugin, action, env=env, **options)
    carrier = (in_ray_actor if mode is RunMode.TASK else as_ray_job)(target, params, executor_options)
    return carry_out(action, params, carrier, credentials)


def _given(host: str | None, token: str | None) -> dict[str, str]:
    given = {ENV_SYNAPSE_HOST: host, ENV_SYNAPSE_ACCESS_TOKEN: token}
    return {key: value for key, value in given.items() if value}


def _run_remote(
    code: str, wish: dict[str, Any], server: tuple[str | None, str | None], *, is_detached: bool
) -> dict[str, Any]:
    with open_v1(*server) as client:
        wish["agent"] = wish["agent"] or selected_agent(client.base_url)
        body = {name: value for name, value in wish.items() if value is not None}
        job: dict[str, Any] = client.run_plugin(code, body)
        if is_detached:
            say(how_to_go_on(job["id"]))
            return job
        say(f"Job {job['id']} on agent {job['agent_id']}. Ctrl-C asks whether to stop it.")
        result: dict[str, Any] = result_of_run(follow_run(client, job["id"]))
    return result


def open_code(path: Path) -> str:
    """Code of the plugin in a folder."""
    return str(read_plugin_config(find_plugin_config(path)).get("code", ""))
