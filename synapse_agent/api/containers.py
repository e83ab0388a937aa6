"""Playground containers: made, listed, changed, removed, and what they print."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus
from typing import Annotated, Any

import pydantic
from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from starlette.datastructures import FormData, UploadFile
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse

from synapse_agent.services.containers.playground import Made, Playground
from synapse_agent.services.containers.wishes import make_container
from synapse_sdk.exceptions import NotFoundError, ValidationError
from synapse_sdk.wire.containers import BuildAnswer, BuildRecord, ContainerCreate, ContainerPatch, ContainerRecord
from synapse_sdk.wire.pages import NumberedPage

router = APIRouter()
MAX_PAGE_SIZE = 200
LOOK_SECONDS = 0.2
# A stream that says nothing is taken for broken; a comment is something.
HEARTBEAT_SECONDS = 10.0
TAIL_LINES = 1000
_PAGING = {"page", "page_size"}
_LISTS = {"labels"}


def playground_of(request: Request) -> Playground:
    playground: Playground = request.app.state.playground
    return playground


Containers = Annotated[Playground, Depends(playground_of)]


@router.post("/containers/", status_code=HTTPStatus.CREATED, response_model=None)
async def create_container(request: Request, playground: Containers) -> Response:
    """Make a container, or restart the one that is there; 202 with a build where that takes longer than an answer may.

    The body is JSON, or a form with the release's archive as `file`, where objects are JSON text.
    """
    if request.headers.get("content-type", "").startswith("multipart/"):
        async with request.form(max_files=1) as form:
            upload = form.get("file")
            if not isinstance(upload, UploadFile):
                raise HTTPException(400, "The form has no file.")
            body = _parsed(_form_fields(form))
            made = await asyncio.to_thread(make_container, playground, body, upload.file)
    else:
        body = _parsed(await request.body())
        made = await asyncio.to_thread(make_container, playground, body, None)
    return _answer(request, made)


@router.get("/containers/")
def list_containers(
    request: Request,
    playground: Containers,
    page: Annotated[int, Query(ge=1)] = 1,
    page_size: Annotated[int, Query(ge=1, le=MAX_PAGE_SIZE)] = 100,
) -> NumberedPage[ContainerRecord]:
    """Containers, newest first."""
    given = request.query_params
    wishes = {name: _several(given.getlist(name)) for name in given if name not in _PAGING}
    found = playground.find_all(wishes)
    first = (page - 1) * page_size
    is_last = first + page_size >= len(found)
    return NumberedPage(
        count=len(found),
        next=None if is_last else str(request.url.include_query_params(page=page + 1)),
        previous=None if page == 1 else str(request.url.include_query_params(page=page - 1)),
        results=found[first : first + page_size],
    )


@router.get("/containers/{container_id}/")
def get_container(playground: Containers, container_id: str) -> ContainerRecord:
    """One container, with all that the engine knows of it."""
    return playground.get(container_id)


@router.patch("/containers/{container_id}/", response_model=None)
def change_container(request: Request, playground: Containers, container_id: str, body: ContainerPatch) -> Response:
    """Start, restart, pause or stop a container."""
    return _answer(request, playground.change(container_id, body.status))


@router.delete("/containers/{container_id}/", status_code=HTTPStatus.NO_CONTENT)
def delete_container(playground: Containers, container_id: str) -> None:
    """Stop a container and remove it."""
    playground.delete(container_id)


@router.get("/containers/{container_id}/logs/", response_class=PlainTextResponse)
def get_logs(
    playground: Containers, container_id: str, tail: Annotated[int, Query(ge=1, le=100_000)] = TAIL_LINES
) -> str:
    """What the app has printed lately."""
    return "".join(f"{text}\n" for _, text in playground.read_log(container_id, tail))


@router.get("/containers/{container_id}/logs/stream/", response_class=StreamingResponse)
async def stream_logs(request: Request, playground: Containers, container_id: str) -> StreamingResponse:
    """What the app prints, as server-sent events `{type, message, position}`; ends when the container is removed."""
    since = request.headers.get("last-event-id", "")
    await asyncio.to_thread(playground.read_log, container_id, 1)

    async def events() -> AsyncIterator[dict[str, Any] | None]:
        position = since
        while await asyncio.to_thread(playground.is_there, container_id):
            try:
                lines = await asyncio.to_thread(playground.read_log, container_id, TAIL_LINES, position)
            except NotFoundError:
                # It was removed since it was looked for.
                break
            for moment, text in lines:
                position = moment
                yield {"type": "log", "message": text, "position": moment}
            yield None
            await asyncio.sleep(LOOK_SECONDS)
        yield {"type": "complete", "message": "The container was removed.", "position": position}

    return _stream(request, events())


@router.get("/builds/{build_id}/")
def get_build(playground: Containers, build_id: str) -> BuildRecord:
    """How far a build is; its container, once it runs."""
    return playground.build(build_id)


@router.get("/builds/{build_id}/logs/stream/", response_class=StreamingResponse)
async def stream_build_log(request: Request, playground: Containers, build_id: str) -> StreamingResponse:
    """What a build prints, as server-sent events `{type, message, position}`; `complete` or `error` ends them."""
    first = request.headers.get("last-event-id", "0")
    build = await asyncio.to_thread(playground.build, build_id)

    async def events() -> AsyncIterator[dict[str, Any] | None]:
        position = int(first) if first.isdecimal() else 0
        while True:
            lines, is_over = await asyncio.to_thread(playground.read_build_log, build.id, position)
            for line in lines:
                position = line[0]
                yield {"type": "log", "message": line[1], "position": position}
            if is_over:
                ended = await asyncio.to_thread(playground.build, build.id)
                kind = "error" if ended.error else "complete"
                yield {"type": kind, "message": ended.error or ended.status.value, "position": position}
                return
            yield None
            await asyncio.sleep(LOOK_SECONDS)

    return _stream(request, events())


def _stream(request: Request, events: AsyncIterator[dict[str, Any] | None]) -> StreamingResponse:
    async def text() -> AsyncIterator[str]:
        silent = 0.0
        async for event in events:
            if await request.is_disconnected():
                return
            if event is not None:
                silent = 0.0
                yield f"id: {event['position']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n"
                continue
            silent += LOOK_SECONDS
            if silent >= HEARTBEAT_SECONDS:
                silent = 0.0
                yield ": still here\n\n"

    return StreamingResponse(text(), media_type="text/event-stream")


def _answer(request: Request, made: Made) -> Response:
    if made.build is None:
        assert made.record is not None
        content = made.record.model_dump(mode="json", exclude={"attrs"})
        return JSONResponse(content, HTTPStatus.OK)
    base = str(request.base_url)
    answer = BuildAnswer(
        build_id=made.build.id,
        status_url=f"{base}builds/{made.build.id}/",
        sse_url=f"{base}builds/{made.build.id}/logs/stream/",
    )
    return JSONResponse(answer.model_dump(mode="json"), HTTPStatus.ACCEPTED)


def _form_fields(form: FormData) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name in form:
        values = [value for value in form.getlist(name) if isinstance(value, str)]
        if name == "file" or not values:
            continue
        if name in _LISTS:
            fields[name] = values
        elif name in ContainerCreate.model_fields and _is_object(name):
            fields[name] = _json(name, values[0])
        else:
            fields[name] = values[0]
    return fields


def _is_object(name: str) -> bool:
    return name in {"params", "envs", "metadata"}


def _json(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as exc:
        raise HTTPException(400, f"{name} is not JSON: {exc}") from exc


def _parsed(content: bytes | Mapping[str, Any]) -> ContainerCreate:
    try:
        if isinstance(content, bytes):
            return ContainerCreate.model_validate_json(content)
        return ContainerCreate.model_validate(content)
    except pydantic.ValidationError as exc:
        problems = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in exc.errors()]
        raise ValidationError(400, "; ".join(problems)) from exc


def _several(values: list[str]) -> list[str]:
    # A repeated parameter names texts that may hold commas.
    return values if len(values) > 1 else values[0].split(",")
