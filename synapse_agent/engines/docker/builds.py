"""Image builds through the Docker API: the stream of a build becomes lines, and its failure one message."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import requests
from docker import errors

from synapse_agent.engines.docker.connection import with_advice
from synapse_agent.engines.docker.protocol import BuildOrder, EngineAwayError, ImageBuildError

# What a failed step printed last is what people need to see.
KEPT_LINES = 30
_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
# The engine's own words about layers and containers tell a plugin's author nothing.
_NOISE = re.compile(r"^(?: ---> |Removing intermediate container|Successfully (?:built|tagged)|\[Warning\] )")
_GONE = re.compile(r"unknown parent image ID|No such image: sha256:|layer does not exist|unrecognized image ID")
# Each takes somebody who removes an image at that very moment.
MAX_BEGINNINGS = 4
_STEP = re.compile(r"^(?:Step \d+/\d+ :|STEP \d+/\d+:)")


class _LayerGoneError(ImageBuildError):
    """Somebody removed an image, and with it layers that the engine had found for this one."""


def build(api: Any, order: BuildOrder, network: str | None, write: Callable[[str], None]) -> None:
    """Build an image.

    Raises:
        ImageBuildError: A step failed, or it took too long.
        EngineAwayError: The engine went away.
    """
    for _ in range(MAX_BEGINNINGS - 1):
        try:
            return _build_once(api, order, network, write)
        except _LayerGoneError:
            # The engine finds a layer and uses it later; another agent's removal may come in between.
            write("Layers that were to be used again have been removed meanwhile; begun anew.")
    return _build_once(api, order, network, write)


def _build_once(api: Any, order: BuildOrder, network: str | None, write: Callable[[str], None]) -> None:
    deadline = time.monotonic() + order.seconds
    step = _Step(write)
    with order.context() as context:
        try:
            events = api.build(
                fileobj=context,
                custom_context=True,
                dockerfile=order.dockerfile,
                tag=order.tag,
                labels=dict(order.labels),
                buildargs=dict(order.arguments),
                container_limits={"memory": order.memory_bytes, "memswap": order.memory_bytes},
                network_mode=network,
                rm=True,
                forcerm=True,
                decode=True,
            )
            for text in _texts(events, step):
                step.take(text)
                if time.monotonic() > deadline:
                    raise ImageBuildError(_too_long(order, step))
        except requests.exceptions.ReadTimeout as exc:
            raise ImageBuildError(_too_long(order, step)) from exc
        except errors.APIError as exc:
            raise ImageBuildError(with_advice(str(exc.explanation or exc))) from exc
        except (requests.RequestException, errors.DockerException, OSError) as exc:
            raise EngineAwayError(f"The container engine went away during the build ({type(exc).__name__}).") from exc
    step.finish()


class _Step:
    """Gathers a build's output into lines, and keeps the last ones of the step that runs."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write, self._open = write, ""
        self.name = ""
        self.lines: deque[str] = deque(maxlen=KEPT_LINES)

    def take(self, text: str) -> None:
        *whole, self._open = (self._open + text).replace("\r\n", "\n").replace("\r", "\n").split("\n")
        for line in whole:
            self._take_line(line)

    def finish(self) -> None:
        if self._open:
            self._take_line(self._open)
            self._open = ""

    def _take_line(self, line: str) -> None:
        clean = _COLOURS.sub("", line).rstrip()
        if not clean or _NOISE.match(clean):
            return
        if _STEP.match(clean):
            self.name = clean.partition(":")[2].strip()
            self.lines.clear()
        else:
            self.lines.append(clean)
        self._write(clean)


def _texts(events: Iterator[Mapping[str, Any]], step: _Step) -> Iterator[str]:
    for event in events:
        if "error" in event:
            step.finish()
            printed = "\n".join(step.lines)
            reason = str(event["error"]).strip()
            if _GONE.search(reason):
                raise _LayerGoneError(reason)
            failed = f"The step `{step.name}` failed.\n{printed or reason}" if step.name else reason
            raise ImageBuildError(with_advice(failed))
        yield str(event.get("stream", ""))


def _too_long(order: BuildOrder, step: _Step) -> str:
    return f"The build did not end in {order.seconds:g} s; it was at `{step.name}`."
