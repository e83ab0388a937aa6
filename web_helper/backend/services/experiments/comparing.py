"""How two experiments differ: config, components, environment, metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from synapse_sdk.components.config_file import parse_config
from synapse_sdk.components.grid import expand_grid
from synapse_sdk.wire.experiments import Difference, ExperimentComparison
from web_helper.backend.models import Experiment
from web_helper.backend.queries.experiments import experiments as queries
from web_helper.backend.services.call import Call
from web_helper.backend.services.experiments.reading import find_experiment, shape
from web_helper.backend.services.experiments.streams import read_all_metrics

# Of a row of metrics, what says where it stands and how long it took, and measures nothing.
POSITIONS = frozenset({"step", "epoch"})
TIMES = frozenset({"time", "timestamp", "seconds", "duration", "elapsed", "wall_time", "created_at"})
_OF_RUN = ("core_hash", "base_hash", "lock_sha256", "seed", "host", "gpu", "python")


def compare(call: Call, a: str, b: str) -> ExperimentComparison:
    """How two experiments differ."""
    first, second = (find_experiment(call, uid, with_documents=True) for uid in (a, b))
    shown = {row.experiment.uid: shape(row) for row in queries.rows_of(call.session, [a, b])}
    rows = [read_all_metrics(call, each) for each in (first, second)]
    return ExperimentComparison(
        a=shown[a],
        b=shown[b],
        config=_differences(*(_flat_config(each) for each in (first, second))),
        components=_differences(*(_hashes(call, each) for each in (first, second))),
        environment=_differences(*(_environment(each) for each in (first, second))),
        metrics=_differences(*(last_values(each) for each in rows)),
        same_metrics=bool(rows[0]) and _timeless(rows[0]) == _timeless(rows[1]),
    )


def last_values(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The last value of each metric."""
    found: dict[str, Any] = {}
    for row in _timeless(rows):
        found |= {name: value for name, value in row.items() if name not in POSITIONS}
    return found


def _timeless(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name not in TIMES} for row in rows]


def _differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[Difference]:
    keys = dict.fromkeys([*a, *b])
    return [Difference(key=key, a=a.get(key), b=b.get(key)) for key in keys if a.get(key) != b.get(key)]


def _flat_config(experiment: Experiment) -> dict[str, Any]:
    data = expand_grid(parse_config(experiment.config))[0].data
    return dict(_flatten(data, ""))


def _flatten(value: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, each in value.items():
        if isinstance(each, Mapping) and each:
            yield from _flatten(each, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", each if isinstance(each, str | int | float | bool | None) else str(each)


def _hashes(call: Call, experiment: Experiment) -> dict[str, str]:
    return {path: each["hash"] for path, each in queries.components_of(call.session, experiment).items()}


def _environment(experiment: Experiment) -> dict[str, Any]:
    manifest = experiment.manifest or {}
    extra = {f"environment.{key}": value for key, value in manifest.get("environment", {}).items()}
    return {key: manifest[key] for key in _OF_RUN if manifest.get(key) is not None} | extra
