"""The job's log on its server: batched, patient while the server is down, complete when it is back.

The server (`conftest.py`) is a real one in a thread, with a switch for how it answers.
"""

import json
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from synapse_sdk.exceptions import raise_for_status
from synapse_sdk.loggers import JobLogger, ProgressData, outbox, send_leftovers
from synapse_sdk.loggers.overall import OverallProgress
from synapse_sdk.plugins.enums import LogLevel


class HttpBackend:
    def __init__(self, url):
        self.url = url

    def update_job(self, job_id, data, /):
        self._send("PATCH", f"/jobs/{job_id}/", data)

    def create_logs(self, data, /):
        self._send("POST", "/logs/", data)

    def _send(self, method, path, body):
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), method=method)
        try:
            urllib.request.urlopen(request, timeout=60).close()
        except urllib.error.HTTPError as exc:
            exc.close()
            raise_for_status(exc.code, "refused")


@pytest.fixture
def spool(tmp_path):
    return tmp_path / "spool"


def make_logger(server, spool, **options):
    options = {"send_every_seconds": 0.02, "finish_wait_seconds": 120, "spool_folder": spool} | options
    return JobLogger(HttpBackend(server.url), "job-1", **options)


def say(logger, text):
    logger.info(text)


def wait_for(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


def test_many_calls_become_few_requests_and_arrive_in_order(server, spool):
    logger = make_logger(server, spool, send_every_seconds=0.2)
    for index in range(3000):
        say(logger, f"m{index}")
        logger.set_progress(index + 1, 3000, "convert")
        logger.set_metrics({"success": index + 1}, "convert")
    logger.finish()
    assert server.messages() == [f"m{index}" for index in range(3000)]
    assert len(server.requests) < 200
    assert all(size <= 1000 for method, size, _ in server.requests if method == "POST")
    assert server.updates[-1][1]["metrics_record"] == {"record": {"steps": {"convert": {"success": 3000}}}}
    assert list(spool.iterdir()) == []


def test_entries_have_the_shape_that_the_server_keeps(server, spool, tmp_path):
    picture = tmp_path / "a.png"
    picture.write_bytes(b"\x89PNG")
    logger = make_logger(server, spool)
    logger.set_step("save")
    logger.log(LogLevel.WARNING, "export_info", {"n": 1}, str(picture))
    logger.log_message("Hello", "success")
    logger.log(LogLevel.INFO, "gone", {}, str(tmp_path / "missing.png"))
    logger.finish()
    first, second, third = server.entries.values()
    assert {key: first[key] for key in ("event", "data", "job", "level", "step", "file")} == {
        "event": "export_info",
        "data": {"n": 1},
        "job": "job-1",
        "level": "warning",
        "step": "save",
        "file": "data:image/png;base64,iVBORw==",
    }
    assert time.strptime(first["datetime"].split(".")[0], "%Y-%m-%d %H:%M:%S")
    assert second["data"] == {"context": "success", "content": "Hello"}
    assert third["file"] is None


def test_a_server_that_is_down_stops_nothing_and_gets_everything_when_it_is_back(server, spool, capsys):
    logger = make_logger(server, spool)
    server.status = 503
    for index in range(2500):
        say(logger, f"m{index}")
    logger.set_progress(1, 2, "convert")
    wait_for(lambda: len(server.requests) >= 2)
    assert server.entries == {}
    server.status = 200
    wait_for(lambda: len(server.entries) == 2500)
    logger.info("after")
    logger.finish()
    assert server.messages() == [f"m{index}" for index in range(2500)] + ["after"]
    assert server.updates[-1][1]["progress_record"]["current_progress"]["percent"] == 50
    assert "the job goes on" in capsys.readouterr().err


def test_an_unreachable_server_is_waited_for_at_the_end(server, spool):
    backend = HttpBackend("http://127.0.0.1:9")
    logger = JobLogger(backend, "job-1", spool_folder=spool, send_every_seconds=0.02, finish_wait_seconds=120)
    logger.info("early")
    threading.Timer(0.3, lambda: setattr(backend, "url", server.url)).start()
    logger.finish()
    assert server.messages() == ["early"]


def test_a_lost_answer_does_not_make_an_entry_twice(server, spool):
    logger = make_logger(server, spool)
    server.lose_answers = True
    logger.info("once")
    wait_for(lambda: len(server.requests) >= 2)
    server.lose_answers = False
    logger.finish()
    assert server.messages() == ["once"]


def test_what_a_dead_server_never_took_is_kept_and_sent_later(server, spool, capsys):
    server.status = 500
    logger = make_logger(server, spool, finish_wait_seconds=0.05)
    logger.info("kept")
    logger.set_metrics({"success": 1}, "save")
    logger.finish()
    (kept,) = spool.iterdir()
    assert str(kept) in capsys.readouterr().err

    server.status = 200
    assert [(path, count) for path, count in send_leftovers(HttpBackend(server.url), spool)] == [(kept, 2)]
    assert server.messages() == ["kept"]
    assert server.updates == [("/jobs/job-1/", {"metrics_record": {"record": {"steps": {"save": {"success": 1}}}}})]
    assert list(spool.iterdir()) == []


def test_leftovers_of_a_run_that_still_lives_are_left_alone(server, spool):
    server.status = 500
    logger = make_logger(server, spool, finish_wait_seconds=0)
    logger.info("mine")
    assert list(send_leftovers(HttpBackend(server.url), spool)) == []
    logger.finish()


def test_leftovers_that_are_half_written_are_set_aside_not_sent_for_ever(server, spool, capsys):
    spool.mkdir()
    (spool / "job-1-dead.jsonl").write_bytes(b'{"uid": "1", "data": {"message": "a"}}\n{"uid": "2", "da\n{"uid"')
    list(send_leftovers(HttpBackend(server.url), spool))
    assert server.messages() == ["a"]
    assert [path.name for path in spool.iterdir()] == ["job-1-dead.refused"]
    assert "cannot be sent" in capsys.readouterr().err


def test_one_entry_that_the_server_refuses_does_not_hold_up_the_others(server, spool, capsys):
    server.refuse = lambda entry: entry["data"].get("message") == "m7"
    logger = make_logger(server, spool)
    for index in range(20):
        say(logger, f"m{index}")
    logger.finish()
    assert server.messages() == [f"m{index}" for index in range(20) if index != 7]
    (refused,) = spool.iterdir()
    assert json.loads(refused.read_text())["data"] == {"message": "m7"}
    assert "ValidationError, status 400" in capsys.readouterr().err


def test_a_backend_with_a_bug_of_its_own_does_not_stop_the_job(spool, capsys):
    class Broken:
        def update_job(self, job_id, data, /):
            raise AttributeError("no session")

        create_logs = update_job

    logger = JobLogger(Broken(), "job-1", spool_folder=spool, send_every_seconds=0.01, finish_wait_seconds=0.05)
    logger.info("x")
    logger.set_progress(1, 1)
    logger.finish()
    assert "AttributeError" in capsys.readouterr().err
    assert len(list(spool.iterdir())) == 1


CYCLE: list = []
CYCLE.append(CYCLE)


@pytest.mark.parametrize(
    ("odd", "kept"),
    [
        (float("nan"), None),
        (Path("/x"), "/x"),
        ({1}, [1]),
        ({(1, 2): 3}, {"(1, 2)": 3}),
        ("\udcff", r"\udcff"),
        (2**70, 2**70),
        (1 + 2j, "(1+2j)"),
        (CYCLE, None),
    ],
)
def test_a_payload_that_json_cannot_hold_is_logged_all_the_same(server, spool, odd, kept):
    logger = make_logger(server, spool)
    logger.log_event("odd", {"value": odd})
    logger.set_metrics({"value": odd}, "step")
    logger.finish()
    (entry,) = server.entries.values()
    if odd is CYCLE:
        assert entry["data"] == "{'value': [[...]]}"
    else:
        assert entry["data"] == {"value": kept}
        assert server.updates[-1][1]["metrics_record"]["record"]["steps"]["step"] == {"value": kept}
    assert list(spool.iterdir()) == []


def test_a_large_attachment_travels_alone_and_whole(server, spool, tmp_path):
    big = tmp_path / "big.bin"
    big.write_bytes(bytes(3 << 20))
    logger = make_logger(server, spool)
    logger.info("before")
    logger.log_event("picture", {}, str(big))
    logger.info("after")
    logger.finish()
    entries = list(server.entries.values())
    assert len(entries) == 3
    assert len(entries[1]["file"]) > (4 << 20)


def report(progress, step, running, percent):
    progress.update(step, running, ProgressData(percent))
    return progress.record()


def test_overall_progress_adds_the_steps_and_never_goes_back():
    progress = OverallProgress({"fetch": 20, "convert": 60, "save": 20})
    reports = [
        ("fetch", None, 50),
        ("fetch", None, 100),
        ("convert", None, 25),
        ("convert", None, 0),
        ("a_part_of_convert", "convert", 50),
        ("unrelated", None, 90),
        ("save", None, 100),
    ]
    records = [report(progress, step, running, percent) for step, running, percent in reports]
    assert [record["current_progress"]["overall"] for record in records] == [10, 20, 35, 35, 50, 50, 100]
    steps = records[-1]["record"]["steps"]
    assert {name: step["proportion"] for name, step in steps.items()} == {
        "fetch": 20,
        "convert": 60,
        "save": 20,
        "a_part_of_convert": 0,
        "unrelated": 0,
    }


def test_without_proportions_the_steps_seen_count_the_same():
    progress = OverallProgress()
    assert report(progress, "a", None, 40)["current_progress"]["overall"] == 40
    assert report(progress, "b", None, 100)["current_progress"]["overall"] == 70


def test_proportions_come_before_progress_and_are_not_negative(server, spool):
    logger = make_logger(server, spool, step_proportions={"a": 1})
    with pytest.raises(ValueError, match="use 0 or more"):
        logger.set_step_proportions({"a": -1})
    logger.set_progress(1, 1, "a")
    with pytest.raises(RuntimeError, match="before the first set_progress"):
        logger.set_step_proportions({"x": 1})
    logger.finish()


def test_threads_may_log_at_once(server, spool):
    logger = make_logger(server, spool)
    threads = [threading.Thread(target=lambda n=n: [say(logger, f"{n}-{i}") for i in range(200)]) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    logger.finish()
    assert len(server.entries) == 1600


def test_threads_that_log_first_at_once_start_one_sender(server, spool, monkeypatch):
    logger, made, is_making, others = make_logger(server, spool), [], threading.Event(), threading.Event()

    class SlowToBegin(threading.Thread):
        def __init__(self, **options):
            made.append(self)
            is_making.set()
            # For as long as another one would need to come here as well.
            others.wait(1) if len(made) == 1 else others.set()
            super().__init__(**options)

    first = threading.Thread(target=say, args=(logger, "one"))
    monkeypatch.setattr(outbox.threading, "Thread", SlowToBegin)
    first.start()
    is_making.wait(60)
    say(logger, "two")
    first.join()
    monkeypatch.undo()
    logger.finish()

    assert len(made) == 1
