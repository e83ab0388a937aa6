"""What operators see: requests by route, jobs by status, rows and bytes exported."""

import json
import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from tests.backend.factories import SQLITE_ONLY, boxes
from web_helper.backend.app import create_app
from web_helper.backend.jobs.export_job import ExportJob


def scrape(client, path="/metrics"):
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("text/plain")
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


@pytest.fixture
def exported(client, make, database, settings):
    """One finished export of three rows, and one that waits; answers the size of the first one's rows."""
    project = make.project()
    make.tasks(project, 3, data=boxes("cat"))
    done, _ = (
        client.post("/v2/plugin-exports/", json={"target": "task", "project": project["id"]}).json()["data"]["job_id"]
        for _ in range(2)
    )
    job = ExportJob(database, settings)
    job.finish(done, json.loads(json.dumps(job.build(done))))
    client.get("/v2/exports/stream/", params={"target": "task", "project": project["id"]})
    bundle = client.get(f"/v2/async-jobs/{done}/").json()["data"]["bundle"]
    return bundle["manifest"]["parts"][0]["size_bytes"]


def test_jobs_rows_and_bytes_are_counted(client, exported):
    seen = scrape(client)
    assert seen["synapse_async_jobs", "SUCCEEDED", "export"] == 1
    assert seen["synapse_async_jobs", "QUEUED", "export"] == 1
    assert seen["synapse_async_job_rows", "SUCCEEDED", "export"] == 3
    assert seen["synapse_bundle_bytes", "export"] == exported
    assert seen["synapse_export_stream_rows_total",] == 3
    assert seen["synapse_export_stream_bytes_total",] > 100
    assert seen["synapse_export_stream_seconds_count",] == 1
    assert seen["synapse_export_stream_connections",] == 0
    assert seen["synapse_job_watchers",] == 0
    assert seen["synapse_async_job_seconds_count", "SUCCEEDED", "export"] == 1
    assert seen["synapse_async_job_seconds_bucket", "+Inf", "SUCCEEDED", "export"] == 1


@SQLITE_ONLY
def test_every_number_is_in_the_reference_and_no_other(client, exported):
    page = (Path(__file__).parents[2] / "docs" / "reference" / "metrics.md").read_text()
    named = set(re.findall(r"^\| `(synapse_\w+)` \|", page, flags=re.MULTILINE))
    families = text_string_to_metric_families(client.get("/metrics").text)
    known = {f"{family.name}_total" if family.type == "counter" else family.name for family in families}
    assert named == {name for name in known if not name.endswith("_created")}


@SQLITE_ONLY
def test_requests_are_counted_by_the_template_of_their_route(client, make):
    for number in (make.project()["id"], 77, 78):
        client.get(f"/v2/projects/{number}/")
    for path in ("/wp-login.php", "/.env"):
        client.get(path)
    client.request("BREW", "/v2/projects/")
    seen = scrape(client, "/metrics/")
    counted = {key: value for key, value in seen.items() if key[0] == "synapse_http_requests_total"}
    assert counted["synapse_http_requests_total", "/v2/projects/{item_id}/", "200", "GET"] == 1
    assert counted["synapse_http_requests_total", "/v2/projects/{item_id}/", "404", "GET"] == 2
    assert counted["synapse_http_requests_total", "404", "GET", "other"] == 2
    assert not [key for key in counted if "wp-login" in str(key) or "BREW" in key]
    assert seen["synapse_http_request_seconds_count", "/v2/projects/{item_id}/", "GET"] == 3


@SQLITE_ONLY
def test_numbers_are_for_keys_that_read_unless_the_operator_opens_them(app, make, settings):
    assert TestClient(app).get("/metrics").status_code == 401
    assert make.user(scopes=["read"])[1].get("/metrics").status_code == 200
    opened = create_app(settings.model_copy(update={"metrics_public": True}))
    assert scrape(TestClient(opened))
    opened.state.database.dispose()
