"""What an experiment ran with, for ever."""

import pytest


@pytest.fixture
def versions(store):
    return {path: store.upload(path, f"# {path}\n")["hash"] for path in ("model/a.py", "loss/b.py")}


def test_a_manifest_is_kept_and_read_as_documented(store, versions):
    assert store.post("/manifest/exp-1", versions) == {"experiment_uid": "exp-1", "component_count": 2}
    manifest = store.get("/manifest/exp-1")
    assert set(manifest) == {"experiment_uid", "components", "created_at"}
    assert manifest["components"] == versions
    store.get("/manifest/exp-2", status=404)


def test_a_manifest_never_changes(store, versions):
    store.post("/manifest/exp-1", versions)
    assert store.post("/manifest/exp-1", versions)["component_count"] == 2
    kept = store.get("/manifest/exp-1")

    store.post("/manifest/exp-1", {"model/a.py": versions["model/a.py"]}, status=409)
    store.upload("model/a.py", "newer\n")

    assert store.get("/manifest/exp-1") == kept


@pytest.mark.parametrize("entry", [{"../x.py": "0" * 16}, {"/etc/passwd": "0" * 16}, {"model/a.py": "0" * 16},
                                   {"model/a.py": "no hash"}, {"model/absent.py": "0" * 16}, {"model/a.py": None}])  # fmt: skip
def test_a_manifest_holds_nothing_that_could_not_be_restored(store, versions, entry):
    store.post("/manifest/exp-1", {**versions, **entry}, status=400)
    store.get("/manifest/exp-1", status=404)


def test_an_empty_manifest_and_odd_names(store):
    assert store.post("/manifest/exp-empty", {})["component_count"] == 0
    store.post("/manifest/..", {}, status=404)
    store.post("/manifest/%20", {}, status=400)
