"""Every target, every combination of filters, each way of fetching: exactly the rows that plain SQL selects."""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import bindparam, text

from synapse_sdk.exceptions import ConfigurationError
from synapse_sdk.plugins.actions.export import BaseExporter, ExportAction
from synapse_sdk.plugins.actions.export.sources.selection import MAX_IDS_PER_REQUEST, plan_selection
from tests.backend.factories import boxes
from tests.export.platform import Platform, export, wire_of
from web_helper.backend.models import Assignment, User

EXAMPLES = 15
STATUSES = ("pending", "in_progress", "completed")
REVIEWS = ("pending", "approved", "rejected")
TAGS = ("night", "rain", "day 1")
NAMES = ("Cat", "cat 100%", "DOG_1", "under_score", "ünïcode", "dog")
WAYS: dict[str, tuple[dict, dict]] = {
    "delegated": ({}, {}),
    "v2": ({}, {"disable_async_delegate": True}),
    "v1": ({"SYNAPSE_FORCE_V1_EXPORT": "1"}, {}),
}


@dataclass
class Data:
    """Rows of every kind, in two projects."""

    platform: Platform
    project: int
    other: int
    users: list[int]
    units: list[int]
    tasks: list[int]
    versions: list[int]
    events: list[int]


@pytest.fixture(scope="module")
def data(installation, tmp_path_factory) -> Data:
    platform = Platform(installation, tmp_path_factory.mktemp("selection"))
    make = platform.make
    projects = [make.project(), make.project()]
    users = _add_users(platform, 3)
    tasks: list[int] = []
    assignments: list[int] = []
    for project in projects:
        for number in range(12):
            kind = {"status": STATUSES[number % 3], "is_discarded": number % 4 == 0}
            tasks += make.tasks(project, names=[NAMES[number % 6]], data=boxes("cat"), **kind)
            for turn in range(number % 3):
                work = {"status_label": STATUSES[(number + turn) % 3], "status_review": REVIEWS[number % 3]}
                flags = {"is_confirmed": number % 2 == 0, "is_discarded": number % 5 == 0}
                user = users[(number + turn) % 3] if turn else None
                assignments += make.assignments(project, tasks[-1:], data=boxes("dog"), user_id=user, **work, **flags)
        for place, tag in enumerate(TAGS):
            own_tasks, own_work = tasks[-12:][place::3], assignments[place::4]
            make.tag(project, tag, tasks=own_tasks, assignments=[a for a in own_work if _is_of(platform, a, project)])
    versions = _release(platform, projects[0]["id"]) + _release(platform, projects[1]["id"])
    units = _ids(platform, "SELECT data_unit_id FROM tasks ORDER BY id DESC LIMIT 24", {})
    events = _ids(platform, "SELECT pgh_id FROM ground_truth_events", {})
    return Data(platform, projects[0]["id"], projects[1]["id"], users, units, tasks, versions, events)


def _is_of(platform, assignment_id, project) -> bool:
    with platform.database.read() as session:
        return session.get_one(Assignment, assignment_id).project_id == project["id"]


def _add_users(platform, count: int) -> list[int]:
    with platform.database.write() as session:
        users = [User(email=f"annotator{number}@example.org", name="") for number in range(count)]
        session.add_all(users)
        session.flush()
        return [user.id for user in users]


def _release(platform, project: int) -> list[int]:
    v2 = platform.ctx().v2_client
    dataset = v2.ground_truth_datasets.create(project=project, name="truth")["id"]
    v2.ground_truth_datasets.collect(dataset, {"status_label": "completed"})
    first = v2.ground_truth_datasets.release(dataset, "1")["id"]
    v2.ground_truth_datasets.collect(dataset, {})
    return [first, v2.ground_truth_datasets.release(dataset, "2")["id"]]


def _ids(platform, statement: str, values: dict[str, Any]) -> list[int]:
    lists = [bindparam(name, expanding=True) for name, value in values.items() if isinstance(value, list)]
    with platform.database.read() as session:
        return list(session.scalars(text(statement).bindparams(*lists), values))


class Noting(BaseExporter):
    """Writes nothing; remembers which items came, and in which order."""

    seen: list[int]

    def process_file_saving(self, final_data, *arguments, **more):
        Noting.seen.append(final_data["id"])
        return True


class NotingAction(ExportAction):
    @property
    def entrypoint(self):
        return Noting


def exported_ids(platform: Platform, way: str, target: str, filters: dict, **params) -> list[int]:
    env, head = WAYS[way]
    Noting.seen = []
    extra = {"project_id": params.pop("project")} if target == "ground_truth" else None
    ctx = platform.ctx(env=env)
    export(
        platform, ctx, NotingAction, target=target, filter=filters, extra_params=extra, save_original_file=False, **head
    )
    assert wire_of(ctx).count("plugin-exports") == (way == "delegated")
    return Noting.seen


def some(values) -> st.SearchStrategy[list]:
    return st.lists(st.sampled_from(list(values)), min_size=1, max_size=6, unique=True)


WORDS = st.sampled_from(["cat", "CAT", "o", "_", "%", "100%", "ünï", "no such", "dog_1"])
COMMON = {"ids": "key IN :ids", "ids_ex": "key NOT IN :ids_ex", "search": "instr(lower(u.name), lower(:search)) > 0"}
TASK_SQL = """SELECT t.id FROM tasks t JOIN data_units u ON u.id = t.data_unit_id WHERE t.project_id = :project"""
TASK_CONDITIONS = {name: sql.replace("key", "t.id") for name, sql in COMMON.items()} | {
    "status": "t.status IN :status",
    "is_discarded": "t.is_discarded = :is_discarded",
    "data_unit": "t.data_unit_id IN :data_unit",
    "tags": "t.id IN (SELECT task_id FROM task_tags x JOIN tags g ON g.id = x.tag_id WHERE g.name IN :tags)",
    "user": "t.id IN (SELECT task_id FROM assignments WHERE user_id IN :user)",
}
ASSIGNMENT_SQL = """SELECT a.id FROM assignments a JOIN tasks t ON t.id = a.task_id
    JOIN data_units u ON u.id = t.data_unit_id WHERE a.project_id = :project"""
ASSIGNMENT_CONDITIONS = {name: sql.replace("key", "a.id") for name, sql in COMMON.items()} | {
    "status_label": "a.status_label IN :status_label",
    "status_review": "a.status_review IN :status_review",
    "is_confirmed": "a.is_confirmed = :is_confirmed",
    "is_discarded": "a.is_discarded = :is_discarded",
    "task": "a.task_id IN :task",
    "tags": "a.id IN (SELECT assignment_id FROM assignment_tags x JOIN tags g ON g.id = x.tag_id WHERE g.name IN :tags)",
    "user": "a.user_id IN :user",
}
EVENT_SQL = """SELECT e.pgh_id FROM ground_truth_events e JOIN data_units u ON u.id = e.data_unit_id
    JOIN ground_truth_version_events v ON v.pgh_id = e.pgh_id
    WHERE v.version_id = :ground_truth_dataset_version"""
EVENT_CONDITIONS = {name: sql.replace("key", "e.pgh_id") for name, sql in COMMON.items()} | {
    "ground_truth": "e.ground_truth_id IN :ground_truth",
}


def expected_ids(platform, base: str, conditions: dict[str, str], filters: dict) -> list[int]:
    chosen = [conditions[name] for name in filters if name in conditions]
    return sorted(_ids(platform, " AND ".join([base, *chosen]), filters))


def check(data: Data, target: str, filters: dict, expected: list[int], project: int) -> None:
    for way in WAYS:
        found = exported_ids(data.platform, way, target, filters, project=project)
        assert found == expected, way


def exhaustively(test):
    checks = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
    return settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=checks, derandomize=True)(test)


@exhaustively
@given(drawn=st.data())
def test_tasks(data, drawn):
    filters = drawn.draw(
        st.fixed_dictionaries(
            {"project": st.sampled_from([data.project, data.other])},
            optional={
                "ids": some(data.tasks), "ids_ex": some(data.tasks), "search": WORDS, "status": some(STATUSES),
                "is_discarded": st.booleans(), "data_unit": some(data.units), "tags": some(TAGS),
                "user": some(data.users),
            },
        )
    )  # fmt: skip
    expected = expected_ids(data.platform, TASK_SQL, TASK_CONDITIONS, filters)
    check(data, "task", filters, expected, filters["project"])


@exhaustively
@given(drawn=st.data())
def test_assignments(data, drawn):
    ids = _ids(data.platform, "SELECT id FROM assignments ORDER BY id DESC LIMIT 40", {})
    filters = drawn.draw(
        st.fixed_dictionaries(
            {"project": st.sampled_from([data.project, data.other])},
            optional={
                "ids": some(ids), "ids_ex": some(ids), "search": WORDS, "status_label": some(STATUSES),
                "status_review": some(REVIEWS), "is_confirmed": st.booleans(), "is_discarded": st.booleans(),
                "task": some(data.tasks), "tags": some(TAGS), "user": some(data.users),
            },
        )
    )  # fmt: skip
    expected = expected_ids(data.platform, ASSIGNMENT_SQL, ASSIGNMENT_CONDITIONS, filters)
    check(data, "assignment", filters, expected, filters["project"])


@exhaustively
@given(drawn=st.data())
def test_ground_truth(data, drawn):
    truths = _ids(data.platform, "SELECT id FROM ground_truths", {})
    filters = drawn.draw(
        st.fixed_dictionaries(
            {"ground_truth_dataset_version": st.sampled_from(data.versions)},
            optional={
                "ids": some(data.events), "ids_ex": some(data.events), "search": WORDS, "ground_truth": some(truths),
            },
        )
    )  # fmt: skip
    expected = expected_ids(data.platform, EVENT_SQL, EVENT_CONDITIONS, filters)
    project = data.project if filters["ground_truth_dataset_version"] in data.versions[:2] else data.other
    check(data, "ground_truth", filters, expected, project)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["ids", "ids_ex"])
def test_thousands_of_ids_select_exactly(data, way, name):
    known = data.tasks[:7]
    many = [*known, *range(10**6, 10**6 + 3 * MAX_IDS_PER_REQUEST)]
    filters = {"project": data.project, name: many}
    found = exported_ids(data.platform, way, "task", filters, project=data.project)
    mine = data.tasks[:12]
    assert found == (known if name == "ids" else [task for task in mine if task not in known])


@pytest.mark.parametrize("way", WAYS)
def test_an_empty_list_of_ids_selects_nothing(data, way):
    assert exported_ids(data.platform, way, "task", {"project": data.project, "ids": []}, project=data.project) == []


@pytest.mark.parametrize("way", WAYS)
def test_an_unknown_filter_is_refused(data, way):
    with pytest.raises(RuntimeError, match="colour"):
        exported_ids(data.platform, way, "task", {"project": data.project, "colour": "red"}, project=data.project)


@pytest.mark.parametrize("way", ["v1", "v2"])
def test_a_word_with_a_comma_is_refused_where_it_would_select_other_rows(data, way):
    filters = {"project": data.project, "tags": ["night,rain"]}
    with pytest.raises(RuntimeError, match="comma") as caught:
        exported_ids(data.platform, way, "task", filters, project=data.project)
    assert isinstance(caught.value.__cause__, ConfigurationError)
    assert exported_ids(data.platform, "delegated", "task", filters, project=data.project) == []


@given(
    ids=st.none() | st.sets(st.integers(1, 3000), max_size=1500),
    without=st.none() | st.sets(st.integers(1, 3000), max_size=1500),
)
@settings(max_examples=60, deadline=None)
def test_a_selection_names_each_id_once(ids, without):
    filters = {name: sorted(value) for name, value in (("ids", ids), ("ids_ex", without)) if value is not None}
    plan = plan_selection(filters)
    found: list[int] = []
    for request in plan.requests:
        chosen = set(request.get("ids", range(1, 3001)))
        assert len(request.get("ids", [])) <= MAX_IDS_PER_REQUEST
        assert len(request.get("ids_ex", [])) <= MAX_IDS_PER_REQUEST
        found += sorted(chosen - set(request.get("ids_ex", ())) - plan.excluded, reverse=True)
    universe = ids if ids is not None else set(range(1, 3001))
    assert found == sorted(universe - (without or set()), reverse=True)
