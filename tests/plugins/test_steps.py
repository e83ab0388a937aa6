"""The step system: order, skip, weights, rollback, and the cause of a failure."""

from typing import Any

import pytest

from synapse_sdk.loggers import NoOpLogger
from synapse_sdk.plugins.context import PluginEnvironment, RuntimeContext
from synapse_sdk.plugins.steps import (
    BaseStep,
    BaseStepContext,
    LoggingStep,
    Orchestrator,
    StepRegistry,
    StepResult,
    TimingStep,
    ValidationStep,
)


class RecordingLogger(NoOpLogger):
    def __init__(self):
        super().__init__()
        self.events: list[tuple[str, dict[str, Any]]] = []

    def _write_log(self, entry):
        self.events.append((entry.event, dict(entry.data)))


class Step(BaseStep[BaseStepContext]):
    """A step that writes down what happens to it."""

    def __init__(self, name, journal, *, weight=0.5, act=None, skip=False, undo=None):
        self._name, self._weight = name, weight
        self.journal, self.act, self.skip, self.undo = journal, act, skip, undo

    @property
    def name(self):
        return self._name

    @property
    def progress_weight(self):
        return self._weight

    def can_skip(self, context):
        return self.skip

    def execute(self, context):
        self.journal.append(f"run {self._name}")
        if isinstance(self.act, BaseException):
            raise self.act
        return StepResult() if self.act is None else self.act

    def rollback(self, context, result):
        self.journal.append(f"undo {self._name}")
        if self.undo is not None:
            raise self.undo


def make_context(logger=None):
    return BaseStepContext(RuntimeContext(logger or NoOpLogger(), PluginEnvironment()))


def run(*steps, context=None, callback=None):
    registry = StepRegistry()
    for step in steps:
        registry.register(step)
    return Orchestrator(registry, context or make_context(), callback).execute()


def test_steps_run_in_order_and_are_counted():
    journal = []
    assert run(Step("a", journal), Step("b", journal)) == {"success": True, "steps_executed": 2, "steps_total": 2}
    assert journal == ["run a", "run b"]


def test_a_skipped_step_is_reported_complete_and_not_counted():
    journal, percents, context = [], [], make_context()
    result = run(
        Step("a", journal, weight=0.3, skip=True),
        Step("b", journal, weight=0.7),
        context=context,
        callback=lambda current, total: percents.append((current, total)),
    )
    assert result == {"success": True, "steps_executed": 1, "steps_total": 2}
    assert percents == [(30, 100), (100, 100)]
    assert context.runtime_ctx.logger.get_progress("a").percent == 100
    assert context.step_results[0].skipped


def test_weights_that_do_not_sum_to_one_still_end_at_a_hundred():
    percents = []
    run(*(Step(n, [], weight=0.1) for n in "abc"), callback=lambda current, _: percents.append(current))
    assert percents == [33, 66, 100]


def test_steps_without_any_weight_count_the_same():
    percents = []
    run(*(Step(n, [], weight=0) for n in "abcd"), callback=lambda current, _: percents.append(current))
    assert percents == [25, 50, 75, 100]


def test_failure_rolls_back_in_reverse_with_the_failed_step_first():
    journal, cause = [], ValueError("bad row")
    with pytest.raises(RuntimeError, match="Step 'c' failed: bad row") as caught:
        run(Step("a", journal), Step("b", journal, skip=True), Step("c", journal, act=cause), Step("d", journal))
    assert journal == ["run a", "run c", "undo c", "undo a"]
    assert caught.value.__cause__ is cause


def test_a_result_without_success_fails_the_workflow():
    with pytest.raises(RuntimeError, match="Step 'a' failed: no space") as caught:
        run(Step("a", [], act=StepResult(success=False, error="no space")))
    assert caught.value.__cause__ is None


def test_a_step_that_forgets_its_result_is_named():
    with pytest.raises(RuntimeError, match=r"Step 'a' failed: execute\(\) returned str instead of a StepResult"):
        run(Step("a", [], act="done"))


def test_rollback_receives_what_the_step_returned():
    seen = []

    class Keeper(Step):
        def rollback(self, context, result):
            seen.append(result.rollback_data)

    with pytest.raises(RuntimeError):
        run(Keeper("a", [], act=StepResult(rollback_data={"file": "x"})), Step("b", [], act=OSError("disk")))
    assert seen == [{"file": "x"}]


def test_an_error_in_a_rollback_is_recorded_and_the_others_still_happen():
    journal, context = [], make_context()
    with pytest.raises(RuntimeError, match="Step 'b' failed: first"):
        run(Step("a", journal), Step("b", journal, act=ValueError("first"), undo=OSError("second")), context=context)
    assert journal[-2:] == ["undo b", "undo a"]
    assert context.errors == ["Rollback of step 'b' failed: second"]


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt(), SystemExit(3)])
def test_an_interrupt_rolls_back_and_stays_an_interrupt(interrupt):
    journal = []
    with pytest.raises(type(interrupt)):
        run(Step("a", journal), Step("b", journal, act=interrupt))
    assert journal == ["run a", "run b", "undo b", "undo a"]


def test_can_skip_that_raises_fails_its_step_without_undoing_it():
    class Broken(Step):
        def can_skip(self, context):
            raise KeyError("params")

    journal = []
    with pytest.raises(RuntimeError, match="Step 'b' failed"):
        run(Step("a", journal), Broken("b", journal))
    assert journal == ["run a", "undo a"]


def test_progress_and_metrics_belong_to_the_running_step():
    context = make_context()

    class Worker(Step):
        def execute(self, context):
            context.set_progress(1, 4)
            context.set_metrics({"done": 1})
            context.set_progress(1, 2, "conversion")
            context.set_progress(2, 2, step="saving")
            assert context.runtime_ctx.logger.get_progress("work").percent == 25
            return StepResult()

    run(Worker("work", []), context=context)
    logger = context.runtime_ctx.logger
    assert logger.get_metrics("work") == {"done": 1}
    assert (logger.get_progress("conversion").percent, logger.get_progress("saving").percent) == (50, 100)
    assert (context.current_step, logger.get_step()) == (None, None)


def test_registry_inserts_around_a_named_step_and_takes_out():
    registry = StepRegistry()
    registry.register(Step("b", []))
    registry.insert_before("b", Step("a", []))
    registry.insert_after("b", Step("c", []))
    registry.unregister("b")
    assert [step.name for step in registry.get_steps()] == ["a", "c"]
    assert registry.total_weight == 1
    assert registry.get_step_proportions() == {"a": 50, "c": 50}
    assert len(registry) == 2
    assert not StepRegistry()


@pytest.mark.parametrize("act", ["insert_before", "insert_after", "unregister"])
def test_registry_refuses_a_name_it_does_not_know(act):
    registry = StepRegistry()
    registry.register(Step("a", []))
    arguments = ("nope",) if act == "unregister" else ("nope", Step("b", []))
    with pytest.raises(ValueError, match="no step named 'nope'; there are: a"):
        getattr(registry, act)(*arguments)


def test_registry_refuses_a_second_step_of_one_name_and_weights_beyond_one():
    registry = StepRegistry()
    registry.register(Step("a", []))
    with pytest.raises(ValueError, match="already a step named 'a'"):
        registry.register(Step("a", []))
    with pytest.raises(ValueError, match="use 0 to 1"):
        registry.register(Step("b", [], weight=20))


def test_logging_step_tells_when_its_step_starts_ends_and_is_undone():
    logger = RecordingLogger()
    with pytest.raises(RuntimeError):
        run(LoggingStep(Step("a", [])), Step("b", [], act=ValueError("x")), context=make_context(logger))
    names = [event for event, data in logger.events if data.get("step") == "a"]
    assert names == ["step_start", "step_end", "step_rollback"]


def test_timing_step_adds_the_duration_and_keeps_the_weight():
    context = make_context()
    step = TimingStep(Step("a", [], weight=0.25, act=StepResult(data={"n": 1})))
    run(step, context=context)
    assert (step.name, step.progress_weight) == ("timed_a", 0.25)
    assert context.step_results[0].data["n"] == 1
    assert context.step_results[0].data["duration_seconds"] >= 0


def test_validation_step_stops_the_workflow_with_its_reason():
    with pytest.raises(RuntimeError, match="Step 'check' failed: nothing to export"):
        run(ValidationStep(lambda context: (False, "nothing to export"), "check"))
    assert run(ValidationStep(lambda context: (True, None), "check"))["success"]
