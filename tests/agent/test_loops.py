"""Threads of an agent that must go on, whatever goes wrong in one round."""

import json
import threading
from types import SimpleNamespace

from synapse_agent.core.settings import Settings
from synapse_agent.services.enrolment import Enrolment, Heartbeat
from synapse_agent.services.serving_reports import ServeReporter


class Unforeseen:
    """Goes wrong twice in the same way, then goes well."""

    def __init__(self, answer):
        self._left, self._answer, self.went_well = 2, answer, threading.Event()

    def __call__(self, *_arguments):
        if self._left:
            self._left -= 1
            raise RuntimeError("nobody foresaw this")
        self.went_well.set()
        return self._answer


def defects_in(text, name):
    """What was logged of it; others of this process log, too."""
    lines = [line for line in text.splitlines() if f'"event": "{name}"' in line]
    return [(each["kind"], each["message"]) for each in map(json.loads, lines)]


def test_reports_of_applications_go_on_after_a_defect(capsys):
    states = Unforeseen([])
    serving = SimpleNamespace(engine=SimpleNamespace(states=states))
    client = SimpleNamespace(report_serve_applications=lambda _report: {"delete": []})
    reporter = ServeReporter(serving, client, seconds=0.01)
    reporter.start()
    assert states.went_well.wait(60)
    reporter.stop()
    assert reporter.problem is None
    told = defects_in(capsys.readouterr().err, "serve_report_defect")
    assert told == [("RuntimeError", "nobody foresaw this")]


def test_heartbeats_go_on_after_a_defect(capsys):
    measure = Unforeseen({})
    settings = Settings(server_url="http://127.0.0.1:9", heartbeat_seconds=0.01)
    heartbeat = Heartbeat(settings, Enrolment(agent_id=1, key="syn_key"), "http://127.0.0.1:8", measure=measure)
    heartbeat.start()
    assert measure.went_well.wait(60)
    heartbeat.stop()
    told = defects_in(capsys.readouterr().err, "heartbeat_defect")
    assert told == [("RuntimeError", "nobody foresaw this")]
