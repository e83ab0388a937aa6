"""What the history of a component tells."""

from tests.backend.factories import SQLITE_ONLY

PATH = "model/net.py"


def test_a_story_says_who_brought_each_version_why_and_what_pointed_to_it(store):
    first = store.upload(PATH, "width = 1\n", reason="the first try")["hash"]
    second = store.upload(PATH, "width = 2\n", activate=False, reason="wider")["hash"]
    store.post("/versions/activate", {"hash": second, "reason": "it is better"})
    store.post("/rollback", {"paths": [PATH], "reason": "it was not"})

    newest, oldest = store.get("/stories/model/net")

    assert [newest["hash"], oldest["hash"]] == [second, first]
    assert (newest["is_active"], newest["aliases"], newest["kind"], newest["reason"]) == (False, [], "upload", "wider")
    assert (oldest["is_active"], oldest["aliases"]) == (True, ["active"])
    assert {newest["added_by"], oldest["added_by"]} == {"admin@localhost"}
    assert [(each["kind"], each["reason"]) for each in newest["moves"]] == [("activate", "it is better")]
    assert [(each["kind"], each["reason"]) for each in oldest["moves"]] == [
        ("rollback", "it was not"),
        ("upload", "the first try"),
    ]


def test_experiments_that_ran_with_a_version_are_counted_and_listed(store):
    used = store.upload(PATH, "width = 1\n")["hash"]
    other = store.upload("loss/ce.py", "width = 1\n")["hash"]
    unused = store.upload(PATH, "width = 2\n")["hash"]
    for uid in ("exp-1", "exp-2"):
        store.post(f"/manifest/{uid}", {PATH: used})
    store.post("/manifest/exp-3", {"loss/ce.py": other})

    assert {each["hash"]: each["experiment_count"] for each in store.get("/stories/model/net")} == {used: 2, unused: 0}
    uses = store.get(f"/versions/hash/{used}/experiments", path=PATH)
    assert {each["experiment_uid"] for each in uses} == {"exp-1", "exp-2"}
    # Known by their manifests alone.
    assert {(each["name"], each["status"]) for each in uses} == {(None, None)}
    assert store.get(f"/versions/hash/{unused}/experiments", path=PATH) == []


@SQLITE_ONLY
def test_stories_of_what_is_not_there(store):
    for route in (
        "/stories/model/absent",
        "/stories/nonsense/net",
        "/stories/model/..",
        "/versions/hash/00/experiments",
    ):
        store.get(route, status=404)
