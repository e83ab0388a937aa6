"""The server is killed in the middle of every request that changes the store, asks it, or makes an experiment.

Nothing is lost, nothing is done twice, and nobody ends with half of a set.
"""

import signal
import socket
import subprocess
import sys
import threading
from contextlib import closing, contextmanager

import pytest

from synapse_sdk.components.digests import short_hash
from synapse_sdk.components.names import parse_component_path
from synapse_sdk.exceptions import ClientError
from tests.agent.stage import clean_env
from tests.cvlabkit.tree import CONFIG
from tests.middleend.killed_server import ALL, ALL_OF_STORE, MOMENTS, REQUESTS, STORE
from tests.middleend.kit import until
from tests.middleend.stage import Stage, WorkerProcess
from web_helper.middleend.component_manager import ComponentManager
from web_helper.middleend.worker.run_store import RunStore

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("worker"), pytest.mark.timeout(900)]
SECONDS = 400.0


class KilledStage(Stage):
    """A stage whose server dies at the moments that its file names, and is started again."""

    def start_server(self):
        self.points = self.folder / "points"
        env = {**clean_env(), "SYNAPSE_SERVER_HOME": str(self.home), "SYNAPSE_SERVER_BASE_URL": self.url}
        env["SYNAPSE_SERVER_COMPONENT_ROOT"] = str(self.folder / "checkout")
        fd = self.listener.fileno()
        with (self.folder / "server.log").open("ab") as log:
            self.server = subprocess.Popen(
                [sys.executable, "-m", "tests.middleend.killed_server", str(self.points), f"--fd={fd}"],
                env=env,
                pass_fds=(fd,),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @contextmanager
    def revived(self):
        """Start the server again whenever it has been killed; the statuses with which it ended."""
        statuses, is_over = [], threading.Event()

        def supervise():
            while not is_over.wait(0.05):
                if self.server.poll() is not None:
                    statuses.append(self.server.returncode)
                    self.listener.close()
                    # It is not waited for: it may be killed again before it has answered anybody else.
                    self.listener = socket.create_server(("127.0.0.1", self.port), reuse_port=True)
                    self.start_server()

        thread = threading.Thread(target=supervise)
        thread.start()
        try:
            yield statuses
        finally:
            is_over.set()
            thread.join()


@pytest.fixture
def stage(tmp_path):
    made = KilledStage(tmp_path / "stage")
    yield made
    made.close()


def write_component(root, path: str, text: str) -> None:
    file = root / parse_component_path(path).file
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_the_server_may_be_killed_in_every_change_of_the_store_and_in_a_negotiation(stage, tmp_path):
    assert len(ALL_OF_STORE) == len(STORE) * len(MOMENTS) - 1 == 9
    store, tree = stage.components, tmp_path / "tree"
    old = {path: store.list_versions(*path[:-3].split("/"))[0]["hash"] for path in ("loss/scaled.py", "model/line.py")}
    sets = len(store.list_changes())
    write_component(stage.folder / "checkout", "metric/scanned.py", "s = 1\n")
    write_component(tree, "metric/scanned.py", "s = 0\n")
    (tree / "config.yaml").write_text("model: line\nloss: scaled\nagent: fitter\nmetric: [scanned, changed]\n")
    with stage.revived() as statuses:
        stage.points.write_text("".join(f"{each}\n" for each in ALL_OF_STORE))
        patiently(lambda: store.upload("loss/scaled.py", "l = 2\n"))
        patiently(lambda: store.activate(old["loss/scaled.py"]))
        changed = {"model/line.py": "m = 2\n", "metric/changed.py": "c = 2\n"}
        patiently(lambda: store.change([{"path": path, "content": text} for path, text in changed.items()]))
        patiently(store.scan)
        with closing(ComponentManager(stage.url, tree, stage.token)) as manager:
            result = patiently(lambda: manager.sync_with_strategy(tree / "config.yaml", "server_authoritative"))
        until(lambda: stage.points.read_text() == "", SECONDS, stage.points.read_text)

    assert statuses == [-signal.SIGKILL] * len(ALL_OF_STORE)
    assert (result.failed, result.conflicts) == ([], [])
    active = {each["path"]: each["active_hash"] for each in store.list_components()}
    assert active["loss/scaled.py"] == old["loss/scaled.py"]
    assert active["model/line.py"] == short_hash(b"m = 2\n") != old["model/line.py"]
    for path in ("loss/scaled.py", "metric/scanned.py", *changed):
        assert short_hash((tree / parse_component_path(path).file).read_bytes()) == active[path]
    # One set for each change, whoever asked how often.
    assert [each["kind"] for each in store.list_changes()][: -sets or None] == ["scan", "change", "activate", "upload"]


def patiently(ask):
    """Ask as a person does whose server comes back in a moment."""

    def attempt():
        try:
            return [ask()]
        except ClientError:
            return None

    return until(attempt, SECONDS)[0]


def test_the_server_may_be_killed_in_every_request_of_an_experiment(stage, tmp_path, monkeypatch):
    monkeypatch.setattr(WorkerProcess, "program", "tests.middleend.eager_worker")
    assert len(ALL) == len(REQUESTS) * len(MOMENTS) == 14
    worker = stage.start_worker("gpu-1")
    until(lambda: worker.events("worker_up"), explain=worker.log)
    with stage.revived() as statuses:
        # In turn: a kill by another request between commit and answer would leave nothing to write for the repetition.
        heartbeats = [each for each in ALL if each.startswith("heartbeat")]
        stage.points.write_text("".join(f"{each}\n" for each in heartbeats))
        until(lambda: stage.points.read_text() == "", SECONDS, stage.points.read_text)
        worker.process.send_signal(signal.SIGSTOP)
        stage.points.write_text("".join(f"{each}\n" for each in ALL if each not in heartbeats))
        config = f"{CONFIG}count: {tmp_path / 'count'}\n"
        (made,) = patiently(lambda: stage.experiments.submit(config, key="once"))
        worker.process.send_signal(signal.SIGCONT)
        uid = made["uid"]
        row = until(
            lambda: patiently(lambda: stage.show(uid))["status"] == "completed" and patiently(lambda: stage.show(uid)),
            SECONDS,
            lambda: (stage.points.read_text(), worker.log()[-3000:]),
        )
        until(lambda: stage.points.read_text() == "", SECONDS, stage.points.read_text)
        until(lambda: patiently(lambda: not list(RunStore(worker.work).all())), SECONDS, worker.log)
        patiently(lambda: stage.show(uid))

    assert statuses == [-signal.SIGKILL] * len(ALL)
    assert (tmp_path / "count").read_text() == "x", "the run was started twice"
    assert [each["uid"] for each in stage.experiments.list_experiments(limit=50)] == [uid]
    assert row["exit_code"] == 0
    assert row["manifest"]["components"] == row["components"]
    assert [each["epoch"] for each in stage.metrics(uid)] == [1, 2, 3, 4]
    log = stage.log(uid)
    assert [line for line in log.splitlines() if line.startswith("epoch")] == [f"epoch {n}" for n in range(4)]
    assert worker.kill(15) == 0
