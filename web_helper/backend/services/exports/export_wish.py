"""What may be exported by whom: one set of checks for bundles and for streams."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from synapse_sdk.wire.bundle import ExportTarget
from synapse_sdk.wire.errors import FieldError
from web_helper.backend.core.problems import NotFoundProblem, ValidationProblem
from web_helper.backend.models import Role
from web_helper.backend.queries import export_projects
from web_helper.backend.queries.export_rows import EXPORT_SOURCES, select_target
from web_helper.backend.queries.filters import parse_value
from web_helper.backend.services.call import Call
from web_helper.backend.services.work.projects import find_project

VERSION_FILTER = "ground_truth_dataset_version"


@dataclass(frozen=True)
class ExportWish:
    """Rows that somebody wants to export; `where` is what the request puts before the names of filters."""

    target: ExportTarget
    project: int | None
    filter: Mapping[str, JsonValue]
    where: str = ""

    def ids(self, name: str) -> list[int]:
        """The ids that the (already checked) filter gives under this name."""
        value = self.filter.get(name)
        if value is None:
            return []
        ids: list[int] = parse_value(EXPORT_SOURCES[self.target].listing.filters[name], name, value)
        return ids


def settle_wish(call: Call, wish: ExportWish) -> tuple[int, dict[str, JsonValue]]:
    """The project whose rows these are, and the filter that selects them there.

    Raises:
        ValidationProblem: The filter is not one of the target's, or says nothing about where the rows are.
        NotFoundProblem: There is no such project, data set or version, or the caller may not know of it.
        PermissionProblem: The caller may not export from the project.
    """
    _check_filter(wish)
    if wish.target is ExportTarget.GROUND_TRUTH:
        project_id, document = _project_of_truths(call, wish), dict(wish.filter)
    else:
        project_id = _project_of_work(wish)
        document = {**wish.filter, "project": project_id}
    find_project(call, project_id, Role.MANAGER)
    return project_id, document


def _check_filter(wish: ExportWish) -> None:
    try:
        select_target(wish.target, wish.filter, viewer_id=None)
    except ValidationProblem as exc:
        details = [FieldError(field=f"{wish.where}{item.field}", message=item.message) for item in exc.details or []]
        raise ValidationProblem(f"{wish.where}{exc.message}", details) from exc


def _project_of_work(wish: ExportWish) -> int:
    named = wish.ids("project")
    wanted = [wish.project] if wish.project is not None else named
    if len(wanted) != 1:
        raise ValidationProblem.of_field("project", f"the target {wish.target.value!r} needs exactly one project.")
    if named and named != wanted:
        raise ValidationProblem.of_field(
            f"{wish.where}project", "names another project than `project` does; give it once."
        )
    return wanted[0]


def _project_of_truths(call: Call, wish: ExportWish) -> int:
    datasets = wish.ids("dataset")
    versions = wish.ids(VERSION_FILTER) + wish.ids(f"{VERSION_FILTER}s")
    if not datasets and not versions:
        raise ValidationProblem.of_field(f"{wish.where}{VERSION_FILTER}", "name a released version, or a dataset.")
    of_datasets = export_projects.projects_of_datasets(call.session, datasets)
    of_versions = export_projects.projects_of_versions(call.session, versions)
    _require_all("ground truth dataset", datasets, of_datasets)
    _require_all("ground truth dataset version", versions, of_versions)
    projects = {*of_datasets.values(), *of_versions.values()}
    if len(projects) > 1 or (wish.project is not None and projects != {wish.project}):
        raise ValidationProblem.of_field(
            wish.where.rstrip(".") or "dataset", "datasets and versions must belong to one project, the one named."
        )
    return projects.pop()


def _require_all(noun: str, ids: list[int], found: dict[int, int]) -> None:
    for item in ids:
        if item not in found:
            raise NotFoundProblem.of(noun, item)
