"""A run's tree holds what its record says, and nothing else."""

import pytest

from synapse_sdk.components.digests import sha256_of, short_hash
from synapse_sdk.exceptions import ComponentError
from tests.middleend.kit import KIT, digests_of, make_tree
from web_helper.middleend.worker.content_cache import ContentCache
from web_helper.middleend.worker.run_tree import build_tree, installed_kit, read_kit, verify_tree

COMPONENTS = {
    "agent/first.py": b"print('here')\n",
    "loss/same.py": b"",
    "model/same.py": b"",
    "model/crlf.py": b"x=1\r\n",
}


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "run"


def test_the_record_is_what_lies_there(folder):
    record = make_tree(folder, COMPONENTS)
    found = {
        path.relative_to(folder).as_posix(): sha256_of(path.read_bytes())
        for path in (folder / "cvlabkit").rglob("*")
        if path.is_file()
    }
    assert record.files == found
    assert record.components == {
        path: {"sha256": sha256_of(content), "hash": short_hash(content)} for path, content in COMPONENTS.items()
    }
    assert (folder / "cvlabkit/component/model/crlf.py").read_bytes() == b"x=1\r\n"


def test_core_and_base_have_hashes_of_their_own():
    changed = {**KIT.contents, "cvlabkit/component/base/part.py": b"value = 3\n"}
    other = type(KIT)(changed)
    assert other.core_hash == KIT.core_hash
    assert other.base_hash != KIT.base_hash


def test_the_same_content_at_two_paths_is_one_file_of_the_cache(folder):
    make_tree(folder, COMPONENTS)
    loss, model = (folder / "cvlabkit/component" / name / "same.py" for name in ("loss", "model"))
    assert loss.samefile(model)


def alter(folder):
    path = folder / "cvlabkit/agent/first.py"
    path.chmod(0o644)
    path.write_bytes(b"print('hehe')\n")


def add(folder):
    (folder / "cvlabkit/component/loss/more.py").write_bytes(b"")


def link(folder):
    (folder / "cvlabkit/component/loss/more.py").symlink_to("same.py")


def remove(folder):
    (folder / "cvlabkit/core/engine.py").unlink()


def add_bytecode(folder):
    (folder / "cvlabkit/agent/__pycache__").mkdir()
    (folder / "cvlabkit/agent/__pycache__/first.cpython-311.pyc").write_bytes(b"")


@pytest.mark.parametrize("change", [alter, add, link, remove, add_bytecode])
def test_whatever_is_not_as_recorded_is_found(folder, change):
    make_tree(folder, COMPONENTS)
    change(folder)
    with pytest.raises(ComponentError, match="not what belongs there"):
        verify_tree(folder, KIT, digests_of(COMPONENTS))


def test_a_run_that_wrote_through_its_link_spoils_no_later_run(folder, tmp_path):
    cache = ContentCache(tmp_path / "cache")
    make_tree(folder, COMPONENTS, cache)
    alter(folder)
    digest = digests_of(COMPONENTS)["agent/first.py"]
    assert cache.read(digest) is None
    make_tree(tmp_path / "next", COMPONENTS, cache)
    assert (tmp_path / "next/cvlabkit/agent/first.py").read_bytes() == COMPONENTS["agent/first.py"]


def test_a_tree_is_made_anew_whatever_was_there(folder):
    make_tree(folder, COMPONENTS)
    add(folder)
    alter(folder)
    make_tree(folder, COMPONENTS)


@pytest.mark.parametrize("path", ["../x.py", "/etc/x.py", "agent/../../x.py", "core/engine.py", "agent/x.txt"])
def test_a_path_that_leads_elsewhere_is_refused(folder, tmp_path, path):
    cache = ContentCache(tmp_path / "cache")
    cache.add(sha256_of(b""), b"")
    with pytest.raises(ComponentError, match="is no component"):
        build_tree(folder, KIT, {path: sha256_of(b"")}, cache)
    assert not list(tmp_path.rglob("x.py"))


def test_a_component_that_did_not_arrive_stops_it(folder, tmp_path):
    with pytest.raises(ComponentError, match="not in the cache"):
        build_tree(folder, KIT, digests_of(COMPONENTS), ContentCache(tmp_path / "cache"))


def test_the_kit_is_what_is_no_component(tmp_path):
    files = {
        "__init__.py", "core/run.py", "component/__init__.py", "component/base/model.py", "component/loss/_own.py",
        "agent/__init__.py", "component/loss/focal.py", "agent/mine.py", "core/__pycache__/run.cpython-311.pyc",
    }  # fmt: skip
    for name in files:
        path = tmp_path / "cvlabkit" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    kept = files - {"component/loss/focal.py", "agent/mine.py", "core/__pycache__/run.cpython-311.pyc"}
    assert set(read_kit(tmp_path / "cvlabkit").contents) == {f"cvlabkit/{name}" for name in kept}


def test_the_installed_kit_is_found_without_being_imported():
    assert (installed_kit() / "core" / "run.py").is_file()
