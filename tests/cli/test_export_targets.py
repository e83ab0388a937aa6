"""`synapse export` into shards and into storages of the platform, as a person types it."""

import json
import socket
import tarfile
from pathlib import Path

import pytest

from synapse_sdk.plugins.actions.export.formats import spreading
from synapse_sdk.plugins.actions.export.steps import delegated
from synapse_sdk.utils.converters.blocks.pool import ProcessPool
from tests.cli.data_sets import make_voc
from tests.export.support import tree
from web_helper.backend.core.database import Database
from web_helper.backend.models import Storage

pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture
def project(synapse, tmp_path):
    name = f"owls of {tmp_path.name}"
    synapse.json("import", "voc", make_voc(tmp_path / "owls", 5), "--project", name)
    return name


@pytest.fixture
def in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("fmt", ["yolo", "voc", "webdataset"])
def test_shards_are_imported_again_with_every_image(synapse, project, tmp_path, fmt):
    export = ["export", "--project", project, "--format", fmt, "--out", tmp_path]
    done = synapse.json(*export, "--name", "set", "--shard-items", 2)
    assert len(list((tmp_path / "set").glob("*.tar"))) == 3
    assert done["annotations"] == 5
    assert json.loads((tmp_path / "set/shards.json").read_text())["items"] == 5

    back = synapse.json("import", fmt, tmp_path / "set", "--project", f"from {fmt}")

    assert (back["created"], back["bad"]) == (5, 0)
    assert boxes_of(synapse, f"from {fmt}", tmp_path / "back") == pytest.approx(
        boxes_of(synapse, project, tmp_path / "before"), abs=0.01
    )


def boxes_of(synapse, project, folder) -> list[float]:
    done = synapse.json("export", "--format", "coco", "--project", project, "--images", "none", "--out", folder)
    found = json.loads(Path(done["path"], "annotations.json").read_text())
    return [number for annotation in found["annotations"] for number in annotation["bbox"]]


def test_unpacked_shards_are_the_single_files(synapse, project, tmp_path):
    export = ["export", "--project", project, "--format", "yolo", "--out", tmp_path]
    synapse.json(*export, "--name", "sharded", "--shard-items", 2)
    synapse.json(*export, "--name", "single", "--shard-items", 0)
    for shard in sorted((tmp_path / "sharded").glob("*.tar")):
        with tarfile.open(shard) as archive:
            archive.extractall(tmp_path / "unpacked", filter="data")
    single = tree(tmp_path / "single")
    assert {name: single[name] for name in tree(tmp_path / "unpacked")} == tree(tmp_path / "unpacked")
    assert sum("/" in name for name in single) == len(tree(tmp_path / "unpacked")) == 10


def test_an_export_with_shards_is_brought_up_to_date(synapse, project, tmp_path):
    export = ["export", "--project", project, "--format", "yolo", "--shard-items", 2, "--keep-items"]
    old = synapse.json(*export, "--out", tmp_path / "old")
    synapse.json("import", "voc", make_voc(tmp_path / "more", 7), "--project", project)
    delta = synapse.json("export", "--since", old["path"], "--out", tmp_path / "delta")
    synapse.json("apply-delta", old["path"], delta["path"], "--out", tmp_path / "new")
    whole = synapse.json(*export, "--out", tmp_path / "whole")
    assert whole["exported"] == 7
    assert tree(tmp_path / "new") == tree(tmp_path / "whole")


def test_an_export_goes_into_a_storage(synapse, project, tmp_path):
    place = ["--provider", "file_system", "--set", f"location={tmp_path / 'store'}"]
    (tmp_path / "store").mkdir()
    synapse.json("storage", "create", "sets", *place)
    export = ["export", "--project", project, "--format", "coco", "--name", "set"]
    done = synapse.json(*export, "--storage", "sets", "--path", "a/b")
    synapse.json(*export, "--out", tmp_path / "local")
    assert done["annotations"] == 5
    assert tree(tmp_path / "store/a/b/set") == tree(tmp_path / "local/set")
    assert [path.name for path in (tmp_path / "store/a/b").iterdir()] == ["set"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--format coco --out x --shard-items 5", "--shard-items is for yolo, voc and webdataset"),
        ("--format webdataset --out x --shard-items 0", "WebDataset has none"),
        ("--format coco", "--out is missing"),
        ("--format coco --out x --storage default", "give one"),
        ("--format coco --out x --path y", "name it with --storage"),
        ("--format coco --out x --task obb", "'obb' is no task of coco; it has detection, segmentation, keypoints"),
        ("--format csv --out x --task detection", "csv has no option task; it has none"),
        ("--format coco --out x --target ground_truth", "give it as --filter ground_truth_dataset_version=ID"),
        ("--format coco --out x --filter colour=red", "filters are ids, ids_ex,"),
        ("--format coco --out x --name sets/today", "cannot be a folder's name on every system; 'today' can"),
        ("--format coco --out x --name CON", "'_CON' can"),
        ("--format coco --out x --name=", "-coco' can"),
    ],
)
@pytest.mark.usefixtures("in_folder")
def test_targets_that_make_no_sense_are_refused(synapse, project, words, said):
    refused = synapse("export", "--project", project, *words.split())
    assert refused.exit_code == 2
    assert said in refused.stderr
    assert not Path("x").exists()


def test_nothing_is_put_into_an_export_but_itself(synapse, project, tmp_path):
    export = ["export", "--project", project, "--format", "coco", "--keep-items"]
    old = synapse.json(*export, "--out", tmp_path)["path"]
    before = tree(Path(old))
    delta = synapse.json("export", "--since", old, "--out", tmp_path)["path"]
    again, since = [*export, "--out", old], ["export", "--since", old, "--out", old]
    for refused in (synapse(*again), synapse(*since), synapse("apply-delta", old, delta, "--out", old)):
        assert refused.exit_code == 2
        assert "is an export itself; name the folder that it lies in" in " ".join(refused.stderr.split())
    assert tree(Path(old)) == before


@pytest.fixture
def jobs(synapse):
    """The jobs of which the server knows, the newest first."""
    return lambda: [row["id"] for row in synapse.json("job", "list")]


@pytest.mark.parametrize("out", ["file/x", "/proc/x", "x" * 300])
@pytest.mark.usefixtures("in_folder")
def test_a_folder_that_cannot_be_written_is_refused_before_the_server_gathers_anything(synapse, project, jobs, out):
    Path("file").write_text("in the way")
    before = jobs()
    refused = synapse("export", "--project", project, "--format", "coco", "--out", out)
    assert refused.exit_code == 1
    assert f"Nothing can be written to {Path(out).absolute()}: " in refused.stderr
    assert jobs() == before
    assert sorted(path.name for path in Path().iterdir()) == ["file", "owls"]


def test_a_delta_into_a_folder_that_cannot_be_written_is_refused_as_early(synapse, project, jobs, tmp_path):
    export = ["export", "--project", project, "--format", "coco", "--keep-items", "--out", tmp_path]
    synapse.json(*export, "--name", "old")
    before = jobs()
    refused = synapse("export", "--since", tmp_path / "old", "--out", "/proc/x")
    assert refused.exit_code == 1
    assert "Nothing can be written to /proc/x: " in refused.stderr
    assert jobs() == before


@pytest.fixture
def dead_store(platform):
    """The address of a store that was there when the server took it, and is not any more; it is called `dead`."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    facts = {"endpoint_url": url, "bucket_name": "b", "access_key": "a", "secret_key": "not-shown", "region_name": "x"}
    store = Storage(name="dead", provider="amazon_s3", configuration=facts)
    database = Database(platform.settings.sqlalchemy_url)
    with database.write() as session:
        session.add(store)
    yield url
    with database.write() as session:
        session.delete(store)
    database.dispose()


@pytest.fixture
def dead_later(dead_store, monkeypatch):
    """The same, but it dies while the server gathers the data."""
    monkeypatch.setattr(delegated, "open_target", lambda context: None)
    return dead_store


def test_a_store_that_does_not_answer_is_refused_before_the_server_gathers_anything(synapse, project, jobs, dead_store):
    before = jobs()
    refused = synapse("export", "--project", project, "--format", "coco", "--storage", "dead")
    assert refused.exit_code == 1
    assert "the store does not answer: check endpoint_url" in refused.stderr
    assert jobs() == before
    assert not [word for word in ("defect", dead_store, "not-shown", "Step") if word in refused.stderr]


def test_a_store_that_dies_is_said_and_gone_on_with_later(synapse, project, dead_later):
    failed = synapse("export", "--project", project, "--format", "coco", "--storage", "dead")
    assert failed.exit_code == 1
    assert "the store does not answer: check endpoint_url" in failed.stderr
    assert "The target storage cannot be written" in failed.stderr
    assert "synapse export --resume" in failed.stderr
    assert not [word for word in ("defect", dead_later, "not-shown", "Step") if word in failed.stderr]


@pytest.mark.usefixtures("dead_later")
def test_an_export_into_a_store_that_died_is_given_up_in_words(synapse, project):
    failed = synapse("export", "--project", project, "--format", "coco", "--storage", "dead")
    job_id = failed.stderr.partition("--resume ")[2].split()[0]
    synapse("job", "cancel", job_id)
    again = synapse("export", "--resume", job_id)
    assert again.exit_code == 1
    assert "defect" not in again.stderr


def test_a_storage_that_is_not_there_is_refused_with_those_that_are(synapse, project):
    refused = synapse("export", "--project", project, "--format", "coco", "--storage", "nowhere")
    assert refused.exit_code == 1
    assert "there are: " in refused.stderr


@pytest.mark.parametrize(
    ("env", "words", "processes"),
    [(None, [], []), ("2", [], [2]), ("2", ["--parallelism", 1], []), ("1", ["--parallelism", 3], [3])],
)
def test_parallelism_is_the_option_then_the_environment(synapse, project, tmp_path, monkeypatch, env, words, processes):  # noqa: PLR0917
    if env:
        monkeypatch.setenv("SYNAPSE_EXPORT_PARALLELISM", env)
    opened = []
    monkeypatch.setattr(
        spreading, "ProcessPool", lambda job, workers: opened.append(workers) or ProcessPool(job, workers)
    )
    synapse.json("export", "--project", project, "--format", "csv", "--images", "none", "--out", tmp_path, *words)
    assert opened == processes
