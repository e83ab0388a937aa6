"""What the browser shows of experiments: previews of configs, and curves."""

import json

import pytest

from tests.backend.experiments.lab import CONFIG, refused
from tests.backend.factories import SQLITE_ONLY

GRID = "run_name: r\nmodel: net(width=8)\nloss: [ce, focal]\noptim:\n  lr: [0.1, 1e-2]\n"


@pytest.fixture
def preview(lab, make):
    def ask(config, status=200, **fields):
        response = make.client.post("/api/experiments/preview", json={"config": config, **fields})
        assert response.status_code == status, response.text
        return response.json().get("data")

    return ask


def test_a_preview_shows_the_runs_and_what_they_need_and_makes_nothing(lab, preview):
    shown = preview(GRID)

    assert shown["problems"] == []
    assert shown["run_count"] == 4
    assert shown["axes"] == [
        {"key": "loss", "line": 3, "values": ["ce", "focal"]},
        {"key": "optim.lr", "line": 5, "values": ["0.1", "0.01"]},
    ]
    assert [[each["value"] for each in run["choices"]] for run in shown["runs"]] == [
        ["ce", "0.1"], ["ce", "0.01"], ["focal", "0.1"], ["focal", "0.01"]
    ]  # fmt: skip
    assert shown["components"] == ["loss/ce.py", "loss/focal.py", "model/block.py", "model/net.py"]
    assert lab.people.list_experiments() == []


@SQLITE_ONLY
def test_a_preview_lists_at_most_200_runs_and_counts_all(preview):
    shown = preview(f"model: net\na: {list(range(50))}\nb: {list(range(50))}\n")

    assert (shown["run_count"], len(shown["runs"])) == (2500, 200)


@SQLITE_ONLY
@pytest.mark.parametrize(
    ("config", "line", "message"),
    [
        (CONFIG.replace("loss: ce", "loss: nowhere"), 5, "there is no component loss/nowhere.py"),
        ("model: [net", 1, ""),
        ("- a list", 1, "a config is a mapping"),
        ("model: net\nlr: []", 2, "an empty list"),
        ("model: net\nseed: '{{nothing}}'", 2, "nothing"),
        ("", 1, "names no component"),
    ],
)
def test_a_preview_names_each_problem_with_its_line(lab, preview, config, line, message):
    shown = preview(config, file="my.yaml")

    (problem,) = shown["problems"]
    assert (problem["file"], problem["line"]) == ("my.yaml", line)
    assert message in problem["message"]
    assert (shown["run_count"], shown["runs"]) == (0, [])
    # Submitting says the same.
    with refused(422):
        lab.submit(config)


@SQLITE_ONLY
def test_a_preview_names_an_import_that_leads_nowhere_in_its_component(lab, preview):
    lab.put({"model/net.py": "# a comment\nfrom cvlabkit.component.model import gone\n"})

    (problem,) = preview(CONFIG)["problems"]

    assert (problem["file"], problem["line"]) == ("model/net.py", 2)


@SQLITE_ONLY
def test_a_preview_refuses_what_is_no_submission(preview):
    preview(CONFIG, status=400, priority="very")
    preview(CONFIG, status=400, pinned={"loss/ce.py": "0" * 16})


def curves(make, uid, status=200, **params):
    response = make.client.get(f"/api/experiments/{uid}/curves", params=params)
    assert response.status_code == status, response.text
    return response.json().get("data")


def ran(lab, *rows):
    host = lab.host()
    uid = lab.submit_one()
    host.run(host.take(), b"".join(json.dumps(row).encode() + b"\n" for row in rows))
    return uid


def test_curves_have_every_metric_by_its_step(lab, make):
    uid = ran(lab, {"epoch": 1, "loss": 0.5, "seconds": 9}, {"epoch": 2, "loss": 0.25, "acc": 1, "note": "text"})

    shown = curves(make, uid)

    assert shown["row_count"] == 2
    assert {each["name"]: each["points"] for each in shown["curves"]} == {
        "loss": [[1.0, 0.5], [2.0, 0.25]],
        "acc": [[2.0, 1.0]],
    }
    assert shown["curves"][0]["last"] == 0.25


@SQLITE_ONLY
def test_long_curves_have_few_points_and_keep_their_peaks_and_their_end(lab, make):
    values = [0.5] * 20_000
    values[12_345], values[700] = 99.0, -99.0
    uid = ran(lab, *({"step": step, "loss": value} for step, value in enumerate(values)))

    (curve,) = curves(make, uid, points=100)["curves"]

    assert curve["point_count"] == 20_000
    assert len(curve["points"]) <= 101
    assert [12_345.0, 99.0] in curve["points"]
    assert [700.0, -99.0] in curve["points"]
    assert curve["points"][-1] == [19_999.0, 0.5]
    assert curve["points"] == sorted(curve["points"])


@SQLITE_ONLY
def test_what_is_no_number_is_told_beside_the_curve(lab, make):
    rows = b'{"step": 1, "loss": 0.5}\n{"step": 2, "loss": NaN}\n{"step": 3, "loss": 1e999}\n{"step": 4, "x": {}}\n'
    host = lab.host()
    uid = lab.submit_one()
    host.run(host.take(), rows)

    (curve,) = curves(make, uid)["curves"]

    assert curve["points"] == [[1.0, 0.5]]
    assert (curve["not_finite"], curve["first_not_finite"]) == (2, 2.0)


@SQLITE_ONLY
def test_curves_of_a_run_that_has_none_or_is_none(lab, make):
    assert curves(make, lab.submit_one()) == {"curves": [], "row_count": 0}
    curves(make, "nothing", status=404)
    curves(make, lab.submit_one(), status=400, points=5000)
