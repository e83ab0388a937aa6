"""Served models: registered by those who deploy them, kept true by the agents that serve them."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from synapse_sdk.utils.network import sanitize_error_message
from synapse_sdk.wire.serve import ServeApplication as Shown
from synapse_sdk.wire.serve import (
    ServeApplicationCreate,
    ServeReport,
    ServeReportAnswer,
    ServeState,
    ServeStatus,
)
from web_helper.backend.core.problems import NotFoundProblem, PermissionProblem, ValidationProblem
from web_helper.backend.models import Agent, Job, PluginRelease
from web_helper.backend.models.base import utc_now
from web_helper.backend.models.serve_application import ServeApplication
from web_helper.backend.queries.plugins import serve_applications as queries
from web_helper.backend.queries.plugins.agents import agents_seen_since
from web_helper.backend.services.call import Call
from web_helper.backend.services.lists import read_row

# Registered before its agent has reported it: for so long it may be on its way.
ON_ITS_WAY = timedelta(seconds=30)
SILENT = "Its agent is not heard; start the agent, or look at its host"
FORGOTTEN = "Its agent does not know it any more; deploy it again"


def show(application: ServeApplication) -> Shown:
    """As it is shown: unavailable while its agent is silent."""
    seen = application.agent.last_seen_at
    is_heard = seen is not None and utc_now() - seen <= queries.AGENT_ALIVE
    release = application.release
    return Shown(
        id=application.id,
        name=application.name,
        status=ServeStatus(application.status) if is_heard else ServeStatus.UNAVAILABLE,
        message=application.message if is_heard else SILENT,
        agent_id=application.agent_id,
        plugin_release_id=application.plugin_release_id,
        plugin_code=release.plugin.code if release else None,
        version=release.version if release else None,
        action=application.action,
        params=application.params,
        route_prefix=application.route_prefix,
        endpoint=application.endpoint,
        checksum=application.checksum,
        num_replicas=application.num_replicas,
        replicas=application.replicas if is_heard else 0,
        resources=application.resources,
        created=application.created,
        changed=application.changed,
    )


def create_application(call: Call, body: ServeApplicationCreate) -> ServeApplication:
    """Register an application; its agent says what becomes of it. The same name on the same agent is the same one."""
    release = call.session.get(PluginRelease, body.plugin_release)
    if release is None:
        raise NotFoundProblem.of("plugin release", body.plugin_release)
    agent = _agent_of(call, body)
    application = queries.application_of(call.session, agent.id, body.name)
    if application is None:
        application = ServeApplication(agent_id=agent.id, name=body.name, status=ServeStatus.NOT_STARTED)
        call.session.add(application)
    application.plugin_release_id = release.id
    application.user_id = call.actor.user_id
    application.job_id = str(body.job) if body.job else application.job_id
    application.action, application.params = body.action, dict(body.params)
    application.num_replicas = body.num_replicas
    application.delete_requested_at = None
    if application.status == ServeStatus.DELETING:
        # Its agent's next report may be from before: what that leaves out is not gone any more, but on its way.
        application.created = utc_now()
        _set_status(application, ServeStatus.NOT_STARTED, "")
    call.session.flush()
    call.session.refresh(application)
    return application


def delete_application(call: Call, application_id: int) -> None:
    """Have the agent end an application; one that its agent cannot be asked for is forgotten at once."""
    application: ServeApplication = read_row(call, queries.LISTING, application_id)
    if not call.actor.is_admin and application.user_id != call.actor.user_id:
        raise PermissionProblem("Only who deployed it, or an administrator, may delete an application.")
    if show(application).status is ServeStatus.UNAVAILABLE:
        call.session.delete(application)
        return
    application.delete_requested_at = application.delete_requested_at or utc_now()
    _set_status(application, ServeStatus.DELETING, "")


def note_report(session: Session, agent: Agent, report: ServeReport) -> ServeReportAnswer:
    """Take in what an agent serves: all of it, so that what it leaves out is gone."""
    known = {application.name: application for application in queries.applications_of(session, agent.id)}
    for state in report.applications:
        _note_state(session, agent, known.pop(state.name, None), state)
    for application in known.values():
        if application.delete_requested_at is not None or application.status == ServeStatus.DELETING:
            session.delete(application)
        elif utc_now() - application.created > ON_ITS_WAY:
            _set_status(application, ServeStatus.UNAVAILABLE, FORGOTTEN)
    session.flush()
    wanted = (entry for entry in queries.applications_of(session, agent.id) if entry.delete_requested_at is not None)
    return ServeReportAnswer(delete=[application.name for application in wanted])


def _note_state(session: Session, agent: Agent, application: ServeApplication | None, state: ServeState) -> None:
    if application is None:
        application = ServeApplication(agent_id=agent.id, name=state.name, action=state.action, params={})
        session.add(application)
    if application.plugin_release_id is None:
        release = queries.release_named(session, state.name)
        application.plugin_release_id = release.id if release else None
    application.route_prefix, application.endpoint = state.route_prefix, state.endpoint
    application.checksum, application.resources = state.checksum, state.resources.model_dump()
    application.num_replicas, application.replicas = state.num_replicas, state.replicas
    is_ending = application.delete_requested_at is not None
    status = ServeStatus.DELETING if is_ending else state.status
    _set_status(application, status, sanitize_error_message(state.message))


def _set_status(application: ServeApplication, status: ServeStatus, message: str) -> None:
    if (application.status, application.message) != (status, message):
        application.status, application.message, application.changed = status, message, utc_now()


def _agent_of(call: Call, body: ServeApplicationCreate) -> Agent:
    if body.job is not None:
        job = call.session.get(Job, str(body.job))
        if job is None or (job.user_id != call.actor.user_id and not call.actor.is_admin):
            raise NotFoundProblem.of("job", str(body.job))
        if job.agent_id is not None:
            return call.session.get_one(Agent, job.agent_id)
    if body.agent is not None:
        agent = call.session.get(Agent, body.agent)
        if agent is None:
            raise NotFoundProblem.of("agent", body.agent)
        return agent
    connected = agents_seen_since(call.session, utc_now() - queries.AGENT_ALIVE)
    if len(connected) != 1:
        raise ValidationProblem.of_field("agent", "say which agent serves it: send its id, or the job that deploys it.")
    return connected[0]
