import pytest

from tests.export.platform import Platform, open_installation


@pytest.fixture(autouse=True)
def no_settings_of_the_developer(monkeypatch):
    """Variables of the person who runs the tests do not steer exports."""
    for name in ("SYNAPSE_EXPORT_DISABLE_ASYNC_DELEGATE", "SYNAPSE_FORCE_V1_EXPORT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def installation(tmp_path_factory):
    with open_installation(tmp_path_factory.mktemp("installation")) as installation:
        yield installation


@pytest.fixture(scope="session")
def thrifty_installation(tmp_path_factory):
    """It gives out annotation data by link, however small."""
    with open_installation(tmp_path_factory.mktemp("thrifty"), inline_max_bytes=10) as installation:
        yield installation


@pytest.fixture
def platform(installation, tmp_path):
    return Platform(installation, tmp_path / "exports")


@pytest.fixture
def thrifty(thrifty_installation, tmp_path):
    return Platform(thrifty_installation, tmp_path / "thrifty-exports")
