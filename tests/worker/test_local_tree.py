"""A set of files is replaced as a whole, whatever happens meanwhile, and nobody's edit is lost over it."""

from pathlib import Path

import pytest

from synapse_sdk.components.digests import sha256_of
from synapse_sdk.components.names import parse_component_path
from synapse_sdk.exceptions import ComponentError
from web_helper.middleend import file_swap, set_swap
from web_helper.middleend.local_tree import LocalTree
from web_helper.middleend.set_swap import Replacement

OLD = {"model/a.py": b"a = 1\n", "loss/b.py": b"b = 1\n"}
NEW = {"model/a.py": b"a = 2\n", "loss/b.py": b"b = 2\n", "agent/c.py": b"c = 2\n"}


def put(root: Path, path: str, content: bytes) -> Path:
    file = root / parse_component_path(path).file
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


def seen(root: Path) -> dict[str, bytes | None]:
    tree = LocalTree(root)
    return {path: tree.read(parse_component_path(path)) for path in NEW}


def kept_copies(root: Path) -> list[bytes]:
    return [path.read_bytes() for path in (root / ".synapse" / "components" / "kept").rglob("*.py")]


@pytest.fixture
def root(tmp_path):
    for path, content in OLD.items():
        put(tmp_path, path, content)
    return tmp_path


def replacements(**keeps: bool) -> list[Replacement]:
    return [
        Replacement(
            path, sha256_of(content), sha256_of(OLD[path]) if path in OLD else None, keeps.get("keeps_copy", False)
        )
        for path, content in NEW.items()
    ]


CONTENTS = {sha256_of(content): content for content in NEW.values()}


def test_a_set_is_put_in_place_and_remembered(root):
    tree = LocalTree(root)
    replaced = tree.replace(replacements(), CONTENTS)
    assert (set(replaced.done), replaced.edited, replaced.kept) == (set(NEW), (), {})
    assert seen(root) == NEW
    assert tree.read_bases() == {path: sha256_of(content) for path, content in NEW.items()}
    assert kept_copies(root) == []


def test_what_was_written_for_a_set_that_was_never_announced_stays_out_of_the_tree(root, monkeypatch):
    tree = LocalTree(root)
    with monkeypatch.context() as broken:
        broken.setattr(set_swap, "replace_file", lambda *_, **__: (_ for _ in ()).throw(OSError("full")))
        other = b"never = 1\n"
        with pytest.raises(OSError, match="full"):
            tree.replace([Replacement("agent/never.py", sha256_of(other), None)], {sha256_of(other): other})
    tree.replace(replacements(), CONTENTS)
    assert seen(root) == NEW
    assert sorted(path.name for path in (root / "cvlabkit" / "agent").iterdir()) == ["c.py"]


def test_a_folder_that_was_deleted_meanwhile_stays_deleted(root):
    (root / "cvlabkit" / "component" / "loss" / "b.py").unlink()
    (root / "cvlabkit" / "component" / "loss").rmdir()
    replaced = LocalTree(root).replace(replacements(), CONTENTS)
    assert replaced.edited == ("loss/b.py",)
    assert seen(root) == NEW | {"loss/b.py": None}


def test_a_folder_that_appears_in_the_very_moment_keeps_what_is_in_it(root, monkeypatch):
    real = set_swap.rename_with

    def rename_after_an_edit(flag: int, new: str, target: str) -> bool:
        if target.endswith("/agent"):
            put(root, "agent/c.py", b"edited\n")
        return real(flag, new, target)

    monkeypatch.setattr(set_swap, "rename_with", rename_after_an_edit)
    replaced = LocalTree(root).replace(replacements(), CONTENTS)
    assert replaced.edited == ("agent/c.py",)
    assert seen(root) == NEW | {"agent/c.py": b"edited\n"}


def test_what_is_nowhere_else_is_kept(root):
    replaced = LocalTree(root).replace(replacements(keeps_copy=True), CONTENTS)
    assert {path: copy.read_bytes() for path, copy in replaced.kept.items()} == OLD


def test_an_edit_that_landed_meanwhile_stays_where_it_is(root):
    put(root, "model/a.py", b"edited\n")
    replaced = LocalTree(root).replace(replacements(), CONTENTS)
    assert replaced.edited == ("model/a.py",)
    assert seen(root) == NEW | {"model/a.py": b"edited\n"}


@pytest.mark.parametrize("has_exchange", [True, False])
def test_an_edit_that_lands_in_the_very_moment_survives(root, monkeypatch, has_exchange):
    if not has_exchange:
        monkeypatch.setattr(file_swap, "_find", lambda name: None)
    real = set_swap.put_file

    def put_after_an_edit(new: str, target: str) -> bool:
        if target.endswith("a.py"):
            Path(target).with_name("editor").write_bytes(b"edited\n")
            Path(target).with_name("editor").replace(target)
        return real(new, target)

    monkeypatch.setattr(set_swap, "put_file", put_after_an_edit)
    replaced = LocalTree(root).replace(replacements(), CONTENTS)
    assert replaced.edited == ("model/a.py",)
    assert seen(root) == NEW | {"model/a.py": b"edited\n"}


def test_bytes_that_are_not_what_was_announced_change_nothing(root):
    tampered = {digest: content + b"# tampered" for digest, content in CONTENTS.items()}
    for contents in (tampered, {}):
        with pytest.raises(ComponentError, match="not what was announced"):
            LocalTree(root).replace(replacements(), contents)
        assert seen(root) == OLD | {"agent/c.py": None}


def test_a_path_that_leaves_the_tree_is_refused(root):
    for path in ("../x.py", "/etc/passwd", "model/../../x.py"):
        with pytest.raises(ComponentError):
            LocalTree(root).replace([Replacement(path, sha256_of(b""), None)], {sha256_of(b""): b""})
    assert seen(root) == OLD | {"agent/c.py": None}


def test_stale_bytecode_goes_with_the_file(root):
    compiled = put(root, "model/a.py", OLD["model/a.py"]).parent / "__pycache__" / "a.cpython-311.pyc"
    compiled.parent.mkdir()
    compiled.write_bytes(b"old")
    LocalTree(root).replace(replacements(), CONTENTS)
    assert not compiled.exists()


def test_a_relative_root_stays_where_it_was(root, monkeypatch, tmp_path_factory):
    monkeypatch.chdir(root)
    tree = LocalTree(Path())
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert tree.read(parse_component_path("model/a.py")) == OLD["model/a.py"]
