"""Packages of a release's own, installed by Ray for its replicas alone, on a cluster that has none of them."""

import site
import venv
from contextlib import contextmanager

import pytest

from synapse_agent.engines.ray.cluster import RayCluster
from synapse_agent.services.serving_setup import OnRay, serve_on_ray
from synapse_sdk.wire.serve import ServeDeploy, ServeOptions, ServeResources
from tests.engines.needed import needed
from tests.engines.ray_cluster import RayHead
from tests.plugins.test_environment import make_wheel
from tests.serving.conftest import KEY, Served, free_port, wait_for

pytestmark = [pytest.mark.system, pytest.mark.ray, pytest.mark.xdist_group("ray"), pytest.mark.timeout(600)]

NAME = "needy@1.0.0"
CONFIG = """\
name: Needy
code: needy
version: 1.0.0
category: neural_net
data_type: image
package_manager: {manager}
package_manager_options: [--no-index]
actions:
  inference: {{entrypoint: model.Needy, method: serve}}
"""
MODEL = """\
print("the model is being made")
import tinypkg
from synapse_sdk.plugins.actions.inference import BaseServeDeployment

class Needy(BaseServeDeployment):
    def __init__(self, backend_url=""):
        super().__init__(backend_url)
        print("made with", tinypkg.answer())

    async def _get_model(self, model_info):
        return model_info

    async def infer(self, **_inputs):
        return {"answer": tinypkg.answer()}
"""


@contextmanager
def thin_head(folder):
    """A head whose environment is small: Ray copies the whole of it for each set of requirements."""
    venv.create(folder, symlinks=True)
    (packages,) = folder.glob("lib/python3*/site-packages")
    ours = [path for path in site.getsitepackages() if path.endswith("-packages")]
    (packages / "ours.pth").write_text("".join(f"import site; site.addsitedir({path!r})\n" for path in ours))
    head = RayHead(python=folder / "bin" / "python")
    try:
        head.start()
        yield head.cluster
    finally:
        head.close()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with needed(thin_head(tmp_path_factory.mktemp("thin"))) as started:
        cluster = RayCluster(started.dashboard)
        yield cluster
        cluster.close()


@pytest.fixture(scope="module")
def served(cluster, tmp_path_factory):
    home = tmp_path_factory.mktemp("serving")
    served = Served(serve_on_ray(home, KEY, OnRay(cluster, free_port(), home / "archives")))
    served.serving.engine.start()
    yield served
    served.serving.engine.stop()


def deploy(served, folder, manager, answer, requirements="tinypkg==1.0\n"):
    folder.mkdir()
    (folder / "config.yaml").write_text(CONFIG.format(manager=manager))
    (folder / "model.py").write_text(MODEL)
    (folder / "requirements.txt").write_text(requirements)
    make_wheel(folder / "wheels", "tinypkg", "1.0", f"def answer():\n    return {answer}\n")
    served.serving.deploy(
        ServeDeploy(
            name=NAME,
            route_prefix="/needy",
            entrypoint="model:Needy",
            folder=str(folder),
            resources=ServeResources(num_cpus=0.1),
            options=ServeOptions(graceful_shutdown_timeout_s=5.0),
        )
    )


@pytest.mark.parametrize(("manager", "answer"), [("pip", 42), ("uv", 43)])
def test_replicas_have_the_packages_of_their_release(served, tmp_path, manager, answer):
    deploy(served, tmp_path / "release", manager, answer)

    state = served.wait("RUNNING", NAME)

    assert served.ask(state).json() == {"answer": answer}
    # Ray's own processes bring what a replica prints.
    wait_for(lambda: f"made with {answer}" in served.serving.engine.logs(NAME).decode())


def test_a_requirement_that_cannot_be_had_is_a_failed_deployment_that_says_so(served, tmp_path):
    deploy(served, tmp_path / "release", "pip", 1, requirements="no-such-package-here==1.0\n")

    state = served.wait("DEPLOY_FAILED", NAME)

    assert state.message.endswith("No matching distribution found for no-such-package-here==1.0")


def test_what_a_replica_printed_before_it_failed_can_be_read(served, tmp_path):
    deploy(served, tmp_path / "release", "pip", "undefined", requirements="")

    assert "NameError" in served.wait("DEPLOY_FAILED", NAME).message

    wait_for(lambda: "NameError: name 'undefined' is not defined" in served.serving.engine.logs(NAME).decode())
    logs = served.serving.engine.logs(NAME).decode()
    assert "the model is being made" in logs
    assert ":job_id:" not in logs
