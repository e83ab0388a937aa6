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
from synapse_agent.services.containers.readiness import wait_until_ready
from synapse_agent.services.containers.records import Wanted
from synapse_agent.services.containers.releases import AppWish
from synapse_agent.services.containers.workshop import BuildRun
from synapse_sdk.clients.agent import AgentClient
from tests.agent.stage import until
from tests.bench.goals import Goal, print_goals
from tests.engines.needed import EngineMissingError
from tests.playground.engines import BASE_IMAGE, docker_engine
from tests.playground.scene import APP, PlaygroundHost, write_release

ROOT_IMAGE = f"{BASE_IMAGE.partition(':')[0]}-root:host"
PLAIN_IMAGE, LITERAL_IMAGE = "synapse-bench-python", "synapse-bench-literal"
PLAIN_PORT = 8861
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
    is_literal = engine.find_image(ROOT_IMAGE) is not None
    if is_literal:
        build_plain(engine, folder)
    else:
        sys.stderr.write(f"Skipped: the literal build; no image {ROOT_IMAGE}: docker/build-base.sh --host --force\n")
    found: dict[str, list[float]] = {}

    def note(name: str, took: float) -> None:
        sys.stderr.write(f"{name}: {took:.3f} s\n")
        found.setdefault(name, []).append(took)

    with host.client() as client:
        for number in range(rounds):
            if number == 0 and is_literal:
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
            note("docker run to answer, the same image", run_plainly(engine, container["image"]))
            note("create to answer, from the pool", create_from_pool(host, client, folder / "r"))
            client.delete_container(container["id"])
    for found_container in engine.find_labelled({AGENT_LABEL: host.mark}):
        engine.remove(found_container.id)
    for tag in (*host.tags, LITERAL_IMAGE, PLAIN_IMAGE):
        if image := engine.find_image(tag):
            engine.forget_image(image.id)
    return {name: statistics.median(values) for name, values in found.items()}


def create_from_pool(host: PlaygroundHost, client: AgentClient, folder: Path) -> float:
    """A release that was never here before, but for its image."""
    host.settings.warm_pool = 1
    store = host.playground._bench.store
    archive = write_release(folder, code=f"bench-{uuid.uuid4().hex[:8]}")
    build_ours(host, archive)
    until(lambda: any(warm.is_ready for warm in store.all_warm()), 120)
    took = seconds(client.create_container, plugin_file=archive)
    assert store.all()[0].adopted, "the pool was not asked"
    client.delete_container(store.all()[0].id)
    host.settings.warm_pool = 0
    until(lambda: not store.all_warm(), 60)
    return took


def run_plainly(engine: DockerEngine, image: str) -> float:
    """`docker run` of a release's image, without limits and records, until its app answers."""
    with engine._connection.api() as api:
        started = time.perf_counter()
        config = api.create_host_config(port_bindings={7860: ("127.0.0.1", PLAIN_PORT)})
        env = {"GRADIO_SERVER_NAME": "0.0.0.0", "GRADIO_ANALYTICS_ENABLED": "False", "PLUGIN_PARAMS": "{}"}
        made = api.create_container(image, environment=env, ports=[7860], host_config=config)
        try:
            api.start(made["Id"])
            url = f"http://127.0.0.1:{PLAIN_PORT}"
            wait_until_ready(engine, made["Id"], url, seconds=120, is_wanted=lambda: True)
            return time.perf_counter() - started
        finally:
            engine.remove(made["Id"])


def import_seconds(engine: DockerEngine, container_id: str) -> float:
    """A second process in the same container, so within the same limits."""
    with engine._connection.api() as api:
        call = api.exec_create(container_id, ["python", "-c", "import gradio"])
        return seconds(lambda: api.exec_start(call["Id"]))


def goals(median: dict[str, float]) -> Iterator[Goal]:
    """What is promised of the playground, beside what was measured."""
    own = median["the app's own import"]
    create, plain = median["create to answer, image there"], median["docker run to answer, the same image"]
    pooled = median["create to answer, from the pool"]
    if "literal build" in median:
        literal = median["literal build"]
        first, changed = median["first build, packages cached"], median["source-only change"]
        yield Goal("first build of a plugin against the literal build", first / literal, 1 / 20)
        yield Goal("source-only change against the literal build", changed / literal, 1 / 50)
    yield Goal("create to answering app against the app's own import", create / own, 1.2)
    yield Goal("the same against `docker run` of the same image", create / plain, None)
    yield Goal("create to answering app, from the pool", pooled, 1.0, "s")
    yield Goal("second call for a running pair", median["second call, running"], 0.05, "s")
    yield Goal("second call for a paused pair", median["second call, paused"], 0.2, "s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    try:
        with docker_engine() as engine, tempfile.TemporaryDirectory() as folder:
            median = measure(engine, Path(folder), options.rounds)
    except EngineMissingError as exc:
        sys.stdout.write(f"Skipped: {exc}\n")
        return
    sys.stderr.write(json.dumps(median, indent=2) + "\n")
    found = list(goals(median))
    print_goals(found)
    sys.exit(any(goal.is_met is False for goal in found))


if __name__ == "__main__":
    main()
