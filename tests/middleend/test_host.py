"""What a worker tells of its host."""

import subprocess

import pytest

from synapse_sdk.wire.devices import Heartbeat
from web_helper.middleend.worker.host import (
    LoadMeter,
    describe_gpus,
    read_code_version,
    read_environment,
    read_gpus,
)

ANSWER = """\
0, NVIDIA H200, 37, 1024, 143771, 570.86.15
1, NVIDIA H200, [N/A], [N/A], 143771, 570.86.15
"""


@pytest.fixture
def program(tmp_path, monkeypatch):
    """A program in front of all others."""

    def make(name, text, exit_code=0):
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        (tmp_path / "answer").write_text(text)
        path.write_text(f"#!/bin/sh\ncat {tmp_path / 'answer'}\nexit {exit_code}\n")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{path.parent}:/usr/bin:/bin")

    return make


def test_gpus_are_told_with_what_they_know_of_themselves(program):
    program("nvidia-smi", ANSWER)
    gpus, driver = read_gpus()
    assert [gpu.utilization_percent for gpu in gpus] == [37.0, None]
    assert [gpu.memory_used_bytes for gpu in gpus] == [1024 * 2**20, None]
    assert gpus[0].memory_total_bytes == 143771 * 2**20
    assert describe_gpus(gpus, driver) == "0: NVIDIA H200; 1: NVIDIA H200; driver 570.86.15"


@pytest.mark.parametrize(("text", "exit_code"), [("", 0), ("No devices were found\n", 6), ("a, b\n", 0)])
def test_a_driver_that_has_nothing_to_tell_is_no_gpu(program, text, exit_code):
    program("nvidia-smi", text, exit_code)
    assert read_gpus() == ([], None)
    assert describe_gpus([], None) is None


def test_the_environment_is_what_is_installed():
    environment = read_environment()
    lines = environment.lock.splitlines()
    names = [line.partition("==")[0] for line in lines]
    assert names == sorted(set(names))
    assert [line for line in lines if line.startswith("httpx2==")]
    assert environment.lock_sha256 == read_environment().lock_sha256


def test_a_checkout_tells_its_commit_and_whether_it_was_changed(tmp_path):
    kit = tmp_path / "cvlabkit"
    kit.mkdir()
    (kit / "a.py").write_text("x = 1\n")
    git = ["git", "-C", str(tmp_path), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for arguments in (["init", "-q", "-b", "lab"], ["add", "."], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *arguments], check=True)
    clean = read_code_version(kit, "f" * 64, "e" * 64)
    assert (clean.branch, clean.git_dirty, len(clean.git_hash), clean.files_hash) == ("lab", False, 40, "f" * 64)
    (kit / "a.py").write_text("x = 2\n")
    assert read_code_version(kit, "f" * 64, "e" * 64).git_dirty


def test_an_installation_that_is_no_checkout_tells_no_commit(tmp_path):
    assert read_code_version(tmp_path, "f" * 64, "e" * 64).git_hash is None


def test_the_load_fits_a_heartbeat(tmp_path):
    report = Heartbeat(host_id="gpu-1", **LoadMeter(tmp_path).measure())
    assert 0 < report.memory_used_bytes < report.memory_total_bytes
    assert 0 < report.disk_used_bytes <= report.disk_total_bytes
    assert report.cpu_count >= 1
