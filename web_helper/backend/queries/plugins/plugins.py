"""Plugins and their releases."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from web_helper.backend.models import Job, Plugin, PluginRelease
from web_helper.backend.queries.filters import Listing, common_filters, contains_text, exact, integers, strings

PLUGINS = Listing(
    noun="plugins",
    entity=Plugin,
    keys=(Plugin.id,),
    filters={
        **common_filters(Plugin.id, contains_text(Plugin.name, Plugin.code), searched="the name or code"),
        "category": strings(Plugin.category, "Plugins of these categories."),
        "code": strings(Plugin.code, "Plugins of these codes."),
    },
)

RELEASES = Listing(
    noun="plugin releases",
    entity=PluginRelease,
    keys=(PluginRelease.id,),
    filters={
        **common_filters(
            PluginRelease.id,
            lambda text: PluginRelease.plugin.has(contains_text(Plugin.name, Plugin.code)(text)),
            searched="the plugin's name or code",
        ),
        "plugin": integers(PluginRelease.plugin_id, "Releases of these plugins."),
        "version": exact(PluginRelease.version, "Releases of this version."),
    },
    loads=(joinedload(PluginRelease.plugin), joinedload(PluginRelease.data_file)),
)


def plugin_by_code(session: Session, code: str) -> Plugin | None:
    """The plugin of this code (index: unique code)."""
    return session.scalar(select(Plugin).where(Plugin.code == code))


def release_of(session: Session, plugin_id: int, version: str) -> PluginRelease | None:
    """One version of a plugin (index: unique plugin_id, version)."""
    query = select(PluginRelease).where(PluginRelease.plugin_id == plugin_id, PluginRelease.version == version)
    return session.scalar(query)


def latest_release(session: Session, plugin_id: int) -> PluginRelease | None:
    """The release that was published last."""
    query = select(PluginRelease).where(PluginRelease.plugin_id == plugin_id)
    return session.scalar(query.order_by(PluginRelease.id.desc()).limit(1))


def has_runs(session: Session, release_id: int) -> bool:
    """Whether a job ran, or runs, this release."""
    return session.scalar(select(Job.id).where(Job.plugin_release_id == release_id).limit(1)) is not None
