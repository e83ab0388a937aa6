"""What any config needs, whichever of the forms its components are written in: a property of the whole syntax."""

from dataclasses import dataclass

import yaml
from hypothesis import given
from hypothesis import strategies as st

from synapse_sdk.components.config_components import config_references, run_options
from synapse_sdk.components.config_file import parse_config
from synapse_sdk.components.grid import expand_grid
from synapse_sdk.components.names import Category

NAMES = st.sampled_from(["net", "vit_2", "Basic", "_own"])
# What may stand in a call: quotes, commas, brackets, bars and slashes are data inside it.
WORDS = st.sampled_from(["train", '"a,b"', '"a | b(c=1)"', "'x)y'", "[1, 2]", "3", "1e-3", "none", '"/data/x.pt"'])
ARGUMENTS = st.dictionaries(st.sampled_from(["size", "path", "split"]), WORDS, max_size=3)


@dataclass(frozen=True)
class Written:
    """A component in one of its forms, and the files that it needs."""

    value: object
    needs: frozenset[str]


def _call(name: str, arguments: dict[str, str]) -> str:
    return f"{name}({', '.join(f'{key}={value}' for key, value in arguments.items())})" if arguments else name


CALLS = st.builds(lambda name, arguments: Written(_call(name, arguments), frozenset({name})), NAMES, ARGUMENTS)
PIPELINES = st.lists(CALLS, min_size=2, max_size=3).map(
    lambda calls: Written(
        " | ".join(str(call.value) for call in calls), frozenset({"compose"}).union(*(call.needs for call in calls))
    )
)
MAPPINGS = st.builds(
    lambda name, size: Written({"_type": name, "size": size}, frozenset({name})), NAMES, st.integers(0, 9)
)
ONES = CALLS | PIPELINES | MAPPINGS
GRIDS = st.lists(ONES, min_size=1, max_size=2).map(
    lambda found: Written([each.value for each in found], frozenset().union(*(each.needs for each in found)))
)
OPTIONS = ONES | GRIDS
BY_NAME = st.dictionaries(st.sampled_from(["train", "val"]), OPTIONS, min_size=1, max_size=2).map(
    lambda found: Written(
        {key: each.value for key, each in found.items()}, frozenset().union(*(each.needs for each in found.values()))
    )
)
CONFIGS = st.dictionaries(st.sampled_from(Category), OPTIONS | BY_NAME, min_size=1, max_size=4)


def text_of(config: dict[Category, Written], *, behind_placeholders: bool) -> str:
    """The config as YAML; texts of components may stand elsewhere in it."""
    data: dict[str, object] = {"project": "any", "epochs": 3}
    for category, written in config.items():
        if behind_placeholders and isinstance(written.value, str):
            data |= {f"kind_of_{category}": written.value, category.value: f"{{{{kind_of_{category}}}}}"}
        else:
            data[category.value] = written.value
    return yaml.safe_dump(data, sort_keys=False)


@given(CONFIGS, st.booleans())
def test_a_config_needs_what_is_written_in_it_and_nothing_else(config, behind_placeholders):
    document = parse_config(text_of(config, behind_placeholders=behind_placeholders))
    expected = {f"{category}/{name}.py" for category, written in config.items() for name in written.needs}
    assert {str(each.component) for each in config_references(document)} == expected


@given(CONFIGS)
def test_the_runs_of_a_grid_need_together_what_the_config_needs(config):
    document = parse_config(text_of(config, behind_placeholders=False))
    needed = set()
    for run in expand_grid(document):
        for option in run_options(document, run):
            names = [call.name for call in option.calls] + ["compose"] * option.is_pipeline
            needed |= {f"{option.category}/{name}.py" for name in names}
    assert needed == {str(each.component) for each in config_references(document)}
