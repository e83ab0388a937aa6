"""The documented Python client against the real server: what it brings, what it asks about, what it never loses."""

import dataclasses

import pytest
import xxhash

from synapse_sdk.exceptions import AuthenticationError, ClientError, ComponentError
from tests.backend.components.store import Store
from tests.backend.components.worker import Worker
from tests.backend.factories import SQLITE_ONLY
from web_helper.middleend.component_manager import ConflictResolution, ConflictType, SyncStrategy

pytestmark = SQLITE_ONLY

SOURCES = {"model/net.py": "from .blocks import B\n", "model/blocks.py": "B = 1\n", "loss/ce.py": "C = 1\n"}


def short(content: str) -> str:
    return xxhash.xxh3_64_hexdigest(content.encode())


@pytest.fixture
def filled(store) -> Store:
    store.post("/changes", {"changes": [{"path": path, "content": text} for path, text in SOURCES.items()]})
    return store


def test_an_empty_worker_gets_everything_in_one_request(worker, filled):
    result = worker.sync()
    assert {path: worker.get(path) for path in SOURCES} == SOURCES
    assert set(result.synced) == set(SOURCES)
    assert result.component_hashes == {path: short(text) for path, text in SOURCES.items()}
    assert worker.network.requests == ["/sync"]
    again = worker.sync()
    assert (again.synced, set(again.skipped)) == ([], set(SOURCES))
    assert again.component_hashes == result.component_hashes
    assert worker.network.requests == ["/sync", "/state"]


def test_the_documented_calls(worker, filled):
    manager = worker.manager
    synced = manager.sync_from_version_store(worker.config)
    assert set(synced["synced"]) == set(SOURCES)
    assert synced["failed"] == []
    assert manager.get_required_paths_from_config(worker.config) == ["model/net.py", "loss/ce.py", "model/blocks.py"]
    hashes = manager.get_local_hashes([*SOURCES, "model/absent.py"])
    assert hashes == synced["component_hashes"]
    assert manager.save_experiment_manifest("exp-1", hashes)
    assert not manager.save_experiment_manifest("exp-1", {})

    filled.upload("loss/ce.py", "C = 2\n")
    worker.sync()
    assert worker.get("loss/ce.py") == "C = 2\n"
    assert sorted(manager.restore_from_manifest("exp-1")["synced"]) == sorted(SOURCES)
    assert worker.get("loss/ce.py") == "C = 1\n"
    with pytest.raises(ClientError):
        manager.restore_from_manifest("exp-2")
    manager.close()


def test_an_older_version_here_is_replaced_and_an_edit_is_asked_about(worker, filled):
    worker.sync()
    filled.upload("loss/ce.py", "C = 2\n")
    worker.put("model/net.py", SOURCES["model/net.py"] + "# edited\n")

    result = worker.sync()

    assert result.synced == ["loss/ce.py"]
    (conflict,) = result.conflicts
    assert (conflict.path, conflict.conflict_type) == ("model/net.py", ConflictType.LOCAL_NEWER)
    assert conflict.local_hash == short(SOURCES["model/net.py"] + "# edited\n")
    assert conflict.server_hash == short(SOURCES["model/net.py"])
    assert conflict.local_content.endswith("# edited\n")
    assert "model/net.py" not in result.component_hashes
    assert worker.manager.sync_from_version_store(worker.config)["failed"] == ["model/net.py"]


def test_pending_conflicts_are_carried_out_later(worker, filled):
    worker.sync()
    for path, source in SOURCES.items():
        worker.put(path, f"# mine\n{source}")
    result = worker.sync()
    assert len(result.conflicts) == 3

    outcome = worker.manager.resolve_pending_conflicts(
        result, {"model/net.py": "use_local", "model/blocks.py": ConflictResolution.USE_SERVER}
    )

    assert (outcome.uploaded, outcome.synced) == (["model/net.py"], ["model/blocks.py"])
    assert [conflict.path for conflict in outcome.conflicts] == ["loss/ce.py"]
    assert worker.get("model/blocks.py") == SOURCES["model/blocks.py"]
    assert worker.kept() == [f"# mine\n{SOURCES['model/blocks.py']}"]
    assert filled.active()["model/net.py"] == short(f"# mine\n{SOURCES['model/net.py']}")
    assert {conflict.path: conflict.resolved for conflict in result.conflicts} == {
        "model/net.py": True, "model/blocks.py": True, "loss/ce.py": False,
    }  # fmt: skip
    skipped = worker.manager.resolve_pending_conflicts(result, {"loss/ce.py": "skip"})
    assert skipped.skipped == ["loss/ce.py"]
    assert worker.get("loss/ce.py").startswith("# mine")


def test_a_callback_is_asked_and_its_answer_is_done(worker, filled):
    worker.sync()
    worker.put("loss/ce.py", "C = 'mine'\n")
    asked = []
    worker.manager.conflict_callback = lambda conflict: asked.append(conflict.path) or "use_local"
    assert worker.sync().uploaded == ["loss/ce.py"]
    assert asked == ["loss/ce.py"]
    assert filled.active()["loss/ce.py"] == short("C = 'mine'\n")


@pytest.mark.parametrize("content", ["", "a = 1\r\n", "\ufeffb = 1\n"])
def test_bytes_survive_the_way_there_and_back(worker, filled, content, *, tmp_path, transport, admin_token):
    worker.sync()
    worker.put("loss/ce.py", content)
    assert worker.sync(SyncStrategy.LOCAL_PRIORITY).uploaded == ["loss/ce.py"]
    other = Worker(tmp_path / "other", transport, admin_token)
    other.sync()
    assert other.get("loss/ce.py") == content
    assert other.sync().synced == []


def test_what_is_nowhere_is_an_error_with_file_and_line_and_nothing_is_changed(worker, filled):
    filled.upload("model/net.py", "import os\nfrom .gone import G\n")
    with pytest.raises(ComponentError, match=r"model/net\.py:2: imports cvlabkit\.component\.model\.gone"):
        worker.sync()
    worker.config.write_text("model: net\n\nmetric: absent\n")
    filled.upload("model/net.py", "x = 1\n")
    with pytest.raises(ComponentError, match=r"config\.yaml:3: metric: there is no component metric/absent\.py"):
        worker.sync()
    assert worker.get("model/net.py") is None
    worker.put("metric/absent.py", "def (")
    with pytest.raises(ComponentError, match=r"metric/absent\.py:1: "):
        worker.sync()


def test_what_only_this_tree_has_is_found_through_the_servers_imports(worker, filled):
    filled.upload("model/net.py", "from .mine import M\n")
    worker.put("model/mine.py", "from ..loss import ce\nM = 1\n")
    result = worker.sync()
    assert result.uploaded == ["model/mine.py"]
    assert set(result.component_hashes) == {"model/net.py", "model/mine.py", "loss/ce.py"}


def test_a_file_that_the_servers_imports_lead_to_is_not_overwritten(worker, filled):
    worker.put("model/blocks.py", "B = 'mine'\n")
    result = worker.sync()
    assert [conflict.path for conflict in result.conflicts] == ["model/blocks.py"]
    assert worker.get("model/blocks.py") == "B = 'mine'\n"
    assert len(worker.network.requests) <= 3


def test_an_upload_that_somebody_was_faster_than_fails_and_loses_nothing(worker, filled):
    worker.sync()
    worker.put("loss/ce.py", "C = 'mine'\n")
    worker.network.after_answer = lambda path: path == "/sync" and filled.upload("loss/ce.py", "C = 'theirs'\n")
    result = worker.sync(SyncStrategy.LOCAL_PRIORITY)
    assert result.failed == ["loss/ce.py"]
    assert "changed since you looked" in result.errors["loss/ce.py"]
    assert worker.get("loss/ce.py") == "C = 'mine'\n"
    assert filled.active()["loss/ce.py"] == short("C = 'theirs'\n")


def test_a_viewer_uploads_nothing_and_a_wrong_key_gets_nothing(filled, make, tmp_path, transport):
    viewer = make.user()[1].headers["Authorization"].split()[-1]
    reader = Worker(tmp_path / "viewer", transport, viewer)
    reader.put("loss/ce.py", "C = 'mine'\n")
    result = reader.sync(SyncStrategy.LOCAL_PRIORITY)
    assert result.failed == ["loss/ce.py"]
    assert "manager" in result.errors["loss/ce.py"]
    with pytest.raises(AuthenticationError):
        Worker(tmp_path / "stranger", transport, "syn_wrong").sync()


def test_the_key_is_found_in_the_documented_variable(transport, admin_token, monkeypatch, filled, tmp_path):
    monkeypatch.setenv("CVLABKIT_API_KEY", admin_token)
    assert Worker(tmp_path / "worker", transport, None).sync().failed == []


def test_a_tampered_answer_changes_nothing(worker, filled):
    real = worker.manager.client.fetch

    def tampered(question):
        answer = real(question)
        contents = {digest: bytes(content) + b"# evil" for digest, content in answer.contents.items()}
        return dataclasses.replace(answer, contents=contents)

    worker.manager.client.fetch = tampered
    result = worker.sync()
    assert set(result.failed) == set(SOURCES)
    assert result.component_hashes == {}
    assert all(worker.get(path) is None for path in SOURCES)


def test_an_answer_whose_contents_end_too_early_changes_nothing(worker, filled):
    real = worker.manager.client.fetch

    def torn(question):
        answer = real(question)
        answer.contents._packed = answer.contents._packed[:-20]
        return answer

    worker.manager.client.fetch = torn
    result = worker.sync()
    assert set(result.failed) == set(SOURCES)
    assert "nothing was changed" in result.errors["model/net.py"]
    assert all(worker.get(path) is None for path in SOURCES)


def test_an_answer_that_leaves_the_tree_is_refused(worker, filled):
    real = worker.manager.client.fetch

    def hostile(question):
        answer = real(question)
        return dataclasses.replace(answer, versions={"../../evil.py": next(iter(answer.versions.values()))})

    worker.manager.client.fetch = hostile
    with pytest.raises(ComponentError, match="is no component"):
        worker.sync()
