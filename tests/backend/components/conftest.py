import pytest

from tests.backend.components.store import Store


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
