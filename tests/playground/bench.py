"""Ratios of the playground, of one run on a real engine: `python -m tests.playground.bench [--rounds 3]`.

Against the seed's literal way (a plain Python base, `COPY . .`, `pip install -r`), and against the app's own import.
"""

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from synapse_agent.engines.docker.engine import DockerEngine
from synapse_agent.engines.docker.protocol import AGENT_LABEL, BuildOrder
from synapse_agent.services.containers.records import Wanted
from synapse_agent.services.containers.releases import AppWish
from synapse_agent.services.containers.workshop import BuildRun
from tests.playground.engines import BASE_IMAGE, docker_engine
from tests.playground.scene import APP, PlaygroundHost, write_release

ROOT_IMAGE = f"{BASE_IMAGE.partition(':')[0]}-root:host"
PLAIN_IMAGE, LITERAL_IMAGE = "synapse-bench-python", "synapse-bench-literal"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
PLAIN = f"""\
FROM {ROOT_IMAGE}
COPY ca.crt /etc/ssl/certs/ca-certificates.crt
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin PIP_CERT=/etc/ssl/certs/ca-certificates.crt HOME=/tmp
RUN python3 -m venv /opt/venv
WORKDIR /app
"""
LITERAL = f"FROM {PLAIN_IMAGE}\n\nCOPY . .\nRUN pip install --no-cache-dir -r requirements.txt\n"


def seconds(work: Callable[..., object], *arguments, **options) -> float:
    started = time.perf_counter()
    work(*arguments, **options)
    return time.perf_counter() - started


@contextmanager
def context_of(folder: Path, dockerfile: str) -> Iterator[Callable]:
    (folder / "Dockerfile").write_text(dockerfile)
    with tempfile.TemporaryDirectory() as place:
        tar = shutil.make_archive(f"{place}/context", "tar", folder)
        yield partial(Path(tar).open, "rb")


def build(engine: DockerEngine, tag: str, folder: Path, dockerfile: str) -> float:
    with context_of(folder, dockerfile) as context:
        order = BuildOrder(tag, context, "Dockerfile", {}, {}, 4 * 2**30, 900)
        return seconds(engine.build_image, order, lambda _line: None)


def build_plain(engine: DockerEngine, folder: Path) -> None:
    base = folder / "plain"
    base.mkdir()
    shutil.copyfile(CERTIFICATES, base / "ca.crt")
    build(engine, PLAIN_IMAGE, base, PLAIN)


def build_literally(engine: DockerEngine, folder: Path) -> float:
    release = folder / f"literal-{uuid.uuid4().hex}"
    (release / "plugin").mkdir(parents=True)
    # Something new, or the engine's cache would answer.
    (release / "plugin" / "gradio_interface.py").write_text(APP + f"\n# {uuid.uuid4()}\n")
    (release / "requirements.txt").write_text("gradio\n")
    return build(engine, LITERAL_IMAGE, release, LITERAL)


def build_ours(host: PlaygroundHost, archive: Path) -> float:
    """Only the build: the image of a release, as a create makes it."""
    bench = host.playground._bench
    with archive.open("rb") as content:
        release = host.playground.shelf.describe(host.playground.shelf.take(content), AppWish())
    row = bench.store.want(
        Wanted(release.plugin_release, None, checksum=release.checksum, image=release.image, app=release.app)
    )
    build, _ = bench.store.begin_build(row.id)
    host.tags.add(row.image)
    took = seconds(lambda: BuildRun(bench, build)._build_image(row))
    bench.store.delete(row.id)
    return took


def measure(engine: DockerEngine, folder: Path, rounds: int) -> dict[str, float]:
    host = PlaygroundHost(folder / "agent", engine, gradio_container_base_image=BASE_IMAGE)
    build_plain(engine, folder)
    found: dict[str, list[float]] = {}

    def note(name: str, took: float) -> None:
        sys.stderr.write(f"{name}: {took:.3f} s\n")
        found.setdefault(name, []).append(took)

    with host.client() as client:
        for number in range(rounds):
            if number == 0:
                note("literal build", build_literally(engine, folder))
            code = f"bench-{uuid.uuid4().hex[:8]}"
            note("first build, packages cached", build_ours(host, write_release(folder / "r", code=code)))
            changed = write_release(folder / "r", code=code, app=APP + "\n# changed\n")
            note("source-only change", build_ours(host, changed))
            note("create to answer, image there", seconds(client.create_container, plugin_file=changed))
            (container,) = client.list_containers({"plugin_release": f"{code}@1.0.0"})["results"]
            note("the app's own import", import_seconds(engine, container["id"]))
            for _ in range(5):
                note("second call, running", seconds(client.create_container, f"{code}@1.0.0"))
            client.update_container(container["id"], status="paused")
            note("second call, paused", seconds(client.create_container, f"{code}@1.0.0"))
            client.delete_container(container["id"])
    for found_container in engine.find_labelled({AGENT_LABEL: host.mark}):
        engine.remove(found_container.id)
    for tag in (*host.tags, LITERAL_IMAGE, PLAIN_IMAGE):
        if image := engine.find_image(tag):
            engine.forget_image(image.id)
    return {name: statistics.median(values) for name, values in found.items()}


def import_seconds(engine: DockerEngine, container_id: str) -> float:
    """A second process in the same container, so within the same limits."""
    with engine._connection.api() as api:
        call = api.exec_create(container_id, ["python", "-c", "import gradio"])
        return seconds(lambda: api.exec_start(call["Id"]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with docker_engine() as engine, tempfile.TemporaryDirectory() as folder:
        median = measure(engine, Path(folder), options.rounds)
    literal, own = median["literal build"], median["the app's own import"]
    ratios = {
        "first build / literal build (goal 1/20)": f"1/{literal / median['first build, packages cached']:.0f}",
        "source-only change / literal build (goal 1/50)": f"1/{literal / median['source-only change']:.0f}",
        "create to answer / the app's own import (goal 1.2)": f"{median['create to answer, image there'] / own:.2f}",
        "second call, running (goal 50 ms)": f"{1000 * median['second call, running']:.0f} ms",
        "second call, paused (goal 200 ms)": f"{1000 * median['second call, paused']:.0f} ms",
    }
    sys.stdout.write(json.dumps({"medians_seconds": median, "ratios": ratios}, indent=2) + "\n")


if __name__ == "__main__":
    main()
