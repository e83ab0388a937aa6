"""What serving does while something else happens: a deployment beside a deletion, a process number used again."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from synapse_agent.engines.ray.serve import engine as ray_serve
from synapse_agent.engines.serving.records import ApplicationRecord, ReplicaRecord, folder_of
from synapse_sdk.wire.serve import ServeStatus
from tests.serving.conftest import KEY, RELEASE, make_serving, spec_of, wait_for


class EmptyCluster:
    """A cluster that serves nothing and takes everything."""

    url, host = "http://127.0.0.1:8265", "127.0.0.1"

    def serve_details(self):
        return {"applications": {}, "http_options": {"host": "127.0.0.1", "port": 8000}}

    def keep_package(self, content):
        return f"gcs://{len(content)}.zip"

    def put_applications(self, config):
        self.declared = [application["name"] for application in config["applications"]]


@pytest.fixture
def on_ray(tmp_path):
    """An engine whose thread does not run: tests look for it."""
    host = ray_serve.ServeHost(tmp_path / "serving", KEY, 8000, lambda _: True, tmp_path / "archives")
    host.home.mkdir()
    return ray_serve.RayServeEngine(EmptyCluster(), host)


def test_what_is_being_deployed_stays_while_another_application_goes(on_ray, tmp_path, monkeypatch):
    old = tmp_path / "old"
    shutil.copytree(RELEASE, old)
    (old / "of_the_old.txt").write_text("one more file makes another release")
    on_ray.deploy(spec_of("Echo", "old@1.0.0").model_copy(update={"folder": str(old)}))
    on_ray.delete("old@1.0.0")
    keep = ray_serve.keep_release

    def keep_while_another_goes(*arguments):
        kept = keep(*arguments)
        on_ray._look()
        return kept

    monkeypatch.setattr(ray_serve, "keep_release", keep_while_another_goes)
    state = on_ray.deploy(spec_of("Echo", "new@1.0.0"))

    assert state.status is ServeStatus.DEPLOYING
    assert [each.name for each in on_ray.states()] == ["new@1.0.0"]
    assert Path(on_ray._applications["new@1.0.0"].wanted.spec.folder, "plugin").is_dir()


def test_a_process_that_has_a_replicas_number_by_now_is_let_alone(tmp_path):
    # As after a restart of the machine: the number in the record is somebody else's.
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True)
    home = tmp_path / "serving"
    record = ApplicationRecord(spec=spec_of("Echo"), is_deleting=True)
    record.replicas = [ReplicaRecord(id="a-mark-of-nobody", pid=other.pid, start=1, revision=1)]
    folder = folder_of(home, record.spec.name)
    folder.mkdir(parents=True)
    record.save(folder)
    serving = make_serving(home)
    try:
        serving.engine.start()
        wait_for(lambda: not serving.engine.states())
        assert other.poll() is None
    finally:
        serving.engine.stop()
        if other.poll() is None:
            os.killpg(other.pid, signal.SIGKILL)
        other.communicate()
