import pytest

from synapse_sdk.testing import InProcessTransport
from tests.backend.experiments.lab import Lab


@pytest.fixture
def transport(app, client):
    with InProcessTransport(app) as transport:
        yield transport


@pytest.fixture
def lab(database, transport, admin_token):
    """A server with a few components, and hosts that may join."""
    return Lab(database, transport, admin_token)
