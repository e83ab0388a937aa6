"""Actions and what they are given: parameters, results, context, pipelines, and the lazy front door."""

import importlib
import subprocess
import sys

import pytest
from pydantic import BaseModel, ValidationInfo, field_validator

import synapse_sdk.plugins
from synapse_sdk.exceptions import ConfigurationError, PluginValidationError
from synapse_sdk.loggers import NoOpLogger
from synapse_sdk.plugins import BaseAction, BaseStep, PluginEnvironment, RuntimeContext, StepResult
from synapse_sdk.plugins.discovery import PluginDiscovery
from synapse_sdk.plugins.log_messages import CommonLogMessageCode
from synapse_sdk.plugins.pipelines import ActionPipeline, SchemaIncompatibleError
from synapse_sdk.plugins.types import COCODataset, Dataset, Model
from synapse_sdk.plugins.utils import pydantic_to_ui_schema


class RecordingLogger(NoOpLogger):
    def __init__(self):
        super().__init__()
        self.events = []

    def _write_log(self, entry):
        self.events.append((entry.event, str(entry.level), dict(entry.data)))


def make_context(**fields):
    return RuntimeContext(RecordingLogger(), PluginEnvironment(), **fields)


class Params(BaseModel):
    count: int


class Result(BaseModel):
    total: int


class CountAction(BaseAction[Params]):
    result_model = Result

    def execute(self):
        return {"total": self.params.count}


def test_the_model_comes_from_the_generic_argument_unless_it_is_set():
    class Other(BaseModel):
        pass

    class Named(BaseAction[Params]):
        params_model = Other

    class Inherited(CountAction):
        pass

    class Bare(BaseAction):
        def execute(self):
            return self.params.model_dump()

    assert (CountAction.params_model, Named.params_model, Inherited.params_model) == (Params, Other, Params)
    assert Bare.dispatch({"anything": 1}, make_context()) == {"anything": 1}


def test_validators_see_the_client_and_the_action():
    seen = []

    class Checked(BaseModel):
        project: int

        @field_validator("project")
        @classmethod
        def look_up(cls, value: int, info: ValidationInfo) -> int:
            seen.append(info.context)
            return value

    class Checking(BaseAction[Checked]):
        action_name = "checking"

        def execute(self):
            return None

    client = object()
    Checking.dispatch({"project": 1}, make_context(client=client))
    assert seen == [{"client": client, "action": "checking"}]


def test_parameters_that_do_not_fit_list_every_field():
    with pytest.raises(PluginValidationError, match="do not fit Params: count: ") as caught:
        CountAction.dispatch({"count": "many"}, make_context())
    assert [error["field"] for error in caught.value.details["errors"]] == ["count"]


def test_a_result_that_does_not_fit_is_warned_about_and_returned():
    class Wrong(CountAction):
        def execute(self):
            return {"total": "many"}

    ctx = make_context()
    assert Wrong.dispatch({"count": 1}, ctx) == {"total": "many"}
    ((event, level, data),) = ctx.logger.events
    assert (event, level) == ("warning", "warning")
    assert "does not fit Result: total" in data["message"]


def test_steps_win_over_execute():
    class One(BaseStep):
        name = "one"
        progress_weight = 1.0

        def execute(self, context):
            context.log_message("in the step", "success")
            return StepResult()

    class Stepped(CountAction):
        def setup_steps(self, registry):
            registry.register(One())

    ctx = make_context()
    assert Stepped.dispatch({"count": 1}, ctx) == {"success": True, "steps_executed": 1, "steps_total": 1}
    assert ctx.logger.events == [("message", "success", {"context": "success", "content": "in the step"})]


def test_an_action_without_execute_or_steps_says_what_it_lacks():
    class Empty(BaseAction[Params]):
        pass

    with pytest.raises(NotImplementedError, match=r"Empty needs an execute\(\) method, or steps"):
        Empty.dispatch({"count": 1}, make_context())
    with pytest.raises(NotImplementedError):
        Empty.get_log_message_code_class()


def test_progress_takes_a_step_by_position_by_category_and_by_name():
    action = CountAction(Params(count=1), make_context())
    action.set_progress(1, 4, "a")
    action.set_progress(2, 4, category="b")
    action.set_progress(3, 4, step="c")
    action.set_metrics({"n": 1}, "a")
    assert [action.logger.get_progress(key).percent for key in "abc"] == [25, 50, 75]
    assert action.logger.get_metrics("a") == {"n": 1}


def test_events_reach_the_logger_with_their_level():
    ctx = make_context(language="ko")
    action = CountAction(Params(count=1), ctx)
    action.log("export_info", {"n": 1})
    action.log_metric("train", "loss", 0.5, epoch=1)
    action.log_visualization("train", "samples", 0, "a.png", note="x")
    ctx.log_dev_event("look", {"x": 1})
    ctx.log_trials(trials={"1": {}})
    ctx.end_log()
    assert [(event, level) for event, level, _ in ctx.logger.events] == [
        ("export_info", "info"),
        ("metric", "info"),
        ("visualization", "info"),
        ("dev_event", "debug"),
        ("trials", "info"),
        ("message", "info"),
    ]
    assert ctx.logger.events[-1][2]["content"] == "실행이 완료되었습니다."
    assert CommonLogMessageCode.PLUGIN_RUN_COMPLETE.level == "info"


def test_environment_values_are_typed_on_the_way_out(tmp_path, monkeypatch):
    env = PluginEnvironment({"N": "3", "F": "0.5", "YES": "Yes", "NO": 0, "L": "a, b,,c", "T": ["x"], "BAD": "maybe"})
    assert (env.get_int("N"), env.get_float("F"), env.get_str("N")) == (3, 0.5, "3")
    assert (env.get_bool("YES"), env.get_bool("NO"), env.get_bool("GONE", default=False)) == (True, False, False)
    assert (env.get_list("L"), env.get_list("T"), env.get("GONE", 1)) == (["a", "b", "c"], ["x"], 1)
    assert env.get_int("GONE", 7) == 7
    for call in (lambda: env.get_str("GONE"), lambda: env.get_int("BAD"), lambda: env.get_bool("BAD")):
        with pytest.raises(ConfigurationError, match=r"GONE is not set|BAD is 'maybe'"):
            call()
    (tmp_path / "env.toml").write_text('N = 4\nL = ["z"]\n')
    merged = env.merge(PluginEnvironment.from_file(tmp_path / "env.toml"))
    assert (merged.get_int("N"), merged.get_list("L"), env.get_int("N"), "F" in merged) == (4, ["z"], 3, True)
    monkeypatch.setenv("MYPLUGIN_LIMIT", "5")
    assert PluginEnvironment.from_environ("MYPLUGIN_").to_dict() == {"LIMIT": "5"}
    (tmp_path / "env.toml").write_text("N = \n")
    with pytest.raises(ConfigurationError, match="cannot be read as TOML"):
        PluginEnvironment.from_file(tmp_path / "env.toml")


class LoadAction(BaseAction[Params]):
    action_name = "load"
    output_type = COCODataset

    def execute(self):
        return {"path": "/data", "count": self.params.count + 1}


class PathParams(BaseModel):
    path: str
    count: int


class TrainAction(BaseAction[PathParams]):
    input_type = Dataset
    output_type = Model

    def execute(self):
        return f"{self.params.path}:{self.params.count}"


def test_a_pipeline_hands_results_on_as_parameters():
    steps = []
    pipeline = ActionPipeline([LoadAction, TrainAction])
    result = pipeline.execute({"count": 1}, make_context(), lambda done, total: steps.append((done, total)))
    assert result == {"load": {"path": "/data", "count": 2}, "train": "/data:2"}
    assert steps == [(1, 2), (2, 2)]
    assert pipeline.validate_initial_params({"count": 1}) == ["TrainAction.path"]


def test_a_pipeline_whose_parts_do_not_fit_is_refused_before_it_runs():
    with pytest.raises(SchemaIncompatibleError, match="TrainAction → TrainAction: the first makes Model"):
        ActionPipeline([TrainAction, TrainAction])
    with pytest.raises(SchemaIncompatibleError, match="declare output_type"):
        ActionPipeline([CountAction, TrainAction], strict=True)
    ActionPipeline([CountAction, TrainAction])


def test_discovery_reads_source_without_running_it(tmp_path):
    (tmp_path / "plugin").mkdir()
    (tmp_path / "tests").mkdir()
    (tmp_path / "plugin" / "a.py").write_text(
        "raise SystemExit\nclass TrainAction(BaseTrainAction[P]): pass\nclass BaseThing(BaseAction): pass\n"
        "class Named(x.ExportAction):\n    action_name: str = 'my_export'\nclass Other: pass\n"
    )
    for name in ("tests/test_x.py", "test_y.py", "conftest.py"):
        (tmp_path / name).write_text("class HiddenAction(BaseAction): pass\n")
    found = PluginDiscovery.discover_actions(tmp_path)
    assert found == {"train": "plugin.a:TrainAction", "my_export": "plugin.a:Named"}


def test_discovery_finds_the_actions_of_a_module():
    plugin = PluginDiscovery.from_module(importlib.import_module(__name__), name="Mine")
    assert set(plugin.list_actions()) == {"count", "load", "train"}
    assert plugin.get_action_class("load") is LoadAction
    assert plugin.get_action_params_model("count") is Params
    assert plugin.get_action_result_ui_schema("count")[0]["name"] == "total"
    assert (plugin.get_action_input_type("train"), plugin.get_action_output_type("train")) == ("dataset", "model")
    assert "entrypoint" in plugin.to_yaml()
    assert plugin.to_config_dict()["actions"]["count"]["hyperparameters"]["train_ui_schemas"][0]["name"] == "count"


def test_forms_cover_nested_optional_and_enumerated_fields():
    class Inner(BaseModel):
        depth: float = 0.5

    class Outer(BaseModel):
        inner: Inner = Inner()
        note: str | None = None
        tags: list[str] = []
        flag: bool = False
        extra: dict[str, int] = {}

    kinds = {field["name"]: field["$formkit"] for field in pydantic_to_ui_schema(Outer)}
    assert kinds == {"inner": "group", "note": "text", "tags": "list", "flag": "checkbox", "extra": "json"}
    assert pydantic_to_ui_schema(Outer)[0]["children"][0]["name"] == "depth"


def test_the_front_door_knows_its_names_and_loads_nothing_by_itself():
    for name in dir(synapse_sdk.plugins):
        assert getattr(synapse_sdk.plugins, name).__name__
    with pytest.raises(AttributeError, match="has no attribute 'nope'"):
        synapse_sdk.plugins.nope  # noqa: B018
    code = "import sys, synapse_sdk.plugins; print([m for m in sys.modules if m.startswith('synapse_sdk.')])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == "['synapse_sdk.plugins']"
