"""Base classes: what a component must be able to do, by itself or by what it holds."""

import inspect

import pytest

from cvlabkit.component import base
from cvlabkit.core.agent import Agent
from cvlabkit.core.config import Config
from cvlabkit.core.creator import BASES, Creator, find_class
from cvlabkit.core.source_import import use_tree
from synapse_sdk.components.names import Category, ComponentPath
from synapse_sdk.exceptions import ComponentError
from tests.cvlabkit.tree import write_tree


@pytest.fixture(autouse=True, scope="module")
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("tree")
    write_tree(root)
    use_tree(root)


def test_every_category_has_its_base_class():
    assert set(BASES) == set(Category)
    assert BASES[Category.AGENT] is Agent
    classes = [each for each in vars(base).values() if inspect.isclass(each) and each is not base.Component]
    assert {*BASES.values()} - {Agent} == {*classes}
    assert len(classes) == 12


def test_a_component_implements_or_holds_or_is_not_made():
    class Holds(base.Dataset):
        def __init__(self):
            self.items = [1, 2]

    class Implements(base.Metric):
        def update(self, value):
            self.value = value

        def compute(self):
            return self.value

        def reset(self):
            self.value = None

    class Lacks(base.Metric):
        def update(self, value):
            pass

    held = Holds()
    assert (len(held), held[1], held.count(2)) == (2, 2, 1)
    assert Implements().update(3) is None
    with pytest.raises(TypeError, match="Lacks has no compute, reset"):
        Lacks()
    with pytest.raises(AttributeError, match="nothing that it holds"):
        held.surely_unknown  # noqa: B018


def test_a_pipeline_is_composed_and_arguments_come_from_call_config_and_default():
    create = Creator(Config({"amount": 10, "transform": {"a": "add(amount=2) | times", "b": "add"}}))
    assert create.transform.a()(1) == 30
    assert create.transform.b()(1) == 11
    assert "transform" in create
    assert "model" not in create
    with pytest.raises(ComponentError, match="under transform there is a, b"):
        create.transform()
    with pytest.raises(AttributeError, match="is no category"):
        create.transformer  # noqa: B018


def test_the_dict_form_is_the_call():
    create = Creator(Config({"model": {"_type": "line", "start": 4}, "k": 1}))
    assert create.model()(2) == 8


def test_a_missing_import_of_a_component_is_not_a_missing_component(tmp_path):
    file = tmp_path / "cvlabkit" / "component" / "loss" / "needs_more.py"
    file.parent.mkdir(parents=True)
    file.write_text("import surely_not_installed\n")
    use_tree(tmp_path)
    with pytest.raises(ComponentError, match="imports surely_not_installed, which is not installed"):
        find_class(ComponentPath(Category.LOSS, "needs_more"))


def test_a_torch_module_may_be_the_component_itself_or_be_held():
    torch = pytest.importorskip("torch")

    class Net(base.Model, torch.nn.Module):
        def __init__(self, cfg):
            super().__init__()
            self.layer = torch.nn.Linear(2, 1)

        def forward(self, x):
            return self.layer(x)

    class Holder(base.Model):
        def __init__(self, cfg):
            self.config = cfg
            self.net = torch.nn.Linear(2, 1)

    config = Config({"a": 1})
    for made in (Net(config), Holder(config)):
        assert made(torch.zeros(3, 2)).shape == (3, 1)
        assert len(list(made.parameters())) == 2
        made.load_state_dict(made.state_dict())
