"""A config as components read it."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cvlabkit.core.config import Config
from synapse_sdk.exceptions import ComponentError

CONFIG = {"a": {"b": 1, "c": "{{d}}"}, "d": [1, 2], "e": "[1, 2]", "f": "x{{a.b}}", "g.h": 3}


def test_values_by_item_attribute_and_get():
    config = Config(CONFIG)
    assert config["a.b"] == config.a.b == config["a"]["b"] == 1
    assert config.get("a.x", 7) == 7
    assert config.get("a.x") is None
    assert "a.b" in config
    assert "a.x" not in config
    assert config["g.h"] == 3
    with pytest.raises(KeyError):
        config["nothing"]
    with pytest.raises(AttributeError, match="nothing"):
        config.nothing  # noqa: B018


def test_placeholders_reach_from_anywhere_to_the_top_and_quoted_lists_are_lists():
    run = Config(CONFIG).expand()[1]
    assert (run.a.c, run.f, run.e) == (2, "x1", [1, 2])
    with pytest.raises(ComponentError, match="no 'gone'"):
        Config({"a": "{{gone}}"})["a"]


def test_merging_makes_a_new_config():
    config = Config(CONFIG)
    merged = config.merge({"a": {"b": 2}, "new": 1})
    assert (merged.a.b, merged.new, merged["a.c"]) == (2, 1, [1, 2])
    assert config.a.b == 1
    assert "new" not in config


def test_expanding_gives_one_config_per_run(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("lr: [0.1, 0.01]\nmodel: {a: [x, y]}\nsize: !!python/tuple [1, 2]\n")
    runs = Config(str(path)).expand()
    assert [(run.lr, run["model.a"], run.size) for run in runs] == [
        (lr, model, (1, 2)) for lr in (0.1, 0.01) for model in ("x", "y")
    ]


VALUES = st.recursive(
    st.integers() | st.booleans() | st.text(st.characters(codec="utf-8"), max_size=8) | st.tuples(st.integers()),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=5,
)


@example(values={"u": "a\x85b", "v": "\u2028"})
@given(values=st.dictionaries(st.sampled_from("uvw"), VALUES, max_size=3))
def test_a_template_reads_back_as_it_is(values, tmp_path_factory):
    path = tmp_path_factory.mktemp("template") / "config.yaml"
    Config(values).dump_template(path)
    assert Config(path).to_dict() == values
    assert Config(path) == Config(values)
