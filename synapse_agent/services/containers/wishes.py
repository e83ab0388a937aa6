"""From a request to a container: which release is meant, and where its archive comes from."""

from __future__ import annotations

from typing import IO

from synapse_agent.services.containers.playground import Made, Playground
from synapse_agent.services.containers.releases import AppRelease, AppWish
from synapse_sdk.exceptions import ArchiveError, ConfigurationError, ConflictError, ValidationError
from synapse_sdk.wire.containers import ContainerCreate


def make_container(playground: Playground, body: ContainerCreate, upload: IO[bytes] | None) -> Made:
    """Make a container of the archive that came along, else of the release that the agent or its server has.

    Raises:
        ValidationError: The archive is not safe, holds no app or another release; or there is no such release.
        ServerError: No engine answers.
    """
    wish = AppWish(body.action, body.entrypoint)
    try:
        with playground.shelf.in_use():
            if upload is not None:
                release = playground.shelf.describe(playground.shelf.take(upload), wish)
                return playground.create(body, _checked(body, release))
            if body.plugin_release is None:
                raise ValidationError(400, "Say which release: plugin_release, or an archive as file.")
            return playground.create(body, playground.find_release(body.plugin_release, body.model, wish))
    except (ArchiveError, ConfigurationError) as exc:
        raise ValidationError(400, str(exc)) from exc


def _checked(body: ContainerCreate, release: AppRelease) -> AppRelease:
    if body.plugin_release not in {None, release.plugin_release}:
        raise ConflictError(
            409,
            f"The archive holds {release.plugin_release}, not {body.plugin_release}: name that, or pack the other.",
        )
    return release
