"""`synapse experiment` and `synapse notification`: what a person types, against a real server."""

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from synapse_sdk.clients.components import ComponentClient
from synapse_sdk.clients.devices import DeviceClient
from synapse_sdk.clients.experiments import ExperimentClient
from synapse_sdk.components.digests import sha256_of, short_hash
from synapse_sdk.exceptions import AuthenticationError
from synapse_sdk.wire.devices import ConflictReport, Heartbeat
from synapse_sdk.wire.experiments import ExperimentManifest, RunOutcome

NUMBERS = itertools.count(1)
METRICS = b'{"epoch": 1, "loss": 0.5}\n{"epoch": 2, "loss": 0.25}\n'


class Bench:
    """Components and a host of this test's own: the server is shared by all tests."""

    def __init__(self, platform, tmp_path) -> None:
        number = next(NUMBERS)
        self.model, self.host_id = f"cli_net_{number}", f"cli-host-{number}"
        self.store = ComponentClient(platform.url, platform.token)
        self.store.upload(f"model/{self.model}.py", f"width = {number}\n")
        with ExperimentClient(platform.url, platform.token) as people:
            token = people.enrol_device(self.host_id)["token"]
        self.client = DeviceClient(platform.url, token, self.host_id)
        self.config = tmp_path / "digits.yaml"
        self.write(f"project: cli\nseed: 1\nmodel: {self.model}\n")

    def write(self, text: str) -> None:
        self.config.write_text(text)

    def begin(self):
        job = self.client.next_job()
        manifest = ExperimentManifest(
            components=job.components,
            core_hash="a" * 64,
            base_hash="b" * 64,
            config_sha256=job.config_sha256,
            seed=job.seed,
            host=self.host_id,
        )
        self.client.start(job.experiment.uid, job.attempt, manifest)
        return job

    def run(self, outcome=RunOutcome.COMPLETED, metrics=METRICS):
        job = self.begin()
        uid = job.experiment.uid
        self.client.send_log(uid, job.attempt, 0, "epoch 1 \x1b[31mred\né\n".encode())
        self.client.send_metrics(uid, job.attempt, 0, metrics)
        self.client.complete(uid, job.attempt, outcome, exit_code=0, message="why it ended")
        return uid


@pytest.fixture
def bench(platform, tmp_path):
    made = Bench(platform, tmp_path)
    yield made
    made.store.close()
    made.client.close()


def submit(synapse, bench, *arguments):
    (made,) = synapse.json("experiment", "submit", bench.config, "--device", bench.host_id, *arguments)
    return made["uid"]


def test_an_experiment_from_submission_to_comparison(synapse, bench):
    uid = submit(synapse, bench, "--priority", "high")
    assert synapse.json("experiment", "show", uid)["status"] == "queued"
    assert bench.run() == uid

    again = synapse.json("experiment", "reproduce", uid, "--device", bench.host_id)["uid"]
    assert bench.run() == again
    compared = synapse.json("experiment", "compare", uid, again)

    assert compared["same_metrics"]
    assert [compared[kind] for kind in ("config", "components", "environment", "metrics")] == [[], [], [], []]
    shown = synapse.json("experiment", "show", again)
    assert (shown["reproduces"], shown["status"], shown["seed"]) == (uid, "completed", 1)
    listed = synapse.json("experiment", "list", "--device", bench.host_id, "--status", "completed")
    assert [each["uid"] for each in listed] == [again, uid]


def test_what_people_see_is_a_table(synapse, bench):
    result = synapse("experiment", "submit", bench.config, "--device", bench.host_id, "--name", "my run")
    assert result.exit_code == 0
    for text in (
        "uid",
        "my run",
        "cli",
        "queued",
        bench.host_id,
        "1 submitted. Follow one: synapse experiment logs -f",
    ):
        assert text in result.output
    uid = bench.run()
    shown = synapse("experiment", "show", uid).output
    for text in (f"model/{bench.model}.py", "core_hash", "completed", "seed: 1"):
        assert text in shown
    compared = synapse("experiment", "compare", uid, uid)
    assert "Every row of their metrics is the same." in compared.output


def test_a_grid_is_one_line_for_each_run(synapse, bench):
    bench.write(f"project: grid of {bench.host_id}\nmodel: {bench.model}\nlr: [0.1, 0.2, 0.3]\n")

    made = synapse.json("experiment", "submit", bench.config, "--device", bench.host_id)
    bench.run()

    listed = synapse("experiment", "list", "--project", f"grid of {bench.host_id}").output
    assert [line.split()[-1] for line in listed.splitlines()[-3:]] == ["lr=0.3", "lr=0.2", "lr=0.1"]
    assert "1 of 3" in listed
    assert "lr=0.2" in synapse("experiment", "show", made[1]["uid"]).output
    assert [each["grid"] for each in made] == [0, 1, 2]
    told = synapse("experiment", "cancel", made[2]["uid"], "--grid")
    assert told.exit_code == 0
    assert f"The grid of {made[2]['uid']}: cancelled 2, 1 stay as they are." in told.output
    assert synapse.json("experiment", "pause", made[0]["uid"], "--grid") == {"moved": 0, "left": 3}


def test_a_large_grid_is_not_printed_whole(synapse, bench):
    bench.write(f"model: {bench.model}\nlr: {list(range(30))}\n")

    result = synapse("experiment", "submit", bench.config, "--hold")

    assert "… and 10 more." in result.output
    assert "30 of 30" not in result.output


def test_a_config_that_cannot_run_names_file_and_line(synapse, bench):
    bench.write("seed: 1\nmodel: there_is_none\n")

    result = synapse("experiment", "submit", bench.config)

    assert result.exit_code == 1
    assert "digits.yaml:2: model: there is no component model/there_is_none.py on the server." in result.output
    assert "Traceback" not in result.output


def test_the_log_is_printed_and_cannot_command_the_terminal(synapse, bench):
    submit(synapse, bench)
    uid = bench.run()

    plain = synapse("experiment", "logs", uid)
    lines = [json.loads(line) for line in synapse("experiment", "logs", uid, "--json").stdout.splitlines()]
    rest = synapse("experiment", "logs", uid, "--offset", 17)

    assert plain.stdout == "epoch 1 \x1b[31mred\né\n"  # No terminal here: a file gets what the run has printed.
    assert lines == [
        {"offset": 20, "text": "epoch 1 \x1b[31mred\né\n"},
        {"uid": uid, "status": "completed", "exit_code": 0},
    ]
    assert rest.stdout == "é\n"


@pytest.mark.parametrize(("outcome", "code"), [(RunOutcome.COMPLETED, 0), (RunOutcome.FAILED, 1)])
def test_following_ends_with_the_run_and_its_outcome(synapse, bench, outcome, code):
    uid = submit(synapse, bench)
    job = bench.begin()

    def go_on() -> None:
        for number in range(3):
            time.sleep(0.1)
            bench.client.send_log(uid, job.attempt, 2 * number, f"{number}\n".encode())
        bench.client.complete(uid, job.attempt, outcome, message="")

    thread = threading.Thread(target=go_on)
    thread.start()
    result = synapse("experiment", "logs", "-f", uid)
    thread.join()

    assert (result.exit_code, result.stdout) == (code, "0\n1\n2\n")
    assert f"{uid} is {outcome.value}." in result.output


def following(platform, uid):
    """`synapse experiment logs -f` as a process of its own."""
    environment = {**os.environ, "SYNAPSE_HOST": platform.url, "SYNAPSE_ACCESS_TOKEN": platform.token}
    command = [sys.executable, "-c", "from synapse_sdk.cli.main import main; main()", "experiment", "logs", "-f", uid]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0
    )


def test_ctrl_c_leaves_the_run_alone(synapse, bench, platform):
    uid = submit(synapse, bench)
    job = bench.begin()
    bench.client.send_log(uid, job.attempt, 0, b"begun\n")
    with following(platform, uid) as process:
        assert process.stdout.readline() == "begun\n"
        os.kill(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=200)

    assert process.returncode == 130
    assert "The run goes on without this terminal." in said
    assert "Traceback" not in said
    assert synapse.json("experiment", "show", uid)["status"] == "running"


def test_a_log_is_not_followed_with_a_key_that_was_revoked(synapse, bench, platform):
    uid = submit(synapse, bench)
    job = bench.begin()
    bench.client.send_log(uid, job.attempt, 0, b"begun\n")
    with platform.v2() as admin:
        made = admin.tokens.create(name="follows")
        with ExperimentClient(platform.url, made["key"]) as people:
            events = people.follow_log(uid)
            assert next(events)["text"] == "begun\n"
            admin.tokens.delete(made["id"])
            with pytest.raises(AuthenticationError):
                next(events)


def test_holding_pausing_and_ending(synapse, bench):
    uid = submit(synapse, bench, "--hold")
    assert bench.client.next_job() is None
    assert synapse.json("experiment", "resume", uid)["status"] == "queued"
    assert synapse.json("experiment", "pause", uid)["status"] == "paused"
    assert synapse.json("experiment", "cancel", uid)["status"] == "cancelled"
    again = synapse("experiment", "resume", uid)
    assert again.exit_code == 1
    assert "is cancelled" in again.output


def test_several_are_cancelled_at_once_and_one_that_refuses_keeps_none_back(synapse, bench):
    first, second = submit(synapse, bench, "--hold"), submit(synapse, bench, "--hold")
    assert [each["status"] for each in synapse.json("experiment", "resume", first, second)] == ["queued", "queued"]
    result = synapse("experiment", "cancel", first, "nobody", second)
    assert result.exit_code == 1
    assert "There is no experiment nobody" in result.output
    assert [synapse.json("experiment", "show", uid)["status"] for uid in (first, second)] == ["cancelled"] * 2


def test_following_one_that_waits_says_for_whom(synapse, bench, platform):
    uid = submit(synapse, bench, "--hold", "--device", "gpu-7")
    with following(platform, uid) as process:
        said = process.stderr.readline()
        synapse.json("experiment", "cancel", uid)
        process.communicate(timeout=200)
    assert process.returncode == 1
    assert said == f"{uid} is pending: nothing is printed until gpu-7 runs it.\n"


def test_following_one_that_nobody_can_take_says_why_and_goes_on_waiting(synapse, bench, platform):
    uid = submit(synapse, bench)
    with following(platform, uid) as process:
        queued, why = process.stderr.readline(), process.stderr.readline()
        assert bench.run() == uid
        printed, ended = process.communicate(timeout=200)
    assert (process.returncode, f"{uid} is completed." in ended, printed[:7]) == (0, True, "epoch 1")
    assert queued == f"{uid} is queued: nothing is printed until {bench.host_id} runs it.\n"
    assert why.startswith(f"Warning: no worker is at work ({bench.host_id} is disconnected); it waits until one is.")


def test_a_config_without_an_agent_is_warned_of(synapse, bench):
    submitted = ("experiment", "submit", bench.config, "--hold")
    assert "digits.yaml names no agent; it cannot run" in synapse(*submitted).output
    bench.store.upload(f"agent/{bench.model}.py", "a = 1\n")
    bench.write(f"{bench.config.read_text()}agent: {bench.model}\n")
    assert "names no agent" not in synapse(*submitted).output


def test_pins_and_aliases_are_honoured(synapse, bench):
    path = f"model/{bench.model}.py"
    old = bench.store.list_aliases(path)[0]["hash"]
    bench.store.upload(path, "width = 'new'\n")

    pinned = submit(synapse, bench, "--pin", f"{path}@{old}")

    assert synapse.json("experiment", "show", pinned)["components"][path]["hash"] == old
    staged = {"path": path, "content": "width = 'staged'\n", "aliases": ["next"]}
    bench.store.change([staged])
    tried = submit(synapse, bench, "--pin", f"{path}@next")
    assert synapse.json("experiment", "show", tried)["components"][path]["hash"] == short_hash(
        staged["content"].encode()
    )
    nowhere = synapse("experiment", "submit", bench.config, "--pin", f"{path}@nowhere")
    assert (nowhere.exit_code, "has no version 'nowhere'" in " ".join(nowhere.output.split())) == (2, True)
    assert synapse("experiment", "submit", bench.config, "--pin", path).exit_code == 2
    assert synapse("experiment", "submit", bench.config, "--alias", "paper-2026").exit_code == 1


def test_a_conflict_is_answered_on_the_command_line(synapse, bench):
    path, content = f"model/{bench.model}.py", b"width = 'mine'\n"
    server = bench.store.list_versions("model", bench.model)[0]["hash"]
    asked = bench.client.report_conflict(
        ConflictReport(
            path=path,
            conflict_type="local_newer",
            local_sha256=sha256_of(content),
            server_sha256="f" * 64,
            local_hash=short_hash(content),
            server_hash=server,
        )
    )
    listed = [each for each in synapse.json("notification", "list") if each["host_id"] == bench.host_id]
    assert [(each["id"], each["path"], each["status"]) for each in listed] == [(asked.id, path, "pending")]
    assert "required." in synapse("notification", "list").output

    assert synapse.json("notification", "answer", asked.id, "use_local")["resolution"] == "use_local"

    (told,) = bench.client.heartbeat(Heartbeat(host_id=bench.host_id)).answers
    assert (told.path, told.resolution, told.local_sha256) == (path, "use_local", sha256_of(content))
    assert synapse("notification", "answer", asked.id, "skip").exit_code == 1
    assert bench.host_id not in synapse("notification", "list").output
    assert bench.host_id in synapse("notification", "list", "--all").output


def test_devices_are_listed_and_one_that_never_joined_is_warned_of(synapse, bench):
    submit(synapse, bench)
    job = bench.begin()
    gpu = {"index": 0, "name": "NVIDIA H100"}
    active = [{"uid": job.experiment.uid, "attempt": job.attempt}]
    bench.client.heartbeat(Heartbeat(host_id=bench.host_id, gpus=[gpu], active_jobs=active))

    listed = next(
        line for line in synapse("experiment", "devices").stdout.splitlines() if line.split()[0] == bench.host_id
    )
    for text in ("healthy", job.experiment.uid, "NVIDIA H100"):
        assert text in listed
    mine = [each for each in synapse.json("experiment", "devices") if each["host_id"] == bench.host_id]
    assert [each["active_jobs"] for each in mine] == [[job.experiment.uid]]
    said = synapse("experiment", "submit", bench.config, "--device", "nobody")
    assert "no device 'nobody' has joined yet" in said.output


def test_a_device_is_removed_and_its_key_works_no_more(synapse, bench):
    bench.client.heartbeat(Heartbeat(host_id=bench.host_id))
    said = synapse("experiment", "remove-device", bench.host_id)
    assert (said.exit_code, f"{bench.host_id} is removed" in said.output) == (0, True)
    assert bench.host_id not in synapse("experiment", "devices").output
    with pytest.raises(AuthenticationError):
        bench.client.heartbeat(Heartbeat(host_id=bench.host_id))
    assert synapse("experiment", "remove-device", "never-joined").exit_code == 1


@pytest.mark.parametrize("role", ["viewer", "annotator"])
def test_who_may_not_submit_is_told_so(synapse, bench, platform, role):
    with platform.v2() as admin:
        number = next(NUMBERS)
        user = admin.users.create(email=f"looks-{number}@example.org")
        project = admin.projects.create(name=f"seen {number}")
        admin.members.create(project=project["id"], user=user["id"], role=role)
        key = admin.tokens.create(name="looks", user=user["id"])["key"]

    refused = synapse("experiment", "submit", bench.config, "--token", key)
    wrong = synapse("experiment", "submit", bench.config, "--token", "syn_wrong")

    assert (refused.exit_code, wrong.exit_code) == (1, 1)
    assert "the role 'manager'" in refused.output
    assert "The access token is unknown." in wrong.output
    assert key not in refused.output


def test_without_a_login_it_says_what_to_do(stranger):
    for arguments in (("experiment", "list"), ("notification", "list")):
        result = stranger(*arguments)
        assert result.exit_code == 1
        assert "synapse login" in result.output


def test_a_priority_that_is_none_is_a_wrong_command_line(synapse, bench):
    refused = synapse("experiment", "submit", bench.config, "--priority", "asap")
    assert (refused.exit_code, "Value error" in refused.output) == (2, False)
    assert "'asap' is not one of 'low', 'normal', 'high', 'urgent'" in refused.output
    assert synapse("experiment", "submit", bench.config.parent / "none.yaml").exit_code == 2
