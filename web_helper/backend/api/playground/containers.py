"""Playground containers of all agents: made, listed, watched, removed."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Query, Request, Response
from starlette.responses import PlainTextResponse

from synapse_sdk.wire.containers import ContainerStatus, ContainerWish
from synapse_sdk.wire.pages import Envelope
from synapse_sdk.wire.playground import (
    PlaygroundBuild,
    PlaygroundContainer,
    PlaygroundCreate,
    PlaygroundHost,
    PlaygroundList,
    PlaygroundListMeta,
    PlaygroundLogLine,
    PlaygroundMade,
)
from web_helper.backend.api.context import ReadingActor, WritingActor
from web_helper.backend.api.playground.reaching import Hosts, OneBuild, OneContainer, Playground, stream_of_agent
from web_helper.backend.api.resource import create_router
from web_helper.backend.core.problems import ValidationProblem
from web_helper.backend.services.playground.asking import own_path
from web_helper.backend.services.playground.hosts import Host

router = create_router("playground")
_PREFIX = "/v2/playground-containers/"
_BUILDS = "/v2/playground-builds/"
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events; go on behind the last one with its id in `Last-Event-ID`.",
        "content": {"text/event-stream": {"schema": PlaygroundLogLine.model_json_schema()}},
    }
}

_ARCHIVE = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary", "description": "The plugin's archive."},
                        "model": {"type": "integer"},
                        "params": {"type": "string", "description": "JSON of an object."},
                        "envs": {"type": "string", "description": "JSON of an object."},
                        "labels": {"type": "array", "items": {"type": "string"}},
                    },
                }
            }
        },
    }
}
_FILTERS = {"status", "plugin_release", "model", "label", "search"}


@router.get("/v2/playground-hosts/", operation_id="v2_playground_hosts_list")
async def list_hosts(
    request: Request, _actor: ReadingActor, hosts: Hosts, playground: Playground
) -> Envelope[list[PlaygroundHost]]:
    """The agents, and whether they can make containers; `problem` says what to do where one cannot."""
    found = await asyncio.gather(*map(playground.describe, hosts))
    return Envelope[list[PlaygroundHost]].model_validate(_envelope(request, list(found)))


@router.get(_PREFIX, operation_id="v2_playground_containers_list")
async def list_containers(
    request: Request,
    _actor: ReadingActor,
    hosts: Hosts,
    playground: Playground,
    *,
    status: Annotated[list[ContainerStatus] | None, Query(description="Any of these.")] = None,
    plugin_release: Annotated[list[str] | None, Query(description="`code@version`, any of these.")] = None,
    model: Annotated[list[int] | None, Query(description="Of any of these models.")] = None,
    label: Annotated[list[str] | None, Query(description="With any of these labels.")] = None,
    search: Annotated[str | None, Query(description="Part of the release, the name or a label.")] = None,
) -> PlaygroundList:
    """Containers of all agents, newest first; `unreachable` names agents whose containers are missing."""
    for name in set(request.query_params) - _FILTERS:
        raise ValidationProblem.of_field(name, f"there is no such filter; allowed: {', '.join(sorted(_FILTERS))}.")
    given = {"plugin_release": plugin_release, "label": label, "search": [search] if search else None}
    given |= {"status": [each.value for each in status or ()], "model": [str(each) for each in model or ()]}
    found = await playground.find_all(hosts, {name: values for name, values in given.items() if values})
    meta = PlaygroundListMeta(request_id=request.state.request_id, unreachable=found.unreachable)
    return PlaygroundList(data=found.containers, meta=meta)


@router.post(_PREFIX, operation_id="v2_playground_containers_create")
async def create_container(
    request: Request,
    response: Response,
    _actor: WritingActor,
    playground: Playground,
    hosts: Hosts,
    body: PlaygroundCreate,
) -> Envelope[PlaygroundMade]:
    """Make a container of a release, or start the one that is there; 202 with a build where that takes a while."""
    host = _named(hosts, body.agent) or await playground.choose(hosts, body.plugin_release, body.model)
    return _made(request, response, await playground.create(host, body))


@router.post(f"{_PREFIX}upload/", operation_id="v2_playground_containers_upload", openapi_extra=_ARCHIVE)
async def upload_container(
    request: Request,
    response: Response,
    _actor: WritingActor,
    playground: Playground,
    hosts: Hosts,
    agent: Annotated[int | None, Query(description="An agent; else the first that can.")] = None,
) -> Envelope[PlaygroundMade]:
    """Make a container of an archive, sent as a form's `file`; it is passed on to the agent as it comes."""
    content_type = request.headers.get("content-type", "")
    if not content_type.startswith("multipart/form-data"):
        raise ValidationProblem.of_field("file", "send the archive as a form (multipart/form-data).")
    host = _named(hosts, agent) or await playground.choose(hosts, None, None)
    return _made(request, response, await playground.upload(host, content_type, request.stream()))


@router.get(_PREFIX + "{container_id}/", operation_id="v2_playground_containers_read")
async def read_container(
    request: Request, _actor: ReadingActor, ref: OneContainer, playground: Playground
) -> Envelope[PlaygroundContainer]:
    """One container, with all that its engine knows of it (`attrs`)."""
    found = await playground.get(ref.host, ref.own)
    return Envelope[PlaygroundContainer].model_validate(_envelope(request, found))


@router.delete(
    _PREFIX + "{container_id}/", status_code=HTTPStatus.NO_CONTENT, operation_id="v2_playground_containers_delete"
)
async def delete_container(_actor: WritingActor, ref: OneContainer, playground: Playground) -> Response:
    """Stop a container and remove it."""
    await playground.delete(ref.host, ref.own)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _add_change(name: str, wish: ContainerWish, says: str) -> None:
    async def change(
        *,
        request: Request,
        response: Response,
        _actor: WritingActor,
        ref: OneContainer,
        playground: Playground,
    ) -> Envelope[PlaygroundMade]:
        return _made(request, response, await playground.change(ref.host, ref.own, wish))

    router.add_api_route(
        f"{_PREFIX}{{container_id}}/{name}/",
        change,
        methods=["POST"],
        operation_id=f"v2_playground_containers_{name}",
        description=says,
    )


_add_change("start", ContainerWish.RUNNING, "Let a container run that is stopped or paused.")
_add_change("restart", ContainerWish.RESTARTED, "Stop a container and start it again.")
_add_change(
    "pause", ContainerWish.PAUSED, "Freeze a container: it takes no CPU, keeps its memory, and goes on when asked."
)
_add_change("stop", ContainerWish.STOPPED, "Stop a container; starting it again takes seconds.")


@router.get(
    _PREFIX + "{container_id}/logs/", response_class=PlainTextResponse, operation_id="v2_playground_containers_log"
)
async def read_log(
    _actor: ReadingActor,
    ref: OneContainer,
    playground: Playground,
    tail: Annotated[int, Query(ge=1, le=100_000)] = 1000,
) -> str:
    """What the app has printed lately."""
    return await playground.read_log(ref.host, ref.own, tail)


@router.get(
    _PREFIX + "{container_id}/logs/stream/",
    response_class=Response,
    responses=_STREAM,
    operation_id="v2_playground_containers_follow",
)
async def follow_log(request: Request, actor: ReadingActor, ref: OneContainer, playground: Playground) -> Response:
    """What the app prints, as it comes; ends when the container is removed."""
    await playground.get(ref.host, ref.own)
    return stream_of_agent(request, actor, ref.host, own_path("containers", ref.own, "logs", "stream"))


@router.get(_BUILDS + "{build_id}/", operation_id="v2_playground_builds_read")
async def read_build(
    request: Request, _actor: ReadingActor, ref: OneBuild, playground: Playground
) -> Envelope[PlaygroundBuild]:
    """How far a build is; its container, once it runs; its error, once it has failed."""
    found = await playground.build(ref.host, ref.own)
    return Envelope[PlaygroundBuild].model_validate(_envelope(request, found))


@router.get(
    _BUILDS + "{build_id}/logs/stream/",
    response_class=Response,
    responses=_STREAM,
    operation_id="v2_playground_builds_follow",
)
async def follow_build(request: Request, actor: ReadingActor, ref: OneBuild, playground: Playground) -> Response:
    """What a build prints, as it comes; `complete` or `error` is the last event."""
    await playground.build(ref.host, ref.own)
    return stream_of_agent(request, actor, ref.host, own_path("builds", ref.own, "logs", "stream"))


def _named(hosts: list[Host], agent: int | None) -> Host | None:
    found = next((host for host in hosts if host.id == agent), None)
    if agent is not None and found is None:
        raise ValidationProblem.of_field("agent", f"there is no agent {agent}.")
    return found


def _made(request: Request, response: Response, made: PlaygroundMade) -> Envelope[PlaygroundMade]:
    response.status_code = HTTPStatus.OK if made.build is None else HTTPStatus.ACCEPTED
    return Envelope[PlaygroundMade].model_validate(_envelope(request, made))


def _envelope(request: Request, data: Any) -> dict[str, Any]:
    return {"data": data, "meta": {"request_id": request.state.request_id}}
