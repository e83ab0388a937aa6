"""Projects."""

from __future__ import annotations

from synapse_sdk.wire.work import Project, ProjectChange, ProjectCreate
from web_helper.backend.api.resource import Resource
from web_helper.backend.queries.work import projects as queries
from web_helper.backend.services.work import projects as service

_projects = Resource("projects", queries.LISTING, Project)
_projects.listed()
_projects.created(service.create_project, ProjectCreate)
_projects.read()
_projects.changed(service.change_project, ProjectChange)
_projects.deleted_in_steps(service.delete_project)

router = _projects.router
