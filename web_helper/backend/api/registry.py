"""All routers of the server, in the order in which their paths are matched."""

from __future__ import annotations

from fastapi import APIRouter

from web_helper.backend.api import health, metrics
from web_helper.backend.api.components import changes, state, sync, versions
from web_helper.backend.api.data import collections, data_units, files, import_items, objects, storages
from web_helper.backend.api.experiments import devices, experiments, logs, notifications, runs
from web_helper.backend.api.exports import async_jobs, dataset_exports, export_stream, plugin_exports
from web_helper.backend.api.labelling import annotations as task_annotations
from web_helper.backend.api.labelling import cards, thumbnails
from web_helper.backend.api.playground import apps as playground_apps
from web_helper.backend.api.playground import containers as playground
from web_helper.backend.api.plugins import agent_runs, agents, job_logs, jobs, models, plugins, serve_applications
from web_helper.backend.api.web import home, session, ui
from web_helper.backend.api.work import (
    accounts,
    assignments,
    ground_truths,
    payloads,
    pre_annotations,
    projects,
    tasks,
    version_changes,
)

ROUTERS: tuple[APIRouter, ...] = (
    health.router,
    metrics.router,
    projects.router,
    tasks.router,
    assignments.router,
    cards.router,
    task_annotations.router,
    thumbnails.router,
    ground_truths.router,
    version_changes.router,
    accounts.router,
    payloads.router,
    pre_annotations.router,
    storages.router,
    files.router,
    objects.router,
    collections.router,
    data_units.router,
    import_items.router,
    plugins.router,
    jobs.router,
    job_logs.router,
    models.router,
    agents.router,
    serve_applications.router,
    agent_runs.router,
    playground.router,
    playground_apps.router,
    plugin_exports.router,
    dataset_exports.router,
    export_stream.router,
    async_jobs.router,
    versions.router,
    changes.router,
    state.router,
    sync.router,
    experiments.router,
    logs.router,
    runs.router,
    devices.router,
    notifications.router,
    home.router,
    session.router,
    # Last: it answers every address that a browser asks for and nothing else knows.
    ui.router,
)
