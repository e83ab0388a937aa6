"""Releases: published once and never changed, but for those made to try things out."""

from __future__ import annotations

from typing import Any

from synapse_sdk.wire.plugins import PluginReleaseCreate
from web_helper.backend.core.problems import ConflictProblem, NotFoundProblem, ValidationProblem
from web_helper.backend.models import DataFile, Plugin, PluginRelease
from web_helper.backend.queries.plugins import plugins as queries
from web_helper.backend.services.access import require_admin
from web_helper.backend.services.call import Call
from web_helper.backend.services.plugins.plugins import is_id


def find_release(call: Call, lookup: str) -> PluginRelease:
    """A release by id, or as `code@version`."""
    release: PluginRelease | None = None
    if is_id(lookup):
        release = call.session.get(PluginRelease, int(lookup))
    elif "@" in lookup:
        code, version = lookup.rsplit("@", 1)
        plugin = queries.plugin_by_code(call.session, code)
        release = queries.release_of(call.session, plugin.id, version) if plugin else None
    if release is None:
        raise NotFoundProblem.of("plugin release", lookup)
    return release


def check_release(call: Call, body: PluginReleaseCreate) -> None:
    """Refuse a release that contradicts itself or is there already, before its archive is stored."""
    for name, value in (("code", body.plugin), ("version", body.version)):
        if str(body.config.get(name, value)) != value:
            raise ValidationProblem.of_field("config", f"its {name} is not {value!r}, as the request says.")
    plugin = queries.plugin_by_code(call.session, body.plugin)
    release = queries.release_of(call.session, plugin.id, body.version) if plugin else None
    if release is not None and not release.is_debug:
        raise ConflictProblem(f"{body.plugin}@{body.version} is published already; publish another version.")


def publish_release(call: Call, body: PluginReleaseCreate, archive: DataFile) -> PluginRelease:
    """Add a release, and the plugin when it is its first; a debug release is replaced."""
    check_release(call, body)
    plugin = queries.plugin_by_code(call.session, body.plugin) or _plugin_of(call, body)
    release = queries.release_of(call.session, plugin.id, body.version)
    if release is None:
        release = PluginRelease(plugin_id=plugin.id, version=body.version)
        call.session.add(release)
    release.config = _config_of(body)
    release.data_file_id = archive.id
    release.sha256 = archive.sha256
    release.is_debug = body.debug
    call.session.flush()
    call.session.refresh(release)
    return release


def delete_release(call: Call, lookup: str) -> None:
    """Delete a release that no job has run."""
    require_admin(call.actor)
    release = find_release(call, lookup)
    if queries.has_runs(call.session, release.id):
        raise ConflictProblem(f"Jobs have run release {release.id}; it stays, so that they can be explained.")
    call.session.delete(release)


def _plugin_of(call: Call, body: PluginReleaseCreate) -> Plugin:
    plugin = Plugin(
        code=body.plugin,
        name=str(body.config.get("name") or body.plugin)[:200],
        category=str(body.config.get("category") or "custom")[:32],
        description=str(body.config.get("description") or ""),
    )
    call.session.add(plugin)
    call.session.flush()
    return plugin


def _config_of(body: PluginReleaseCreate) -> dict[str, Any]:
    return dict(body.config) if body.requirements is None else {**body.config, "requirements": body.requirements}
