"""The engines that the tests run on: Docker where one answers, and plain processes."""

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from synapse_agent.engines.docker.connection import PING_SECONDS
from synapse_agent.engines.docker.engine import DockerEngine
from synapse_agent.engines.docker.protocol import AGENT_LABEL, IMAGE_LABEL, EngineAwayError
from tests.engines.needed import EngineMissingError

BASE_IMAGE = os.environ.get("SYNAPSE_TEST_BASE_IMAGE", "synapse-playground-base:1")

# What CI sets where it could start an engine: on some machines none can run.
REQUIRED = "SYNAPSE_REQUIRE_DOCKER"
BUSY_SECONDS = 60


@contextmanager
def docker_engine() -> Iterator[DockerEngine]:
    """Docker or Podman with a base image.

    Raises:
        EngineMissingError: There is none; says how to get one.
    """
    engine = DockerEngine(os.environ.get("SYNAPSE_TEST_ENGINE_URL"))
    try:
        _wait_while_busy(engine)
        if engine.find_image(BASE_IMAGE) is None:
            raise EngineMissingError(f"no image {BASE_IMAGE}: docker/build-base.sh makes it")
        yield engine
    except EngineAwayError as exc:
        raise EngineMissingError(f"no container engine answers: {exc}") from exc
    finally:
        engine.close()


def _wait_while_busy(engine: DockerEngine) -> None:
    """One that is not there says so at once; a busy one may answer later than an agent waits."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        asked = time.monotonic()
        try:
            engine.describe()
        except EngineAwayError:
            has_hung = time.monotonic() - asked >= PING_SECONDS
            if not has_hung or time.monotonic() > deadline:
                raise
        else:
            return


def remove_all_of(engine: DockerEngine, mark: str) -> None:
    """Remove what an agent has made on an engine: its containers, and then every image that it built."""
    for found in engine.find_labelled({AGENT_LABEL: mark}):
        engine.remove(found.id)
    for image in engine.list_images({IMAGE_LABEL: mark}):
        engine.forget_image(image.id)


def unique_code() -> str:
    """A plugin of one test: images are the engine's, which tests share."""
    return f"plugin-{uuid.uuid4().hex[:8]}"
