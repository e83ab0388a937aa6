"""The playground of this host: its engine, where its apps answer, and whom it asks for releases."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from synapse_agent.core.playground_settings import PlaygroundSettings
from synapse_agent.engines.docker.engine import DockerEngine
from synapse_agent.services.containers.playground import Playground, open_playground
from synapse_agent.services.containers.releases import ReleaseShelf
from synapse_agent.services.containers.workshop import Places
from synapse_agent.services.releases import ReleaseCache
from synapse_agent.services.server_link import ServerLink
from synapse_sdk.exceptions import ClientConnectionError, ClientError, ConfigurationError, NotFoundError, ServerError
from synapse_sdk.utils.network import is_loopback

ANY_ADDRESS = "0.0.0.0"  # noqa: S104 - as the agent's own API, where it is told to listen to others.


def open_host_playground(home: Path, own_url: str, *, releases: ReleaseCache, link: ServerLink) -> Playground:
    """The playground of this host; nothing runs yet."""
    settings = PlaygroundSettings()
    shelf = ReleaseShelf(home / "playground" / "archives", settings)
    return open_playground(
        home,
        settings,
        engine=DockerEngine(settings.engine_url),
        places=places_of(settings, own_url),
        fetch=ServerReleases(releases, shelf, link).fetch,
    )


def places_of(settings: PlaygroundSettings, own_url: str) -> Places:
    """Apps answer where the agent does: on this host only, or on all its addresses."""
    host = urlsplit(own_url).hostname or "127.0.0.1"
    address = settings.bind_address or ("127.0.0.1" if is_loopback(own_url) else ANY_ADDRESS)
    return Places(address, settings.endpoint_host or ("127.0.0.1" if address == "127.0.0.1" else host))


class ServerReleases:
    """Archives of the server's releases, put on the playground's shelf.

    Args:
        cache: The agent's own copies.
        shelf: Where the playground keeps archives.
        link: The server.
    """

    def __init__(self, cache: ReleaseCache, shelf: ReleaseShelf, link: ServerLink) -> None:
        self._cache, self._shelf, self._link = cache, shelf, link

    def fetch(self, plugin_release: str) -> str | None:
        """SHA-256 of a release's archive, which is on the shelf by then; None when the server does not give it.

        Raises:
            ServerError: The archive could not be fetched.
        """
        try:
            release = self._link.find_release(plugin_release)
            if not self._shelf.has(release.sha256):
                with self._cache.opened(release.archive_url, release.sha256) as archive:
                    self._shelf.take(archive)
        except (ClientConnectionError, NotFoundError, ConfigurationError):
            # What the agent has itself still runs.
            return None
        except ClientError as exc:
            raise ServerError(502, f"The release could not be fetched from the server: {exc.detail}") from exc
        return release.sha256
