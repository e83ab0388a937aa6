"""One request tells what a worker lacks, and brings it."""

import hashlib

import pytest

from tests.backend.components.store import API
from web_helper.backend.services.components import negotiation

SOURCES = {
    "model/resnet.py": "from .blocks import Block\n",
    "model/blocks.py": "from ..loss import helper\n",
    "loss/helper.py": "x = 1\n",
    "loss/unused.py": "y = 1\n",
}


def sha(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


@pytest.fixture
def kept(store):
    store.post("/changes", {"changes": [{"path": path, "content": text} for path, text in SOURCES.items()]})
    return store


def test_a_worker_without_anything_gets_what_it_needs_and_what_that_imports(kept):
    offer = kept.post("/sync", {"need": ["model/resnet.py"]})
    needed = {"model/resnet.py", "model/blocks.py", "loss/helper.py"}
    assert set(offer["versions"]) == needed
    assert offer["contents"] == {sha(SOURCES[path]): SOURCES[path] for path in needed}
    assert offer["needed"] == ["model/blocks.py", "loss/helper.py"]
    assert offer["missing"] == offer["unresolved"] == []


def test_the_same_text_imports_what_lies_beside_it(store):
    text = "from . import beside\n"
    folders = ("model", "loss")
    contents = {f"{folder}/{name}.py": text for folder in folders for name in ("one", "two")}
    contents |= {f"{folder}/beside.py": "x = 1\n" for folder in folders}
    store.post("/changes", {"changes": [{"path": path, "content": each} for path, each in contents.items()]})
    for _ in range(2):
        for folder in folders:
            assert store.post("/sync", {"need": [f"{folder}/one.py"]})["needed"] == [f"{folder}/beside.py"]
    # As another version it imports something else.
    store.upload("model/one.py", "from . import two\n")
    assert store.post("/sync", {"need": ["model/one.py"]})["needed"] == ["model/two.py", "model/beside.py"]


def test_what_is_activated_while_it_is_answered_is_no_part_of_the_answer(store, monkeypatch):
    """What a version imports is looked up after it: an answer out of two states would be a set that never was."""

    def push(number: int) -> dict[str, str]:
        contents = {"model/net.py": f"from ..loss import helper\nn = {number}\n", "loss/helper.py": f"h = {number}\n"}
        store.post("/changes", {"changes": [{"path": path, "content": each} for path, each in contents.items()]})
        return contents

    def find_and_interfere(*arguments):
        found = find_wanted(*arguments)
        push(2)
        return found

    find_wanted, first = negotiation.find_wanted, push(1)
    monkeypatch.setattr(negotiation, "find_wanted", find_and_interfere)
    offer = store.post("/sync", {"need": ["model/net.py"]})
    assert {path: offer["contents"][each["sha256"]] for path, each in offer["versions"].items()} == first


def test_what_is_there_already_costs_nothing(kept):
    have = {path: sha(text) for path, text in SOURCES.items()}
    offer = kept.post("/sync", {"have": have, "need": ["model/resnet.py"]})
    assert offer["versions"] == offer["contents"] == {}
    assert kept.post("/sync", {"have": have}) == offer | {"needed": []}


def test_an_older_version_is_told_from_an_edit(kept):
    kept.upload("loss/helper.py", "x = 2\n")
    for local, is_known in ((SOURCES["loss/helper.py"], True), ("x = edited\n", False)):
        offer = kept.post("/sync", {"have": {"loss/helper.py": sha(local)}, "need": ["loss/helper.py"]})
        assert offer["known"] == (["loss/helper.py"] if is_known else [])
        assert list(offer["contents"].values()) == ["x = 2\n"]
    question = {"have": {}, "need": ["loss/helper.py"], "with_contents": False}
    assert kept.post("/sync", question)["contents"] == {}


def test_a_version_that_is_not_in_use_is_known_too(kept):
    kept.upload("loss/idle.py", "z = 1\n", activate=False)
    offer = kept.post("/sync", {"have": {"loss/idle.py": sha("z = 1\n")}, "need": ["loss/idle.py"]})
    assert (offer["missing"], offer["known"]) == (["loss/idle.py"], ["loss/idle.py"])


def test_without_names_everything_is_meant(kept):
    assert set(kept.post("/sync", {})["versions"]) == set(SOURCES)
    only = kept.post("/sync", {"need": ["model/resnet.py"], "follow_imports": False})
    assert set(only["versions"]) == {"model/resnet.py"}


def test_another_alias_and_pinned_versions(kept):
    old = kept.history("loss/helper.py")[0][0]
    change = {"path": "loss/helper.py", "hash": old, "aliases": ["paper"]}
    kept.post("/changes", {"changes": [change]})
    kept.upload("loss/helper.py", "x = 2\n")

    assert set(kept.post("/sync", {"alias": "paper"})["versions"]) == {"loss/helper.py"}
    pinned = kept.post("/sync", {"need": [], "pinned": {"loss/helper.py": old}})
    assert pinned["versions"]["loss/helper.py"]["hash"] == old
    assert list(pinned["contents"].values()) == ["x = 1\n"]
    kept.post("/sync", {"pinned": {"loss/helper.py": "0" * 16}}, status=400)


def test_what_is_nowhere_is_named_with_file_and_line(kept):
    kept.upload("model/broken.py", "import os\nfrom .gone import G\n")
    offer = kept.post("/sync", {"need": ["model/broken.py", "model/absent.py"]})
    assert offer["missing"] == ["model/absent.py"]
    (unresolved,) = offer["unresolved"]
    assert (unresolved["origin"], unresolved["line"]) == ("model/broken.py", 2)
    assert "model/gone.py" in unresolved["reason"]


@pytest.mark.parametrize(
    "body",
    [
        {"need": ["../x.py"]},
        {"have": {"/etc/passwd": "0" * 64}},
        {"have": {"model/a.py": "0" * 16}},
        {"pinned": {"x": "0" * 16}},
    ],
)
def test_bad_input_is_refused(kept, body):
    kept.post("/sync", body, status=400)


@pytest.mark.parametrize("coding", ["zstd", "gzip", None])
def test_the_answer_is_packed_as_the_client_can_read(kept, coding):
    kept.upload("model/large.py", "a = 'the same again and again'\n" * 1000)
    headers = {"Accept-Encoding": coding or "identity"}
    with kept.client.stream("POST", f"{API}/sync", json={}, headers=headers) as response:
        assert response.headers.get("Content-Encoding") == coding
        raw = b"".join(response.iter_raw())
    assert (len(raw) < 3000) == (coding is not None)


def test_reading_is_enough(kept, make):
    reader = make.user(scopes=["read"])[1]
    assert reader.post(f"{API}/sync", json={}).status_code == 200
