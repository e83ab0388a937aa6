"""How a config writes a component: what is written is what is read, whatever the values hold."""

import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_sdk.components.call_syntax import ComponentCall, bare_value, parse_pipeline, read_literal
from synapse_sdk.exceptions import ComponentError

NAMES = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,12}", fullmatch=True)
SCALARS = (
    st.integers()
    | st.floats(allow_nan=False)
    | st.booleans()
    | st.none()
    | st.text(st.characters(exclude_categories=["Cs"]))
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.lists(inner, max_size=3).map(tuple) | st.dictionaries(NAMES, inner, max_size=3)
    ),
    max_leaves=8,
)
CALLS = st.builds(ComponentCall, NAMES, st.dictionaries(NAMES, VALUES, max_size=4))


def write_value(value) -> str:
    """A value as a config may write it."""
    if isinstance(value, str):
        quote = "'" if '"' in value else '"'
        return quote + value.replace("\\", "\\\\").replace(quote, f"\\{quote}") + quote
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {write_value(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        inner = ", ".join(map(write_value, value))
        return f"[{inner}]" if isinstance(value, list) else f"({inner})"
    if isinstance(value, float) and not math.isfinite(value):
        return f"{'-' if value < 0 else ''}.inf"
    return str(value)


def write_call(call: ComponentCall) -> str:
    arguments = ", ".join(f"{name}={write_value(value)}" for name, value in call.arguments.items())
    return f"{call.name}({arguments})"


@given(st.lists(CALLS, min_size=1, max_size=4))
def test_every_pipeline_is_read_as_it_was_written(calls):
    assert parse_pipeline(" | ".join(map(write_call, calls))) == tuple(calls)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_and_nothing_else_happens(text):
    with suppress(ComponentError):
        assert all(call.name for call in parse_pipeline(text))


@given(st.text(st.characters(codec="utf-8"), max_size=30))
def test_a_quoted_text_is_never_read_as_anything_else(text):
    (call,) = parse_pipeline(f"basic(value={write_value(text)})")
    assert call.arguments == {"value": text}


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ('split=train, sizes=[1, 2], path="a,b"', {"split": "train", "sizes": [1, 2], "path": "a,b"}),
        ("root=/data/imagenet/2012", {"root": "/data/imagenet/2012"}),
        ("url=s3://bucket/a=b?c", {"url": "s3://bucket/a=b?c"}),
        ("name=two words , x=1", {"name": "two words", "x": 1}),
        ('text=\'it\\\'s\', other="say \\"hi\\""', {"text": "it's", "other": 'say "hi"'}),
        ("lr=1e-3, n=10, r=.5, neg=-2", {"lr": 0.001, "n": 10, "r": 0.5, "neg": -2}),
        ("a=true, b=False, c=none, d='true'", {"a": True, "b": False, "c": None, "d": "true"}),
        ("betas=(0.9, 0.999), empty=(), last=[1,]", {"betas": (0.9, 0.999), "empty": (), "last": [1]}),
        ("inner=resize(size=1, fit=2)", {"inner": "resize(size=1, fit=2)"}),
        ("size={{image.size}}, path={{root}}/train", {"size": "{{image.size}}", "path": "{{root}}/train"}),
        ("m={a: 1, 'b c': [x, y]}", {"m": {"a": 1, "b c": ["x", "y"]}}),
        ("version=1__0, word=1.2.3", {"version": "1__0", "word": "1.2.3"}),
    ],
)
def test_arguments(text, arguments):
    assert parse_pipeline(f"basic({text})") == (ComponentCall("basic", arguments),)


def test_a_pipeline_and_a_bar_inside_quotes():
    calls = parse_pipeline('resize(size=128) | note(text="a | b")|to_tensor')
    assert [call.name for call in calls] == ["resize", "note", "to_tensor"]
    assert calls[1].arguments == {"text": "a | b"}


@pytest.mark.parametrize(
    "text",
    ["", "a |", "a b", "a(1)", "a(x=1", "a(x=)", "a(x=1, x=2)", 'a(x="never closed)', "a(x=[1)", "a-b", "a(x={[1]: 2)"],
)
def test_what_is_no_component_is_refused_with_its_place(text):
    with pytest.raises(ComponentError, match="character"):
        parse_pipeline(text)


def test_nesting_has_an_end():
    with pytest.raises(ComponentError, match="nested too deeply"):
        parse_pipeline(f"a(x={'[' * 500})")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[1, a]", [1, "a"]),
        ("(1, 2)", (1, 2)),
        ("{a: 1}", {"a": 1}),
        ("[1", "[1"),
        ("[1] or [2]", "[1] or [2]"),
        ("x", "x"),
    ],
)
def test_a_quoted_list_is_data(text, value):
    assert read_literal(text) == value
    assert read_literal("{{key}}") == "{{key}}"


def test_special_numbers():
    assert bare_value(".inf") == math.inf
    assert math.isnan(bare_value(".nan"))
    assert bare_value("inf") == "inf"
