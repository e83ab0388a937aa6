"""Whoever asks what was asked before gets the same bytes, and never those of another state; contents are packed once."""

import dataclasses
import random
import threading
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from synapse_sdk.clients.components import ComponentClient
from synapse_sdk.components.digests import sha256_of
from synapse_sdk.components.names import parse_component_path
from synapse_sdk.exceptions import AuthenticationError, ClientError
from synapse_sdk.wire import component_offer
from synapse_sdk.wire.component_offer import OFFER, pack_frame, unpack_offer
from synapse_sdk.wire.components import ComponentNegotiation
from tests.backend.components.store import API, Store
from web_helper.backend.models import ComponentBlob
from web_helper.backend.services.components import packed_frames
from web_helper.backend.services.components.kept_packed import KeptPacked, name_answer

LARGE = {f"model/m{n}.py": f"x = '{random.Random(n).randbytes(600_000).hex()}'\n" for n in range(2)}
ACCEPT = {"Accept": OFFER}
AS_JSON = {"Accept": "application/json"}


@pytest.fixture
def large(store):
    store.post("/changes", {"changes": [{"path": path, "content": text} for path, text in LARGE.items()]})
    return store


@pytest.fixture
def made(monkeypatch, app):
    """Answers that were made, and not found."""
    names = []
    keep = app.state.kept_packed.keep

    def note(name, content):
        names.extend([] if name.startswith("frame ") else [name])
        keep(name, content)

    monkeypatch.setattr(app.state.kept_packed, "keep", note)
    return names


@pytest.fixture
def packed(monkeypatch):
    """How many contents each frame has that was packed."""
    counts = []

    def note(contents, level):
        each = [*contents]
        counts.append(len(each))
        return pack_frame(each, level)

    monkeypatch.setattr(packed_frames, "pack_frame", note)
    return counts


def ask(store, question, headers=ACCEPT):
    with store.client.stream("POST", f"{API}/sync", json=question, headers=headers) as response:
        assert response.status_code == 200
        return b"".join(response.iter_raw())


def read_all(body, expected):
    head, contents = unpack_offer(body)
    read = {digest: bytes(content).decode() for digest, content in contents.items()}
    assert {path: read[version.sha256] for path, version in head.versions.items()} == expected


def test_the_same_question_is_packed_once(large, made):
    first = ask(large, {})
    assert ask(large, {}) == ask(large, {"have": {}, "follow_imports": True}) == first
    assert len(made) == 1


@pytest.mark.parametrize("is_scanned", [True, False])
def test_a_large_change_is_packed_before_anybody_asks(store, packed, settings, is_scanned):
    if is_scanned:
        for path, text in LARGE.items():
            file = settings.component_dir / parse_component_path(path).file
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        store.post("/versions/scan")
    else:
        store.post("/changes", {"changes": [{"path": path, "content": text} for path, text in LARGE.items()]})
    assert sum(packed) == 2
    read_all(ask(store, {}), LARGE)
    assert sum(packed) == 2


def test_a_small_change_is_not_packed_until_somebody_asks(large, packed):
    large.post("/changes", {"changes": [{"path": "loss/ce.py", "content": "x = 1\n"}]})
    assert packed == []
    read_all(ask(large, {}), LARGE | {"loss/ce.py": "x = 1\n"})
    assert packed != []


def test_a_change_leaves_most_of_what_was_packed(store, packed, monkeypatch):
    monkeypatch.setattr(component_offer, "FRAME_BYTES", 2**17)
    texts = {f"model/m{n}.py": f"x = '{random.Random(n).randbytes(10_000).hex()}'\n" for n in range(100)}
    store.post("/changes", {"changes": [{"path": path, "content": text} for path, text in texts.items()]})
    assert sum(packed) == 100
    packed.clear()
    changed = texts | {"model/m50.py": "x = 2\n", "model/m500.py": "x = 3\n"}
    store.post(
        "/changes", {"changes": [{"path": path, "content": changed[path]} for path in changed if path not in texts]}
    )
    store.upload("model/m50.py", changed["model/m50.py"])
    read_all(ask(store, {}), changed)
    assert 0 < sum(packed) < 50


def test_a_small_answer_is_for_one(large, made):
    large.upload("loss/ce.py", "x = 1\n")
    for _ in range(2):
        ask(large, {"need": ["loss/ce.py"]})
    assert made == []


def test_another_question_or_form_is_another_answer(large, made):
    ask(large, {})
    ask(large, {"need": ["model/m0.py"]})
    ask(large, {}, AS_JSON | {"Accept-Encoding": "gzip"})
    ask(large, {}, AS_JSON | {"Accept-Encoding": "zstd"})
    assert len(set(made)) == len(made) == 4


def test_every_change_of_the_store_is_another_answer(large, made):
    ask(large, {})
    old = large.active()["model/m0.py"]
    large.upload("model/m0.py", "x = 2\n")
    assert set(large.post("/sync", {"need": ["model/m0.py"]})["contents"].values()) == {"x = 2\n"}
    changed = ask(large, {})
    large.post("/versions/activate", {"hash": old, "path": "model/m0.py"})
    back = ask(large, {})
    assert len({changed, back}) == 2
    assert len(set(made)) == 3


def test_a_kept_answer_needs_a_key_too(large, make):
    reader = make.user(scopes=["read"])[1]
    assert ask(large, {}) == ask(Store(reader), {})
    reader.headers["Authorization"] = "Token syn_wrong"
    assert reader.post(f"{API}/sync", json={}, headers=ACCEPT).status_code == 401


def test_bytes_are_offered_as_they_are(store, transport, admin_token):
    text = "\ufeffx = '\u00e9'\r\n"
    store.upload("model/net.py", text)
    with ComponentClient("http://testserver", admin_token, transport=transport) as client:
        offer, told = client.fetch({}), client.negotiate({})
    contents = {digest: bytes(content).decode() for digest, content in offer.contents.items()}
    assert [*contents.values()] == [text]
    plain = msgspec.to_builtins(dataclasses.replace(offer, contents=contents))
    assert plain == told


def test_contents_are_offered_whole_however_they_are_stored(store, database, transport, admin_token):
    texts = [f"x = {number}\n" + "same = 1\n" * 50 for number in range(4)]
    old, *_ = [store.upload("model/net.py", text)["hash"] for text in texts]
    store.upload("loss/plain.py", "y = 1\n")
    with database.write() as session:
        # As before contents were packed.
        blob = session.get(ComponentBlob, sha256_of(b"y = 1\n"))
        blob.content, blob.is_packed = b"y = 1\n", False
    with ComponentClient("http://testserver", admin_token, transport=transport) as client:
        for pinned, newest in (({}, texts[3]), ({"model/net.py": old}, texts[0])):
            contents = client.fetch({"pinned": pinned}).contents.items()
            assert sorted(bytes(content).decode() for _, content in contents) == sorted([newest, "y = 1\n"])


def test_the_answer_of_a_server_that_only_speaks_json_is_taken(store, transport, admin_token):
    store.upload("model/net.py", "x = 1\n")
    with ComponentClient("http://testserver", admin_token, transport=transport) as client:
        as_json = client.http
        as_json.event_hooks = {"request": [lambda request: request.headers.update({"Accept": "application/json"})]}
        assert [bytes(content) for _, content in client.fetch({}).contents.items()] == [b"x = 1\n"]


def test_what_is_no_offer_is_said_to_be_none(transport, admin_token, monkeypatch):
    client = ComponentClient("http://testserver", admin_token, transport=transport)
    real = client.send

    def broken(call):
        answer = real(call)
        answer._content = answer.content[:10]
        return answer

    monkeypatch.setattr(client, "send", broken)
    with pytest.raises(ClientError, match="no offer"):
        client.fetch({})
    with pytest.raises(AuthenticationError):
        ComponentClient("http://testserver", "syn_wrong", transport=transport).fetch({})
    client.close()


def test_what_nobody_has_asked_for_longest_makes_room():
    kept = KeptPacked(limit_bytes=10)
    kept.keep("large", b"12345678901")
    kept.keep("a", b"1234")
    kept.keep("b", b"1234")
    assert kept.find("a") == b"1234"
    kept.keep("c", b"12345")
    assert (kept.find("large"), kept.find("b")) == (None, None)
    assert (kept.find("a"), kept.find("c")) == (b"1234", b"12345")
    kept.keep("a", b"123456")
    assert (kept.find("a"), kept.find("c")) == (b"123456", None)


def test_whoever_asks_the_same_at_the_same_moment_waits_for_the_first():
    kept, packed = KeptPacked(), []

    def ask_for(name):
        with kept.turn(name):
            if kept.find(name) is None:
                packed.append(name)
                kept.keep(name, name.encode())
            return kept.find(name)

    begun = threading.Event()

    def ask_too():
        begun.set()
        return ask_for("a")

    with ThreadPoolExecutor(3) as others:
        with kept.turn("a"):
            waiting = [others.submit(ask_too) for _ in range(2)]
            assert begun.wait(60)
            # Another question is nobody's business.
            assert others.submit(ask_for, "b").result(60) == b"b"
            assert packed == ["b"]
        assert [each.result(60) for each in waiting] == [b"a", b"a"]
    assert packed == ["b", "a"]


def test_a_question_that_fails_lets_the_next_one_try():
    kept = KeptPacked()
    with pytest.raises(ValueError, match="refused"), kept.turn("a"):
        raise ValueError("refused")
    with kept.turn("a"):
        assert kept.find("a") is None


def test_the_order_of_files_is_no_other_question():
    a, b = {"model/a.py": "0" * 64}, {"model/b.py": "1" * 64}
    names = {name_answer("1-x", ComponentNegotiation(have=have), "form") for have in (a | b, b | a)}
    assert len(names) == 1
    others = (("2-x", a | b, "form"), ("1-x", a, "form"), ("1-x", a | b, "other"))
    names |= {name_answer(state, ComponentNegotiation(have=have), form) for state, have, form in others}
    assert len(names) == 4
