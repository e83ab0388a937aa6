import pytest

from synapse_sdk.testing import InProcessTransport
from tests.backend.components.store import Store
from tests.backend.components.worker import Worker


@pytest.fixture
def store(client):
    """The component store, as its users reach it."""
    return Store(client)


@pytest.fixture
def settings(settings, tmp_path):
    """A server whose folder of components is the test's own."""
    root = tmp_path / "checkout"
    (root / "cvlabkit").mkdir(parents=True)
    return settings.model_copy(update={"component_root": root})


@pytest.fixture
def transport(app, client):
    with InProcessTransport(app) as transport:
        yield transport


@pytest.fixture
def worker(tmp_path, transport, admin_token):
    return Worker(tmp_path / "worker", transport, admin_token)
