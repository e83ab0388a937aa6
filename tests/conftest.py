"""What tests of several rooms share: the whole platform, as real processes, started once."""

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import pytest

from tests.engines.needed import needed
from tests.engines.ray_cluster import RayCluster, run_ray
from tests.engines.s3 import S3Server, run_s3
from web_helper.launcher.home import Home

SECONDS = 280
# A suite in the background of a shell inherits that Ctrl-C is ignored, and so would every command that it sends one.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# The same of a hang-up under `nohup`: a handler, unlike what is ignored, is not inherited.
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda *_: None)
# How long an example takes is the machine's affair. Where every engine is required, a run repeats the one before it:
# new examples are looked for on people's own machines.
hypothesis.settings.register_profile(
    "suite",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
    derandomize=os.environ.get("SYNAPSE_REQUIRE_ENGINES") == "1",
)
hypothesis.settings.load_profile("suite")


@dataclass(frozen=True)
class RunningPlatform:
    """Server, worker and agent of one installation, running."""

    home: Path
    url: str
    token: str

    def synapse(
        self, *arguments: str, cwd: Path | None = None, check: bool = True
    ) -> "subprocess.CompletedProcess[str]":
        """Run one `synapse` command as a user of this platform would."""
        variables = {**os.environ, "SYNAPSE_HOST": self.url, "SYNAPSE_ACCESS_TOKEN": self.token, "COLUMNS": "120"}
        return run_synapse(*arguments, cwd=cwd, check=check, env=variables)


def run_synapse(*arguments: str, check: bool = True, **options) -> "subprocess.CompletedProcess[str]":
    """Run one `synapse` command in a process of its own."""
    command = [sys.executable, "-m", "synapse_sdk", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False, **options)
    assert not check or done.returncode == 0, f"synapse {arguments} failed:\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="session")
def running_platform(tmp_path_factory) -> Iterator[RunningPlatform]:
    """Tests that use it belong to the xdist group `platform`, so that one platform serves them all."""
    home = Home(tmp_path_factory.mktemp("platform") / "home")
    run_synapse("up", "--detach", "--home", str(home.path))
    try:
        record, token = home.running(), home.read_admin_token()
        assert record is not None
        assert token is not None
        yield RunningPlatform(home.path, record.url, token)
    finally:
        run_synapse("down", "--home", str(home.path))


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """Tests that use it belong to the xdist group `s3`: a server takes half a minute to start, so one serves them all."""
    with needed(run_s3()) as server:
        yield server


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[RayCluster]:
    """Tests that use it belong to the xdist group `ray`, so that one cluster serves them all."""
    with needed(run_ray()) as cluster:
        yield cluster


@pytest.fixture
def bucket(s3: S3Server) -> str:
    """A fresh bucket."""
    name = f"test-{secrets.token_hex(6)}"
    s3.client().create_bucket(Bucket=name)
    return name
