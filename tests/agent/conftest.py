import pytest

from tests.agent.stage import Stage


@pytest.fixture(scope="session")
def stage(tmp_path_factory):
    stage = Stage(tmp_path_factory.mktemp("stage"))
    yield stage
    stage.close()


@pytest.fixture(scope="session")
def agent(stage):
    return stage.start_agent()
