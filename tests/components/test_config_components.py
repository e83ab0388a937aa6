"""What a config needs, over the whole of its syntax."""

import itertools

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from synapse_sdk.components.config_components import config_references, run_options
from synapse_sdk.components.config_file import EXPONENT, ConfigDocument, parse_config, read_config_file
from synapse_sdk.components.grid import MAX_RUNS, expand_grid
from synapse_sdk.components.names import Category
from synapse_sdk.components.placeholders import resolve_placeholders
from synapse_sdk.exceptions import ComponentError


def paths_of(text: str) -> list[str]:
    return [str(reference.component) for reference in config_references(parse_config(text))]


@pytest.mark.parametrize("category", Category)
def test_every_category_is_read(category):
    assert paths_of(f"{category}: some_name") == [f"{category}/some_name.py"]


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("optimizer: adam\nlr: 0.1", ["optimizer/adam.py"]),
        ("model: {backbone: resnet(depth=18), head: linear}", ["model/resnet.py", "model/linear.py"]),
        ('dataset: basic(split=train, sizes=[1, 2], path="a,b")', ["dataset/basic.py"]),
        (
            'transform: "resize(size=128) | to_tensor"',
            ["transform/resize.py", "transform/to_tensor.py", "transform/compose.py"],
        ),
        ("model: {_type: vit, depth: 12}", ["model/vit.py"]),
        ("model: {student: {_type: vit, depth: 12}, teacher: resnet}", ["model/vit.py", "model/resnet.py"]),
        ("arch: vit\nmodel: '{{arch}}'", ["model/vit.py"]),
        ("arch: vit\nmodel: '{{arch}}_small(depth=3)'", ["model/vit_small.py"]),
        ("names: {arch: vit(depth=3)}\nmodel: '{{names.arch}}'", ["model/vit.py"]),
        ("model: [vit, resnet]", ["model/vit.py", "model/resnet.py"]),
        ("arch: [vit, resnet]\nmodel: {net: '{{arch}}'}", ["model/vit.py", "model/resnet.py"]),
        ("loss: [{_type: ce, w: [1, 2]}, null]", ["loss/ce.py"]),
        ("loss:\nmodel: null", []),
        (
            "sampler: s\nsolver: t\ncheckpoint: u\nlogger: v",
            ["sampler/s.py", "solver/t.py", "checkpoint/u.py", "logger/v.py"],
        ),
        ("size: !!python/tuple [1, 2]\nmodel: net(size={{size}})", ["model/net.py"]),
        ("model: a\nmetric: {a: a, b: a}", ["model/a.py", "metric/a.py"]),
        ("", []),
    ],
)
def test_a_config_needs(text, paths):
    assert sorted(paths_of(text)) == sorted(paths)


def test_each_reference_knows_its_file_line_and_key(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("epochs: 3\nmodel:\n  backbone: resnet\n  head:\n    - linear\n    - mlp\n")
    found = {
        str(each.component): (each.origin, each.line, each.key) for each in config_references(read_config_file(path))
    }
    assert found == {
        "model/resnet.py": (str(path), 3, "model.backbone"),
        "model/linear.py": (str(path), 5, "model.head"),
        "model/mlp.py": (str(path), 6, "model.head"),
    }


def test_compose_that_is_also_written_is_no_implicit_one():
    found = {str(each.component): each for each in config_references(parse_config("transform: {a: x | y, b: compose}"))}
    assert not found["transform/compose.py"].is_implicit
    assert config_references(parse_config("transform: x | y"))[-1].is_implicit


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("lr: 1\nmodel: 3", 2, "not 3"),
        ("model:\n  a: {b: c}", 2, "_type"),
        ("model: a\nloss: b(1)", 2, "named"),
        ("model: '{{nothing}}'", 1, "no 'nothing'"),
        ("a: '{{b}}'\nb: '{{a}}'\nmodel: '{{a}}'", 3, "leads back"),
        ("a: 1\nmodel: []", 2, "empty list"),
        ("model: ../../etc/passwd", 1, "character"),
        ("x: '../up'\nmodel: '{{x}}'", 2, "character"),
        ("model: a\nmodel: b", 2, "twice"),
        ("a: 1\nb: !!python/object:os.system {}", 2, "is refused: a config is data"),
        ("a: [1", 1, "expected"),
        ("a: 1\nmodel: {{net}}", 2, "in quotes"),
        ("- a", 1, "mapping"),
        ("a: &x [*x]", 1, "holds itself"),
        ("a: '\\ud800'\nb: \"\\x", 2, "expected"),
    ],
)
def test_what_cannot_be_read_names_its_line(text, line, reason):
    with pytest.raises(ComponentError) as caught:
        config_references(parse_config(text, "c.yaml"))
    assert str(caught.value).startswith(f"c.yaml:{line}:")
    assert reason in str(caught.value)


def test_a_file_that_is_no_utf_8_is_refused(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_bytes(b"a: \xff")
    with pytest.raises(ComponentError, match="byte 4 is not UTF-8"):
        read_config_file(path)


# PyYAML writes a next-line character bare, and reads it as a line break; 1e5 is a text to it, and a number here.
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="{}\x85"), max_size=5).filter(
    lambda text: EXPONENT.match(text) is None
)
SCALARS = st.integers() | TEXTS | st.none()
TREES = st.recursive(
    SCALARS | st.lists(SCALARS, min_size=1, max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abcdef"), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from("uvwxyz"), TREES, max_size=3))
def test_a_grid_is_the_product_of_its_lists(data):
    axes, fixed = [], {}

    def walk(value, path):
        if isinstance(value, dict):
            for key, each in value.items():
                walk(each, (*path, key))
        elif isinstance(value, list):
            axes.append([(path, item) for item in value])
        else:
            fixed[path] = value

    def flat(value, path=()):
        if isinstance(value, dict):
            return {k: v for key, each in value.items() for k, v in flat(each, (*path, key)).items()}
        return {path: value}

    walk(data, ())
    expected = [fixed | dict(chosen) for chosen in itertools.product(*axes)]
    runs = [{k: v for k, v in flat(run.data).items() if k} for run in expand_grid(ConfigDocument(data))]
    empty_mappings = [{k: v for k, v in each.items() if v != {}} for each in runs]
    assert empty_mappings == expected


@given(st.dictionaries(st.sampled_from("uvwxyz"), TREES, max_size=3))
def test_what_yaml_wrote_is_what_is_read(data):
    assert parse_config(yaml.safe_dump(data, allow_unicode=True)).data == data


def test_tuples_quoted_lists_and_lists_in_calls_are_no_axes():
    text = 'a: !!python/tuple [1, 2]\nb: "[1, 2]"\nmodel: net(sizes=[1, 2])\nc: [[1, 2], [3]]\nlr: 1e-3'
    runs = expand_grid(parse_config(text))
    assert [run.data["c"] for run in runs] == [[1, 2], [3]]
    assert runs[0].data["a"] == (1, 2)
    assert runs[0].data["lr"] == 0.001


@pytest.mark.parametrize("text", ["1e5abc", "7e2d1f3a", "1e", "e5", "1e5.2"])
def test_a_text_that_begins_as_a_number_is_a_text(text):
    assert parse_config(f"commit: {text}").data == {"commit": text}


def test_a_grid_that_would_fill_every_queue_is_refused():
    axis = list(range(101))
    with pytest.raises(ComponentError, match=str(MAX_RUNS)):
        expand_grid(ConfigDocument({"a": axis, "b": axis}))


def test_options_of_a_run_carry_resolved_arguments():
    document = parse_config("size: 8\nroot: /data\ntransform: resize(size={{size}}) | note(path='{{root}}/{{size}}')\n")
    (option,) = run_options(document, expand_grid(document)[0])
    assert option.is_pipeline
    assert [dict(call.arguments) for call in option.calls] == [{"size": 8}, {"path": "/data/8"}]


def test_placeholders_reach_into_nested_values():
    data = {"a": {"b": 2}, "c": ["{{a.b}}", {"d": "x{{a.b}}"}], "e": ("{{a}}",)}
    assert resolve_placeholders(data, data) == {"a": {"b": 2}, "c": [2, {"d": "x2"}], "e": ({"b": 2},)}
