"""Uploads: a folder becomes data units and tasks, and what is wrong with it is said before anything is sent."""

import pytest

from synapse_sdk.plugins.actions.upload import BaseUploadAction, UploadParams
from tests.bench.images import write_images
from tests.export.platform import Platform, open_installation


class Upload(BaseUploadAction[UploadParams]):
    pass


class NoSteps(BaseUploadAction[UploadParams]):
    def setup_steps(self, registry):
        pass


@pytest.fixture(scope="module")
def installation(tmp_path_factory):
    with open_installation(tmp_path_factory.mktemp("upload")) as installation:
        yield installation


@pytest.fixture
def target(installation, tmp_path):
    ctx = Platform(installation, tmp_path / "exports").ctx()
    name = str(tmp_path)[-150:]
    specifications = [{"name": "image", "is_primary": True}, {"name": "labels", "is_required": False}]
    collection = ctx.v2_client.data_collections.create(name=name, file_specifications=specifications)["id"]
    return ctx, collection, ctx.v2_client.projects.create(name=name, data_collection=collection)["id"]


def upload(target, folder, action=Upload, **params):
    ctx, collection, project = target
    base = {"name": "up", "path": str(folder), "data_collection": collection, "project": project}
    return action.dispatch(base | params, ctx)


def test_a_folder_becomes_data_units_and_tasks(target, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    write_images(folder / "image", ["a.png", "b.png"])
    (folder / "labels").mkdir()
    (folder / "labels" / "a.txt").write_text("x")
    (folder / ".hidden").write_text("x")
    result = upload(target, folder, metadata={"camera": 7})
    assert (result["data_units"], result["uploaded_files"], result["steps_total"]) == (2, 3, 8)
    rows = list(target[0].client.get_tasks({"project": target[2]})[0])
    assert [sorted(row["data_unit"]["files"]) for row in rows] == [["image", "labels"], ["image"]]
    unit = target[0].client.get_data_unit(rows[0]["data_unit"]["id"])
    assert unit["meta"] == {"camera": 7}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "has no files to upload"),
        ({"image/a.png": ""}, "1 files are empty"),
        ({"labels/a.txt": "x"}, "a has no file for image"),
        ({"image/a.png": "x", "image/a.jpg": "x"}, "rename one of them"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_sent(target, tmp_path, files, message):
    folder = tmp_path / "in"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content)
    with pytest.raises(RuntimeError, match=message):
        upload(target, folder)
    assert target[0].client.count_tasks({"project": target[2]}) == 0


def test_a_folder_that_is_not_there_is_refused(target, tmp_path):
    with pytest.raises(RuntimeError, match="is no folder"):
        upload(target, tmp_path / "none")


def test_steps_are_mandatory(target, tmp_path):
    with pytest.raises(RuntimeError, match="registers no steps"):
        upload(target, tmp_path, NoSteps)
