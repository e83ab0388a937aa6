"""Parameters: what is refused before anything starts, and in which words."""

from types import SimpleNamespace

import pytest
from pydantic import ValidationError

from synapse_sdk.exceptions import ClientError, NotFoundError, PluginValidationError
from synapse_sdk.plugins.actions.export import (
    AssignmentExportTargetHandler,
    ExportAction,
    ExportParams,
    ExportTargetHandler,
    GroundTruthExportTargetHandler,
    TargetHandlerFactory,
    TaskExportTargetHandler,
)
from synapse_sdk.plugins.actions.export.formats import FormatExportParams

VALID = {"name": "n", "storage": 1, "path": "p", "target": "task", "filter": {"project": 1}}


class Client:
    """Knows project 1, version 1 and storage 1."""

    def get_project(self, number):
        return self._find(number)

    get_storage = get_ground_truth_version = get_project

    def _find(self, number):
        if int(number) != 1:
            raise NotFoundError(404, "there is no such thing")
        return {"id": number}


def errors_of(model=ExportParams, context=None, **changes) -> list[tuple[str, str]]:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(VALID | changes, context=context)
    return [(".".join(map(str, error["loc"])), error["type"]) for error in caught.value.errors()]


def test_defaults_are_the_documented_ones():
    params = ExportParams(**VALID)
    assert params.save_original_file is True
    assert params.description is params.extra_params is None
    assert params.async_job_size_threshold is params.disable_async_delegate is None


@pytest.mark.parametrize("name", ["", " ", "\t\n"])
def test_a_blank_name_is_refused(name):
    assert errors_of(name=name) == [("name", "missing_field")]


@pytest.mark.parametrize("path", ["../up", "a/../../b", "a\\..\\b"])
def test_a_path_out_of_the_storage_is_refused(path):
    assert errors_of(path=path) == [("path", "invalid_path")]


@pytest.mark.parametrize(
    ("target", "needed"),
    [("task", "project"), ("assignment", "project"), ("ground_truth", "ground_truth_dataset_version")],
)
def test_a_filter_without_its_scope_is_refused_when_there_is_a_client(target, needed):
    context = {"client": Client()}
    assert errors_of(context=context, target=target, filter={"search": "x"}) == [("", "missing_field")]
    assert errors_of(context=context, target=target, filter={needed: None}) == [("", "missing_field")]
    assert errors_of(context=context, target=target, filter={needed: 2}) == [("", "client_error")]
    ExportParams.model_validate(VALID | {"target": target, "filter": {needed: 1}}, context=context)


def test_a_storage_that_is_not_there_is_refused_when_there_is_a_client():
    assert errors_of(context={"client": Client()}, storage=2) == [("storage", "client_error")]


def test_an_action_in_the_context_brings_its_client():
    action = SimpleNamespace(ctx=SimpleNamespace(client=Client()))
    assert errors_of(context={"action": action}, storage=2) == [("storage", "client_error")]


def test_without_a_client_only_the_shape_is_checked():
    assert ExportParams(**VALID | {"filter": {}, "storage": 99}).filter == {}


@pytest.mark.parametrize("target", ["tasks", "", None, "project"])
def test_an_unknown_target_is_refused(target):
    assert errors_of(target=target)[0] == ("target", "literal_error")


def test_dispatch_refuses_with_field_and_reason(platform):
    with pytest.raises(PluginValidationError, match=r"filter needs project to export task"):
        ExportAction.dispatch(platform.params(filter={"search": "cat"}), platform.ctx())
    with pytest.raises(PluginValidationError, match=r"storage 4711 cannot be used: There is no storage 4711"):
        ExportAction.dispatch(platform.params(project=1, storage=4711), platform.ctx())


def test_run_refuses_a_filter_without_scope_even_without_validation(platform):
    params = ExportParams(**platform.params(filter={}))
    with pytest.raises(ValueError, match="filter needs project"):
        ExportAction(params, platform.ctx()).run()


def test_the_factory_knows_the_three_targets():
    kinds = {
        "assignment": AssignmentExportTargetHandler,
        "ground_truth": GroundTruthExportTargetHandler,
        "task": TaskExportTargetHandler,
    }
    for target, kind in kinds.items():
        assert type(TargetHandlerFactory.get_handler(target)) is kind
    assert TargetHandlerFactory.supported_targets() == sorted(kinds)


def test_the_factory_names_its_targets_when_one_is_unknown():
    with pytest.raises(ValueError, match=r"'tasks'.*assignment, ground_truth, task"):
        TargetHandlerFactory.get_handler("tasks")


def test_a_plugin_registers_a_handler_of_its_own(monkeypatch):
    monkeypatch.setattr(TargetHandlerFactory, "_handlers", dict(TargetHandlerFactory._handlers))

    class Mine(ExportTargetHandler):
        def get_results(self, client, filters):
            return iter(()), 0

        def validate_filter(self, filters, client):
            return filters

        def get_export_item(self, results):
            yield from results

    TargetHandlerFactory.register_handler("mine", Mine)
    assert isinstance(TargetHandlerFactory.get_handler("mine"), Mine)


FORMAT = {"format": "coco", "out": "/somewhere", "storage": None}


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"out": None}, "missing_field"),
        ({"format": "excel"}, "enum"),
        ({"images": "move"}, "enum"),
        ({"split": {"train": 0.5, "val": 0.4}}, "invalid_split"),
        ({"split": "train=0.5,val=half"}, "float_parsing"),
        ({"split": {"../x": 1.0}}, "invalid_split"),
        ({"options": {"task": "dance"}}, "invalid_option"),
        ({"options": {"speed": 1}}, "unknown_option"),
        ({"format": "csv", "options": {"task": "detection"}}, "unknown_option"),
    ],
)
def test_format_parameters_that_cannot_work_are_refused(changes, kind):
    assert errors_of(FormatExportParams, **FORMAT | changes)[0][1] == kind


def test_an_unknown_value_of_an_option_is_answered_with_those_that_there_are():
    with pytest.raises(ValidationError, match="'dance' is no task of coco; it has detection, segmentation, keypoints"):
        FormatExportParams(**VALID | FORMAT | {"options": {"task": "dance"}})


def test_format_parameters_read_splits_as_people_write_them():
    params = FormatExportParams(**VALID | FORMAT | {"split": "train=0.8, val=0.2"})
    assert params.split == {"train": 0.8, "val": 0.2}
    assert FormatExportParams(**VALID | FORMAT | {"split": "tag"}).split == "tag"
    assert FormatExportParams(**VALID | FORMAT | {"split": ""}).split is None


def test_leaving_images_out_leaves_originals_out():
    assert FormatExportParams(**VALID | FORMAT | {"images": "none"}).save_original_file is False
    assert FormatExportParams(**VALID | FORMAT).save_original_file is True


def test_a_servers_refusal_is_told_in_its_own_words():
    class Strict(Client):
        def get_project(self, number):
            raise ClientError(404, {"error": {"code": "NOT_FOUND", "message": "There is no project 1."}, "meta": {}})

    with pytest.raises(ValidationError, match=r"project 1 cannot be exported: There is no project 1\. "):
        ExportParams.model_validate(VALID, context={"client": Strict()})
