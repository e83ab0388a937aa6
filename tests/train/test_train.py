"""Trainings: weights become models of the platform and come back as the bytes they were."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from synapse_sdk.exceptions import ConfigurationError
from synapse_sdk.plugins.actions.train import BaseTrainAction, BaseTrainParams, TrainContext, TrainLogMessageCode
from synapse_sdk.plugins.actions.train.autolog import ultralytics_callbacks
from tests.export.platform import Platform, open_installation
from tests.export.support import make_ctx
from tests.seeds.scene import Scene


class Params(BaseTrainParams):
    dataset_id: int | None = None


class Train(BaseTrainAction[Params]):
    def execute(self):
        return None


@pytest.fixture(scope="session")
def installation(tmp_path_factory):
    with open_installation(tmp_path_factory.mktemp("train")) as installation:
        yield installation


@pytest.fixture
def platform(installation, tmp_path):
    return Platform(installation, tmp_path / "exports")


def action(ctx, **params):
    return Train(Params(**params), ctx)


def test_weights_become_a_model_and_a_later_training_starts_from_them(platform, tmp_path):
    weights = tmp_path / "digits.bin"
    weights.write_bytes(b"weights" * 1000)
    first = action(platform.ctx())
    model = first.create_model(weights, metadata={"accuracy": 0.9})
    assert (model["name"], model["metadata"]["accuracy"]) == ("digits", 0.9)
    assert f"The weights are model {model['id']} of the platform." in first.logger.messages()
    assert first.logger.percents("model_upload")[-1] == 100.0

    checkpoint = action(platform.ctx(), checkpoint=model["id"]).get_checkpoint(tmp_path / "..")
    assert checkpoint == {"path": checkpoint["path"], "category": "base", "id": model["id"], "name": "digits"}
    assert Path(checkpoint["path"]).read_bytes() == weights.read_bytes()


def test_a_run_may_be_given_its_checkpoint(tmp_path):
    ctx = make_ctx(checkpoint={"category": "base", "path": "w.pt"})
    assert action(ctx).get_checkpoint() == {"category": "base", "path": "w.pt", "id": None, "name": None}
    assert action(make_ctx()).get_checkpoint() is None


def test_a_released_ground_truth_is_the_data_set(platform):
    scene = Scene(platform)
    version = scene.release_ground_truth()
    dataset = action(scene.ctx, dataset_id=version).get_dataset()
    assert dataset["count"] == len(list(dataset["events"])) == 4
    assert dataset["version"]["id"] == version


def test_what_is_missing_is_said(platform):
    with pytest.raises(ConfigurationError, match="needs a dataset_id"):
        action(platform.ctx()).get_dataset()
    with pytest.raises(RuntimeError, match="No client in runtime context"):
        action(make_ctx()).client  # noqa: B018
    with pytest.raises(ConfigurationError, match="autolog knows 'ultralytics'"):
        action(make_ctx()).autolog("keras")


def test_epochs_of_ultralytics_are_reported():
    train = action(make_ctx())
    trainer = SimpleNamespace(epoch=1, epochs=4, metrics={"mAP": 0.5})
    ultralytics_callbacks(train)["on_fit_epoch_end"](trainer)
    assert train.logger.percents("train") == [50.0]
    assert train.logger.events("metric")[0]["value"] == 0.5


def test_steps_share_a_training_context(platform):
    ctx = platform.ctx()
    context = action(ctx, checkpoint=3).create_context()
    assert isinstance(context, TrainContext)
    assert (context.params["checkpoint"], context.client) == (3, ctx.client)
    assert (Train.progress.DATASET, Train.progress.TRAIN, Train.progress.MODEL_UPLOAD) == (
        "dataset",
        "train",
        "model_upload",
    )
    assert Train.get_log_message_code_class() is TrainLogMessageCode
