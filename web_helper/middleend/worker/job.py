"""One job from taken to reported. Each step is on disk before the next, so a restarted worker goes on where it was."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from synapse_sdk.clients.components import ComponentClient
from synapse_sdk.clients.devices import DeviceClient
from synapse_sdk.components.digests import sha256_of
from synapse_sdk.components.names import parse_component_path
from synapse_sdk.exceptions import (
    AuthenticationError,
    ClientError,
    ComponentError,
    ConflictError,
    HTTPError,
    NotFoundError,
    RateLimitError,
    ServerError,
)
from synapse_sdk.wire.experiments import ExperimentJob, ExperimentManifest, RunOutcome
from web_helper.middleend.worker.child.gpu_share import gpu_variables
from web_helper.middleend.worker.child.run_process import OBSERVED, Command, RunProcess
from web_helper.middleend.worker.content_cache import ContentCache
from web_helper.middleend.worker.deltas import RunDeltas
from web_helper.middleend.worker.host import Environment, read_gpus
from web_helper.middleend.worker.manifest import differences, make_manifest, read_executed, unrecorded
from web_helper.middleend.worker.outcome import Outcome, outcome_of
from web_helper.middleend.worker.run_store import Phase, RunFile, RunStore
from web_helper.middleend.worker.run_tree import KitFiles, build_tree, verify_tree
from web_helper.middleend.worker.small_files import write_new

LOG_DIR = "run"
LOOK_SECONDS = 0.5
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 1.0, 60.0
Tell = Callable[..., None]


@dataclass(frozen=True)
class Workshop:
    """What the jobs of a worker share.

    Attributes:
        kit: Reads the installed kit; for each run anew, as `environment` does what is installed beside it.
        tell: Takes an event and its fields.
        env: Variables of every run: without this worker's keys.
        any_environment: Whether a run may repeat another in an environment that is not the recorded one.
        slots: How many runs there are at once; the GPUs are divided among them.
    """

    host_id: str
    client: DeviceClient
    components: ComponentClient
    store: RunStore
    cache: ContentCache
    kit: Callable[[], KitFiles]
    environment: Callable[[], Environment]
    tell: Tell
    env: Mapping[str, str]
    stop_seconds: float
    log_bytes: int
    any_environment: bool = False
    slots: int = 1


class Backoff:
    """Waits 1, 2, 4 … 60 seconds.

    Args:
        wait: Waits for so many seconds, or until it is woken.
    """

    def __init__(self, wait: Callable[[float], object]) -> None:
        self._wait = wait
        self.seconds = FIRST_WAIT_SECONDS

    def wait(self) -> None:
        """Wait, and longer the next time."""
        self._wait(self.seconds)
        self.seconds = min(2 * self.seconds, LONGEST_WAIT_SECONDS)

    def reset(self) -> None:
        """It worked."""
        self.seconds = FIRST_WAIT_SECONDS


class JobLostError(Exception):
    """The server has given the run to somebody else, or forgotten it."""


class Job:
    """One job of this worker.

    Args:
        run: As far as it is.
        shop: What the jobs share.
        halt: Set when the worker ends; the run itself goes on without it.
    """

    def __init__(self, run: RunFile, shop: Workshop, halt: threading.Event) -> None:
        self._run, self._shop, self._halt = run, shop, halt
        self._folder = shop.store.folder_of(run.uid)
        self._job = ExperimentJob.model_validate(run.job)
        self._process = RunProcess(self._folder)
        self._deltas = RunDeltas(
            shop.client,
            run.uid,
            run.attempt,
            log=self._folder / "log",
            metrics=self._folder / LOG_DIR / "metrics.jsonl",
        )

    def carry(self) -> None:
        """Take it from where it is to its end, or to the worker's.

        An end that is known is told even then, unless the server has just not taken it: whoever waits for the runs of a
        worker that ends sees their records before they are told.
        """
        steps = {
            Phase.TAKEN: self._prepare,
            Phase.READY: self._begin,
            Phase.STARTED: self._follow,
            Phase.ENDED: self._report,
        }
        backoff, is_refused = Backoff(self._halt.wait), False
        try:
            while (run := self._shop.store.load(self._run.uid)) is not None:
                if self._halt.is_set() and (is_refused or run.phase is not Phase.ENDED):
                    return
                try:
                    steps[run.phase]()
                    backoff.reset()
                    is_refused = False
                except ClientError as exc:
                    is_refused = True
                    if is_passing(exc):
                        self._shop.tell(event_of(exc), uid=run.uid, wait_seconds=backoff.seconds, error=exc.code)
                        backoff.wait()
                    else:
                        self._give_up(run.phase, exc)
        except JobLostError as exc:
            self._abandon(str(exc))

    def _prepare(self) -> None:
        """Fetch what is missing, build the tree, verify it, and write the manifest."""
        try:
            self._fetch()
            manifest = self._build()
        except (ComponentError, OSError) as exc:
            self._end(Outcome(RunOutcome.FAILED, message=f"The run did not start: {_reason(exc)}."))
            return
        self._run.manifest = manifest.model_dump(mode="json")
        self._enter(Phase.READY)

    def _fetch(self) -> None:
        wanted = {str(parse_component_path(path)): each.sha256 for path, each in self._job.components.items()}
        missing = {path: digest for path, digest in wanted.items() if self._shop.cache.read(digest) is None}
        if not missing:
            return
        question = {"have": {}, "need": list(missing), "follow_imports": False, "pinned": missing}
        offer = self._shop.components.negotiate(question)
        contents = offer["contents"]
        if absent := sorted(path for path, digest in missing.items() if digest not in contents):
            raise ComponentError(f"the server did not send {', '.join(absent[:10])}")
        for path, digest in missing.items():
            try:
                self._shop.cache.add(digest, contents[digest].encode())
            except ComponentError as exc:
                raise ComponentError(f"{path}: {exc}") from exc
        self._shop.tell("components_fetched", uid=self._run.uid, fetched=len(missing), needed=len(wanted))

    def _build(self) -> ExperimentManifest:
        config = self._job.config.encode()
        if sha256_of(config) != self._job.config_sha256:
            raise ComponentError("the config that arrived is not the one that was frozen")
        wanted = {path: each.sha256 for path, each in self._job.components.items()}
        kit, environment = self._shop.kit(), self._shop.environment()
        build_tree(self._folder, kit, wanted, self._shop.cache)
        (self._folder / LOG_DIR).mkdir(exist_ok=True)
        write_new(self._folder / "config.yaml", config)
        write_new(self._folder / "environment.lock", environment.lock.encode())
        record = verify_tree(self._folder, kit, wanted)
        write_new(self._folder / "files.json", msgspec.json.encode(record.files))
        manifest = make_manifest(self._job, record, environment, self._shop.host_id, variables=self._gpu_variables())
        wanted_run = None if self._shop.any_environment else self._job.reproduces
        if wanted_run is not None and (others := differences(manifest, wanted_run)):
            raise ComponentError(f"it would not be the recorded run: different on this worker: {', '.join(others)}")
        return manifest

    def _begin(self) -> None:
        """Leave the manifest with the server, then start: nothing runs that is not recorded there."""
        manifest = ExperimentManifest.model_validate(self._run.manifest)
        self._shop.client.start(self._run.uid, self._run.attempt, manifest)
        try:
            self._process.start(self._command())
        except OSError as exc:
            self._end(Outcome(RunOutcome.FAILED, message=f"The run did not start: {_reason(exc)}."))
            return
        self._shop.tell("run_started", uid=self._run.uid, components=len(manifest.components))
        self._enter(Phase.STARTED)

    def _command(self) -> Command:
        seed = self._job.seed
        arguments = ["run", "../config.yaml", "--base", "..", "--set", "log_dir=."]
        arguments += [] if seed is None else ["--set", f"seed={seed}"]
        # No compiled code lies in the tree, and none is written there. That of the installed packages is read:
        # compiling torch anew for every run would take more than the rest of the start.
        python = [sys.executable, "-B"]
        env = {
            **self._shop.env,
            **self._gpu_variables(),
            # As the option, to processes that the run starts.
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
            # Sets of texts have an order of their own in each process, unless they are told one.
            "PYTHONHASHSEED": str((seed or 0) % 2**32),
        }
        return Command(
            [*python, str(OBSERVED), str(self._folder), str(self._folder / "imports.jsonl"), "cvlabkit", *arguments],
            # A folder for itself alone: a file that it calls `log` or `stop` must not be the worker's.
            cwd=self._folder / LOG_DIR,
            env=env,
            stop_seconds=self._shop.stop_seconds,
            log_bytes=self._shop.log_bytes,
        )

    def _gpu_variables(self) -> dict[str, str]:
        found = [gpu.index for gpu in read_gpus()[0]]
        return gpu_variables(self._shop.env, found, self._shop.slots, self._run.slot)

    def _follow(self) -> None:
        """Send what comes, until the run has ended."""
        ending = self._process.poll()
        if ending is None:
            if not self._deltas.send():
                self._halt.wait(LOOK_SECONDS)
            return
        try:
            executed = read_executed(self._folder / "imports.jsonl")
            recorded = msgspec.json.decode((self._folder / "files.json").read_bytes(), type=dict[str, str])
            strange = unrecorded(executed, recorded)
        except (ComponentError, OSError) as exc:
            strange = [_reason(exc)]
        self._end(outcome_of(ending, self._folder / "log", strange))

    def _report(self) -> None:
        """Send what the server has not got yet, then how it ended."""
        while self._deltas.send():
            pass
        outcome = msgspec.convert(self._run.outcome, Outcome)
        self._shop.client.complete(
            self._run.uid,
            self._run.attempt,
            outcome.status,
            exit_code=outcome.exit_code,
            message=outcome.message,
        )
        self._shop.store.close(self._run.uid)
        self._shop.tell("run_ended", uid=self._run.uid, status=outcome.status.value, message=outcome.message)

    def _give_up(self, phase: Phase, exc: ClientError) -> None:
        """The server says no, for good: tell it that the run has failed. Where it is not ours, it says no to that, too.

        Raises:
            JobLostError: It was told.
        """
        if phase is Phase.ENDED:
            raise JobLostError(exc.code) from exc
        if self._process.was_started:
            self._process.request_stop()
        reason = f"The server refused what this worker asked or told: {exc.reason}"
        self._end(Outcome(RunOutcome.FAILED, message=reason))

    def _end(self, outcome: Outcome) -> None:
        self._run.outcome = msgspec.to_builtins(outcome)
        self._enter(Phase.ENDED)

    def _enter(self, phase: Phase) -> None:
        self._run.phase = phase
        self._shop.store.save(self._run)

    def _abandon(self, reason: str) -> None:
        """End what runs for a job that is not this worker's any more, then forget it."""
        self._shop.tell("run_abandoned", uid=self._run.uid, error=reason)
        if self._process.was_started:
            self._process.request_stop()
            while self._process.poll() is None and not self._halt.wait(LOOK_SECONDS):
                pass
        if not self._halt.is_set():
            self._shop.store.forget(self._run.uid)


def event_of(exc: ClientError) -> str:
    """How a failure that may pass is told: a key that is refused needs somebody to do something."""
    return "key_refused" if isinstance(exc, AuthenticationError) else "server_away"


def is_passing(exc: ClientError) -> bool:
    """Whether it is worth asking again: the server is away, busy or broken, or does not take this worker's key."""
    if isinstance(exc, ConflictError | NotFoundError):
        return False
    return (
        not isinstance(exc, HTTPError) or isinstance(exc, ServerError | RateLimitError) or exc.status_code in {401, 403}
    )


def _reason(exc: Exception) -> str:
    text = (exc.strerror or type(exc).__name__) if isinstance(exc, OSError) else str(exc)
    return text.rstrip(".")
