"""Two agents on one Ray cluster, told to serve the same release: one does, the other is told who does."""

import pytest

from synapse_agent.engines.ray.cluster import RayCluster
from synapse_agent.services.serving_setup import OnRay, serve_on_ray
from synapse_sdk.exceptions import ConflictError
from tests.serving.conftest import KEY, Served, free_port, wait_for

pytestmark = [pytest.mark.system, pytest.mark.ray, pytest.mark.xdist_group("ray"), pytest.mark.timeout(600)]


@pytest.fixture
def another(tmp_path, ray_cluster):
    """A second agent of the same cluster."""
    cluster = RayCluster(ray_cluster.dashboard)
    home = tmp_path / "another"
    home.mkdir()
    served = Served(serve_on_ray(home, KEY, OnRay(cluster, free_port(), home / "archives")))
    served.serving.engine.start()
    yield served
    served.serving.engine.stop()
    cluster.close()


def test_what_one_agent_serves_the_other_neither_replaces_nor_ends(open_ray, another):
    one = open_ray()
    one.deploy("Echo")

    with pytest.raises(ConflictError, match="served on this Ray cluster by another agent"):
        another.deploy("EchoAgain")

    assert another.serving.engine.states() == []
    another.run("EchoAgain", "others@1.0.0")
    state = one.wait("RUNNING")
    assert one.ask(state).json().get("version") is None
    another.serving.engine.delete("others@1.0.0")
    wait_for(lambda: another.is_gone("others@1.0.0"))
    assert one.ask(one.wait("RUNNING")).status_code == 200
