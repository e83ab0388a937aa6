"""All routers of the server, in the order in which their paths are matched."""

from __future__ import annotations

from fastapi import APIRouter

from web_helper.backend.api import health
from web_helper.backend.api.data import collections, data_units, files, import_items, objects, storages
from web_helper.backend.api.work import projects, tasks

ROUTERS: tuple[APIRouter, ...] = (
    health.router,
    projects.router,
    tasks.router,
    storages.router,
    files.router,
    objects.router,
    collections.router,
    data_units.router,
    import_items.router,
)
