"""What is built: names, Dockerfiles, the context; and which archives are refused."""

import os
import tarfile
import zipfile

import pytest

from synapse_agent.core.playground_settings import PlaygroundSettings
from synapse_agent.services.containers.image.dockerfile import (
    build_checksum,
    image_name,
    requirement_lines,
    write_context,
    write_dockerfile,
)
from synapse_agent.services.containers.records import AppFacts
from synapse_agent.services.containers.releases import AppWish, ReleaseShelf
from synapse_sdk.exceptions import ArchiveError, ConfigurationError
from tests.playground.scene import write_release

APP = AppFacts("plugin/gradio_interface.py", "app", "base:1", "0" * 64)


@pytest.fixture
def shelf(tmp_path):
    return ReleaseShelf(tmp_path / "shelf", PlaygroundSettings())


def put(shelf, path) -> str:
    with path.open("rb") as content:
        return shelf.take(content)


def test_names_are_the_seeds_and_stay_apart_where_an_image_cannot_have_them():
    assert image_name("my-plugin", "1.0.0") == "synapse-plugin-my-plugin-1.0.0"
    odd = [image_name("My-Plugin", "1.0.0"), image_name("my-plugin", "1.0.0+gpu"), image_name("플러그인", "1.0.0")]
    assert len({*odd, image_name("my-plugin", "1.0.0"), image_name("플러그", "1.0.0")}) == 5
    assert all(name == name.lower() and name.isascii() and "+" not in name for name in odd)


def test_packages_come_before_the_code():
    lines = [line for line in write_dockerfile(APP).splitlines() if line]
    assert [line.split()[0] for line in lines] == ["FROM", "WORKDIR", "COPY", "RUN", "COPY", "CMD"]
    assert lines[0] == "FROM base:1"
    assert lines[4] == "COPY . ."
    assert "pip install --no-cache-dir -r requirements.txt" in lines[3]
    assert "PIP_INDEX_URL" not in write_dockerfile(APP)
    assert 'PIP_INDEX_URL="$FTP_PROXY"' in write_dockerfile(APP, has_index=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "gradio\n"),
        ("numpy # arrays\n\n# a comment\n", "numpy\ngradio\n"),
        ("Gradio>=5\n", "Gradio>=5\n"),
        ("gradio[oauth]==5.1\nnumpy\n", "gradio[oauth]==5.1\nnumpy\n"),
        ("gradio-client\n", "gradio-client\ngradio\n"),
        ("x @ https://host/x.whl#sha256=1\n", "x @ https://host/x.whl#sha256=1\ngradio\n"),
    ],
)
def test_gradio_is_added_where_it_is_missing_and_comments_do_not_count(text, expected):
    assert requirement_lines(text) == expected


def test_the_context_is_the_release_and_what_packages_need(tmp_path):
    folder = tmp_path / "release"
    for name in ("plugin/app.py", "wheels/a.whl", "extra.txt", ".dockerignore", ".synapse/start.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("mine")
    (folder / "requirements.txt").write_text("-r extra.txt\n./wheels/a.whl\n")
    write_context(folder, "FROM x\n", tmp_path / "context.tar")

    with tarfile.open(tmp_path / "context.tar") as tar:
        names = [name for name in tar.getnames() if not tar.getmember(name).isdir()]
        start = tar.extractfile(".synapse/start.py").read().decode()
    assert sorted(names) == [
        ".synapse/Dockerfile",
        ".synapse/packages/extra.txt",
        ".synapse/packages/requirements.txt",
        ".synapse/packages/wheels/a.whl",
        ".synapse/start.py",
        "extra.txt",
        "plugin/app.py",
        "requirements.txt",
        "wheels/a.whl",
    ]
    assert start != "mine"


@pytest.mark.parametrize(
    ("entrypoint", "name"),
    [
        ("plugin.gradio_interface.app", "app"),
        ("plugin.gradio_interface:demo", "demo"),
        ("plugin/gradio_interface.py", "app"),
    ],
)
def test_entrypoints_in_each_form_name_the_file_and_the_object(shelf, tmp_path, entrypoint, name):
    release = shelf.describe(put(shelf, write_release(tmp_path, entrypoint=entrypoint)), AppWish())

    assert (release.app.file, release.app.name) == ("plugin/gradio_interface.py", name)
    assert (release.plugin_release, release.image) == ("my-plugin@1.0.0", "synapse-plugin-my-plugin-1.0.0")


def test_what_an_image_is_made_of_changes_its_checksum(shelf, tmp_path):
    first = shelf.describe(put(shelf, write_release(tmp_path)), AppWish())
    same = shelf.describe(first.app.archive, AppWish())
    other = shelf.describe(put(shelf, write_release(tmp_path, app="demo = 2\n")), AppWish())

    assert first.checksum == same.checksum != other.checksum
    assert build_checksum("a", "FROM x") != build_checksum("a", "FROM y")


def make_zip(path, entries) -> str:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, content in entries:
            zipped.writestr(name, content)
    return path


def link_entry() -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo("plugin/gradio_interface.py")
    entry.external_attr = 0o120777 << 16
    return entry


CONFIG = ("config.yaml", "code: x\nname: x\n")
APP_FILE = ("plugin/gradio_interface.py", "demo = 1")
HOSTILE = {
    "dots": ([CONFIG, APP_FILE, ("../evil", "x")], "leads out"),
    "absolute": ([CONFIG, APP_FILE, ("/etc/evil", "x")], "leads out"),
    "link": ([CONFIG, (link_entry(), "/etc/passwd")], "link"),
    "bomb": ([CONFIG, APP_FILE, ("zeros", bytes(64 * 2**20))], "grow"),
    "no app": ([CONFIG, ("plugin/other.py", "x")], r"no plugin/gradio_interface\.py"),
    "no config": ([APP_FILE], r"no config\.yaml"),
    "entrypoint outside": (
        [("config.yaml", "code: x\nname: x\nactions: {gradio: {entrypoint: ../../etc/passwd.py}}")],
        r"archive has no \.\./",
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_archives_are_refused_and_leave_nothing(shelf, tmp_path, kind):
    entries, expected = HOSTILE[kind]
    sha256 = put(shelf, make_zip(tmp_path / "x.zip", entries))

    with pytest.raises(ArchiveError, match=expected) as refused:
        shelf.describe(sha256, AppWish())

    assert str(tmp_path) not in str(refused.value)
    assert [path.name for path in (tmp_path / "shelf").iterdir()] == [f"{sha256}.zip"]
    shelf.keep_only(set())
    assert list((tmp_path / "shelf").iterdir()) == []


def test_no_zip_at_all_is_refused(shelf, tmp_path):
    (tmp_path / "x.zip").write_bytes(os.urandom(100))
    with pytest.raises(ArchiveError, match="damaged"):
        shelf.describe(put(shelf, tmp_path / "x.zip"), AppWish())


def test_only_allowed_base_images_are_built_on(tmp_path):
    settings = PlaygroundSettings(allowed_base_images=("cuda:1",), gradio_container_base_image="base:1")
    shelf = ReleaseShelf(tmp_path / "shelf", settings)
    config = "code: x\nname: x\nactions:\n  gradio:\n    entrypoint: plugin.gradio_interface.app\n    base_image: {}\n"
    described = {
        image: put(shelf, make_zip(tmp_path / "x.zip", [("config.yaml", config.format(image)), APP_FILE]))
        for image in ("cuda:1", "evil:1")
    }

    assert shelf.describe(described["cuda:1"], AppWish()).app.base_image == "cuda:1"
    with pytest.raises(ConfigurationError, match="evil:1"):
        shelf.describe(described["evil:1"], AppWish())
