"""The documented endpoints, with their exact shapes (contract, section 2), and what the original got wrong there."""

import hashlib

import pytest
import xxhash

from synapse_sdk.components.names import Category
from tests.backend.components.store import API
from web_helper.backend.services.components import changes

CODE = "class Net:\n    pass\n"
PATH = "model/resnet.py"


def short(content: str | bytes) -> str:
    return xxhash.xxh3_64_hexdigest(content.encode() if isinstance(content, str) else content)


def test_an_upload_is_stored_and_active(store):
    assert store.upload(PATH, CODE) == {
        "hash": short(CODE), "path": PATH, "category": "model", "name": "resnet", "is_new": True, "is_active": True,
    }  # fmt: skip
    (listed,) = store.get("/versions")
    assert set(listed) == {"path", "category", "name", "active_hash", "version_count", "updated_at"}
    assert (listed["path"], listed["active_hash"], listed["version_count"]) == (PATH, short(CODE), 1)
    assert store.get("/versions/model") == [listed]
    assert store.get("/versions/loss") == []


def test_history_is_newest_first_and_holds_contents_only_on_request(store):
    for content in ("a = 1\n", "a = 2\n", "a = 3\n"):
        store.upload(PATH, content)
    versions = store.get("/versions/model/resnet")
    assert [version["hash"] for version in versions] == [short(f"a = {n}\n") for n in (3, 2, 1)]
    assert set(versions[0]) == {"hash", "path", "category", "name", "is_active", "created_at", "content"}
    assert [(version["is_active"], version["content"]) for version in versions] == [(True, None)] + [(False, None)] * 2
    with_content = store.get("/versions/model/resnet", include_content=True)
    assert [version["content"] for version in with_content] == ["a = 3\n", "a = 2\n", "a = 1\n"]


@pytest.mark.parametrize("digest", [short, lambda content: hashlib.sha256(content.encode()).hexdigest()])
def test_a_version_is_read_by_its_hash_which_no_other_route_shadows(store, digest):
    store.upload(PATH, CODE)
    version = store.get(f"/versions/hash/{digest(CODE)}")
    assert (version["content"], version["path"], version["is_active"]) == (CODE, PATH, True)
    assert store.get("/versions/hash/0123456789abcdef", status=404)["code"] == "NOT_FOUND"


def test_activating_goes_back_and_forth_and_keeps_exactly_one(store):
    first, second = (store.upload(PATH, content)["hash"] for content in ("a = 1\n", "a = 2\n"))
    assert store.history(PATH) == [(second, True), (first, False)]

    activated = store.post("/versions/activate", {"hash": first})

    assert (activated["hash"], activated["is_active"]) == (first, True)
    assert store.history(PATH) == [(second, False), (first, True)]
    store.post("/versions/activate", {"hash": "0" * 16}, status=404)


def test_a_second_upload_of_an_old_content_really_activates_it(store):
    first = store.upload(PATH, "a = 1\n")["hash"]
    store.upload(PATH, "a = 2\n")

    again = store.upload(PATH, "a = 1\n")

    assert (again["hash"], again["is_new"], again["is_active"]) == (first, False, True)
    assert store.active() == {PATH: first}


def test_an_upload_may_leave_the_active_version_alone(store):
    first = store.upload(PATH, "a = 1\n")["hash"]
    assert store.upload(PATH, "a = 2\n", activate=False)["is_active"] is False
    assert store.active() == {PATH: first}
    store.upload("loss/new.py", "b = 1\n", activate=False)
    assert store.active() == {PATH: first, "loss/new.py": None}


def test_the_same_content_at_two_paths_is_two_versions(store):
    for path in (PATH, "model/vit.py"):
        assert store.upload(path, CODE)["is_new"]
    assert store.active() == {PATH: short(CODE), "model/vit.py": short(CODE)}
    assert store.get(f"/versions/hash/{short(CODE)}")["content"] == CODE
    assert store.get(f"/versions/hash/{short(CODE)}", path=PATH)["path"] == PATH

    store.upload(PATH, "other = 1\n")
    refused = store.post("/versions/activate", {"hash": short(CODE)}, status=409)
    assert PATH in refused["message"]
    assert store.post("/versions/activate", {"hash": short(CODE), "path": PATH})["path"] == PATH


@pytest.mark.parametrize(
    "content", ["", "a = 1\r\nb = 2\r\n", "\ufeffa = 1\n", "a = '\u2028 é 한국어 🙂'", "a = 1\rb = 2"]
)
def test_bytes_are_kept_as_they_are(store, content):
    uploaded = store.upload(PATH, content)
    assert uploaded["hash"] == short(content.encode())
    assert store.get(f"/versions/hash/{uploaded['hash']}")["content"] == content


@pytest.mark.parametrize(
    "body",
    [
        {"path": "../evil.py", "content": ""},
        {"path": "/etc/passwd", "content": ""},
        {"path": "model/../../x.py", "content": ""},
        {"path": "core/config.py", "content": ""},
        {"path": "base/model.py", "content": ""},
        {"path": "model/x y.py", "content": ""},
        {"path": "model/x.sh", "content": ""},
        {"path": PATH, "content": "a\0b"},
        {"path": PATH, "content": "x" * (4 * 2**20 + 1)},
        {"path": PATH},
        {"path": PATH, "content": 3},
        {"path": PATH, "content": "", "surely_unknown": 1},
    ],
)
def test_what_cannot_be_stored_is_refused_with_its_reason(store, body):
    assert store.post("/versions/upload", body, status=400)["code"] == "VALIDATION_ERROR"
    assert store.get("/versions") == []


def test_bytes_that_are_no_utf_8_are_refused(store):
    body = b'{"path": "model/resnet.py", "content": "\xff"}'
    assert "400" in str(store.client.post(f"{API}/versions/upload", content=body).status_code)
    body = b'{"path": "model/resnet.py", "content": "\\ud800"}'
    assert store.client.post(f"{API}/versions/upload", content=body).status_code == 400


@pytest.mark.parametrize(
    "path", ["/versions/nothing", "/versions/nothing/x", "/versions/model/absent", "/versions/hash/zz"]
)
def test_what_is_not_there_answers_404(store, path):
    assert store.get(path, status=404)["code"] == "NOT_FOUND"


def test_every_category_is_taken(store):
    for category in Category:
        assert store.upload(f"{category}/x.py", f"# {category}\n")["category"] == category
    assert len(store.get("/versions")) == 13


def test_diff(store):
    first, second = (store.upload(PATH, content)["hash"] for content in ("a = 1\n", "a = 2\n"))
    assert store.post("/versions/diff", {"from_hash": first, "to_hash": second}) == {
        "from_hash": first, "to_hash": second, "from_content": "a = 1\n", "to_content": "a = 2\n", "path": PATH,
    }  # fmt: skip
    store.post("/versions/diff", {"from_hash": first, "to_hash": "0" * 16}, status=404)
    store.post("/versions/diff", {"from_hash": first, "to_hash": "../x"}, status=400)


def test_two_contents_with_one_short_hash_are_never_taken_for_each_other(store, monkeypatch):
    monkeypatch.setattr(changes, "short_hash", lambda content: "ab" * 8)
    store.upload(PATH, "a = 1\n")
    store.upload("loss/other.py", "b = 1\n")

    refused = store.upload(PATH, "a = 2\n", status=409)

    assert "short hash" in refused["message"]
    store.get(f"/versions/hash/{'ab' * 8}", status=409)
    assert store.get(f"/versions/hash/{'ab' * 8}", path=PATH)["content"] == "a = 1\n"
    digest = hashlib.sha256(b"b = 1\n").hexdigest()
    assert store.get(f"/versions/hash/{digest}")["content"] == "b = 1\n"


@pytest.mark.parametrize("header", ["Authorization: Bearer {}", "X-API-Key: {}", "Authorization: Token {}"])
def test_every_documented_header_opens_the_store(app, store, admin_token, header):
    from starlette.testclient import TestClient

    name, _, value = header.format(admin_token).partition(": ")
    assert TestClient(app, headers={name: value}).get(f"{API}/versions").status_code == 200
    assert TestClient(app).get(f"{API}/versions").status_code == 401
    assert TestClient(app, headers={name: value[:-1]}).get(f"{API}/versions").status_code == 401


def test_who_may_read_and_who_may_decide_what_workers_run(store, make):
    from web_helper.backend.models import Role

    project = make.project()
    body = {"path": PATH, "content": CODE}
    expected = {Role.VIEWER: 403, Role.ANNOTATOR: 403, Role.MANAGER: 200, Role.ADMIN: 200}
    for role, status in expected.items():
        client = make.user(project=project, role=role)[1]
        assert client.post(f"{API}/versions/upload", json=body).status_code == status, role
        assert client.post(f"{API}/versions/scan").status_code == status, role
        assert client.get(f"{API}/versions").status_code == 200
    for path, sent in {
        "/versions/activate": {"hash": short(CODE)},
        "/changes": {"changes": [body]},
        "/rollback": {"paths": [PATH]},
        "/changes/1/rollback": {},
        "/manifest/exp": {PATH: short(CODE)},
    }.items():
        assert make.user()[1].post(f"{API}{path}", json=sent).status_code == 403, path
    reader = make.user(project=project, role=Role.ADMIN, scopes=["read"])[1]
    assert reader.post(f"{API}/versions/upload", json=body).status_code == 403
