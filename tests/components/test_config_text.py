"""A run of a grid as a file of its own: whatever is in it reads back as this run, and as no grid."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_sdk.components.config_file import MAX_VALUES, parse_config
from synapse_sdk.components.config_text import GridText, run_to_yaml
from synapse_sdk.components.grid import expand_grid
from synapse_sdk.exceptions import ComponentError

TEXT = st.text(max_size=12) | st.sampled_from(
    ["1e-3", "[1, 2]", "yes", "null", "{{a}}", "a: b", "x # y", "\x85", "=", "~"]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT | st.dates()
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(data=st.dictionaries(st.text(max_size=8), VALUES, max_size=4))
def test_a_run_reads_back_as_itself(data):
    (run,) = expand_grid(parse_config(run_to_yaml(data)))

    assert run.data == data
    assert repr(run.data) == repr(data)  # 1, 1.0 and True are equal, and not the same.


@given(shared=VALUES, rows=st.lists(st.dictionaries(st.text(max_size=8), VALUES, max_size=4), min_size=1, max_size=4))
def test_runs_of_a_grid_are_written_as_each_alone(shared, rows):
    texts = GridText()
    for row in rows:
        data = {"shared": shared, **row}
        assert texts.of_run(data) == run_to_yaml(data)
        assert texts.of_run(row) == run_to_yaml(row)


def test_anchors_that_unfold_beyond_all_bounds_are_refused():
    levels = [f"a{level}: &a{level} {{x: *a{level - 1}, y: *a{level - 1}}}" for level in range(1, 40)]
    text = "\n".join(["a0: &a0 {x: 1}", *levels])

    with pytest.raises(ComponentError, match=rf"^my.yaml:\d+: more than {MAX_VALUES} values"):
        parse_config(text, "my.yaml")
