"""The server is killed in the middle of every request that makes an experiment: nothing is lost and nothing is done twice."""

import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest

from synapse_sdk.exceptions import ClientError
from tests.agent.stage import clean_env
from tests.cvlabkit.tree import CONFIG
from tests.middleend.killed_server import ALL, MOMENTS, REQUESTS
from tests.middleend.kit import until
from tests.middleend.stage import Stage, WorkerProcess
from web_helper.middleend.worker.run_store import RunStore

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("worker"), pytest.mark.timeout(900)]
SECONDS = 400.0


class KilledStage(Stage):
    """A stage whose server dies at the moments that its file names, and is started again."""

    def start_server(self):
        self.points = self.folder / "points"
        env = {**clean_env(), "SYNAPSE_SERVER_HOME": str(self.home), "SYNAPSE_SERVER_BASE_URL": self.url}
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
        stage.points.write_text("".join(f"{each}\n" for each in ALL))
        config = f"{CONFIG}count: {tmp_path / 'count'}\n"
        (made,) = patiently(lambda: stage.experiments.submit(config, key="once"))
        uid = made["uid"]
        row = until(
            lambda: patiently(lambda: stage.show(uid))["status"] == "completed" and patiently(lambda: stage.show(uid)),
            SECONDS,
            lambda: (stage.points.read_text(), worker.log()[-3000:]),
        )
        # The worker goes on asking: what is left are its heartbeats.
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
