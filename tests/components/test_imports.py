"""What a component imports, read off its text, and everything that follows from it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_sdk.components.imports import Import, follow_imports, imports_of
from synapse_sdk.components.names import (
    Category,
    ComponentPath,
    component_of_module,
    is_name,
    parse_component_path,
)
from synapse_sdk.exceptions import ComponentError

RESNET = ComponentPath(Category.MODEL, "resnet")


def found(source: str, component: ComponentPath = RESNET) -> list[tuple[str, int]]:
    return [(str(each.component), each.line) for each in imports_of(component, source.encode())]


@pytest.mark.parametrize(
    ("source", "paths"),
    [
        ("import cvlabkit.component.loss.mse", ["loss/mse.py"]),
        ("import torch, cvlabkit.component.loss.mse as m", ["loss/mse.py"]),
        ("from cvlabkit.component.loss.mse import MSE", ["loss/mse.py"]),
        ("from cvlabkit.component.loss import mse, ce", ["loss/mse.py", "loss/ce.py"]),
        ("from .vit import Vit", ["model/vit.py"]),
        ("from . import vit", ["model/vit.py"]),
        ("from ..loss.mse import MSE", ["loss/mse.py"]),
        ("from ..loss import mse", ["loss/mse.py"]),
        ("from ...agent.basic import Basic", ["agent/basic.py"]),
        ("from ...component.loss import mse", ["loss/mse.py"]),
        ("def f():\n    from .vit import Vit", ["model/vit.py"]),
        ("import importlib\nm = importlib.import_module('cvlabkit.component.loss.mse')", ["loss/mse.py"]),
        ("import importlib\nm = importlib.import_module(f'torchvision.{x}')", []),
        ("from importlib import import_module\nm = import_module('torchvision.' + x)", []),
        ("from importlib import import_module\nm = import_module('torchvision.%s' % x)", []),
        ("from importlib import import_module as load\nload('cvlabkit.component.loss.mse')", ["loss/mse.py"]),
        ("import importlib as il\nil.import_module(name='cvlabkit.component.loss.mse')", ["loss/mse.py"]),
        ("import importlib\nimportlib.import_module('.vit', __package__)", ["model/vit.py"]),
        ("import importlib\nimportlib.import_module('..loss.mse', package=__package__)", ["loss/mse.py"]),
        ("import importlib\nimportlib.import_module('.mse', 'cvlabkit.component.loss')", ["loss/mse.py"]),
        ("__import__('cvlabkit.component.loss.mse')", ["loss/mse.py"]),
        ("import importlib\ntry:\n    importlib.import_module(x)\nexcept ImportError:\n    pass", []),
        ("def import_module(x): pass\nimport_module(1)", []),
        ("if x:\n    from . import vit\nelse:\n    from . import cnn", ["model/vit.py", "model/cnn.py"]),
        ("match x:\n    case 1:\n        from . import vit", ["model/vit.py"]),
        ("try:\n    import cvlabkit.component.nothing.such\nexcept ImportError:\n    pass", []),
        ("import cvlabkit.component\nfrom cvlabkit import agent\nfrom cvlabkit.component import base", []),
        ("from cvlabkit.component.base import Model\nfrom cvlabkit.core.config import Config\nimport cvlabkit", []),
        ("from ..base import Model\nfrom ..base.model import Model", []),
        ("from cvlabkit.component.model.resnet import Me", []),
        (
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .vit import V\nelse:\n    from .w import W",
            ["model/w.py"],
        ),
        (
            "try:\n    from .fast import F\nexcept ImportError:\n    from .slow import F",
            ["model/fast.py", "model/slow.py"],
        ),
        ("\ufefffrom .vit import Vit\r\n", ["model/vit.py"]),
        ("", []),
    ],
)
def test_a_component_imports(source, paths):
    assert [path for path, _ in found(source)] == paths


def test_an_agent_imports_from_its_own_package():
    assert found(
        "from .base_agent import B\nfrom ..component.loss.mse import M", ComponentPath(Category.AGENT, "x")
    ) == [
        ("agent/base_agent.py", 1),
        ("loss/mse.py", 2),
    ]


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("x = 1\ndef (", 2),
        ("\nfrom cvlabkit.component.loss import *", 2),
        ("from ..... import x", 1),
        ("import importlib\nimportlib.import_module(f'cvlabkit.component.model.{x}')", 2),
        ("x = '\0'", 1),
        ("from importlib import import_module\n\nimport_module(x)", 3),
        ("from importlib import import_module\nimport_module(f'{x}.y')", 2),
        ("from importlib import import_module\nimport_module('cvlabkit.component.' + x)", 2),
        ("from importlib import import_module\nimport_module('.vit')", 2),
        ("from importlib import import_module\nimport_module('.vit', x)", 2),
        ("from importlib import import_module\nimport_module('......vit', __package__)", 2),
        ("import cvlabkit.component.loss", 1),
        ("from cvlabkit.component import loss", 1),
        ("from ..nothing import such", 1),
        ("import cvlabkit.nothing", 1),
    ],
)
def test_what_cannot_be_followed_names_file_and_line(source, line):
    with pytest.raises(ComponentError, match=f"^model/resnet.py:{line}: "):
        found(source)


def closure(sources: dict[str, str], *roots: str):
    stored = {parse_component_path(path): text.encode() for path, text in sources.items()}

    def read(component):
        return imports_of(component, stored[component]) if component in stored else None

    answer = follow_imports([parse_component_path(root) for root in roots], read)
    return sorted(map(str, answer.components)), [str(each) for each in answer.unresolved]


@pytest.mark.parametrize("depth", [700, 950, 5000])
@pytest.mark.parametrize(("begin", "more"), [("x = a", ".b"), ("if a: pass\n", "elif b: pass\n")])
def test_code_that_is_nested_too_deeply_is_refused(begin, more, depth):
    assert found(begin + more * 100) == []
    with pytest.raises(ComponentError, match=r"^model/resnet.py:1: "):
        found(begin + more * depth)


def test_the_closure_holds_everything_once_though_components_import_each_other():
    sources = {
        "model/a.py": "from .b import B",
        "model/b.py": "from .a import A\nfrom ..loss import c",
        "loss/c.py": "",
    }
    assert closure(sources, "model/a.py") == (["loss/c.py", "model/a.py", "model/b.py"], [])


def test_what_is_nowhere_is_named_with_file_and_line_and_nothing_else_is_lost():
    sources = {"model/a.py": "import os\nfrom .gone import G\nfrom .b import B", "model/b.py": "def ("}
    components, unresolved = closure(sources, "model/a.py")
    assert components == ["model/a.py", "model/b.py"]
    assert unresolved[0].startswith("model/a.py:2: imports cvlabkit.component.model.gone")
    assert unresolved[1].startswith("model/b.py:1: ")


def test_an_import_whose_failure_is_caught_may_lead_nowhere():
    source = "try:\n    from .gone import G\nexcept (ValueError, ImportError):\n    G = None"
    assert closure({"model/a.py": source}, "model/a.py") == (["model/a.py"], [])


NODES = [ComponentPath(Category.MODEL, name) for name in "abcdef"]
GRAPHS = st.dictionaries(st.sampled_from(NODES), st.lists(st.sampled_from(NODES), max_size=4))


@given(GRAPHS, st.lists(st.sampled_from(NODES), min_size=1, max_size=3))
def test_the_closure_is_what_can_be_reached(graph, roots):
    reachable, missing, waiting = set(roots), set(), list(roots)
    for node in waiting:
        for target in graph.get(node, []):
            if target not in graph:
                missing.add((str(node), target))
            elif target not in reachable:
                reachable.add(target)
                waiting.append(target)

    answer = follow_imports(roots, lambda node: [Import(each, 7) for each in graph[node]] if node in graph else None)

    assert set(answer.components) == reachable
    # A root that is nowhere is its asker's affair, so nobody else is told of it.
    told = {(each.origin, each.reason) for each in answer.unresolved}
    assert {f"{origin} {target}" for origin, target in missing if target not in roots} <= {
        f"{origin} {reason.split()[-1].rstrip('.')}" for origin, reason in told
    }


@pytest.mark.parametrize("text", ["model/../x.py", "/model/x.py", "model/x", "model/x.txt", "core/x.py", "base/x.py", "",
                                  "model/1x.py", "model/a.b.py", "model/x.py\n", "model/x y.py", "model\\x.py", "model/x.PY",
                                  f"model/{'x' * 101}.py", "model//x.py", "MODEL/x.py"])  # fmt: skip
def test_what_is_no_component_path_is_refused(text):
    with pytest.raises(ComponentError, match="is no component"):
        parse_component_path(text)


@given(st.sampled_from(Category), st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,99}", fullmatch=True))
def test_paths_modules_and_files_are_one_thing(category, name):
    component = ComponentPath(category, name)
    assert is_name(name)
    assert parse_component_path(str(component)) == component_of_module(component.module) == component
    assert component.file.as_posix().replace("/", ".") == f"{component.module}.py"


def test_files_lie_where_the_kit_has_them():
    assert ComponentPath(Category.AGENT, "x").file.as_posix() == "cvlabkit/agent/x.py"
    assert RESNET.file.as_posix() == "cvlabkit/component/model/resnet.py"
    assert component_of_module("cvlabkit.component.base.model") is None
