"""Every setting at every place, as a run of the real action sees it."""

import pytest

from synapse_sdk.plugins.actions.export import ExportAction, ExportParams
from synapse_sdk.plugins.steps import BaseStep, StepResult
from tests.export.support import make_ctx

PLACES = ("field", "extra_params", "config", "env")
# Of each setting the value that wins, and one that loses.
VALUES = {
    "read_timeout_seconds": (12.5, 30.0),
    "page_retries": (7, 2),
    "page_retry_backoff": (0.25, 2.0),
    "throttle_seconds": (1.5, 3.0),
    "bulk_chunk_size": (50, 100),
    "download_parallelism": (2, 5),
    "parallelism": (3, 6),
}


class Look(BaseStep):
    """Ends the run before it has done anything, with the settings that its steps would have."""

    name = "look"
    progress_weight = 1.0

    def execute(self, context):
        return StepResult(data={"settings": context.settings})


class LookingAction(ExportAction):
    def setup_steps(self, registry):
        registry.register(Look())

    def create_context(self):
        self.context = super().create_context()
        return self.context


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("place", PLACES)
def test_a_setting_is_taken_from_the_first_place_that_has_it(name, place):
    wins, loses = VALUES[name]
    given = dict.fromkeys(PLACES[PLACES.index(place) :], loses) | {place: wins}

    def at(where: str, key: str, write=lambda value: value) -> dict:
        return {key: write(given[where])} if where in given else {}

    ctx = make_ctx(at("env", f"SYNAPSE_EXPORT_{name.upper()}", str), config=at("config", f"export_{name}"))
    params = {"name": "x", "storage": 1, "path": "", "target": "task", "filter": {"project": 1}}
    params["extra_params"] = at("extra_params", f"export_{name}")
    action = LookingAction(ExportParams(**params, **at("field", name)), ctx)
    with pytest.warns(DeprecationWarning, match="in-process"):
        action.run()
    found = getattr(action.context.settings, name)
    assert (found, type(found)) == (wins, type(wins))
