"""The task grid: cards, where pages start, neighbours, and what can be asked for."""

import pytest
from sqlalchemy import event

from tests.backend.factories import boxes
from web_helper.backend.models import Role


@pytest.fixture
def project(make):
    return make.project()


def cards(client, **params):
    answer = client.get("/v2/task-cards/", params={"sort": "id", **params})
    assert answer.status_code == 200, answer.text
    return answer.json()


def names(client, **params):
    return [card["name"] for card in cards(client, **params)["data"]]


def test_a_card_shows_outlines_in_whole_pixels_tags_and_where_its_picture_is(client, make, project):
    data = {
        "annotations": [
            {"category": "cat", "bbox": [1.4, 2.6, 30, 40]},
            {"type": "polygon", "category": "dog", "segmentation": [[float(n) for n in range(400)]]},
            {"type": "keypoints", "category": "cat", "keypoints": [5, 6, 2, 7, 8, 0]},
            {"type": "mask", "category": "dog", "segmentation": {"counts": [5, 2, 20], "size": [3, 9]}},
            {"type": "classification", "category": "dog"},
        ]
    }
    task = make.tasks(project, 1, files=True, data=data, names=["<img onerror=1>.jpg"])[0]
    make.tag(project, "night", tasks=[task])

    card = cards(client, project=project["id"])["data"][0]

    assert (card["id"], card["name"], card["tags"]) == (task, "<img onerror=1>.jpg", ["night"])
    assert (card["width"], card["height"], card["annotation_count"]) == (640, 480, 5)
    assert card["thumbnail"].startswith("/v2/data-files/")
    box, polygon, points, mask, label = card["outlines"]
    assert box == {"category": "cat", "shape": "bbox", "bbox": [1, 3, 30, 40]}
    assert len(polygon["polygons"][0]) <= 64
    assert points["keypoints"] == [5, 6]
    assert mask["bbox"] == [1, 0, 2, 3]
    assert label == {"category": "dog", "shape": "classification"}


def test_a_page_of_cards_asks_the_database_the_same_number_of_times_however_long_it_is(client, make, project, database):
    make.tasks(project, 12, files=True, data=boxes("cat"))
    asked = []
    event.listen(database.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))

    counts = []
    for per_page in (1, 12):
        asked.clear()
        cards(client, project=project["id"], per_page=per_page)
        counts.append(len(asked))

    assert counts[0] == counts[1]


def test_pages_start_where_their_cursors_say(client, make, project):
    ids = make.tasks(project, 10)
    for sort, order in (("id", ids), ("-id", ids[::-1])):
        params = {"project": project["id"], "sort": sort}
        pages = client.get("/v2/task-cards/pages/", params={**params, "page_length": 4}).json()["data"]

        assert (pages["count"], pages["page_length"], len(pages["cursors"])) == (10, 4, 3)
        for number, cursor in enumerate(pages["cursors"]):
            more = {"cursor": cursor} if cursor else {}
            found = cards(client, **params, **more, per_page=4)["data"]
            assert [card["id"] for card in found] == order[number * 4 : number * 4 + 4]


@pytest.mark.parametrize(("count", "pages"), [(0, 1), (4, 1), (5, 2), (8, 2)])
def test_a_last_page_that_is_full_has_no_empty_one_after_it(client, make, project, count, pages):
    make.tasks(project, count)
    params = {"project": project["id"], "page_length": 4}
    assert len(client.get("/v2/task-cards/pages/", params=params).json()["data"]["cursors"]) == pages


def test_neighbours_follow_order_and_filters_even_of_a_task_that_left_them(client, make, project):
    first, second, third = make.tasks(project, 3)
    client.patch(f"/v2/tasks/{second}/", json={"is_discarded": True})

    def beside(task, **params):
        path = f"/v2/task-cards/{task}/neighbours/"
        found = client.get(path, params={"project": project["id"], "sort": "id", **params}).json()["data"]
        return found["previous_id"], found["next_id"]

    assert beside(first) == (None, second)
    assert beside(first, is_discarded="false") == (None, third)
    assert beside(second, is_discarded="false") == (first, third)
    assert beside(first, sort="-id") == (second, None)


def test_tasks_are_found_by_the_class_of_any_annotation(client, make, project):
    make.tasks(project, names=["both"], data=boxes("cat", "dog"))
    make.tasks(project, names=["dog"], data=boxes("dog"))
    make.tasks(project, names=["none"])
    make.tasks(project, names=["empty"], data={"annotations": []})
    make.tasks(project, names=["nothing"], data={})

    found = {"project": project["id"]}
    assert names(client, **found, category="cat") == ["both"]
    assert names(client, **found, category=["cat", "dog"]) == ["both", "dog"]
    assert names(client, **found, category="' OR 1=1 --") == []


def test_tasks_are_found_by_what_a_reviewer_said_and_by_pre_annotation(client, make, project):
    approved, plain = make.tasks(project, 2, data=boxes("cat"))
    make.assignments(project, [approved], status_review="approved")

    def ids(**params):
        return [card["id"] for card in cards(client, project=project["id"], **params)["data"]]

    assert ids(status_review="approved") == [approved]
    assert ids(status_review="rejected") == []
    assert ids(is_pre_annotated="true") == []
    assert ids(is_pre_annotated="false") == [approved, plain]
    assert {card["review"] for card in cards(client, project=project["id"])["data"]} == {"approved", None}


@pytest.mark.parametrize("path", ["/v2/task-cards/", "/v2/task-cards/pages/", "/v2/task-cards/1/neighbours/"])
def test_an_unknown_filter_is_refused(client, path):
    assert client.get(path, params={"klass": "cat"}).status_code == 400


def test_cards_of_other_projects_are_not_shown(make, project):
    make.tasks(project, 2)
    own = make.project()
    _, other = make.user(project=own, role=Role.VIEWER)

    assert cards(other)["data"] == []
    assert other.get("/v2/task-cards/pages/").json()["data"]["count"] == 0


def test_statistics_count_classes_sizes_and_states_without_what_was_discarded(client, make, project):
    make.tasks(project, 2, data=boxes("cat", "cat", "dog"), status="completed")
    make.tasks(project, 1, data={"annotations": [{"type": "classification", "category": "dog"}]})
    make.tasks(project, 1, data=boxes("cat"), is_discarded=True)
    make.tasks(project, 1)

    found = client.get(f"/v2/projects/{project['id']}/statistics/").json()["data"]

    assert (found["tasks"], found["discarded"], found["annotations"]) == (4, 1, 7)
    assert found["statuses"] == {"pending": 2, "in_progress": 0, "completed": 2}
    assert found["classes"] == [{"category": "cat", "annotations": 4}, {"category": "dog", "annotations": 3}]
    # A box of 30 by 40 has a side of 34.6 pixels; a label of the whole image has none.
    assert found["sizes"] == [
        {"category": "cat", "from_pixels": 32, "up_to": 64, "annotations": 4},
        {"category": "dog", "from_pixels": 32, "up_to": 64, "annotations": 2},
    ]


def test_statistics_are_for_members(make, project):
    _, stranger = make.user()
    assert stranger.get(f"/v2/projects/{project['id']}/statistics/").status_code == 404
