import sys

import pytest

from synapse_agent.engines.docker.protocol import AGENT_LABEL
from tests.engines.needed import needed
from tests.playground.engines import BASE_IMAGE, REQUIRED, docker_engine, remove_all_of, unique_code
from tests.playground.process_engine import BASE, ProcessEngine
from tests.playground.scene import PlaygroundHost

DOCKER = pytest.param("docker", marks=[pytest.mark.system, pytest.mark.xdist_group("playground")])


@pytest.fixture(scope="session")
def docker():
    """Docker where it answers; where CI could start one, it is required."""
    with needed(docker_engine(), REQUIRED) as engine:
        yield engine


@pytest.fixture
def process_host(tmp_path):
    engine = ProcessEngine(tmp_path / "engine")
    yield PlaygroundHost(tmp_path / "agent", engine, gradio_container_base_image=BASE)
    engine.is_away = False
    engine.close()


@pytest.fixture
def docker_host(request, tmp_path, docker):
    host = PlaygroundHost(tmp_path / "agent", docker, gradio_container_base_image=BASE_IMAGE)
    yield host
    if getattr(request.node, "failed", False):
        for found in docker.find_labelled({AGENT_LABEL: host.mark}):
            sys.stdout.write(f"{found.name}: {docker.read_log(found.id, 50)}\n")
    remove_all_of(docker, host.mark)


@pytest.fixture(params=["process", DOCKER])
def host(request):
    """A playground on plain processes, and one on Docker."""
    return request.getfixturevalue(f"{request.param}_host")


@pytest.fixture
def code():
    return unique_code()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    item.failed = getattr(item, "failed", False) or report.failed
    return report
