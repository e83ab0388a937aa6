"""The base of every action: validated parameters in, a JSON result out, by one method or by steps."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict
from pydantic import ValidationError as PydanticValidationError

from synapse_sdk.loggers import BaseLogger
from synapse_sdk.plugins.context import RuntimeContext
from synapse_sdk.plugins.enums import PluginCategory
from synapse_sdk.plugins.log_messages import LogMessageCode
from synapse_sdk.plugins.steps import BaseStepContext, Orchestrator, StepRegistry
from synapse_sdk.utils.validation import validate_params

P = TypeVar("P", bound=BaseModel)


class AnyParams(BaseModel):
    """Parameters of an action that declares no model: whatever it is given."""

    model_config = ConfigDict(extra="allow")


class NoResult:
    """Marks an action whose result has no model."""


class BaseAction(ABC, Generic[P]):
    """One thing that a plugin can do.

    Simple: override `execute`. In steps: override `setup_steps`; registered steps win over `execute`.

    Attributes:
        action_name: Name in config.yaml; set from there when None.
        category: What kind of plugin it belongs to; set from config.yaml when None.
        input_type: Semantic type that it reads (`synapse_sdk.plugins.types`).
        output_type: Semantic type that it makes.
        params_model: Model of its parameters; taken from `BaseAction[Params]` unless set. Without either anything goes.
        result_model: Model of its result; a result that does not fit is warned about, never refused.
    """

    action_name: ClassVar[str | None] = None
    category: ClassVar[PluginCategory | None] = None
    input_type: ClassVar[type[Any] | None] = None
    output_type: ClassVar[type[Any] | None] = None
    params_model: ClassVar[type[BaseModel]] = AnyParams
    result_model: ClassVar[type[BaseModel | NoResult]] = NoResult

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "params_model" not in cls.__dict__ and (model := _generic_model(cls)) is not None:
            cls.params_model = model

    def __init__(self, params: P, ctx: RuntimeContext) -> None:
        self.params = params
        self.ctx = ctx

    @classmethod
    def dispatch(cls, params: Mapping[str, Any], ctx: RuntimeContext) -> Any:
        """Validate raw parameters, then run.

        Raises:
            PluginValidationError: The parameters do not fit `params_model`.
        """
        context = {"client": ctx.client, "action": cls.action_name}
        validated = validate_params(cls.params_model, params, context=context)
        return cls(validated, ctx).run()  # type: ignore[arg-type]  # params_model is the model of P.

    def run(self) -> Any:
        """Run the registered steps, or `execute` when there are none.

        Raises:
            RuntimeError: A step failed; its exception is the cause.
        """
        registry: StepRegistry[Any] = StepRegistry()
        self.setup_steps(registry)
        if registry:
            return self.run_steps(registry, self.create_context())
        return validate_result(self.execute(), self.result_model, self.logger)

    def execute(self) -> Any:
        """Do the work of an action without steps."""
        raise NotImplementedError(f"{type(self).__name__} needs an execute() method, or steps from setup_steps()")

    def setup_steps(self, registry: StepRegistry[Any]) -> None:
        """Register the steps of an action that works in steps."""

    def create_context(self) -> Any:
        """Make the state that the steps share."""
        return BaseStepContext(runtime_ctx=self.ctx)

    def run_steps(self, registry: StepRegistry[Any], context: Any) -> Any:
        """Run the steps; override to shape the result.

        Raises:
            RuntimeError: A step failed; its exception is the cause.
        """
        return Orchestrator(registry, context).execute()

    @property
    def logger(self) -> BaseLogger:
        return self.ctx.logger

    def log(self, event: str, data: Mapping[str, Any], file: str | None = None) -> None:
        """Record an event with its facts, and perhaps a file."""
        self.ctx.log(event, data, file)

    def set_progress(self, current: int, total: int, category: str | None = None, *, step: str | None = None) -> None:
        """Report that `current` of `total` items are done; reports are batched, so each item may report."""
        self.ctx.set_progress(current, total, category, step=step)

    def set_metrics(self, value: Mapping[str, Any], category: str | None = None, *, step: str | None = None) -> None:
        """Record numbers; later values of the same name replace earlier ones."""
        self.ctx.set_metrics(value, category, step=step)

    def log_message(self, message: str | LogMessageCode, context: str = "info", **kwargs: Any) -> None:
        """Show a message to people: plain text (context info, warning, danger or success) or a registered code."""
        self.ctx.log_message(message, context, **kwargs)

    def log_metric(self, category: str, key: str, value: float, **metrics: Any) -> None:
        """Record one point of a curve."""
        self.ctx.log_metric(category, key, value, **metrics)

    def log_visualization(self, category: str, group: str, index: int, image: str, **meta: Any) -> None:
        """Record a picture."""
        self.ctx.log_visualization(category, group, index, image, **meta)

    @classmethod
    def get_log_message_code_class(cls) -> type[LogMessageCode]:
        """The enum of messages that this kind of action shows.

        Raises:
            NotImplementedError: The action has none.
        """
        raise NotImplementedError(f"{cls.__name__} declares no log message codes")


def validate_result(result: Any, result_model: type[Any], logger: BaseLogger | None = None) -> Any:
    """Warn when a result does not fit its model; the work is done, so it is returned as it is."""
    if not issubclass(result_model, BaseModel) or isinstance(result, result_model):
        return result
    try:
        result_model.model_validate(result)
    except PydanticValidationError as exc:
        problems = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'result'}: {e['msg']}" for e in exc.errors())
        message = f"The result does not fit {result_model.__name__}: {problems}"
        if logger is not None:
            logger.warning(message)
    return result


def _generic_model(cls: type[Any]) -> type[BaseModel] | None:
    for base in getattr(cls, "__orig_bases__", ()):
        origin = get_origin(base)
        if not (isinstance(origin, type) and issubclass(origin, BaseAction)):
            continue
        for argument in get_args(base):
            if isinstance(argument, type) and issubclass(argument, BaseModel):
                return argument
    return None
