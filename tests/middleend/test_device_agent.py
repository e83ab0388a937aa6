"""What a worker does with its jobs, in front of the real server."""

import errno
import json
import os
import stat
import time

import httpx2
import msgspec
import pytest

from synapse_sdk.exceptions import AuthenticationError, AuthorizationError, ConfigurationError
from synapse_sdk.testing import Fault, FaultyTransport
from tests.cvlabkit.tree import CONFIG
from tests.middleend.conftest import URL
from tests.middleend.kit import processes_with, states_of, until
from tests.middleend.stage import COMPONENTS
from web_helper.middleend.device_agent import HostRecord, join_server
from web_helper.middleend.worker import content_cache, device_agent
from web_helper.middleend.worker.run_store import Phase, RunStore
from web_helper.middleend.worker.run_tree import KitFiles, read_kit


def counted(folder, text=CONFIG):
    return f"{text}count: {folder / 'count'}\n"


def gated(folder, text=CONFIG):
    return f"{text}gate: {folder / 'gate'}\n"


def starts(folder):
    return len((folder / "count").read_text()) if (folder / "count").exists() else 0


def test_a_run_is_done_reported_and_recorded(lab, tmp_path):
    lab.agent()
    row = lab.wait(lab.submit(counted(tmp_path)))
    uid = row["uid"]
    assert (row["status"], row["message"], starts(tmp_path)) == ("completed", "", 1), lab.log(uid)
    assert [each["epoch"] for each in lab.metrics(uid)] == [1, 2, 3, 4]
    assert [line for line in lab.log(uid).splitlines() if line.startswith("epoch")] == [f"epoch {n}" for n in range(4)]
    manifest = row["manifest"]
    assert manifest["components"] == row["components"]
    assert len(manifest["core_hash"]) == len(manifest["lock_sha256"]) == 64
    assert manifest["environment"]["synapse"]


def test_versions_are_those_of_the_submission_however_quickly_they_follow_each_other(lab):
    uids = [lab.submit()]
    for factor in (2, 3, 4):
        # Of equal length, and all within a second.
        lab.put({"loss/scaled.py": COMPONENTS["loss/scaled.py"].replace("self.scale *", f"{factor} * self.scale *")})
        uids.append(lab.submit())
    lab.agent(jobs=2)
    versions = {lab.wait(uid)["manifest"]["components"]["loss/scaled.py"]["sha256"] for uid in uids}
    first, *others = (lab.metrics(uid)[0]["loss"] for uid in uids)
    assert [loss / first for loss in others] == pytest.approx([2, 3, 4])
    assert len(versions) == 4


def test_a_grids_runs_come_one_after_the_other_and_fetch_once(lab):
    lab.agent()
    made = lab.experiments.submit(CONFIG.replace("lr: 0.1", "lr: [0.1, 0.2, 0.3]"))
    assert {lab.wait(each["uid"])["status"] for each in made} == {"completed"}
    assert [each["fetched"] for each in lab.told("components_fetched")] == [5]
    assert len({json.dumps(lab.metrics(each["uid"])) for each in made}) == 3


def test_several_run_at_once_and_no_more(lab, tmp_path):
    lab.agent(jobs=2)
    uids = [lab.submit(gated(tmp_path)) for _ in range(3)]
    for uid in uids[:2]:
        until(lambda uid=uid: "epoch 0" in lab.log(uid), explain=lambda: lab.events)
    assert lab.status(uids[2]) == "queued"
    (tmp_path / "gate").touch()
    assert {lab.wait(uid)["status"] for uid in uids} == {"completed"}


def test_a_run_goes_to_the_host_that_was_asked_for(lab):
    lab.agent("gpu-1")
    other = lab.submit(device="gpu-2")
    assert lab.wait(lab.submit())["device"] == "gpu-1"
    assert lab.status(other) == "queued"
    lab.agent("gpu-2")
    assert lab.wait(other)["device"] == "gpu-2"


def test_a_cancelled_run_ends(lab, tmp_path):
    lab.agent()
    uid = lab.submit(gated(tmp_path))
    until(lambda: "epoch 0" in lab.log(uid))
    lab.experiments.cancel(uid)
    until(lambda: lab.told("run_ended") or lab.told("run_abandoned"))
    assert lab.status(uid) == "cancelled"
    assert processes_with(f"SYNAPSE_EXPERIMENT_RUN={lab.folder}") == []
    assert lab.wait(lab.submit())["status"] == "completed"


def test_an_end_that_comes_while_its_worker_ends_is_told(lab, tmp_path, monkeypatch):
    """Who waits for its record may be quicker than the thread that has written it."""
    save = RunStore.save

    def save_and_linger(store, run):
        save(store, run)
        if run.phase is Phase.ENDED:
            time.sleep(0.5)

    monkeypatch.setattr(RunStore, "save", save_and_linger)
    lab.agent(stop_runs_at_exit=True)
    uid = lab.submit(gated(tmp_path))
    until(lambda: "epoch 0" in lab.log(uid))
    lab.stop()
    assert lab.status(uid) == "cancelled"


def test_a_paused_run_stands_still_until_it_is_resumed(lab, tmp_path):
    lab.agent()
    uid = lab.submit(gated(tmp_path))
    until(lambda: "epoch 0" in lab.log(uid))
    lab.experiments.pause(uid)
    until(
        lambda: states_of(f"SYNAPSE_EXPERIMENT_RUN={lab.folder}") == {"T"},
        explain=lambda: states_of(f"SYNAPSE_EXPERIMENT_RUN={lab.folder}"),
    )
    (tmp_path / "gate").touch()
    lab.experiments.resume(uid)
    assert lab.wait(uid)["status"] == "completed"


class Altering(httpx2.BaseTransport):
    """Changes what the server answers on some path."""

    def __init__(self, inner, path, change):
        self.inner, self.path, self.change = inner, path, change

    def handle_request(self, request):
        response = self.inner.handle_request(request)
        if self.path not in request.url.path:
            return response
        body = msgspec.json.decode(response.read())
        if body.get("data"):
            self.change(body["data"])
        return httpx2.Response(response.status_code, content=msgspec.json.encode(body), request=request)


def tamper(data):
    digest = min(data["contents"])
    data["contents"][digest] += "# tampered\n"


def withhold(data):
    del data["contents"][min(data["contents"])]


def lead_outside(data):
    data["components"]["../../outside.py"] = next(iter(data["components"].values()))


def change_config(data):
    data["config"] += "# changed\n"


@pytest.mark.parametrize(
    ("path", "change", "reason"),
    [
        ("components/sync", tamper, "is something else"),
        ("components/sync", withhold, "the server did not send"),
        ("jobs/next", lead_outside, "is no component"),
        ("jobs/next", change_config, "config that arrived is not the one that was frozen"),
    ],
)
def test_a_run_whose_parts_did_not_arrive_does_not_start_and_says_why(lab, tmp_path, path, change, reason):
    lab.agent(transport=Altering(lab.transport, path, change))
    row = lab.wait(lab.submit(counted(tmp_path)))
    assert row["status"] == "failed"
    assert row["message"].startswith("The run did not start: ")
    assert reason in row["message"]
    assert (row["manifest"], starts(tmp_path)) == (None, 0)
    assert not list(tmp_path.rglob("outside.py"))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_refuses_is_told(lab, tmp_path, monkeypatch, number):
    def refuse(path, content):
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(content_cache, "write_new", refuse)
    lab.agent()
    row = lab.wait(lab.submit(counted(tmp_path)))
    assert (row["status"], row["message"]) == ("failed", f"The run did not start: {os.strerror(number)}.")
    monkeypatch.undo()
    assert lab.wait(lab.submit(counted(tmp_path)))["status"] == "completed"


CALLS = ["heartbeat", "jobs/next", "components/sync", "/start$", "/log$", "/metrics$", "/received$", "/complete$"]


@pytest.mark.parametrize("how", [{"lose_answer": True}, {"error": httpx2.ConnectError}, {"status": 503}])
def test_every_request_may_fail_and_the_work_is_done_once(lab, tmp_path, how):
    faults = [Fault(path, times=2, **how) for path in CALLS]
    transport = FaultyTransport(lab.transport, faults)
    lab.agent(transport=transport)
    uid = lab.submit(counted(tmp_path))
    assert lab.wait(uid)["status"] == "completed"
    assert starts(tmp_path) == 1
    assert [each["epoch"] for each in lab.metrics(uid)] == [1, 2, 3, 4]
    assert lab.log(uid).count("epoch 2\n") == 1
    assert lab.told("server_away")
    until(lambda: lab.told("worker_recovered"), explain=lambda: lab.events)


def test_what_is_not_in_the_manifest_fails_the_run(lab):
    text = f"""\
{COMPONENTS["model/line.py"]}
from pathlib import Path
Path(__file__).with_name("smuggled.py").write_text("x = 1")
try:
    import cvlabkit.component.model.smuggled
except ImportError:
    pass
"""
    # Found at run time only: the server's own look at imports would refuse it as an unresolved one.
    lab.put(
        {
            "model/line.py": text.replace(
                "import cvlabkit.component.model.smuggled", "__import__('cvlabkit.component.model.smuggled')"
            )
        }
    )
    lab.agent()
    row = lab.wait(lab.submit())
    assert row["status"] == "failed"
    assert (
        "code that its manifest lacks: cvlabkit/component/model/smuggled.py is not in the run's manifest"
        in row["message"]
    )


def test_a_component_that_raises_fails_its_run_and_says_what(lab):
    lab.put(
        {"model/line.py": COMPONENTS["model/line.py"].replace("self.slope = start", "raise ValueError('no slope')")}
    )
    lab.agent()
    row = lab.wait(lab.submit())
    assert (row["status"], row["exit_code"]) == ("failed", 1)
    assert row["message"] == "Exit code 1. ValueError: no slope"
    assert "Traceback" in lab.log(row["uid"])


def test_a_run_sees_none_of_the_workers_keys(lab, monkeypatch):
    for name in ("SYNAPSE_ACCESS_TOKEN", "CVLABKIT_API_KEY", "SYNAPSE_SERVER_SECRET"):
        monkeypatch.setenv(name, "syn_secret")
    lab.put({"model/line.py": f"import os\nprint(sorted(os.environ.items()))\n{COMPONENTS['model/line.py']}"})
    lab.agent()
    log = lab.log(lab.wait(lab.submit())["uid"])
    assert "PYTHONHASHSEED" in log
    assert "syn_" not in log


def test_a_run_is_repeated_with_the_recorded_kit_and_packages_only(lab, monkeypatch):
    agent = lab.agent()
    first = lab.wait(lab.submit(f"{CONFIG}seed: 3\n"))["uid"]
    again = lab.wait(lab.experiments.reproduce(first)["uid"])
    assert again["status"] == "completed"
    assert lab.experiments.compare(first, again["uid"])["same_metrics"]
    lab.stop()
    del agent

    def other_kit(folder):
        return KitFiles({**read_kit(folder).contents, "cvlabkit/core/added.py": b""})

    monkeypatch.setattr(device_agent, "read_kit", other_kit)
    lab.agent()
    row = lab.wait(lab.experiments.reproduce(first)["uid"])
    assert row["status"] == "failed"
    assert row["message"] == (
        "The run did not start: it would not be the recorded run: different on this worker: the kit's core."
    )
    lab.stop()
    lab.agent(any_environment=True)
    assert lab.wait(lab.experiments.reproduce(first)["uid"])["status"] == "completed"


def test_a_host_keeps_its_name_and_its_key_to_itself(lab):
    settings = lab.settings("fresh")
    first = join_server(settings, token=lab.token, transport=lab.transport)
    assert join_server(settings, transport=lab.transport) == first
    path = settings.folder / "host.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(settings.folder.stat().st_mode) == 0o700
    other = join_server(lab.settings("second"), token=lab.token, transport=lab.transport)
    assert first.host_id != other.host_id
    with pytest.raises(ConfigurationError, match=f"is '{first.host_id}' already"):
        join_server(settings, name="another", token=lab.token, transport=lab.transport)


def test_a_name_that_is_none_is_refused_and_not_kept(lab):
    settings = lab.settings("fresh")
    with pytest.raises(ConfigurationError, match="is no device name"):
        join_server(settings, name="a b/../c", token=lab.token, transport=lab.transport)
    with pytest.raises(AuthenticationError):
        join_server(settings, name="gpu-8", token="syn_wrong", transport=lab.transport)
    assert join_server(settings, name="gpu-9", token=lab.token, transport=lab.transport).host_id == "gpu-9"


def test_a_name_under_which_a_worker_is_at_work_is_refused(lab):
    lab.agent("gpu-1")
    uid = lab.submit()
    assert lab.wait(uid)["status"] == "completed"

    with pytest.raises(ConfigurationError, match="A worker 'gpu-1' is at work"):
        join_server(lab.settings("elsewhere"), name="gpu-1", token=lab.token, transport=lab.transport)

    assert lab.wait(lab.submit())["status"] == "completed"
    assert not lab.told("key_refused")


def test_files_that_a_component_writes_are_not_taken_for_the_workers(lab):
    spoil = "[open(name, 'w').write('mine') for name in ('log', 'stop', 'pause', 'exit.json', 'keeper.json')]"
    lab.put(
        {"model/line.py": COMPONENTS["model/line.py"].replace("self.slope = start", f"{spoil}; self.slope = start")}
    )
    lab.agent()
    row = lab.wait(lab.submit())
    assert row["status"] == "completed", lab.log(row["uid"])
    assert "epoch 3" in lab.log(row["uid"])


def test_a_run_that_spoils_the_keepers_record_has_crashed_and_holds_nobody_up(lab):
    spoil = "open('../keeper.json', 'w').write('{}'); __import__('time').sleep(100)"
    lab.put({"model/line.py": COMPONENTS["model/line.py"].replace("self.slope = start", spoil)})
    lab.agent()
    uid = lab.submit()
    assert lab.wait(uid)["status"] == "crashed"
    # The keeper itself ends a moment later.
    until(lambda: not processes_with(f"runs/{uid}"))
    lab.put({"model/line.py": COMPONENTS["model/line.py"]})
    assert lab.wait(lab.submit())["status"] == "completed"


def test_a_host_without_a_token_is_told_how_to_get_one(lab):
    with pytest.raises(ConfigurationError, match="synapse login"):
        join_server(lab.settings("fresh"), transport=lab.transport)


def test_a_viewer_lets_no_host_join(lab, make):
    viewer = make.user()[1].headers["Authorization"].split()[-1]
    with pytest.raises(AuthorizationError):
        join_server(lab.settings("fresh"), token=viewer, transport=lab.transport)


def test_one_worker_has_a_folder(lab):
    lab.agent()
    lab.wait(lab.submit())
    host = HostRecord("gpu-1", URL, "x")
    events = []
    second = device_agent.DeviceAgent(
        lab.settings(), host, lambda event, **_: events.append(event), transport=lab.transport
    )
    with pytest.raises(ConfigurationError, match="Another worker uses this folder"):
        second.run()
    assert events == []


def test_a_worker_whose_key_was_revoked_says_so_and_keeps_its_run(lab, tmp_path):
    lab.agent()
    uid = lab.submit(gated(tmp_path))
    until(lambda: "epoch 0" in lab.log(uid))
    lab.experiments.enrol_device("gpu-1")
    until(
        lambda: lab.told("key_refused"),
        explain=lambda: lab.events,
    )
    assert processes_with(f"SYNAPSE_EXPERIMENT_RUN={lab.folder}")
    lab.stop()
    (lab.folder / "gpu-1" / "host.json").write_bytes(msgspec.json.encode(HostRecord("gpu-1")))
    lab.agent()
    (tmp_path / "gate").touch()
    assert lab.wait(uid)["status"] == "completed"
