"""Models that runs have made: their weights, and the release they came from."""

from __future__ import annotations

from synapse_sdk.wire.plugins import ModelChange, ModelCreate
from web_helper.backend.core.problems import NotFoundProblem
from web_helper.backend.models import Model, PluginRelease
from web_helper.backend.queries.plugins import models as queries
from web_helper.backend.queries.plugins import plugins as plugin_queries
from web_helper.backend.services.access import require_admin
from web_helper.backend.services.call import Call
from web_helper.backend.services.data.files import complete_file
from web_helper.backend.services.lists import read_row


def create_model(call: Call, body: ModelCreate) -> Model:
    """Add a model; its weights were uploaded before."""
    file_id = body.data_file if body.data_file is not None else body.chunked_upload
    model = Model(
        name=body.name,
        plugin_release_id=_release_id(call, body),
        data_file_id=complete_file(call, file_id).id if file_id is not None else None,
        version=body.version or "",
        metadata_=dict(body.metadata),
    )
    call.session.add(model)
    call.session.flush()
    call.session.refresh(model)
    return model


def update_model(call: Call, model_id: int, body: ModelChange) -> Model:
    """Change what was sent of a model."""
    model: Model = read_row(call, queries.LISTING, model_id)
    if body.name is not None:
        model.name = body.name
    if body.metadata is not None:
        model.metadata_ = dict(body.metadata)
    call.session.flush()
    return model


def delete_model(call: Call, model_id: int) -> None:
    """Forget a model; the file with its weights stays."""
    require_admin(call.actor)
    call.session.delete(read_row(call, queries.LISTING, model_id))


def _release_id(call: Call, body: ModelCreate) -> int | None:
    if body.plugin_release is not None:
        if call.session.get(PluginRelease, body.plugin_release) is None:
            raise NotFoundProblem.of("plugin release", body.plugin_release)
        return body.plugin_release
    if body.plugin is None or body.version is None:
        return None
    plugin = plugin_queries.plugin_by_code(call.session, body.plugin)
    release = plugin_queries.release_of(call.session, plugin.id, body.version) if plugin else None
    if release is None:
        raise NotFoundProblem.of("plugin release", f"{body.plugin}@{body.version}")
    return release.id
