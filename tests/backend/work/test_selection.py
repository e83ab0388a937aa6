"""Every list, and the scan behind exports, selects exactly the rows that plain SQL selects."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from synapse_sdk.wire.bundle import ExportTarget
from tests.backend.factories import SQLITE_ONLY, boxes
from tests.backend.lines import read_lines
from tests.backend.work.oracle import select_ids
from web_helper.backend.queries.export_rows import select_target
from web_helper.backend.queries.filters import select_where
from web_helper.backend.queries.lists import beyond, count_rows, in_order
from web_helper.backend.queries.work.ground_truths import EVENTS
from web_helper.backend.queries.work.tasks import ASSIGNMENTS, TASKS

NAMES = ["Cat.jpg", "cat_2.jpg", "dog 100%.jpg", "DOG.png", "Éclair.jpg", "고양이.jpg", "a'b\\c.jpg", "plain.jpg"]
SEARCHES = ["cat", "CAT", "_", "%", "éclair", "고양", "'", "\\", "jpg", "nothing like it", ""]
TAGS = ["day", "night", "blurred", "none has this"]
STATUSES = ["pending", "in_progress", "completed"]
TARGETS = {
    "tasks": ExportTarget.TASK,
    "assignments": ExportTarget.ASSIGNMENT,
    "ground_truth_events": ExportTarget.GROUND_TRUTH,
}


def some(values, **limits):
    return st.lists(st.sampled_from(values), unique=True, **{"min_size": 1, "max_size": 3, **limits})


IDS = st.lists(st.integers(0, 40), max_size=12, unique=True)
COMMON = {"ids": IDS, "ids_ex": IDS, "search": st.sampled_from(SEARCHES)}
FILTERS = {
    "tasks": {
        **COMMON,
        "project": some([1, 2, 3]),
        "status": some(STATUSES),
        "is_discarded": st.booleans(),
        "data_unit": IDS,
        "tags": some(TAGS),
        "user": some([1, 2, 99]),
    },
    "assignments": {
        **COMMON,
        "project": some([1, 2, 3]),
        "task": IDS,
        "user": some([1, 2, 99]),
        "status_label": some(STATUSES),
        "status_review": some(["pending", "approved", "rejected"]),
        "is_confirmed": st.booleans(),
        "is_discarded": st.booleans(),
        "tags": some(TAGS),
    },
    "ground_truth_events": {
        **COMMON,
        "ground_truth_dataset_version": some([1, 2, 9]),
        "dataset": some([1, 2]),
        "ground_truth": IDS,
        "pgh_label": some(["insert", "update", "delete"]),
    },
}
CASES = st.sampled_from(sorted(FILTERS)).flatmap(
    lambda noun: st.tuples(st.just(noun), st.fixed_dictionaries({}, optional=FILTERS[noun]))
)


@pytest.fixture
def world(client, make):
    """Two projects whose rows differ in everything that can be filtered, and ground truth with two versions."""
    user_id, _ = make.user()
    for number, name in enumerate(("first", "second")):
        project = make.project(name)
        tasks = []
        for index, unit in enumerate(NAMES):
            fields = {"status": STATUSES[index % 3], "is_discarded": index % 4 == 3}
            tasks += make.tasks(project, names=[unit], data=boxes("cat"), **fields)
        work = []
        for index, task in enumerate(tasks + tasks[:3]):
            work += make.assignments(
                project, [task], data=boxes("dog"), status_label=STATUSES[index % 3],
                status_review=["pending", "approved", "rejected"][index % 3 - 1],
                user_id=[1, user_id, None][index % 3], is_confirmed=index % 2 == 0, is_discarded=index % 5 == 0,
            )  # fmt: skip
        make.tag(project, "day", tasks=tasks[:4], assignments=work[2:6])
        make.tag(project, "night", tasks=tasks[3:], assignments=work[:1])
        make.tag(project, "blurred", tasks=tasks[number : number + 1])
        curate(client, project, name)


def curate(client, project, name):
    dataset = client.post("/v2/ground-truth-datasets/", json={"project": project["id"], "name": name}).json()["data"]
    path = f"/v2/ground-truth-datasets/{dataset['id']}"
    client.post(f"{path}/collect/", json={})
    client.post(f"{path}/versions/", json={"name": "one"})
    truths = client.get("/v2/ground-truths/", params={"dataset": dataset["id"]}).json()["data"]
    client.patch(f"/v2/ground-truths/{truths[0]['id']}/", json={"data": boxes("cat", "cat")})
    client.delete(f"/v2/ground-truths/{truths[-1]['id']}/")
    client.post(f"{path}/versions/", json={"name": "two"})


def query_of(filters):
    return {name: ",".join(map(str, v)) if isinstance(v, list) else v for name, v in filters.items()}


def walk_pages(client, noun, filters, per_page):
    """Ids by v2 cursor pages, forth and then back again."""
    key = "pgh_id" if noun == "ground_truth_events" else "id"
    path, query = f"/v2/{noun.replace('_', '-')}/", {**query_of(filters), "per_page": per_page}
    pages, cursor = [], None
    while True:
        page = client.get(path, params={**query, "cursor": cursor} if cursor else query).json()
        pages.append([row[key] for row in page["data"]])
        cursor, last = page["meta"]["pagination"]["next_cursor"], page
        if cursor is None:
            break
    back = [pages[-1]]
    while cursor := last["meta"]["pagination"]["previous_cursor"]:
        last = client.get(path, params={**query, "cursor": cursor}).json()
        back.append([row[key] for row in last["data"]])
    assert back[::-1] == pages
    return [row_id for page in pages for row_id in page]


def walk_numbers(client, noun, filters, per_page):
    """Ids by v1 page numbers."""
    found, page = [], 1
    while True:
        query = {**query_of(filters), "page_size": per_page, "page": page}
        answer = client.get(f"/sdk/{noun}/", params=query).json()
        found += [row["id"] for row in answer["results"]]
        if answer["next"] is None:
            return found
        page += 1


def check(client, database, noun, filters, per_page=3):
    expected = select_ids(database, noun, filters)
    assert walk_pages(client, noun, filters, per_page) == expected[::-1]
    assert walk_numbers(client, noun, filters, per_page) == expected[::-1]
    numbered = client.get(f"/sdk/{noun}/", params={**query_of(filters), "ordering": "id", "page_size": 1000})
    if noun == "ground_truth_events":
        numbered = client.get(f"/sdk/{noun}/", params={**query_of(filters), "ordering": "pgh_id", "page_size": 1000})
    assert [row["id"] for row in numbered.json()["results"]] == expected
    assert numbered.json()["count"] == len(expected)
    with database.read() as session:
        lines = read_lines(session, TARGETS[noun], filters, lambda _: "x", at_once=2)
        assert [json.loads(line)["id"] for line in lines] == expected
        assert count_rows(session, select_target(TARGETS[noun], filters, viewer_id=None)) == len(expected)
    check_stream(client, noun, filters, expected)


def check_stream(client, noun, filters, expected):
    """A stream is of one project: what names none, or several, is refused."""
    of_one_project = filters.get("project" if noun != "ground_truth_events" else "dataset") in ([1], [2])
    answer = client.get("/v2/exports/stream/", params={**query_of(filters), "target": TARGETS[noun].value})
    if answer.status_code == 200:
        *rows, end = [json.loads(line) for line in answer.text.split("\n")[:-1]]
        assert [row["row"]["id"] for row in rows] == expected
        assert end["end"] == {"rows": len(expected)}
    else:
        assert answer.status_code in {400, 404}
        assert not of_one_project or "ground_truth_dataset_version" in filters


def test_any_combination_of_filters_selects_what_plain_sql_selects(client, database, world):
    @settings(
        max_examples=60, deadline=None, database=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
    )
    @given(case=CASES, per_page=st.integers(1, 20))
    def run(case, per_page):
        noun, filters = case
        check(client, database, noun, filters, per_page)

    run()


@pytest.mark.parametrize("noun", sorted(FILTERS))
def test_no_filter_selects_everything_and_no_ids_select_nothing(client, database, world, noun):
    check(client, database, noun, {})
    assert len(select_ids(database, noun, {})) >= 8
    check(client, database, noun, {"ids": []})


def test_very_many_ids_select_exactly_those(client, database, world):
    ids = list(range(1, 100_000, 3))
    with database.read() as session:
        filters = {"ids": ids, "project": 1}
        lines = list(read_lines(session, ExportTarget.TASK, filters, lambda _: "x"))
    expected = select_ids(database, "tasks", {"ids": ids, "project": [1]})
    assert [json.loads(line)["id"] for line in lines] == expected


REFUSED = {
    "/v2/tasks/?nonsense=1": "nonsense",
    "/tasks/?page=1&nonsense=1": "nonsense",
    "/v2/tasks/?project=x": "project",
    "/v2/tasks/?ids=1,99999999999999999999": "ids",
    "/v2/tasks/?status=done": "status",
    "/v2/tasks/?is_discarded=maybe": "is_discarded",
    "/v2/tasks/?search=a%00b": "search",
    "/v2/tasks/?sort=-created": "sort",
    "/v2/tasks/?cursor=bm9uc2Vuc2U": "cursor",
    "/v2/tasks/?cursor=%ff": "cursor",
    "/v2/tasks/?per_page=201": "per_page",
    "/v2/tasks/?fields=id,nonsense": "fields",
    "/tasks/?ordering=name": "ordering",
    "/tasks/?page_size=1001": "page_size",
    "/tasks/?expand=workshop": "expand",
    "/sdk/ground_truth_events/?ground_truth_dataset_version=1&ground_truth_dataset_versions=1": "versions",
}


@SQLITE_ONLY
def test_a_malformed_or_unknown_parameter_is_refused_by_name(client):
    for path, named in REFUSED.items():
        answer = client.get(path)
        assert answer.status_code == 400, path
        error = answer.json()["error"]
        assert error["code"] == "VALIDATION_ERROR"
        assert named in error["details"][0]["field"], path


@SQLITE_ONLY
def test_a_cursor_of_one_sort_order_is_refused_in_the_other(client, make):
    make.tasks(make.project(), 3)
    cursor = client.get("/v2/tasks/?per_page=1").json()["meta"]["pagination"]["next_cursor"]

    assert client.get("/v2/tasks/", params={"cursor": cursor, "sort": "id"}).status_code == 400


@SQLITE_ONLY
def test_pages_walk_an_index_and_sort_nothing(client, make, database):
    """What makes page 1,000 cost what page 1 costs: the plan seeks in the key's index and needs no sorting."""
    make.tasks(make.project(), 3)
    viewer, _ = make.user()
    listings = [(TASKS, {"project": 1}), (ASSIGNMENTS, {"project": 1}), (EVENTS, {"ground_truth_dataset_version": 1})]
    for listing, filters in listings:
        for viewer_id in (None, viewer):
            plan = plan_of(database, listing, filters, viewer_id)
            assert "TEMP B-TREE" not in plan
            assert "_project_id_id (project_id=? AND id<?)" in plan or "(version_id=? AND pgh_id<?)" in plan, plan


def plan_of(database, listing, filters, viewer_id):
    selection = select_where(listing, filters, viewer_id=viewer_id)
    statement = selection.apply(select(listing.key)).where(beyond(selection.keys, [500], descending=True))
    statement = in_order(statement, selection.keys, descending=True).limit(50)
    sql = statement.compile(database.engine, compile_kwargs={"literal_binds": True})
    with database.engine.connect() as connection:
        return "\n".join(row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}"))
