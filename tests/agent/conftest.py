import pytest

from tests.agent.family import adopting, bury, family
from tests.agent.stage import Stage, until


@pytest.fixture(scope="session")
def stage(tmp_path_factory):
    stage = Stage(tmp_path_factory.mktemp("stage"))
    yield stage
    stage.close()


@pytest.fixture(scope="session")
def agent(stage):
    return stage.start_agent()


@pytest.fixture(autouse=True)
def no_agent_stays(request):
    """An agent that a test started ends with it: each costs the tests after it memory and a part of a core."""
    if "stage" not in request.fixturenames:
        yield
        return
    agents = request.getfixturevalue("stage").agents
    if "agent" in request.fixturenames:
        request.getfixturevalue("agent")
    known = len(agents)
    yield
    while len(agents) > known:
        agent = agents.pop()
        agent.kill()
        agent.kill_runs()


@pytest.fixture(autouse=True)
def no_process_stays(request, no_agent_stays):
    """After each test the process table holds what it held before, servers and agents apart."""
    # A cluster starts and ends workers as it likes; its own tests look after it.
    if "stage" not in request.fixturenames or request.node.get_closest_marker("ray"):
        yield
        return
    stage = request.getfixturevalue("stage")
    if "agent" in request.fixturenames:
        request.getfixturevalue("agent")
    with adopting():
        before = set(family())
        yield
        until(lambda: not strangers(stage, before), explain=lambda: strangers(stage, before))
        bury(stage.pids())


def strangers(stage, before):
    own = stage.pids()
    return {pid: what for (pid, started), what in family().items() if pid not in own and (pid, started) not in before}


@pytest.fixture
def own_agent(stage):
    """An agent for one test, which may kill it."""
    agent = stage.start_agent()
    yield agent
    agent.kill()
