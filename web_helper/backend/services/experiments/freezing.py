"""What a config's runs are, and with exactly which versions of which components each will run.

Read once for the whole grid, so that its runs share them; what anybody activates afterwards changes none.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from typing import Any

from synapse_sdk.components.call_syntax import parse_pipeline
from synapse_sdk.components.config_components import COMPOSE, Parse, config_references, run_options
from synapse_sdk.components.config_file import ConfigDocument, KeyPath, parse_config
from synapse_sdk.components.config_text import GridText
from synapse_sdk.components.grid import GridRun, expand_grid, show_choices
from synapse_sdk.components.names import ComponentPath, did_you_mean
from synapse_sdk.components.placeholders import resolve_placeholders
from synapse_sdk.exceptions import ComponentError
from synapse_sdk.wire.components import ACTIVE
from synapse_sdk.wire.experiments import ExperimentSubmit
from web_helper.backend.core.problems import UnprocessableProblem
from web_helper.backend.queries.components import versions as queries
from web_helper.backend.services.call import Call
from web_helper.backend.services.components.negotiation import Wanted, close_over, find_wanted

# A grid's configs are kept one by one.
MAX_GRID_BYTES = 64 * 2**20
MAX_SEED = 2**31
SEED_KEY = "seed"
MAX_LABEL = 200
MAX_PROBLEMS = 50
PLACEHOLDER = "{{"
EMPTY = (
    "The server has no component yet: `synapse component scan` registers those of its own folder, the kit's at first, "
    "and `synapse component push` brings yours."
)

Components = dict[str, dict[str, str]]


@dataclass(frozen=True)
class FrozenRun:
    """One run of a grid, with everything that decides what it does; `choices` tell it from the others."""

    data: Mapping[str, Any]
    config: str
    config_sha256: str
    seed: int | None
    choices: dict[str, str]
    components: Components
    component_set: str


def freeze(call: Call, body: ExperimentSubmit) -> list[FrozenRun]:
    """The runs of a config, their versions frozen as of now.

    Raises:
        UnprocessableProblem: The config is wrong, or something that it needs is nowhere; file and line are named.
    """
    try:
        document = parse_config(body.config, body.file)
        runs = expand_grid(document)
        needs = Needs(call, document, body)
        if problems := needs.find_problems():
            raise UnprocessableProblem("\n".join(problems[:MAX_PROBLEMS]))
        if PLACEHOLDER in body.config:
            _require_resolved(document, runs)
        texts, frozen, size = GridText(), [], 0
        for run in runs:
            frozen.append(_freeze_run(document, run, needs, texts))
            size += len(frozen[-1].config)
            if size > MAX_GRID_BYTES:
                raise document.problem((), f"the configs of its {len(runs)} runs are too much; submit fewer.")
    except ComponentError as exc:
        raise UnprocessableProblem(str(exc)) from exc
    return frozen


def digest_of(components: Components) -> str:
    """What names a set of versions."""
    return hashlib.sha256(json.dumps(components, sort_keys=True).encode()).hexdigest()


def label_of(value: Any, fallback: str) -> str:
    """A name from a config, to be shown."""
    text = "" if value is None or isinstance(value, dict | list | tuple) else str(value)
    shown = "".join(char for char in text if char.isprintable()).strip()[:MAX_LABEL]
    return shown or fallback


class Needs:
    """What runs need, found once for all runs that name the same components.

    Raises:
        ValidationProblem: A version that is pinned is not there.
    """

    def __init__(self, call: Call, document: ConfigDocument, body: ExperimentSubmit) -> None:
        self._call, self._document, self._alias, self._pinned = call, document, body.alias, body.pinned
        self._wanted: Wanted = find_wanted(call, body.alias, body.pinned)
        self._parse = cache(parse_pipeline)
        self._known: dict[frozenset[ComponentPath], tuple[Components, str]] = {}

    def find_problems(self) -> list[str]:
        """What any run needs and is nowhere, and what is pinned and no run needs, each with file and line."""
        references = sorted(config_references(self._document), key=attrgetter("line"))
        problems = [
            f"{each.origin}:{each.line}: {each.key}: {self._absence_of(each.component)}"
            for each in references
            if str(each.component) not in self._wanted
        ]
        closure = close_over(self._call, [each.component for each in references], self._wanted.get)
        problems += map(str, closure.unresolved)
        if problems and not self._wanted and self._alias == ACTIVE:
            problems.append(EMPTY)
        if not references:
            problems.append(f"{self._document.origin}:1: the config names no component.")
        return problems or self._find_idle_pins(set(map(str, closure.components)))

    def _find_idle_pins(self, needed: set[str]) -> list[str]:
        # Most likely another component was meant, which would run in a version that nobody wanted.
        idle = sorted(set(self._pinned) - needed)
        return [f"{self._document.origin}:1: {path} is pinned, and nothing in the config needs it." for path in idle]

    def _absence_of(self, component: ComponentPath) -> str:
        if queries.versions_at(self._call.session, [str(component)]):
            shown = f"`synapse component list {component}` shows those that it has"
            return f"{component} has no version {self._alias!r} on the server; {shown}."
        folder = f"{component.category}/"
        beside = [path.removeprefix(folder).removesuffix(".py") for path in self._wanted if path.startswith(folder)]
        return f"there is no component {component} on the server.{did_you_mean(component.name, beside)}"

    def of_run(self, run: GridRun) -> tuple[Components, str]:
        """The versions that a run needs, and what names them together."""
        roots = frozenset(_named_by(self._document, run, self._parse))
        if roots not in self._known:
            closure = close_over(self._call, sorted(roots), self._wanted.get)
            versions = {str(path): self._wanted[str(path)] for path in sorted(closure.components)}
            components = {path: {"hash": name, "sha256": digest} for path, (name, digest) in versions.items()}
            self._known[roots] = components, digest_of(components)
        return self._known[roots]


def _named_by(document: ConfigDocument, run: GridRun, parse: Parse) -> Iterator[ComponentPath]:
    for option in run_options(document, run, parse):
        yield from (ComponentPath(option.category, each.name) for each in option.calls)
        if option.is_pipeline:
            yield ComponentPath(option.category, COMPOSE)


def _freeze_run(document: ConfigDocument, run: GridRun, needs: Needs, texts: GridText) -> FrozenRun:
    data = dict(run.data)
    # Without a seed nobody could run it again.
    data.setdefault(SEED_KEY, secrets.randbelow(MAX_SEED))
    seed = resolve_seed(document, data)
    components, component_set = needs.of_run(run)
    config = texts.of_run(data)
    digest = hashlib.sha256(config.encode()).hexdigest()
    return FrozenRun(data, config, digest, _whole(seed), show_choices(document, run), components, component_set)


def resolve_seed(document: ConfigDocument, data: Mapping[str, Any]) -> Any:
    """The seed of a run, None where it has none.

    Raises:
        ComponentError: It is a placeholder that leads nowhere.
    """
    try:
        return resolve_placeholders(data.get(SEED_KEY), data)
    except ComponentError as exc:
        raise document.problem((SEED_KEY,), str(exc)) from exc


def _require_resolved(document: ConfigDocument, runs: Sequence[GridRun]) -> None:
    """Refuse a placeholder that leads nowhere now, not when the run has waited for a worker.

    Raises:
        ComponentError: One does; file, line and key are named.
    """
    # Ten thousand runs have the same keys, and most values in common: each text is followed once.
    followed: set[str] = set()
    for run in runs:
        for path, value in _with_placeholders(run.data):
            if (text := str(value)) in followed:
                continue
            followed.add(text)
            try:
                resolve_placeholders(value, run.data)
            except ComponentError as exc:
                raise document.problem(path, str(exc)) from exc


def _with_placeholders(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _with_placeholders(each, (*path, key))
    elif PLACEHOLDER in str(value):
        yield path, value


def _whole(seed: Any) -> int | None:
    return seed if type(seed) is int and abs(seed) < 2**63 else None
