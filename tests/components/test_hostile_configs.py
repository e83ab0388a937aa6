"""Configs that were written to hurt: each is refused with its file and line, in no time and little memory."""

import pytest

from synapse_sdk.components.config_components import config_references
from synapse_sdk.components.config_file import parse_config
from synapse_sdk.components.placeholders import MAX_UNFOLDED, resolve_placeholders
from synapse_sdk.exceptions import ComponentError

DOUBLED = "".join(f"k{number}: '{{{{k{number + 1}}}}}{{{{k{number + 1}}}}}'\n" for number in range(60))
CHAIN = "".join(f"k{number}: '{{{{k{number + 1}}}}}'\n" for number in range(3000))


NESTED = ("{a: " * 300, "}" * 300), ("[{a: " * 150, "}]" * 150), ("[" * 300, "]" * 300)
CASES = {
    "placeholders that double": ("model: a(x='{{k0}}')\n" + DOUBLED + "k60: x", 1, "unfold to more than"),
    "a chain of placeholders": ("model: a(x='{{k0}}')\n" + CHAIN + "k3000: x", 1, "more than|too far"),
    "placeholders made of pieces": ("model: '{{a}}'\no: '{'\na: '{{o}}{{o}}b}}'\nb: '{{o}}{{o}}a}}'", 1, "too far"),
    "mappings in mappings": (f"model: a\nx: {NESTED[0][0]}1{NESTED[0][1]}", 2, "deeper than"),
    "lists of mappings": (f"model: a\nx: {NESTED[1][0]}1{NESTED[1][1]}", 2, "deeper than"),
    "lists in lists": (f"model: a\nx: {NESTED[2][0]}1{NESTED[2][1]}", 2, "deeper than"),
    "a long hexadecimal number": ("model: a\nseed: 0x" + "f" * 5000, 2, "digits"),
    "a long number": ("model: a\nseed: " + "9" * 5000, 2, "digits"),
    "half a character": ('model: a\nx: ["\\ud800"]', 2, "surrogate"),
    "half a character in a key": ('model: a\n"\\ud800": [1, 2]', 2, "surrogate"),
    "many large runs": (
        f"model: a\nlr: [{'1,' * 9_000}]\n" + "".join(f"k{n}: 1\n" for n in range(1000)),
        1,
        "9000 runs of 1",
    ),
}


@pytest.mark.parametrize(("text", "line", "reason"), CASES.values(), ids=CASES)
def test_it_is_refused_with_its_line(text, line, reason):
    with pytest.raises(ComponentError, match=rf"(?s)^config:{line}: .*({reason})"):
        config_references(parse_config(text))


def test_braces_that_are_never_closed_take_no_time():
    """By trying every way to share the blanks out, these took hours."""
    text = "{{" + " " * 100_000 + "x"

    assert resolve_placeholders(text, {}) == text


def test_a_large_value_can_be_named_by_a_placeholder():
    value = "x" * (MAX_UNFOLDED - 1000)

    assert resolve_placeholders({"a": "{{ v }}", "b": "{{v}}!"}, {"v": value[: len(value) // 2]})["b"].endswith("x!")
    with pytest.raises(ComponentError, match="more than"):
        resolve_placeholders(["{{v}}!"] * 2, {"v": value})
