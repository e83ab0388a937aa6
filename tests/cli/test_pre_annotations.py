"""`synapse pre-annotation`: what ran, and taking it back."""

import json


def begin(platform, synapse, name):
    shown = synapse("project", "create", name, "--json")
    assert shown.exit_code == 0, shown.output
    project = json.loads(shown.stdout)["id"]
    run = {"id": name, "project": project, "method": "file", "specification": "labels"}
    with platform.v1() as client:
        client.create_pre_annotation_run(run)
    return project


def test_runs_are_listed_and_undone(platform, synapse):
    project = begin(platform, synapse, "run-of-cli")
    listed = json.loads(synapse("pre-annotation", "list", "--project", str(project), "--json").stdout)
    assert [(row["id"], row["undone_at"]) for row in listed] == [("run-of-cli", None)]
    undone = synapse("pre-annotation", "undo", "run-of-cli", "--json")
    assert json.loads(undone.stdout) == {"restored": 0, "kept": 0}
    assert "run-of-cli" in synapse("pre-annotation", "list").stdout
    assert json.loads(synapse("pre-annotation", "list", "--json").stdout)[0]["undone_at"]


def test_a_run_that_does_not_exist_is_said(platform, synapse):
    refused = synapse("pre-annotation", "undo", "no-such-run")
    assert refused.exit_code == 1
    assert "no-such-run" in refused.stderr
