"""The base of what is served: loads models, answers requests; the same class on every engine."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from synapse_sdk.exceptions import ConfigurationError
from synapse_sdk.plugins.action import BaseAction
from synapse_sdk.plugins.actions.inference.model_store import FOLDER_VARIABLE, fetch_model
from synapse_sdk.plugins.actions.inference.model_token import HEADER, KEY_VARIABLE, current_token, read_model
from synapse_sdk.plugins.actions.inference.routes import resolve_app_name
from synapse_sdk.utils.auth import read_env
from synapse_sdk.utils.validation import validate_params


class InferParams(BaseModel):
    """What `infer_remote` is asked.

    Attributes:
        model: Id of the model to answer with; None when the application needs none.
        method: HTTP method of the route.
        path: Route below the application's prefix.
        json: Body of the request.
    """

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    model: int | str | None = None
    method: Literal["get", "post", "put", "patch", "delete"] = "post"
    path: str = "/"
    body: Any = Field(default_factory=dict, alias="json")


class BaseServeDeployment(BaseAction[InferParams]):
    """A model behind HTTP.

    Subclasses load a model in `_get_model` and answer in `infer`. Without `app`, `POST /` calls `infer` with the keys
    of the JSON body. With `app`, a FastAPI application of the plugin, methods decorated with `@app.post("/")` answer.

    An instance lives in each replica. Calls come concurrently; what blocks (a model that computes) blocks its replica,
    so that one replica computes one thing at a time. `check_health`, when there is one, is asked every few seconds.

    Attributes:
        app: FastAPI (or other ASGI) application; None for the plain route.
        max_models: Models that one replica keeps loaded; the one that was used longest ago goes first.

    Args:
        backend_url: Address of the server.
    """

    action_name: ClassVar[str | None] = "inference"
    app: ClassVar[Any] = None
    max_models: ClassVar[int] = 3

    def __init__(self, backend_url: str = "") -> None:
        self.backend_url = backend_url
        self._models: OrderedDict[str, asyncio.Future[Any]] = OrderedDict()

    @abstractmethod
    async def _get_model(self, model_info: dict[str, Any]) -> Any:
        """Load a model.

        Args:
            model_info: Its facts on the server (`id`, `name`, `version`, `metadata`), and `path`, the folder of its
                files.
        """

    @abstractmethod
    async def infer(self, *args: Any, **kwargs: Any) -> Any:
        """Answer one request, as JSON."""

    async def get_model(self) -> Any:
        """The model that the current request chose; loaded at its first use, once however many requests wait for it.

        Raises:
            ConfigurationError: The request chose none, or its choice was not signed for this application.
            ClientError: The weights could not be fetched.
            StorageError: They are not what the server announced.
        """
        info = self._chosen_model()
        key = f"{info.get('id')}:{info.get('sha256') or info.get('version')}"
        loading = self._models.get(key)
        if loading is None or (loading.done() and (loading.cancelled() or loading.exception() is not None)):
            loading = asyncio.ensure_future(self._load(info))
            self._models[key] = loading
            while len(self._models) > self.max_models:
                self._models.popitem(last=False)
        self._models.move_to_end(key)
        # A caller who gives up must not take the model from the others.
        return await asyncio.shield(loading)

    def execute(self) -> None:
        """Nothing: a deployment answers through `infer`."""

    @classmethod
    def dispatch(cls, params: Mapping[str, Any], ctx: Any) -> Any:
        """Run as an action: ask the application that is running."""
        return cls.infer_remote(params, ctx)

    @classmethod
    def infer_remote(cls, params: Mapping[str, Any], ctx: Any) -> Any:
        """Ask this release's running application.

        Args:
            params: `{model, method, json}`; see `InferParams`.
            ctx: The run, with the clients of its agent and, when a model is named, of the server.

        Returns:
            Its answer, decoded.

        Raises:
            ConfigurationError: There is no agent to ask, or nothing says which release this is.
            NotFoundError: The application is not deployed, or there is no such model.
            ClientError: It could not be reached, or answered with an error.
        """
        request = validate_params(InferParams, params)
        if ctx.agent_client is None:
            raise ConfigurationError("There is no agent to ask: run this action on an agent, or set one up.")
        find = None
        if request.model is not None:
            find = (str(request.model), partial(_model_info, ctx, request.model))
        name = resolve_app_name(_env_of(ctx))
        return ctx.agent_client.infer_serve_application(
            name, find_model=find, method=request.method, path=request.path, json=request.body
        )

    async def _load(self, info: dict[str, Any]) -> Any:
        folder = read_env().get(FOLDER_VARIABLE)
        path = await asyncio.to_thread(fetch_model, info, Path(folder) if folder else None)
        return await self._get_model({**info, "path": path})

    def _chosen_model(self) -> dict[str, Any]:
        token, key = current_token.get(), read_env().get(KEY_VARIABLE)
        if not token:
            raise ConfigurationError(f"The request chose no model: send the header {HEADER}.")
        if not key:
            raise ConfigurationError(f"This replica cannot check the header {HEADER}: {KEY_VARIABLE} is not set.")
        return read_model(token, key)


def _model_info(ctx: Any, model_id: int | str) -> dict[str, Any]:
    if ctx.client is None:
        raise ConfigurationError("A model can be named only with a server: log in, or leave the model out.")
    info: dict[str, Any] = ctx.client.get_model(model_id)
    return info


def _env_of(ctx: Any) -> dict[str, str]:
    return {**read_env(), **{key: str(value) for key, value in ctx.env.to_dict().items()}}
