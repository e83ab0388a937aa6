"""The engines that the tests run on: Docker where one answers, and plain processes."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from synapse_agent.engines.docker.engine import DockerEngine
from synapse_agent.engines.docker.protocol import AGENT_LABEL, IMAGE_LABEL, EngineAwayError
from tests.engines.needed import EngineMissingError

BASE_IMAGE = os.environ.get("SYNAPSE_TEST_BASE_IMAGE", "synapse-playground-base:1")


@contextmanager
def docker_engine() -> Iterator[DockerEngine]:
    """Docker or Podman with a base image.

    Raises:
        EngineMissingError: There is none; says how to get one.
    """
    engine = DockerEngine(os.environ.get("SYNAPSE_TEST_ENGINE_URL"))
    try:
        engine.describe()
        if engine.find_image(BASE_IMAGE) is None:
            raise EngineMissingError(f"no image {BASE_IMAGE}: docker/build-base.sh makes it")
        yield engine
    except EngineAwayError as exc:
        raise EngineMissingError(f"no container engine answers: {exc}") from exc
    finally:
        engine.close()


def remove_all_of(engine: DockerEngine, mark: str) -> None:
    """Remove what an agent has made on an engine: its containers, and then every image that it built."""
    for found in engine.find_labelled({AGENT_LABEL: mark}):
        engine.remove(found.id)
    for image in engine.list_images({IMAGE_LABEL: mark}):
        engine.forget_image(image.id)


def unique_code() -> str:
    """A plugin of one test: images are the engine's, which tests share."""
    return f"plugin-{uuid.uuid4().hex[:8]}"
