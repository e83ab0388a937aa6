"""What is left of builds: images that nobody names are removed in the end, and no image tells where packages come from."""

import io
from dataclasses import replace

import pytest

from synapse_agent.engines.docker import builds, connection
from synapse_agent.engines.docker.protocol import BuildOrder, Image, ImageBuildError
from synapse_agent.services.containers import keeper
from synapse_agent.services.containers.keeper import KEPT_IMAGES, unneeded_images
from tests.agent.stage import until
from tests.playground import apps
from tests.playground.scene import write_release
from tests.playground.test_idle import ROW

# One range of ports is for all of them.
pytestmark = [pytest.mark.xdist_group("playground")]
# Nobody resolves it, so a build that uses it fails, and one that ignores it does not.
SECRET = "http://someone:password-of-the-index@index.invalid/simple"


def test_images_that_no_record_names_go_but_for_the_newest():
    images = [Image(f"sha-{n}", {}, (f"plugin-{n}:latest",), float(n)) for n in range(30)]
    untagged = [Image("sha-old", {}, (), -1.0)]
    rows = [replace(ROW, image="plugin-3"), replace(ROW, image="plugin-29")]
    gone = {image.id for image in unneeded_images([*images, *untagged], rows)}
    assert gone == {f"sha-{n}" for n in range(29 - KEPT_IMAGES) if n != 3} | {"sha-old"}
    assert unneeded_images([], rows) == []


def test_an_image_is_removed_when_it_is_of_no_use_any_more(host, code, tmp_path, monkeypatch):
    monkeypatch.setattr(keeper, "KEPT_IMAGES", 0)
    monkeypatch.setattr(keeper, "PRUNE_SECONDS", 0.0)
    with host.client() as client:
        made = client.create_container(plugin_file=write_release(tmp_path, code=code, app=apps.ECHO))
        other = client.create_container(plugin_file=write_release(tmp_path, code=f"{code}-other", app=apps.ECHO))
        assert host.engine.find_image(made["image"]) is not None
        client.delete_container(made["record"])
        until(lambda: host.engine.find_image(made["image"]) is None)
        # What somebody names stays, running or not.
        client.update_container(other["id"], status="stopped")
        assert host.engine.find_image(other["image"]) is not None
        assert client.create_container(f"{code}-other@1.0.0")["restarted"]


class FullDisk:
    """An engine as it speaks when its disk is full: before the first step, and in one."""

    def __init__(self, *events):
        self.events = events

    def build(self, **_options):
        yield from self.events


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([{"error": "Error processing tar file: write /weights.bin: no space left on device"}], "Error processing tar"),
        (
            [
                {"stream": "Step 4/6 : RUN uv pip install\n"},
                {"stream": "OSError: No space left on device\n"},
                {"error": "1"},
            ],
            "The step `RUN uv pip install` failed.\nOSError: No space",
        ),
    ],
)
def test_a_full_disk_is_told_with_what_to_do(events, expected):
    order = BuildOrder("x", io.BytesIO, "Dockerfile", {}, {}, 1, 60)
    with pytest.raises(ImageBuildError) as failed:
        builds.build(FullDisk(*events), order, None, lambda _line: None)
    assert str(failed.value).startswith(expected)
    assert str(failed.value).endswith(connection.FULL)


class Pruned:
    """An engine that loses layers of its first builds to somebody who removes images at the same moment."""

    def __init__(self, times):
        self.times = times

    def build(self, **_options):
        yield {"stream": "Step 1/1 : COPY . .\n"}
        if self.times:
            self.times -= 1
            yield {"error": "failed to export image: failed to set parent sha256:1: unknown parent image ID sha256:2"}


def test_a_build_whose_layers_somebody_removes_meanwhile_is_begun_anew():
    order, printed = BuildOrder("x", io.BytesIO, "Dockerfile", {}, {}, 1, 60), []
    builds.build(Pruned(2), order, None, printed.append)
    assert [line for line in printed if "begun anew" in line] == [line for line in printed if "Step" not in line]
    assert printed.count("Step 1/1 : COPY . .") == 3
    with pytest.raises(ImageBuildError, match="unknown parent image"):
        builds.build(Pruned(1000), order, None, lambda _line: None)


@pytest.mark.system
def test_where_packages_come_from_is_in_no_image(docker_host, code, tmp_path):
    docker_host.settings.index_url = SECRET
    # What is there already is not asked for.
    archive = write_release(tmp_path, code=code, app=apps.ECHO, requirements="pip\n")
    with docker_host.client() as client:
        made = client.create_container(plugin_file=archive)
        attrs = client.get_container(made["id"])["attrs"]
        with docker_host.engine._connection.api() as api:
            told = f"{api.history(made['image'])}{api.inspect_image(made['image'])}{attrs}"
        assert "index.invalid" not in told
        assert "unset FTP_PROXY" in told
        missing = write_release(tmp_path, code=f"{code}-2", app=apps.ECHO, requirements="no-such-package-here\n")
        log = client.create_container(plugin_file=missing, wait=False)["build_id"]
        until(lambda: client.get_build_status(log)["status"] == "failed")
        # It was asked, so it is what the build used.
        printed = "\n".join(client.stream_build_log(log))
        assert "index.invalid" in printed
        assert "password-of-the-index" not in printed
