"""What an end means: every row of the how-to page, decided without a process."""

import json
import re
from pathlib import Path

import pytest

from synapse_agent.engines.protocol import EndReason, RunExit
from synapse_agent.services.runs.outcome import classify_outcome
from synapse_sdk.plugins.executors.job_protocol import encode_error, encode_result
from synapse_sdk.wire.agents import ExitKind

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "runs.md"
RESULT = encode_result({"value": 1})[0]


def end(ended, left=None, *, build_steps=0):
    return classify_outcome(ended, left, build_steps=build_steps, limits="limits: 5 s, 10 MiB")


@pytest.mark.parametrize(
    ("ended", "left", "kind", "status"),
    [
        (RunExit(EndReason.ENDED, exit_code=0), RESULT, "returned", "succeeded"),
        (RunExit(EndReason.ENDED, exit_code=0), encode_result({"status": "FAILED"})[0], "returned", "failed"),
        (RunExit(EndReason.ENDED, exit_code=1), encode_error(ValueError("x")), "exception", "failed"),
        (RunExit(EndReason.ENDED, exit_code=0), encode_error(SystemExit(0)), "sys_exit", "failed"),
        (RunExit(EndReason.ENDED, exit_code=0), None, "no_result", "failed"),
        (RunExit(EndReason.ENDED, exit_code=0), b'{"resu', "no_result", "failed"),
        (RunExit(EndReason.ENDED, exit_code=0), b"[]", "no_result", "failed"),
        (RunExit(EndReason.ENDED, signal=9), RESULT, "signal", "failed"),
        (RunExit(EndReason.ENDED, signal=60), None, "signal", "failed"),
        (RunExit(EndReason.TIME_LIMIT, signal=15), None, "time_limit", "failed"),
        (RunExit(EndReason.MEMORY_LIMIT, signal=9), None, "memory_limit", "failed"),
        (RunExit(EndReason.STOPPED, exit_code=143), encode_error(SystemExit(143)), "stopped", "stopped"),
        (RunExit(EndReason.NOT_STARTED, message="No such file"), None, "release_unusable", "failed"),
        (RunExit(EndReason.VANISHED), None, "lost", "failed"),
    ],
)
def test_each_end_has_its_kind_and_status(ended, left, kind, status):
    ending = end(ended, left)

    assert (ending.exit_kind, ending.status) == (kind, status)
    assert status == "succeeded" or ending.error


def test_a_build_that_fails_is_told_from_an_action_that_does():
    ending = end(RunExit(EndReason.ENDED, step=0, exit_code=1), encode_error(ValueError("no wheel")), build_steps=1)
    assert (ending.exit_kind, ending.error) == ("build_failed", "no wheel")
    assert end(RunExit(EndReason.ENDED, step=1, exit_code=0), RESULT, build_steps=1).status == "succeeded"


def test_a_failing_result_is_kept():
    ending = end(RunExit(EndReason.ENDED, exit_code=0), json.dumps({"result": {"status": "failed", "n": 3}}).encode())
    assert ending.result == {"status": "failed", "n": 3}


def test_messages_hold_no_keys_and_no_queries():
    message = "GET http://user:pw@host/x?token=1 said no to Token abcdefghijkl, syn_abcdefghijkl"
    ending = end(RunExit(EndReason.ENDED, exit_code=1), encode_error(RuntimeError(message)))
    assert not any(secret in ending.error for secret in ("pw@", "token=1", "abcdefghijkl"))


def test_the_page_lists_every_kind():
    table = PAGE.read_text().partition("## How a run ends")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", table, re.MULTILINE)
    assert {kind for kind, _ in rows} == {"exit_kind", *ExitKind}


def test_the_page_lists_every_event_of_runs():
    table = PAGE.read_text().partition("## Events of an agent")[2]
    rows = set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
    sources = (ROOT / "synapse_agent" / "services" / "runs").glob("*.py")
    assert rows == {name for path in sources for name in re.findall(r'log_event\("(\w+)"', path.read_text())}
