import sys
from types import ModuleType

import pytest

from tests.export.platform import Platform, open_installation
from tests.seeds.export_blocks import block
from tests.seeds.scene import Scene


@pytest.fixture(scope="session")
def installation(tmp_path_factory):
    with open_installation(tmp_path_factory.mktemp("seeds")) as installation:
        yield installation


@pytest.fixture
def scene(installation, tmp_path):
    """A project with four annotated tasks, each completed by someone, and a released ground truth."""
    return Scene(Platform(installation, tmp_path / "exports"))


@pytest.fixture
def run_block(monkeypatch):
    """Run a block of the export seed in a module of its own; `names` are what the block leaves out."""

    def run(name: str, names: dict | None = None, *, before: tuple[str, ...] = ()) -> dict:
        module = ModuleType(f"seed_{name}")
        monkeypatch.setitem(sys.modules, module.__name__, module)
        vars(module).update(names or {})
        for part in (*before, name):
            # Annotations of names that only a type checker sees are not evaluated.
            future = "from __future__ import annotations\n"
            exec(compile(future + block(part), f"seed:{part}", "exec"), vars(module))
        return vars(module)

    return run
