"""What `synapse experiment` shows of numbers and of nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_sdk.cli.experiments.display import tell_apart


@pytest.mark.parametrize(
    ("a", "b", "shown"),
    [
        (0.7620817241461381, 1.3638081446937893, ("0.7621", "1.364")),
        (0.9722222222222222, 0.9722232222222222, ("0.972222", "0.972223")),
        (0.1, 0.1 + 2**-56, ("0.10000000000000001", "0.10000000000000002")),
        (12345.678, 12345.675, ("12345.68", "12345.67")),
        (123456.7, 200000.1, ("123457", "200000")),
        (0.25, None, ("0.25", None)),
        (3, 4, (3, 4)),
        (float("nan"), 0.5, (float("nan"), "0.5")),
        ("a", "b", ("a", "b")),
    ],
)
def test_a_metric_has_as_many_digits_as_tell_it_apart(a, b, shown):
    assert repr(tell_apart(a, b)) == repr(shown)


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_metrics_that_differ_look_different(a, b):
    first, second = tell_apart(a, b)

    assert a == b or first != second


def test_nothing_is_a_sentence_and_no_headings(synapse):
    for arguments in (
        ("experiment", "list", "--project", "nobody's"),
        ("experiment", "list", "--status", "expired", "--device", "nobody"),
        ("component", "log", "model/nobody_s.py"),
    ):
        result = synapse(*arguments)
        assert result.exit_code == 0
        assert result.stdout == ""
        assert result.stderr.count("\n") == 1
    assert synapse.json("experiment", "list", "--project", "nobody's") == []
