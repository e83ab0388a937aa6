"""Plugins and their releases: v1 and v2. Publishing is a form with the archive; a plugin is named by id or code."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any

from fastapi import Request

from synapse_sdk.wire.pages import Envelope
from synapse_sdk.wire.plugins import (
    Job,
    JobV1,
    Plugin,
    PluginChange,
    PluginCreate,
    PluginRelease,
    PluginReleaseFields,
    PluginRun,
)
from web_helper.backend.api.context import Writing, WritingActor, begin_call, database_of, settings_of
from web_helper.backend.api.resource import Resource, envelope
from web_helper.backend.api.uploads import SentFile, form_schema, parse_fields, read_form, require_file
from web_helper.backend.queries.plugins import plugins as queries
from web_helper.backend.services.call import Actor, Call
from web_helper.backend.services.data.files import file_url, place_bytes, record_file
from web_helper.backend.services.data.storages import destination_of, storage_for
from web_helper.backend.services.plugins import plugins as service
from web_helper.backend.services.plugins import releases
from web_helper.backend.services.plugins.archives import check_archive, describe_archive

_JSON_FIELDS = frozenset({"config", "debug"})
_FORM = form_schema(PluginReleaseFields)

_plugins = Resource("plugins", queries.PLUGINS, Plugin, id_type=str)
_plugins.listed()
_plugins.created(service.create_plugin, PluginCreate)
_plugins.read(service.find_plugin)
_plugins.changed(service.update_plugin, PluginChange)
_plugins.deleted(service.delete_plugin)


def _present(call: Call, row: Any) -> PluginRelease:
    archive = row.data_file
    return PluginRelease(
        id=row.id,
        plugin_id=row.plugin_id,
        plugin_code=row.plugin.code,
        version=row.version,
        config=row.config,
        sha256=row.sha256,
        is_debug=row.is_debug,
        url=file_url(call, archive, f"{row.plugin.code}-{row.version}.zip") if archive else None,
        created=row.created,
    )


_releases = Resource("plugin_releases", queries.RELEASES, PluginRelease, present=_present, id_type=str)
_releases.listed()
_releases.read(releases.find_release)
_releases.deleted(releases.delete_release)

router = _plugins.router
router.routes.extend(_releases.router.routes)


@router.post("/plugins/{lookup}/run/", status_code=HTTPStatus.CREATED, operation_id="v1_plugins_run")
def run_plugin(call: Writing, lookup: str, body: PluginRun) -> JobV1:
    """Make a job of a plugin's action, for a connected agent."""
    return JobV1.model_validate(service.run_plugin(call, lookup, body), from_attributes=True)


@router.post("/v2/plugins/{lookup}/run/", status_code=HTTPStatus.CREATED, operation_id="v2_plugins_run")
def run_plugin_v2(call: Writing, lookup: str, body: PluginRun) -> Envelope[Job]:
    """Make a job of a plugin's action, for a connected agent."""
    job = Job.model_validate(service.run_plugin(call, lookup, body), from_attributes=True)
    return Envelope[Job].model_validate(envelope(call, job))


@router.post(
    "/plugin_releases/",
    status_code=HTTPStatus.CREATED,
    operation_id="v1_plugin_releases_create",
    openapi_extra=_FORM,
)
async def publish_release(request: Request, actor: WritingActor) -> PluginRelease:
    """Publish a release: a form with its configuration and its archive, or with the archive alone."""
    return await _publish(request, actor)


@router.post(
    "/v2/plugin-releases/",
    status_code=HTTPStatus.CREATED,
    operation_id="v2_plugin_releases_create",
    openapi_extra=_FORM,
)
async def publish_release_v2(request: Request, actor: WritingActor) -> Envelope[PluginRelease]:
    """Publish a release: a form with its configuration and its archive, or with the archive alone."""
    release = await _publish(request, actor)
    return Envelope[PluginRelease].model_validate({"data": release, "meta": {"request_id": request.state.request_id}})


async def _publish(request: Request, actor: Actor) -> PluginRelease:
    async with read_form(request, settings_of(request).max_upload_bytes) as (fields, sent):
        body = parse_fields(PluginReleaseFields, fields, _JSON_FIELDS)
        return await asyncio.to_thread(_store_release, request, actor, body, require_file(sent))


def _store_release(request: Request, actor: Actor, fields: PluginReleaseFields, sent: SentFile) -> PluginRelease:
    check_archive(sent.content)
    body = fields.spelled_out or describe_archive(sent.content, debug=fields.debug)
    sent.content.seek(0)
    with begin_call(request, actor, database_of(request).read()) as call:
        releases.check_release(call, body)
        storage_id, root = destination_of(call)
    content = place_bytes(root, sent.content, settings_of(request).max_upload_bytes)
    with begin_call(request, actor, database_of(request).write()) as call:
        archive = record_file(call, storage_for(call, storage_id), content)
        return _present(call, releases.publish_release(call, body, archive))
