"""What a config would become, before anybody submits it: its runs, and everything that is wrong with it, by line."""

from __future__ import annotations

import re
from collections.abc import Sequence

from synapse_sdk.components.config_file import ConfigDocument, parse_config
from synapse_sdk.components.grid import GridRun, expand_grid, show_choices, show_key, show_value, value_at
from synapse_sdk.exceptions import ComponentError
from synapse_sdk.wire.experiments import (
    ConfigProblem,
    ExperimentPreview,
    ExperimentSubmit,
    GridAxis,
    GridChoice,
    PreviewedRun,
)
from web_helper.backend.services.call import Call
from web_helper.backend.services.experiments.freezing import MAX_PROBLEMS, Needs, label_of, resolve_seed

# As many as a table shows; the count tells of the rest.
MAX_SHOWN_RUNS = 200
PLACE = re.compile(r"(?P<file>[^\n:]{0,300}):(?P<line>[0-9]{1,9}): (?P<message>.*)", re.DOTALL)


def preview(call: Call, body: ExperimentSubmit) -> ExperimentPreview:
    """The runs of a config, or what keeps it from running. Nothing is written."""
    try:
        document = parse_config(body.config, body.file)
        runs = expand_grid(document)
        needs = Needs(call, document, body)
        problems = needs.find_problems()
        components = sorted({path for run in runs for path in needs.of_run(run)[0]}) if not problems else []
        for run in runs:
            resolve_seed(document, run.data)
    except ComponentError as exc:
        return _refused(body.file, [str(exc)])
    if problems:
        return _refused(body.file, problems)
    return ExperimentPreview(
        problems=[],
        run_count=len(runs),
        axes=_axes(document, runs),
        runs=[_show(document, number, run) for number, run in enumerate(runs[:MAX_SHOWN_RUNS])],
        components=components,
    )


def _refused(file: str, messages: Sequence[str]) -> ExperimentPreview:
    problems = [_problem_of(message, file) for message in messages[:MAX_PROBLEMS]]
    return ExperimentPreview(problems=problems, run_count=0, axes=[], runs=[], components=[])


def _problem_of(message: str, file: str) -> ConfigProblem:
    found = PLACE.match(message)
    if found is None:
        return ConfigProblem(file=file, line=1, message=message)
    return ConfigProblem(file=found["file"], line=int(found["line"]), message=found["message"])


def _axes(document: ConfigDocument, runs: Sequence[GridRun]) -> list[GridAxis]:
    paths = dict.fromkeys(path for run in runs for path in run.choices)
    return [
        GridAxis(
            key=show_key(path),
            line=document.line_of(path),
            values=[show_value(each) for each in value_at(document, path)],
        )
        for path in paths
    ]


def _show(document: ConfigDocument, number: int, run: GridRun) -> PreviewedRun:
    choices = [GridChoice(key=key, value=value) for key, value in show_choices(document, run).items()]
    return PreviewedRun(grid=number, name=label_of(run.data.get("run_name"), ""), choices=choices)
