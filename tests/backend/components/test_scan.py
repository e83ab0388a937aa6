"""What lies in the server's own folder becomes versions: once, in one transaction, and byte by byte."""

import pytest
import xxhash

from tests.backend.components.store import API
from tests.backend.factories import SQLITE_ONLY


@pytest.fixture
def kit(settings):
    return settings.component_root / "cvlabkit"


def put(kit, path: str, content: bytes = b"a = 1\n") -> None:
    (kit / path).parent.mkdir(parents=True, exist_ok=True)
    (kit / path).write_bytes(content)


def test_a_scan_registers_and_activates_what_is_new(store, kit):
    put(kit, "agent/basic.py", b"agent\r\n")
    put(kit, "component/model/resnet.py")
    put(kit, "component/loss/same.py")

    assert store.post("/versions/scan") == {"registered": 3}
    assert store.active() == {
        "agent/basic.py": xxhash.xxh3_64_hexdigest(b"agent\r\n"),
        "loss/same.py": xxhash.xxh3_64_hexdigest(b"a = 1\n"),
        "model/resnet.py": xxhash.xxh3_64_hexdigest(b"a = 1\n"),
    }
    assert store.post("/versions/scan") == {"registered": 0}
    assert [entry["kind"] for entry in store.log()] == ["scan"]

    put(kit, "component/model/resnet.py", b"a = 2\n")
    assert store.post("/versions/scan") == {"registered": 1}
    assert store.active()["model/resnet.py"] == xxhash.xxh3_64_hexdigest(b"a = 2\n")


def test_a_scan_never_takes_back_what_was_activated_later(store, kit):
    put(kit, "component/model/resnet.py")
    store.post("/versions/scan")
    newer = store.upload("model/resnet.py", "a = 2\n")["hash"]
    assert store.post("/versions/scan") == {"registered": 0}
    assert store.active() == {"model/resnet.py": newer}


def test_core_base_and_private_files_never_enter(store, kit):
    for path in ("core/config.py", "component/base/model.py", "component/model/_private.py", "component/model/__init__.py",
                 "component/other/x.py", "component/model/deep/x.py", "component/model/notes.txt"):  # fmt: skip
        put(kit, path)
    (kit / "component/model/folder.py").mkdir()
    assert store.post("/versions/scan") == {"registered": 0}


def test_what_cannot_be_stored_is_named_with_its_reason_and_the_rest_is_kept(store, kit):
    put(kit, "component/model/good.py")
    put(kit, "component/model/latin.py", "é".encode("latin-1"))
    put(kit, "component/model/nul.py", b"a\0")
    put(kit, "component/model/two-words.py")
    answer = store.client.post(f"{API}/versions/scan").json()
    assert answer["data"] == {"registered": 1}
    for reason in ("model/latin.py: byte 1 is not UTF-8", "model/nul.py: byte 2 is NUL", "model/two-words.py"):
        assert reason in answer["meta"]["message"]


def test_a_server_without_such_a_folder_says_so(store, kit):
    kit.rmdir()
    assert "SYNAPSE_SERVER_COMPONENT_ROOT" in store.post("/versions/scan", status=409)["message"]


@SQLITE_ONLY
def test_a_thousand_files_are_one_transaction(store, kit, database):
    for number in range(1000):
        put(kit, f"component/model/m{number}.py", f"n = {number}\n".encode())
    commits = []
    import sqlalchemy

    sqlalchemy.event.listen(database.engine, "commit", commits.append)
    assert store.post("/versions/scan") == {"registered": 1000}
    assert len(commits) <= 2
