"""What a person sees: of progress while something runs, and of what the server tells."""

import pytest

from synapse_sdk.cli.exporting.display import StepDisplay, facts_of
from synapse_sdk.cli.output import print_facts
from synapse_sdk.loggers import ProgressData


@pytest.mark.parametrize(
    ("progress", "shown"),
    [
        (ProgressData(0.0), ""),
        (ProgressData(50.0, 42.4, 42.4, rate=1234.4), "(1,234 items/s, 0:00:42 left)"),
        (ProgressData(1.0, 7300.0, 70.0, rate=0.2), "(0 items/s, 2:01:40 left)"),
        (ProgressData(100.0, 0.0, 3.0, "completed", 20_000.0), "(20,000 items/s)"),
    ],
)
def test_rate_and_time_left_stand_beside_the_percentage(progress, shown):
    assert facts_of(progress) == shown


def test_a_line_now_and_then_where_there_is_no_terminal(capsys, monkeypatch):
    monkeypatch.setattr("synapse_sdk.cli.exporting.display.PLAIN_LINE_SECONDS", 0.0)
    with StepDisplay() as display:
        display.set_progress(0, 100, "save_files")
        display.set_progress(50, 100, "save_files")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "save_files: 0 %"
    assert lines[1].startswith("save_files: 50 % (")
    assert lines[1].endswith(" left)")


def test_a_rate_is_measured_from_the_begin_of_a_step():
    display = StepDisplay()
    display.set_progress(0, 10, "a")
    assert display.get_progress("a").rate is None
    display.set_progress(5, 10, "a")
    found = display.get_progress("a")
    assert found.rate is None or found.rate > 0


def test_what_the_server_tells_is_shown_as_people_write_it(capsys):
    facts = {
        "created": "2026-11-22T06:44:08.617907Z",
        "seen": "2026-11-22T06:44:08+00:00",
        "name": "2026-11-22T06:44",
        "scopes": ["read", "write"],
        "none": [],
        "params": {"filter": {"ids": [1]}, "name": "Ωmega"},
    }
    print_facts(facts)
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines() if line.strip() != "none")
    assert lines == {
        "created": "2026-11-22 06:44:08",
        "seen": "2026-11-22 06:44:08",
        "name": "2026-11-22T06:44",
        "scopes": "read, write",
        "params": '{"filter": {"ids": [1]}, "name": "Ωmega"}',
    }
