"""The action that puts a model behind HTTP: asks whether it fits, deploys, registers, waits until it answers."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from synapse_sdk.exceptions import ClientError, ConfigurationError, NotFoundError
from synapse_sdk.plugins.action import BaseAction
from synapse_sdk.plugins.actions.inference.context import DeploymentContext, DeploymentProgressCategories
from synapse_sdk.plugins.actions.inference.log_messages import DeploymentLogMessageCode
from synapse_sdk.plugins.actions.inference.routes import (
    CHECKSUM_VARIABLE,
    CODE_VARIABLE,
    resolve_app_name,
    resolve_route_prefix,
)
from synapse_sdk.plugins.actions.inference.serve import BaseServeDeployment
from synapse_sdk.plugins.enums import PluginCategory
from synapse_sdk.utils.auth import read_env
from synapse_sdk.utils.file.plugin_config import find_plugin_config, read_plugin_config
from synapse_sdk.wire.serve import ServeDeploy, ServeOptions, ServeResources, ServeStatus

if TYPE_CHECKING:
    from synapse_sdk.clients.backend import BackendClient

ARCHIVE_VARIABLE = "SYNAPSE_PLUGIN_RELEASE_SHA256"
POLL_SECONDS = 0.2
D = TypeVar("D", bound="BaseDeploymentParams")


class BaseDeploymentParams(BaseModel):
    """What a deployment is told; a plugin may add its own.

    Attributes:
        num_cpus: Cores of one replica.
        num_gpus: GPUs of one replica; below one, a share.
        num_replicas: Replicas; one when None.
        memory: Limit of one replica in bytes; none when None.
        max_ongoing_requests: Requests that one replica works on at once.
        wait: Whether the action ends only when the application runs, or has failed.
    """

    model_config = ConfigDict(extra="allow")

    num_cpus: float = Field(1.0, ge=0)
    num_gpus: float = Field(0.0, ge=0)
    num_replicas: int | None = Field(None, ge=1)
    memory: int | None = Field(None, gt=0)
    max_ongoing_requests: int | None = Field(None, ge=1)
    wait: bool = True


class BaseDeploymentAction(BaseAction[D]):
    """Deploys the release's `BaseServeDeployment` on the agent that runs this action.

    Attributes:
        entrypoint: The class to serve.
        progress: Names of its progress categories.
    """

    action_name: ClassVar[str | None] = "deployment"
    category: ClassVar[PluginCategory | None] = PluginCategory.NEURAL_NET
    params_model: ClassVar[type[BaseModel]] = BaseDeploymentParams
    progress = DeploymentProgressCategories()
    entrypoint: ClassVar[type[BaseServeDeployment] | None] = None

    @property
    def client(self) -> BackendClient | None:
        """The server's client; None when there are no credentials."""
        return self.ctx.client

    @property
    def agent_client(self) -> Any:
        """Client of the agent that runs this action.

        Raises:
            RuntimeError: There is none.
        """
        if self.ctx.agent_client is None:
            raise RuntimeError("A deployment needs an agent: run this action on one (mode remote).")
        return self.ctx.agent_client

    def execute(self) -> dict[str, Any]:
        """Deploy, register, and wait until the application runs.

        Raises:
            RuntimeError: It does not fit, the agent cannot be reached, or the application failed.
        """
        self.set_progress(0, 1, self.progress.INITIALIZE)
        self.ray_init()
        self.set_progress(1, 1, self.progress.INITIALIZE)
        self.set_progress(0, 1, self.progress.DEPLOY)
        self.deploy()
        self.set_progress(1, 1, self.progress.DEPLOY)
        registered = self.register_serve_application()
        self.set_progress(1, 1, self.progress.REGISTER)
        if self.params.wait:
            self.wait_until_running()
        return {
            "name": self.get_serve_app_name(),
            "route_prefix": self.get_route_prefix(),
            "serve_application": registered,
        }

    def ray_init(self, **_: Any) -> None:
        """Connect to the cluster, where the engine needs that: embedded serving does not."""

    def deploy(self) -> None:
        """Have the agent serve `entrypoint`; capacity is asked for once, right before.

        Raises:
            RuntimeError: It does not fit, or the agent cannot be reached.
            ConfigurationError: There is no `entrypoint`, or nothing says which release this is.
        """
        options, actor_options = self.get_serve_options(), self.get_ray_actor_options()
        name = self.get_serve_app_name()
        self.log_message(
            DeploymentLogMessageCode.DEPLOYMENT_STARTED, name=name, replicas=options.get("num_replicas", 1)
        )
        request = self._request(actor_options, options)
        self._check_serve_capacity(actor_options, options)
        self.agent_client.deploy_serve_application(request)
        self.log_message(DeploymentLogMessageCode.DEPLOYMENT_ACCEPTED, name=name)

    def register_serve_application(self) -> int | None:
        """Tell the server of the application; the agent keeps its state true there from now on.

        Returns:
            Its id on the server; None where there is no server, or the release is not published on it.
        """
        if self.client is None:
            return None
        name = self.get_serve_app_name()
        try:
            release = self.client.get_plugin_release(name)
        except NotFoundError:
            self.log_message(DeploymentLogMessageCode.DEPLOYMENT_UNPUBLISHED, name=name)
            return None
        answer = self.client.create_serve_application(
            {
                "name": name,
                "plugin_release": release["id"],
                "action": BaseServeDeployment.action_name,
                "params": self.params.model_dump(mode="json", exclude_none=True),
                "num_replicas": self.params.num_replicas or 1,
                **({"job": self.ctx.job_id} if self.ctx.job_id else {}),
            }
        )
        self.log_message(DeploymentLogMessageCode.DEPLOYMENT_REGISTERED, name=name)
        return int(answer["id"])

    def wait_until_running(self) -> None:
        """Wait until the application answers.

        Raises:
            RuntimeError: It failed, or did not start in time.
        """
        name = self.get_serve_app_name()
        deadline = time.monotonic() + ServeOptions(**self.get_serve_options()).start_timeout_s
        while True:
            state = self.agent_client.get_serve_application(name)
            status = ServeStatus(state["status"])
            if status is ServeStatus.RUNNING:
                return
            if status.is_failure:
                raise RuntimeError(f"{name} was not deployed ({status}): {state['message']}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"{name} was not deployed: it is still {status}")
            time.sleep(POLL_SECONDS)

    def get_serve_app_name(self) -> str:
        """`code@version` of the release."""
        return resolve_app_name(self._env())

    def get_route_prefix(self) -> str:
        """`/{checksum}`: the MD5 of the application's name, unless the environment names another."""
        return resolve_route_prefix(self._env())

    def get_ray_actor_options(self) -> dict[str, Any]:
        """What one replica needs: `num_cpus`, `num_gpus`, and `memory` where there is a limit."""
        options: dict[str, Any] = {"num_cpus": self.params.num_cpus, "num_gpus": self.params.num_gpus}
        return options if self.params.memory is None else {**options, "memory": self.params.memory}

    def get_serve_options(self) -> dict[str, Any]:
        """How it is served: `num_replicas`, `max_ongoing_requests` and other fields of `ServeOptions`."""
        options = {
            "num_replicas": self.params.num_replicas or 1,
            "max_ongoing_requests": self.params.max_ongoing_requests,
        }
        return {key: value for key, value in options.items() if value is not None}

    def get_runtime_env(self) -> dict[str, Any]:
        """The plugin's `runtime_env`, and the variables that a replica is given. Never credentials."""
        config = _config_here()
        env = {key: str(value) for key, value in (config.get("env") or {}).items()}
        runtime_env = dict(config.get("runtime_env") or {})
        env.update({key: str(value) for key, value in (runtime_env.get("env_vars") or {}).items()})
        env[CODE_VARIABLE] = self.get_serve_app_name()
        env[CHECKSUM_VARIABLE] = self.get_route_prefix().lstrip("/")
        return {**runtime_env, "env_vars": env}

    def create_context(self) -> DeploymentContext:
        return DeploymentContext(runtime_ctx=self.ctx, params=self.params)

    @classmethod
    def get_log_message_code_class(cls) -> type[DeploymentLogMessageCode]:
        return DeploymentLogMessageCode

    def _check_serve_capacity(self, ray_actor_options: Mapping[str, Any], serve_options: Mapping[str, Any]) -> None:
        """Ask once whether it fits now: what never fits is refused at once, not after the wait."""
        wish = {key: ray_actor_options[key] for key in ("num_cpus", "num_gpus", "memory") if key in ray_actor_options}
        wish["num_replicas"] = serve_options.get("num_replicas", 1)
        try:
            answer = self.agent_client.check_feasibility(kind="serve", name=self.get_serve_app_name(), **wish)
        except ClientError as exc:
            raise RuntimeError(f"Serve deploy capacity check failed: agent unreachable ({type(exc).__name__})") from exc
        if not answer["allowed"]:
            reasons = ", ".join(describe_reasons(answer.get("reasons", [])))
            self.log_message(
                DeploymentLogMessageCode.DEPLOYMENT_DENIED, name=self.get_serve_app_name(), reasons=reasons
            )
            raise RuntimeError(f"Serve deploy denied: insufficient cluster capacity ([{reasons}])")

    def _request(self, actor_options: Mapping[str, Any], options: Mapping[str, Any]) -> ServeDeploy:
        if self.entrypoint is None:
            raise ConfigurationError(f"{type(self).__name__} has no entrypoint; set it to a BaseServeDeployment class.")
        return ServeDeploy(
            name=self.get_serve_app_name(),
            route_prefix=self.get_route_prefix(),
            entrypoint=f"{self.entrypoint.__module__}:{self.entrypoint.__qualname__}",
            folder=str(Path.cwd()),
            python=sys.executable,
            backend_url=self.client.base_url if self.client else "",
            checksum=self._env().get(ARCHIVE_VARIABLE, ""),
            env=self.get_runtime_env()["env_vars"],
            resources=ServeResources(**actor_options),
            options=ServeOptions(**options),
        )

    def _env(self) -> dict[str, str]:
        return {**read_env(), **{key: str(value) for key, value in self.ctx.env.to_dict().items()}}


def describe_reasons(reasons: Iterable[Any]) -> list[str]:
    """Why something does not fit, one text for each resource."""
    return [
        f"{reason['resource']}: requested {reason['requested']:g}, available {reason['available']:g}"
        if isinstance(reason, Mapping)
        else str(reason)
        for reason in reasons
    ]


def _config_here() -> dict[str, Any]:
    try:
        return dict(read_plugin_config(find_plugin_config(Path.cwd())))
    except ConfigurationError:
        return {}
