"""What a researcher would type, typed for them.

Train the digits on a worker, activate a second version of the loss, train again, reproduce the first run bit by bit.

    python examples/experiments/demo.py [--home FOLDER]

It starts a server and a worker of its own and stops them at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).parent
LOSS = "loss/cross_entropy.py"
SECONDS = 300.0
ENDED = {"completed", "failed", "cancelled", "expired", "crashed"}


SYNAPSE = [sys.executable, "-m", "synapse_sdk"]


class Shell:
    """Runs `synapse` commands, and shows them."""

    def __init__(self, variables: dict[str, str]) -> None:
        self.variables = {**os.environ, **variables}

    def ask(self, *arguments: str, is_shown: bool = True) -> Any:
        """A command's JSON answer."""
        if is_shown:
            say(f"$ synapse {shlex.join(arguments)}")
        command = [*SYNAPSE, *arguments, "--json"]
        done = subprocess.run(command, env=self.variables, stdout=subprocess.PIPE, check=True, timeout=SECONDS)
        return json.loads(done.stdout)

    def show(self, *arguments: str) -> None:
        """A command whose output is for the reader."""
        say(f"$ synapse {shlex.join(arguments)}")
        subprocess.run([*SYNAPSE, *arguments], env=self.variables, check=True, timeout=SECONDS)


def main() -> None:
    parser = argparse.ArgumentParser(description="The story of the experiments, told by the platform itself.")
    parser.add_argument("--home", type=Path, help="where everything is kept; a temporary folder when absent")
    home = parser.parse_args().home
    with tempfile.TemporaryDirectory() as temporary:
        folder = (home or Path(temporary)).resolve()
        try:
            with running_server(folder / "server") as variables, running_worker(folder, variables):
                tell_story(Shell(variables))
        except subprocess.CalledProcessError as exc:
            # It has said why.
            sys.exit(f"`synapse {shlex.join(exc.cmd[len(SYNAPSE) :])}` ended with {exc.returncode}.")


def tell_story(shell: Shell) -> None:
    shell.ask("component", "push", "--base", str(kit_folder()), "-m", "the kit's own")
    first = train(shell, "experiment", "submit", str(EXAMPLES / "digits.yaml"))
    shell.ask("component", "push", "--base", str(EXAMPLES / "label-smoothing"), "-m", "smoothed labels")
    shell.show("component", "log", LOSS)
    second = train(shell, "experiment", "submit", str(EXAMPLES / "digits.yaml"))
    changed = shell.ask("experiment", "compare", first["uid"], second["uid"])
    require(not changed["same_metrics"], "the second version of the loss changes the metrics")
    again = train(shell, "experiment", "reproduce", first["uid"])
    shell.show("experiment", "compare", first["uid"], again["uid"])
    require(
        shell.ask("experiment", "compare", first["uid"], again["uid"], is_shown=False)["same_metrics"],
        "the reproduction has the same metrics, bit by bit",
    )
    for name in ("components", "seed", "lock_sha256", "core_hash", "base_hash"):
        require(again["manifest"][name] == first["manifest"][name], f"and the same {name}")
    require(second["components"][LOSS] != first["components"][LOSS], f"the run between had another {LOSS}")


def train(shell: Shell, *arguments: str) -> dict[str, Any]:
    """Submit, follow the log to its end, and give the experiment."""
    made = shell.ask(*arguments)
    uid = (made[0] if isinstance(made, list) else made)["uid"]
    shell.show("experiment", "logs", "-f", uid)
    deadline = time.monotonic() + SECONDS
    while (found := shell.ask("experiment", "show", uid, is_shown=False))["status"] not in ENDED:
        if time.monotonic() > deadline:
            sys.exit(f"{uid} did not end in {SECONDS:.0f} s.")
        time.sleep(0.5)
    require(found["status"] == "completed", f"{uid} completes")
    return found


@contextmanager
def running_server(home: Path) -> Iterator[dict[str, str]]:
    """A server of our own; the variables that make `synapse` talk to it."""
    home.mkdir(parents=True, exist_ok=True)
    subprocess.run([*SYNAPSE, "up", "--detach", "--home", str(home)], check=True, stdout=subprocess.DEVNULL)
    try:
        done = subprocess.run([*SYNAPSE, "status", "--home", str(home), "--json"], check=True, stdout=subprocess.PIPE)
        from web_helper.launcher.home import Home

        token = Home(home).read_admin_token()
        yield {"SYNAPSE_HOST": json.loads(done.stdout)["url"], "SYNAPSE_ACCESS_TOKEN": token or ""}
    finally:
        subprocess.run([*SYNAPSE, "down", "--home", str(home)], check=True, stdout=subprocess.DEVNULL)


@contextmanager
def running_worker(folder: Path, variables: dict[str, str]) -> Iterator[None]:
    """This machine as a worker."""
    arguments = ["worker", "up", "--server", variables["SYNAPSE_HOST"], "--work", str(folder / "worker"), "--stop-runs"]
    say(f"$ synapse {shlex.join(arguments)} &")
    with (folder / "worker.log").open("wb") as log:
        process = subprocess.Popen([*SYNAPSE, *arguments], env={**os.environ, **variables}, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def kit_folder() -> Path:
    """What holds the installed `cvlabkit`."""
    spec = find_spec("cvlabkit")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parents[1]


def require(is_so: bool, what: str) -> None:  # noqa: FBT001 - a check with its words
    if not is_so:
        sys.exit(f"This should be so and is not: {what}.")
    say(f"  {what}")


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
