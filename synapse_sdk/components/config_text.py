"""One run of a grid as a config file of its own: reading it again gives this run, and no other.

A list is a grid axis wherever a config is read, so what is data in this run is written as an axis with one value.
"""

from __future__ import annotations

from typing import Any

import yaml

from synapse_sdk.components.config_file import EXPONENT


class _Dumper(yaml.SafeDumper):
    """PyYAML's safe dumper with tuples, and without anchors; text that our loader takes for a number is quoted."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    # A next-line character (U+0085) is a line break to YAML, and folded into a space unless it is escaped.
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style='"' if "\x85" in value else None)


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(
    tuple, lambda dumper, value: dumper.represent_sequence("tag:yaml.org,2002:python/tuple", value, flow_style=True)
)
_Dumper.add_implicit_resolver("tag:yaml.org,2002:float", EXPONENT, list("-+0123456789"))


def config_to_yaml(data: dict[str, Any]) -> str:
    """A config as YAML, its lists as the axes that they are."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)


def run_to_yaml(data: dict[str, Any]) -> str:
    """The config of one run (`grid.GridRun.data`) as YAML."""
    return config_to_yaml(_keep_lists(data))


class GridText:
    """The configs of a grid's runs, each as `run_to_yaml` writes it: what runs have in common is written once.

    The runs of `expand_grid` share their values; writing all of ten thousand anew took most of a submission's time.
    """

    def __init__(self) -> None:
        # A value that is kept here has its id to itself.
        self._known: dict[tuple[str, int], tuple[Any, str]] = {}

    def of_run(self, data: dict[str, Any]) -> str:
        """The config of one run (`grid.GridRun.data`) as YAML."""
        return "".join(self._entry(key, value) for key, value in data.items()) or run_to_yaml(data)

    def _entry(self, key: str, value: Any) -> str:
        known = self._known.get((key, id(value)))
        if known is None:
            known = self._known[key, id(value)] = value, run_to_yaml({key: value})
        return known[1]


def _keep_lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _keep_lists(each) for key, each in value.items()}
    return [value] if isinstance(value, list) else value
