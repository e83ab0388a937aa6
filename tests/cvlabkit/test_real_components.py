"""The components that come with the kit: each against its definition, or against who defined it."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")

from cvlabkit.core.config import Config  # noqa: E402
from cvlabkit.core.creator import Creator, find_class  # noqa: E402
from cvlabkit.core.randomness import seed_everything, seed_of_epoch  # noqa: E402
from synapse_sdk.components.config_components import config_references  # noqa: E402
from synapse_sdk.components.config_file import read_config_file  # noqa: E402
from synapse_sdk.components.local_tree import read_components  # noqa: E402
from synapse_sdk.components.names import Category, ComponentPath  # noqa: E402
from synapse_sdk.exceptions import ComponentError  # noqa: E402
from tests.docs.pages import ROOT  # noqa: E402

COMPONENTS = list(read_components(ROOT).contents)


def make(category: str, value, *arguments, **parameters):
    return Creator(Config({category: value, **parameters})).build(Category(category), None, *arguments)


def test_every_category_has_a_component_and_every_component_is_one():
    assert {component.category for component in COMPONENTS} == set(Category)
    for component in COMPONENTS:
        assert find_class(component).__name__.lower() == component.name.replace("_", "")


def test_every_component_is_in_an_example_or_tested_here():
    examples = [read_config_file(path) for path in sorted((ROOT / "examples/experiments").glob("*.yaml"))]
    shown = {reference.component for example in examples for reference in config_references(example)}
    imported_or_below = {
        ComponentPath(Category.DATALOADER, "basic"),
        ComponentPath(Category.TRANSFORM, "random_shift"),
        ComponentPath(Category.TRANSFORM, "compose"),
    }
    assert set(COMPONENTS) == shown | imported_or_below


# Every way in which a config may write the same component; `hidden` is what must arrive.
FORMS = {
    "call": lambda hidden: {"model": f"mlp(hidden={hidden})"},
    "mapping": lambda hidden: {"model": {"_type": "mlp", "hidden": hidden}},
    "top level": lambda hidden: {"model": "mlp", "hidden": hidden},
    "call wins": lambda hidden: {"model": f"mlp(hidden={hidden})", "hidden": 1},
    "placeholder": lambda hidden: {"model": "mlp(hidden={{width.of.net}})", "width": {"of": {"net": hidden}}},
    "whole placeholder": lambda hidden: {"model": "{{arch}}", "arch": f"mlp(hidden={hidden})"},
    "part of a name": lambda hidden: {"model": "{{arch}}p(hidden=" + str(hidden) + ")", "arch": "ml"},
    "axis": lambda hidden: {"model": [f"mlp(hidden={hidden})"]},
    "axis inside": lambda hidden: {"model": {"_type": "mlp", "hidden": [hidden]}},
    "quoted": lambda hidden: {"model": f"mlp( hidden = {hidden}, )"},
}


@settings(deadline=None)
@given(hidden=st.integers(1, 9), form=st.sampled_from(sorted(FORMS)), name=st.sampled_from([None, "net"]))
def test_every_form_builds_the_same_component(hidden, form, name):
    values = FORMS[form](hidden)
    values["model"] = values["model"] if name is None else {name: values["model"]}
    (config,) = Config(values).expand()
    create = Creator(config)
    made = create.model() if name is None else create.model.net()
    assert made.layers[1].out_features == hidden
    assert list(create.all("model")) == ["mlp" if name is None else name]
    assert made(torch.zeros(2, 1, 8, 8)).shape == (2, 10)


@given(
    shifts=st.lists(st.tuples(st.floats(-2, 2), st.floats(0.1, 2)), min_size=2, max_size=4),
    is_named=st.booleans(),
)
def test_a_pipeline_does_one_after_the_other(shifts, is_named):
    text = " | ".join(f"normalize(mean={mean}, std={std})" for mean, std in shifts)
    create = Creator(Config({"transform": {"val": text} if is_named else text}))
    image = torch.full((1, 2, 2), 0.5, dtype=torch.float64)
    expected = 0.5
    for mean, std in shifts:
        expected = (expected - mean) / std
    assert create.optional("transform", "val")(image).flatten().tolist() == pytest.approx([expected] * 4)
    assert (create.optional("transform", "train") is None) == is_named


def test_what_is_asked_for_and_not_there_is_none_or_an_error():
    create = Creator(Config({"transform": {"val": "normalize(mean=0, std=1)"}}))
    assert create.optional("sampler") is None
    with pytest.raises(ComponentError, match=r"The config has no dataset.train; under dataset there is nothing"):
        create.required("dataset", "train")
    with pytest.raises(ComponentError, match="takes mean as a number, not 'x'"):
        make("transform", "normalize(mean=x, std=1)")
    with pytest.raises(ComponentError, match="no split 'test'"):
        make("dataset", "digits(split=test)")


def test_a_random_shift_moves_and_loses_only_what_leaves():
    shift = make("transform", "random_shift(pixels=1)")
    image = torch.zeros(1, 4, 4)
    image[0, 1, 1] = 1.0
    places = {tuple(shift(image)[0].nonzero()[0].tolist()) for _ in range(200)}
    assert places == {(y, x) for y in range(3) for x in range(3)}


def test_focal_loss_without_gamma_is_cross_entropy_and_with_it_less():
    scores, targets = torch.randn(8, 10), torch.arange(8)
    plain = make("loss", "cross_entropy")(scores, targets)
    assert make("loss", "focal(gamma=0)")(scores, targets).item() == pytest.approx(plain.item(), rel=1e-5)
    assert make("loss", "focal")(scores, targets) < plain


def test_the_cosine_is_torchs_and_goes_on_from_a_state():
    def rates(scheduler, optimizer, count):
        for _ in range(count):
            yield optimizer.param_groups[0]["lr"]
            scheduler.step()

    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = make("optimizer", "sgd(lr=0.5)", [parameter])
    scheduler = make("scheduler", "cosine", optimizer, epochs=6)
    peer = torch.optim.SGD([parameter], lr=0.5)
    with pytest.warns(UserWarning, match="lr_scheduler.step"):
        expected = list(rates(torch.optim.lr_scheduler.CosineAnnealingLR(peer, 6), peer, 6))
    found = list(rates(scheduler, optimizer, 3))
    other = make("optimizer", "adam(lr=9.0)", [parameter])
    resumed = make("scheduler", "cosine", other, epochs=6)
    other.load_state_dict(other.state_dict())
    resumed.load_state_dict(scheduler.state_dict())
    assert found + list(rates(resumed, other, 3)) == pytest.approx(expected)
    warm = make("scheduler", "cosine(warmup_epochs=1)", make("optimizer", "sgd(lr=1.0)", [parameter]), epochs=3)
    assert list(rates(warm, warm, 0)) == []
    assert [warm.factor(), (warm.step(), warm.factor())[1], (warm.step(), warm.factor())[1]] == [0.5, 1.0, 0.5]


def test_balanced_draws_classes_equally():
    class Skewed:
        targets = [0] * 90 + [1] * 10

    seed_everything(1)
    drawn = [Skewed.targets[index] for index in make("sampler", "balanced", Skewed()) for _ in (0,)]
    assert len(drawn) == 100
    assert 30 < sum(drawn) < 70


def test_ridge_is_where_the_gradient_is_zero():
    torch.manual_seed(0)
    features, targets = torch.randn(50, 5, dtype=torch.float64), torch.arange(50) % 3
    weights = make("solver", "ridge(classes=3, penalty=2.0)").solve(features, targets).requires_grad_()
    inputs = torch.cat([features, torch.ones(50, 1)], dim=1)
    wanted = torch.nn.functional.one_hot(targets, 3)
    ((inputs @ weights - wanted).square().sum() + 2.0 * weights[:-1].square().sum()).backward()
    assert weights.grad.abs().max() < 1e-9


def test_accuracy_counts_samples_not_batches():
    metric = make("metric", "accuracy")
    assert math.isnan(metric.compute())
    metric.update(torch.eye(4), torch.arange(4))
    metric.update(torch.eye(4)[:1], torch.tensor([3]))
    assert metric.compute() == 0.8
    metric.reset()
    assert math.isnan(metric.compute())


def test_the_best_is_kept_and_stays_the_best_after_a_resume(tmp_path):
    best = make("checkpoint", "best(monitor=val_loss, mode=min)", log_dir=str(tmp_path))
    for epoch, loss in enumerate([3.0, 1.0, float("nan"), 2.0]):
        best.save({"epoch": epoch}, {"val_loss": loss})
    assert best.load() == {"epoch": 1}
    resumed = make("checkpoint", "best(monitor=val_loss, mode=min)", log_dir=str(tmp_path))
    resumed.load_state_dict(best.state_dict())
    resumed.save({"epoch": 9}, {"val_loss": 1.5})
    assert resumed.load() == {"epoch": 1}
    with pytest.raises(ComponentError, match="no metric val_loss; there are loss"):
        best.save({}, {"loss": 1.0})
    with pytest.raises(ComponentError, match="mode is max or min"):
        make("checkpoint", "best(monitor=x, mode=most)")


def test_a_canvas_is_always_the_same_and_its_boxes_hold_the_digits():
    first, again = (make("dataset", "digit_canvas(split=val, samples=20)") for _ in range(2))
    for (image, target), (other, _) in zip(list(first.samples), list(again.samples), strict=True):
        assert torch.equal(image, other)
        outside = image.clone()
        for x1, y1, x2, y2 in target["boxes"].long().tolist():
            assert 8 <= x2 - x1 == y2 - y1 <= 16
            outside[:, y1:y2, x1:x2] = 0
        assert outside.sum() == 0 < image.sum()


def test_what_center_points_asks_for_is_what_center_net_decodes():
    _, target = make("dataset", "digit_canvas(split=val, samples=1, objects=1)")[0]
    loss, net = make("loss", "center_points"), make("model", "center_net")
    outputs = {"heatmap": torch.full((1, 10, 12, 12), -9.0), "offset": torch.zeros(1, 2, 12, 12)}
    outputs["size"] = torch.zeros(1, 2, 12, 12)
    for box, label in zip(target["boxes"], target["labels"], strict=True):
        centre = (box[:2] + box[2:]) / 2 / 4
        x, y = centre.long().tolist()
        outputs["heatmap"][0, label, y, x] = 9.0
        outputs["offset"][0, :, y, x] = centre - centre.long()
        outputs["size"][0, :, y, x] = (box[2:] - box[:2]) / 4
    assert loss(outputs, [target]) < 0.01
    (found,) = net.decode(outputs)
    count = len(target["boxes"])
    assert torch.allclose(found["boxes"][:count], target["boxes"])
    assert torch.equal(found["labels"][:count], target["labels"])


def test_workers_of_a_loader_draw_what_the_epochs_seed_says():
    class Draws:
        def __len__(self):
            return 8

        def __getitem__(self, index):
            import numpy as np

            drawn = [random.random(), float(np.random.random()), float(torch.rand(()))]  # noqa: NPY002
            return torch.tensor([index, *drawn], dtype=torch.float64)

    loader = make("dataloader", "basic(batch_size=2, shuffle=true, num_workers=2)", Draws())

    def epoch(number):
        seed_everything(seed_of_epoch(7, number))
        return torch.cat(list(loader)).tolist()

    first, again, other = epoch(1), epoch(1), epoch(2)
    assert first == again
    assert first != other
    assert sorted(row[0] for row in first) == list(range(8))
    assert len({value for row in first for value in row[1:]}) == 24
