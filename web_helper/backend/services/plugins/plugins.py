"""Plugins: their entries, and running an action of one."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from synapse_sdk.wire.plugins import PluginChange, PluginCreate, PluginRun
from web_helper.backend.core.problems import ConflictProblem, NotFoundProblem, ValidationProblem
from web_helper.backend.models import Agent, Job, Plugin, PluginRelease
from web_helper.backend.models.base import utc_now
from web_helper.backend.queries.plugins import plugins as queries
from web_helper.backend.queries.plugins.agents import agents_seen_since
from web_helper.backend.services.access import require_admin
from web_helper.backend.services.call import Call
from web_helper.backend.services.plugins.capacity import require_room
from web_helper.backend.services.plugins.params import check_params

# Three beats of an agent: silent for longer, it is gone.
AGENT_ALIVE = timedelta(seconds=30)
MAX_ID_DIGITS = 18


def is_id(lookup: str) -> bool:
    """Whether a path names a row by its number, rather than by a name."""
    return lookup.isascii() and lookup.isdigit() and len(lookup) <= MAX_ID_DIGITS


def find_plugin(call: Call, lookup: str) -> Plugin:
    """A plugin by id or code."""
    by_id = call.session.get(Plugin, int(lookup)) if is_id(lookup) else None
    plugin = by_id or queries.plugin_by_code(call.session, lookup)
    if plugin is None:
        raise NotFoundProblem.of("plugin", lookup)
    return plugin


def create_plugin(call: Call, body: PluginCreate) -> Plugin:
    """Add an entry for a plugin; its releases come later."""
    if queries.plugin_by_code(call.session, body.code) is not None:
        raise ConflictProblem(f"There is a plugin {body.code!r} already; publish a release of it, or choose a code.")
    plugin = Plugin(**body.model_dump())
    call.session.add(plugin)
    call.session.flush()
    return plugin


def update_plugin(call: Call, lookup: str, body: PluginChange) -> Plugin:
    """Change what was sent of a plugin."""
    plugin = find_plugin(call, lookup)
    for name, value in body.model_dump(exclude_none=True).items():
        setattr(plugin, name, value)
    call.session.flush()
    return plugin


def delete_plugin(call: Call, lookup: str) -> None:
    """Delete a plugin with its releases; the jobs that ran them stay."""
    require_admin(call.actor)
    call.session.delete(find_plugin(call, lookup))


def run_plugin(call: Call, lookup: str, body: PluginRun) -> Job:
    """Make a job of an action, for a connected agent."""
    plugin = find_plugin(call, lookup)
    release = _release(call, plugin, body.version)
    _refuse_action(plugin, release, body.action)
    if body.check_params:
        check_params(release.config, body.action, body.params)
    agent = _connected_agent(call, body.agent)
    name = f"{plugin.code}@{release.version}"
    require_room(call.session, agent, name, action=body.action, params=body.params)
    job = Job(
        id=str(body.job_id or uuid4()),
        plugin_release_id=release.id,
        agent_id=agent.id,
        user_id=call.actor.user_id,
        action=body.action,
        params=dict(body.params),
        # The run acts with what the key that starts it may do, never as an administrator.
        scopes=sorted(call.actor.scopes),
    )
    if call.session.get(Job, job.id) is not None:
        raise ConflictProblem(f"There is a job {job.id} already; run with another job_id, or without one.")
    call.session.add(job)
    call.session.flush()
    return job


def _release(call: Call, plugin: Plugin, version: str | None) -> PluginRelease:
    if version is None:
        latest = queries.latest_release(call.session, plugin.id)
        if latest is None:
            raise ConflictProblem(f"Plugin {plugin.code!r} has no release; publish one first.")
        return latest
    release = queries.release_of(call.session, plugin.id, version)
    if release is None:
        raise NotFoundProblem.of(f"release of {plugin.code!r},", version)
    return release


def _refuse_action(plugin: Plugin, release: PluginRelease, action: str) -> None:
    actions = release.config.get("actions") or {}
    if action not in actions:
        known = ", ".join(sorted(actions)) or "none"
        raise ValidationProblem.of_field(
            "action", f"{plugin.code}@{release.version} has no action {action!r}; it has: {known}."
        )


def _connected_agent(call: Call, agent_id: int | None) -> Agent:
    connected = agents_seen_since(call.session, utc_now() - AGENT_ALIVE)
    if agent_id is None:
        if not connected:
            raise ConflictProblem("No agent is connected; start one (`synapse up` starts one here), then run again.")
        return connected[0]
    if call.session.get(Agent, agent_id) is None:
        raise NotFoundProblem.of("agent", agent_id)
    chosen = next((agent for agent in connected if agent.id == agent_id), None)
    if chosen is None:
        raise ConflictProblem(f"Agent {agent_id} is not connected; start it, or choose another agent.")
    return chosen
