"""What an agent makes of a release: fetched whole, unpacked safely, with its requirements, and without its secrets."""

import io
import stat
import threading
import zipfile
from pathlib import Path

import pytest

from synapse_sdk.utils.file.checksum import calculate_checksum
from tests.agent.stage import until
from tests.plugins.test_environment import make_wheel

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("agent")]


def test_a_damaged_archive_fails_the_job_and_a_repaired_one_runs(stage, agent):
    code = stage.publish("return 'sound'")
    sha256 = stage.v1.get_plugin_release(f"{code}@1.0.0")["sha256"]
    stored = [path for path in (stage.home / "storage").rglob("*") if path.is_file()]
    kept = next(path for path in stored if calculate_checksum(path) == sha256)
    sound = kept.read_bytes()
    kept.chmod(0o644)
    kept.write_bytes(sound[:-40] + bytes(40))

    ended = stage.wait(stage.run(code, agent))

    assert (ended["status"], ended["exit_kind"]) == ("failed", "release_unusable")
    assert f"{code}@1.0.0 cannot be run: The release's archive is damaged" in ended["error"]
    kept.write_bytes(sound)
    assert stage.wait(stage.run(code, agent))["result"] == "sound"
    # The agent's own copy is checked each time, too.
    cached = agent.home / "releases" / f"{sha256}.zip"
    cached.write_bytes(b"PK damaged")
    assert stage.wait(stage.run(code, agent))["result"] == "sound"


def link_archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo("plugin/secret")
        info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
        archive.writestr("config.yaml", "name: x\ncode: x\n")
    return buffer.getvalue()


def test_an_archive_that_would_reach_out_of_its_folder_is_not_unpacked(stage, agent, tmp_path):
    archive = tmp_path / "evil.zip"
    archive.write_bytes(link_archive())
    config = {"name": "x", "actions": {"main": {"entrypoint": "plugin.main.Main"}}}
    stage.v1.create_plugin_release({"plugin": "evil", "version": "1.0.0", "config": config}, file=archive)

    ended = stage.wait(stage.run("evil", agent))

    assert (ended["status"], ended["exit_kind"]) == ("failed", "release_unusable")
    assert "is a link" in ended["error"]


def publish_with_wheel(stage, tmp_path, body, version="1.0"):
    make_wheel(tmp_path / "wheels", "tinypkg", version, "ANSWER = 42\n")
    wheels = {f"wheels/{path.name}": path.read_bytes() for path in (tmp_path / "wheels").iterdir()}
    return stage.publish(body, requirements=f"--no-index\ntinypkg=={version}\n", files=wheels)


def test_requirements_are_installed_once_for_runs_that_start_together(stage, agent, tmp_path):
    code = publish_with_wheel(stage, tmp_path, "import tinypkg\nreturn tinypkg.ANSWER")
    jobs = []
    starts = [threading.Thread(target=lambda: jobs.append(stage.run(code, agent))) for _ in range(3)]
    for start in starts:
        start.start()
    for start in starts:
        start.join()

    ended = [stage.wait(job) for job in jobs]

    assert [job["result"] for job in ended] == [42, 42, 42], ended
    said = [stage.console(job) for job in jobs]
    assert sum("Installing the requirements" in text for text in said) == 1, said
    again = stage.run(code, agent)
    assert stage.wait(again)["result"] == 42
    assert "Installing" not in stage.console(again)


def test_requirements_that_cannot_be_installed_fail_the_job_with_the_tools_words(stage, agent):
    index = "http://user:hunter2@127.0.0.1:9/private/simple"
    code = stage.publish("return 1", requirements=f"--index-url {index}\nno-such-package-here==1.0\n")
    job = stage.run(code, agent)

    ended = stage.wait(job)

    assert (ended["status"], ended["exit_kind"]) == ("failed", "build_failed")
    assert "cannot be installed" in ended["error"]
    assert "no-such-package-here" in ended["error"] + stage.console(job)
    assert "hunter2" not in ended["error"] + stage.console(job)


LEAKING = """
import traceback
for name, value in os.environ.items():
    print(name, value)
sys.stderr.write(repr(dict(os.environ)))
key = os.environ["SYNAPSE_PLUGIN_RUN_USER_TOKEN"]
Path(self.params.value).write_text(key + " " + os.environ["SYNAPSE_PLUGIN_RUN_AGENT_TOKEN"])
for char in key:
    sys.stdout.write(char)
    sys.stdout.flush()
time.sleep(1.5)
raise RuntimeError("the server said no to Token " + key + " and " + os.environ["SYNAPSE_PLUGIN_RUN_AGENT_TOKEN"])
"""


def test_no_key_is_in_anything_that_a_failing_run_leaves_behind(stage, agent, tmp_path):
    told = tmp_path / "keys"
    job = stage.run(stage.publish(LEAKING), agent, value=str(told))
    keys = until(lambda: told.exists() and told.read_text().split())
    lines = b"".join(path.read_bytes() for path in readable(Path("/proc").glob("[0-9]*/cmdline")))

    ended = stage.wait(job)

    assert ended["exit_kind"] == "exception"
    assert "the server said no" in ended["error"]
    kept = [path for root in (agent.home, stage.home) for path in root.rglob("*") if path.is_file()]
    logs = [stage.folder / "server.log", stage.folder / f"{agent.name}.log"]
    assert any(path.parent.name == "console" for path in kept)
    secrets = [*keys, stage.token, (agent.home / "enrolment.json").read_text().split('"key":"')[1].split('"')[0]]
    assert len(keys) == 2
    for secret in secrets:
        assert secret.encode() not in lines
        assert secret not in str(ended) + stage.console(job)
        for path in (*kept, *logs):
            assert path.name == "enrolment.json" or secret.encode() not in path.read_bytes(), path


def readable(paths):
    for path in paths:
        try:
            path.read_bytes()
        except OSError:
            continue
        yield path
