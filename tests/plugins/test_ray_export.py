"""An export whose run is part of a Ray cluster converts in tasks of the cluster: the same bytes as anywhere else."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from synapse_sdk.exceptions import ExportError
from synapse_sdk.plugins.actions.export.formats import intake, ray_pool, spreading
from synapse_sdk.plugins.executors.ray import RayJobsApiExecutor, cluster
from tests.engines.ray_cluster import RayCluster
from tests.export.bundles import hostile_rows, open_exporter, run_exporter, write_bundle

pytestmark = [
    pytest.mark.ray,
    pytest.mark.filterwarnings("ignore:ssl=None:DeprecationWarning"),
    pytest.mark.xdist_group("ray"),
    pytest.mark.timeout(600),
]

ROOT = Path(__file__).parents[2]
PLUGIN = f"""
import sys
from pathlib import Path
from pydantic import BaseModel
from synapse_sdk.plugins.action import BaseAction

sys.path.insert(0, {str(ROOT)!r})

class Params(BaseModel):
    bundle: str
    target: str

class Convert(BaseAction[Params]):
    action_name = "convert"
    def execute(self):
        from synapse_sdk.plugins.actions.export.bundle import LocalBundle
        from synapse_sdk.plugins.actions.export.formats.spreading import open_pool
        from tests.export.bundles import open_exporter, run_exporter
        target = Path(self.params.target)
        exporter = open_exporter(LocalBundle(Path(self.params.bundle)), target, format="yolo", parallelism=2)
        pool = open_pool(exporter)
        pool.close()
        run_exporter(exporter, target)
        return {{"pool": type(pool).__name__}}
"""


@pytest.fixture
def joined(ray_cluster: RayCluster) -> Iterator[Any]:
    """This process as a driver."""
    ray = cluster.connect(ray_cluster.address, {"env_vars": {"PYTHONPATH": str(ROOT)}})
    deadline = time.monotonic() + 120
    while ray_pool.free_cores(ray) < 2 and time.monotonic() < deadline:
        time.sleep(0.2)  # What the test before used is given back in a moment.
    yield ray
    ray.shutdown()


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "BLOCK_ITEMS", 20)


@pytest.mark.parametrize(
    ("fmt", "more"), [("coco", {"split": "tag"}), ("webdataset", {}), ("voc", {"shard_items": 30})]
)
@pytest.mark.usefixtures("joined")
def test_tasks_of_a_cluster_give_the_bytes_of_one_process(tmp_path, fmt, more, monkeypatch):
    pools = []
    monkeypatch.setattr(spreading, "RayPool", lambda *args: pools.append(ray_pool.RayPool(*args)) or pools[-1])
    bundle = write_bundle(tmp_path / "bundle", hostile_rows(150, seed=21, keypoints=True))
    found = []
    for name, workers in (("one", 1), ("cluster", 2)):
        target = tmp_path / name / "out"
        exporter = open_exporter(bundle, target, format=fmt, parallelism=workers, **more)
        found.append(run_exporter(exporter, target))
    assert found[0] == found[1]
    assert len(pools) == 1


def test_a_task_that_is_lost_ends_the_export_with_its_reason(tmp_path, joined, monkeypatch):
    def lose(*_):
        import os

        os._exit(1)

    task = joined.remote(lose).options(num_cpus=1, max_retries=0)
    opened = ray_pool.RayPool.__init__

    def sabotage(pool, *args):
        opened(pool, *args)
        pool._task = task

    monkeypatch.setattr(ray_pool.RayPool, "__init__", sabotage)
    target = tmp_path / "out"
    exporter = open_exporter(
        write_bundle(tmp_path / "b", hostile_rows(100, seed=22)), target, format="coco", parallelism=2
    )
    with pytest.raises(ExportError, match="Ray task of the export was lost"):
        run_exporter(exporter, target)
    exporter.dataset.abort()


def test_a_run_that_is_a_ray_job_converts_on_the_cluster(tmp_path, ray_cluster):
    plugin = tmp_path / "plugin"
    plugin.mkdir()
    (plugin / "acts.py").write_text(PLUGIN)
    bundle = write_bundle(tmp_path / "bundle", hostile_rows(250, seed=23))
    executor = RayJobsApiExecutor(working_dir=plugin, dashboard_address=ray_cluster.dashboard)
    done = executor.execute("acts.Convert", {"bundle": str(tmp_path / "bundle"), "target": str(tmp_path / "job/out")})
    assert done["pool"] == "RayPool"
    local = tmp_path / "local" / "out"
    expected = run_exporter(open_exporter(bundle, local, format="yolo", parallelism=1), local)
    written = {p.relative_to(tmp_path / "job/out").as_posix(): p.read_bytes() for p in (tmp_path / "job/out").rglob("*") if p.is_file()}  # fmt: skip
    assert expected.items() <= written.items()


def test_a_run_elsewhere_does_not_even_import_ray(tmp_path, monkeypatch):
    import sys

    monkeypatch.delitem(sys.modules, "ray", raising=False)
    assert cluster.current_cluster({}) is None
    assert "ray" not in sys.modules
