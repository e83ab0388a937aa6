"""What an agent makes of a release: fetched whole, unpacked safely, with its requirements, and without its secrets."""

import hashlib
import io
import sqlite3
import stat
import threading
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from tests.agent.stage import until
from tests.folders import contents_below, files_below, size_below
from tests.plugins.test_environment import make_wheel

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("agent")]


def test_a_damaged_archive_fails_the_job_and_a_repaired_one_runs(stage, agent):
    code = stage.publish("return 'sound'")
    sha256 = stage.v1.get_plugin_release(f"{code}@1.0.0")["sha256"]
    kept = stored_file(stage, sha256)
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


def archive_of(*entries, compression=zipfile.ZIP_DEFLATED):
    """A release's archive with more in it: name or ZipInfo, and content."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        archive.writestr(
            "config.yaml", "name: x\ncode: x\nversion: 1.0.0\nactions: {main: {entrypoint: plugin.main.Main}}\n"
        )
        archive.writestr("plugin/main.py", "raise SystemExit('it was run')")
        for name, content in entries:
            archive.writestr(name, content)
    return buffer.getvalue()


def special(name, kind):
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, (kind | 0o777) << 16
    return info


EVIL = {
    "a link out": (archive_of((special("plugin/secret", stat.S_IFLNK), "/etc/passwd")), "is a link"),
    "a link, then a file through it": (
        archive_of((special("out", stat.S_IFLNK), "/tmp"), ("out/evil", "x")),
        "is a link",
    ),
    "a device": (archive_of((special("plugin/pipe", stat.S_IFIFO), "")), "is a link or a device"),
    "parents": (archive_of(("../../../evil", "x")), "leads out of its folder"),
    "hidden parents": (archive_of(("plugin/../../evil", "x")), "leads out of its folder"),
    "an absolute name": (archive_of(("/tmp/synapse-evil", "x")), "leads out of its folder"),
    "a name of another system": (archive_of(("..\\..\\evil", "x")), "leads out of its folder"),
    "a bomb": (archive_of(("zeros", bytes(64 * 2**20))), "would grow more than 200 times"),
    "many small files": (archive_of(*((f"f/{n}", "") for n in range(20_001)), compression=0), "entries; at most 20000"),
    "no archive": (b"PK\x03\x04" + bytes(500), "damaged"),
    "a torn archive": (archive_of(("plugin/more", "x" * 1000))[:-60], "damaged"),
}


def smuggle(stage, content):
    """Publish a release and give it another archive, past the server, which refuses most of them itself."""
    code = stage.publish("return 'sound'")
    sha256 = stage.v1.get_plugin_release(f"{code}@1.0.0")["sha256"]
    stored = stored_file(stage, sha256)
    stored.chmod(0o644)
    stored.write_bytes(content)
    new = hashlib.sha256(content).hexdigest()
    with closing(sqlite3.connect(stage.home / "synapse.db", timeout=30)) as database, database:
        database.execute(
            "UPDATE data_files SET sha256 = ?, size_bytes = ? WHERE sha256 = ?", (new, len(content), sha256)
        )
        database.execute("UPDATE plugin_releases SET sha256 = ? WHERE sha256 = ?", (new, sha256))
    return code


def stored_file(stage, sha256):
    stored = contents_below(stage.home / "storage")
    return next(path for path, content in stored if hashlib.sha256(content).hexdigest() == sha256)


@pytest.mark.parametrize("evil", EVIL)
def test_an_archive_that_nobody_should_trust_is_not_unpacked(stage, agent, evil):
    content, said = EVIL[evil]
    code = smuggle(stage, content)
    before = size_below(agent.home)

    job = stage.run(code, agent)
    ended = stage.wait(job)

    assert (ended["status"], ended["exit_kind"]) == ("failed", "release_unusable")
    assert said in ended["error"]
    until((agent.home / "ended" / job).exists)
    # The agent removes its oldest run meanwhile.
    assert not [path for path in files_below(agent.home) if path.name == "evil"]
    assert not Path("/tmp/evil").exists()
    assert not Path("/tmp/synapse-evil").exists()
    # The archive itself is kept, and nothing that came out of it.
    assert size_below(agent.home) - before <= len(content) + 100_000


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
