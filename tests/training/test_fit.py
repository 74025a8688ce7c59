"""Training a net small enough for a test."""

from __future__ import annotations

from datetime import date
from itertools import islice
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.embeddings.losses import DiscriminativeLoss
from napari_shiftseg.intensity.scale import Scale
from napari_shiftseg.metrics.objects import known_scores
from napari_shiftseg.networks.unet import build, load_unet, save_model
from napari_shiftseg.networks.unet_config import ModelConfig
from napari_shiftseg.samples import Sample
from napari_shiftseg.samples.catalogue import disks
from napari_shiftseg.training import validation
from napari_shiftseg.training.defaults import refuse_untrained_phases
from napari_shiftseg.training.fit import Training, train
from napari_shiftseg.training.recipes import Recipe, object_recipe, sample_training
from napari_shiftseg.training.step import TrainingStep
from napari_shiftseg.training.stopping import Best, Validation
from napari_shiftseg.training.validation import Validated, ValidatedPart
from napari_shiftseg.training.windows import Augmentation

pytestmark = pytest.mark.usefixtures("one_thread")

SAMPLE = disks((57, 57), period=7, radius=2)
CONFIG = ModelConfig.new(depth=1, features=4, name="small")


def recipe(**options) -> Recipe:
    options = {"window": 8, "steps": 30, **options}
    return Recipe(**{"learning_rate": 1e-2, **options})


def weights(model) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def fit(samples=(SAMPLE,), config=CONFIG, **options):
    return train(list(samples), config, recipe(**options), "cpu")


def test_thirty_steps_lower_the_loss():
    steps = list(Training([SAMPLE], CONFIG, recipe(), device="cpu").steps())

    assert [step.done for step in steps] == list(range(1, 31))
    assert {step.total for step in steps} == {30}
    assert all(isinstance(step, TrainingStep) for step in steps)
    losses = [step.loss for step in steps]
    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:5])

    idle = list(
        Training([SAMPLE], CONFIG, recipe(learning_rate=1e-12), device="cpu").steps()
    )
    losses = [step.loss for step in idle]
    assert np.mean(losses[-5:]) > 0.8 * np.mean(losses[:5])


def test_a_foreground_logit_learns_where_objects_are():
    config = ModelConfig.new(depth=1, features=8, foreground=True)
    loss = DiscriminativeLoss(0.5, 1.5, background=False)
    model = fit(config=config, steps=250, learning_rate=3e-3, loss=loss)
    untrained = build(config, seed=0)

    image = torch.from_numpy(SAMPLE.image[None, None, :56, :56])
    inside = SAMPLE.labels[8:48, 8:48] > 0
    accuracy = []
    for net in (untrained, model):
        with torch.inference_mode():
            logit = net(image)[0, -1].numpy()
        accuracy.append(((logit > 0) == inside).mean())
    assert accuracy[1] > 0.95 > accuracy[0]
    assert model.config.clustering.background_embedding is None


def test_the_first_loss_is_that_of_the_new_net_on_the_first_window():
    first = next(Training([SAMPLE], CONFIG, recipe(seed=3), device="cpu").steps())
    model = build(CONFIG, seed=3)
    rng = np.random.default_rng(3)
    rng.integers(1)
    at = [int(rng.integers(57 - 24 + 1)) for _ in range(2)]
    read = tuple(slice(a, a + 24) for a in at)
    seen = tuple(slice(a + 8, a + 16) for a in at)
    with torch.no_grad():
        raw = model(torch.from_numpy(SAMPLE.image[read])[None, None])[0, :, :8, :8]
        loss = DiscriminativeLoss()(raw, torch.from_numpy(SAMPLE.labels[seen]).long())
    assert first.loss == pytest.approx(float(loss), rel=1e-5)


def test_the_seed_decides_the_weights():
    first = weights(fit(steps=3))
    torch.rand(7)

    assert torch.equal(weights(fit(steps=3)), first)
    assert not torch.equal(weights(fit(steps=3, seed=1)), first)
    assert not torch.equal(weights(build(CONFIG)), first)


def test_a_trained_model_is_in_eval_mode_on_the_cpu():
    model = fit(steps=2, config=ModelConfig.new(depth=1, normalization="batch"))
    assert not model.training
    assert {p.device.type for p in model.parameters()} == {"cpu"}
    assert model.down[0][1].num_batches_tracked == 2


def test_how_it_was_made_is_filled_in():
    model = fit(steps=3, window=(8, 6), seed=5, loss=DiscriminativeLoss(0.5, 1.5))
    made = model.config.provenance

    assert made.window == (8, 6)
    assert (made.seed, made.steps) == (5, 3)
    assert made.loss == {
        "name": "discriminative",
        "pull_margin": 0.5,
        "push_margin": 1.5,
        "regularization": 1e-4,
        "background": True,
    }
    assert made.loss["background"] is True
    assert made.data == "1 image of 57 × 57"
    assert made.optimizer == {
        "name": "Adam",
        "schedule": "one-cycle",
        "learning_rate": 1e-2,
        "clip": 1.0,
    }
    assert date.fromisoformat(made.date) <= date.today()
    assert made.versions["torch"] == torch.__version__
    assert CONFIG.provenance is None  # the config given stays as it is


def test_what_is_unlike_the_papers_is_written_down():
    plain = recipe().described(foreground=True)
    assert plain["augmentation"] == {}
    assert set(plain["optimizer"]) == {"name", "schedule", "learning_rate", "clip"}
    logit = {k: v for k, v in plain["loss"].items() if k.startswith("foreground_")}
    assert logit == {
        "foreground_edge_weight": 5.0,
        "foreground_edge_within": 3,
        "foreground_part_within": 1,
        "foreground_dice": 0.5,
        "foreground_weight": 1.0,
    }
    other = object_recipe(8, 30, batch=4, precision="bfloat16").described()
    assert not any(key.startswith("foreground_") for key in other["loss"])
    assert other["loss"]["push_within"] == 4
    more = {
        "batch": 4, "warm_up": 0.05, "precision": "bfloat16", "fixed_statistics": 0.4,
    }  # fmt: skip
    assert {k: other["optimizer"].get(k) for k in more} == more
    changes = Augmentation()
    assert other["augmentation"] == {
        "zoom": changes.zoom, "turn": True, "elastic": changes.elastic,
        "gamma": changes.gamma, "contrast": changes.contrast,
        "brightness": changes.brightness, "blur": changes.blur,
        "noise": changes.noise, "often": changes.often, "mirrored_borders": True,
    }  # fmt: skip


def test_batch_norm_keeps_its_statistics_in_the_last_steps():
    config = CONFIG.model_copy(update={"normalization": "batch"})

    def statistics(fixed: float) -> list[list[float]]:
        made = recipe(steps=10, fixed_statistics=fixed)
        training = Training([SAMPLE], config, made, device="cpu")
        (norm, *_) = training._norms
        return [norm.running_mean.tolist() for _ in training.steps()]

    last_four = statistics(0.4)
    assert last_four[4] != last_four[5]
    assert all(here == last_four[5] for here in last_four[6:])
    never = statistics(0.0)
    assert never[:6] == last_four[:6]
    assert never[8] != never[9]


@pytest.mark.parametrize("steps", [1, 2, 3, 10, 20, 40])
@pytest.mark.parametrize("warm_up", [0.025, 0.05, 0.1, 0.5, 0.99])
def test_the_learning_rate_rises_and_falls_however_few_steps_there_are(steps, warm_up):
    training = Training([SAMPLE], CONFIG, recipe(steps=steps, warm_up=warm_up), None)
    rates = []
    for _ in range(steps):
        rates.append(training.learning_rate)
        training._schedule.optimizer.step()
        training._schedule.step() if len(rates) < steps else None
    assert all(0 < rate <= 1e-2 for rate in rates)
    peak = int(np.argmax(rates))
    assert rates[: peak + 1] == sorted(rates[: peak + 1])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert steps < 3 or rates[peak] > 4 * rates[0]


def test_the_bundled_models_are_described_as_before():
    assert sample_training("disks").recipe.described() == {
        "loss": {
            "name": "discriminative", "pull_margin": 0.0, "push_margin": 3.0,
            "regularization": 1e-4, "background": True,
        },
        "optimizer": {
            "name": "Adam", "schedule": "one-cycle", "learning_rate": 1e-3,
            "clip": 1.0,
        },
        "augmentation": {},
    }  # fmt: skip
    made = fit(steps=1).config.provenance
    assert set(made.model_dump()) == {
        "command", "window", "seed", "steps", "loss", "optimizer", "data", "date",
        "versions",
    }  # fmt: skip


def test_a_trained_model_is_saved_with_all_of_it(tmp_path):
    model = fit(steps=2)
    back = load_unet(save_model(model, tmp_path / "m.safetensors"))
    assert back.config == model.config
    assert torch.equal(weights(back), weights(model))


def test_the_background_embedding_is_the_mean_over_the_background():
    model = fit(steps=3)
    with torch.inference_mode():
        # 56 is legal (16 + 40), 57 is not
        raw = model(torch.from_numpy(SAMPLE.image[:56, :56].copy())[None, None])[0]
    background = SAMPLE.labels[8:48, 8:48] == 0
    expected = raw.numpy()[:, background].mean(axis=1)

    stored = model.config.clustering.background_embedding
    np.testing.assert_allclose(stored, expected, atol=1e-5)


def test_there_is_no_background_embedding_without_a_background():
    left_out = DiscriminativeLoss(background=False)
    full = Sample(SAMPLE.image, SAMPLE.labels + 1)

    assert fit(steps=1, loss=left_out).config.clustering.background_embedding is None
    assert fit([full], steps=1).config.clustering.background_embedding is None


def test_other_defaults_of_clustering_are_kept():
    config = ModelConfig.new(depth=1, features=2, clustering=Clustering(bandwidth=0.3))
    kept = fit(steps=1, config=config).config.clustering
    assert kept.bandwidth == 0.3
    assert len(kept.background_embedding) == 3


def test_the_scale_of_an_image_does_not_matter_where_the_config_says_so():
    config = CONFIG.model_copy(update={"intensity": "range"})
    bright = Sample(SAMPLE.image * 1000 + 5, SAMPLE.labels)

    here, there = fit(steps=3, config=config), fit([bright], steps=3, config=config)
    assert torch.allclose(weights(here), weights(there), atol=1e-5)
    assert not torch.allclose(weights(fit(steps=3)), weights(fit([bright], steps=3)))


@pytest.mark.parametrize("ndim", [1, 3])
def test_images_of_one_and_three_axes(ndim):
    sample = disks((29,) * ndim, period=7, radius=2)
    config = ModelConfig.new(ndim=ndim, depth=1, features=2)
    model = fit([sample], config, steps=2, window=6)
    assert model.config.provenance.window == (6,) * ndim


def test_a_loss_that_is_not_finite_ends_the_training_with_a_remedy():
    with pytest.raises(
        FloatingPointError, match=r"loss is .* at step \d+: lower the l"
    ):
        fit(learning_rate=1e20)


def test_an_image_with_nan_is_refused():
    broken = Sample(np.full_like(SAMPLE.image, np.nan), SAMPLE.labels)
    with pytest.raises(ValueError, match="NaN or infinite"):
        fit([broken])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window": 50}, "window of 50 × 50 reads 66 × 66.*take a larger image"),
        ({"window": 0}, "whole number of pixels from 1 upward"),
        ({"window": (8, 8, 8)}, "one value or 2"),
        ({"steps": 0}, "steps of 1 or more, got 0"),
        ({"batch": 0}, "batch of 1 or more, got 0"),
        ({"warm_up": 1}, "between 0 and 1, got 1"),
        ({"learning_rate": 0}, "learning rate must be above 0, got 0"),
        ({"learning_rate": float("nan")}, "learning rate must be above 0, got nan"),
    ],
)
def test_a_recipe_that_cannot_be_followed_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        fit(**options)


def test_an_unknown_device_is_refused():
    with pytest.raises(ValueError, match=r"no device 'abacus'.*cpu"):
        train([SAMPLE], CONFIG, recipe(), "abacus")


def test_a_training_that_is_given_up_leaves_nothing_behind():
    steps = Training([SAMPLE], CONFIG, recipe(), device="cpu").steps()
    next(steps)
    steps.close()
    assert list(steps) == []


def test_the_bundled_models_are_made_as_the_paper_says():
    training = sample_training("disks")

    assert training.config.shape.period == (16, 16)
    assert training.config.level_features == (16, 32, 64, 128, 256)
    assert training.config.embedding_channels == 3
    assert training.recipe.window == 20
    assert training.recipe.loss == DiscriminativeLoss(0, 3, 1e-4, background=True)
    # exp(−‖d‖²/2h²) is the paper's exp(−‖d‖²/0.2)
    assert 2 * training.config.clustering.bandwidth**2 == pytest.approx(0.2)
    assert training.sample.period == 13
    assert sample_training("disks", window=16).config.name == "disks-w16"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("constant",), "cannot train on the sample 'constant': choose one of disks"),
        (("disks", 0), "1 or more, got 0"),
        (("disks", 20, 0), "1 or more, got 20 and 0"),
    ],
)
def test_a_training_that_makes_no_sense_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        sample_training(*arguments)


def advance(training, number):
    """Take this many steps."""
    return list(islice(training.steps(), number))


VALIDATED = ModelConfig.new(
    depth=1,
    features=8,
    foreground=True,
    name="small",
    clustering=Clustering(bandwidth=1.5, scope="component", min_size=4),
)
NEAR = DiscriminativeLoss(0.5, 1.5, background=False, push_within=2)


def validated(steps=60, every=20, patience=None, **options):
    return Training(
        [SAMPLE],
        VALIDATED,
        recipe(steps=steps, window=24, border="mirror", loss=NEAR, **options),
        Validation([disks((30, 30), period=7, radius=2)], every, patience),
        device="cpu",
    )


def test_a_training_gone_on_with_is_that_which_never_stopped(tmp_path):
    options = {"augmentation": Augmentation()}
    whole = validated(**options)
    losses = [step.loss for step in whole.steps()]
    first = validated(**options)
    advance(first, 30)
    first.save(tmp_path / "state.training")
    second = validated(**options)
    second.resume(tmp_path / "state.training")
    rest = [step.loss for step in second.steps()]

    assert rest == losses[30:]
    assert torch.equal(weights(second.model()), weights(whole.model()))
    assert (second.best.step, second.best.ap50) == (whole.best.step, whole.best.ap50)
    fresh = [step.loss for step in advance(validated(seed=1, **options), 5)]
    assert fresh != losses[:5]


def test_a_training_goes_on_with_its_own_settings_only(tmp_path):
    path = tmp_path / "state.training"
    one = validated()
    one.save(path)
    with pytest.raises(ValueError, match="with other settings"):
        validated(steps=61).resume(path)
    path.write_bytes(b"nothing")
    with pytest.raises(ValueError, match="not a training that can go on"):
        one.resume(path)


@pytest.mark.parametrize(
    "change",
    [
        {"done": -1},
        {"done": 10**9},
        {"done": "many"},
        {"weights": {}},
        {"weights": {"head.weight": torch.zeros(3)}},
        {"weights": None},
        {"optimizer": {"state": {}, "param_groups": []}},
        {"optimizer": [1]},
        {"schedule": {"step": 3}},
        {"schedule": None},
        {"best": {"ap": 1}},
        {"best": 3},
    ],
    ids=str,
)
def test_a_damaged_state_is_refused(tmp_path, change):
    path = tmp_path / "state.training"
    training = validated()
    training.save(path)
    known = torch.load(path, weights_only=True)
    torch.save(known | change, path)
    with pytest.raises(ValueError, match="not a training that can go on"):
        training.resume(path)


@pytest.mark.parametrize("content", [b"", b"\0" * 999, b"PK\x03\x04", b"\x80\x02}."])
def test_what_is_no_state_is_refused(tmp_path, content):
    path = tmp_path / "state.training"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="not a training that can go on"):
        validated().resume(path)


@pytest.mark.parametrize("state", [{}, {"done": 3}, [1], 3], ids=str)
def test_a_state_of_something_else_is_refused(tmp_path, state):
    path = tmp_path / "state.training"
    torch.save(state, path)
    with pytest.raises(ValueError, match="not a training that can go on"):
        validated().resume(path)


def test_a_state_cut_off_anywhere_is_refused(tmp_path):
    path = tmp_path / "state.training"
    training = validated()
    training.save(path)
    whole = path.read_bytes()
    for length in (1, 30, len(whole) // 3, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="not a training that can go on"):
            training.resume(path)


def test_a_state_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "state.training"
    training = validated()
    training.save(path)
    before = path.read_bytes()

    def full(*_):
        raise RuntimeError("basic_ios::clear: iostream error")

    monkeypatch.setattr("torch.save", full)
    with pytest.raises(OSError, match=r"state\.training cannot be written"):
        training.save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["state.training"]


def test_the_model_is_the_best_validated_one():
    training = validated(steps=80, every=40, learning_rate=3e-3)
    steps = list(training.steps())
    scores = {s.done: s.validated.ap50 for s in steps if s.validated}

    assert sorted(scores) == [40, 80]
    assert training.best.ap50 == max(scores.values())
    assert scores[training.best.step] == training.best.ap50
    made = training.model().config.provenance
    assert made.steps == training.best.step
    assert made.scores == {
        "ap50": training.best.ap50, "images": 1, "of": "images held out"
    }  # fmt: skip
    assert made.augmentation == {"mirrored_borders": True}
    previews = [s.validated.preview.shape for s in steps if s.validated]
    assert previews == [(30, 30)] * 2


def test_later_and_worse_weights_are_not_taken(monkeypatch):
    training = validated(steps=60, every=20)
    outcomes = iter([0.2, 0.9, 0.4])
    monkeypatch.setattr(
        "napari_shiftseg.training.fit.validate",
        lambda *_: Validated(next(outcomes), SAMPLE.labels),
    )
    for step in training.steps():
        if step.done == 40:
            best = weights(training._model).clone()
    assert training.best.step == 40
    assert torch.equal(weights(training.model()), best)
    assert not torch.equal(weights(training._model), best)


def test_a_validation_that_is_stopped_has_no_outcome():
    training = validated(steps=60, every=20)
    asked = []
    training.is_stopped = lambda: bool(asked.append(1)) or training.done == 40
    outcomes = {s.done: s.validated for s in training.steps() if s.done % 20 == 0}
    assert [step for step, found in outcomes.items() if found] == [20]
    assert training.done == 40
    assert training.best.step == 20
    assert len(asked) > 3


def test_patience_ends(monkeypatch):
    training = validated(steps=100, every=10, patience=2)
    outcomes = iter([0.2, 0.9, 0.4, 0.9])
    monkeypatch.setattr(
        "napari_shiftseg.training.fit.validate",
        lambda *_: Validated(next(outcomes), SAMPLE.labels),
    )
    assert [step.done for step in training.steps()][-1] == 40


def test_the_terms_add_up_to_the_loss():
    step = advance(validated(), 1)[0]
    assert set(step.terms) == {"pull", "push", "reg", "foreground"}
    weighted = step.terms | {"reg": NEAR.regularization * step.terms["reg"]}
    assert step.loss == pytest.approx(sum(weighted.values()))


def test_object_ids_are_never_pooled_over_a_batch():
    both = Training([SAMPLE], CONFIG, recipe(batch=2), device="cpu")
    first = advance(both, 1)[0]
    places = list(islice(both._windows.places(np.random.default_rng(0)), 2))
    model = build(CONFIG, 0)
    alone = []
    for image, labels in map(both._windows.__getitem__, places):
        with torch.no_grad():
            raw = model(image[None])[0, :, :8, :8]
        alone.append(float(DiscriminativeLoss()(raw, labels)))
    assert first.loss == pytest.approx(np.mean(alone), rel=1e-5)


def test_fine_tuning_begins_with_the_weights_given():
    old = fit(steps=5, seed=4)
    new = Training([SAMPLE], CONFIG, recipe(), start=old, device="cpu")
    assert torch.equal(weights(new.model()), weights(old))
    advance(new, 3)
    assert not torch.equal(weights(new.model()), weights(old))


def test_half_precision_follows_full_precision():
    full, half = (
        advance(Training([SAMPLE], CONFIG, recipe(precision=p), device="cpu"), 3)
        for p in ("float32", "bfloat16")
    )
    for one, other in zip(full, half, strict=True):
        assert one.loss != other.loss
        assert one.loss == pytest.approx(other.loss, rel=0.05)


def test_a_window_below_the_period_is_refused():
    refuse_untrained_phases(16, ModelConfig.new(depth=4).shape)
    with pytest.raises(ValueError, match=r"15 × 15 is below the period 16 × 16.*17 ×"):
        refuse_untrained_phases(15, ModelConfig.new(depth=4).shape)


def all_of(*samples):
    return ValidatedPart(samples, (None,) * len(samples), np.inf, "")


def test_what_is_predicted_where_nothing_is_known_is_not_validated(monkeypatch):
    labels = np.where(np.arange(57) < 28, SAMPLE.labels, -1)
    found = np.where(np.arange(57) < 28, SAMPLE.labels, 99)

    def segmented(*_):
        yield
        return SimpleNamespace(labels=found)

    monkeypatch.setattr(validation, "segment_steps", segmented)
    model = build(CONFIG)
    sample = Sample(SAMPLE.image, labels)
    assert validation.validate(model, all_of(sample), "cpu").ap50 == 1
    assert validation.validate(model, all_of(SAMPLE), "cpu").ap50 < 0.6


def test_a_region_is_validated_with_the_scale_of_its_image(monkeypatch):
    came = []

    def segmented(image, *_):
        yield
        came.append(image)
        return SimpleNamespace(labels=SAMPLE.labels)

    monkeypatch.setattr(validation, "frame_steps", segmented)
    monkeypatch.setattr(validation, "segment_steps", segmented)
    region = Sample(SAMPLE.image, SAMPLE.labels, scale=Scale(3, 5))
    validation.validate(build(CONFIG), all_of(region, SAMPLE), "cpu")
    assert came[0].scale == Scale(3, 5)
    assert came[1] is SAMPLE.image  # its scale is its own


def test_a_few_corrections_are_learnt_and_nothing_else_is():
    labels = np.full(SAMPLE.labels.shape, -1)
    labels[15:36, 15:36] = SAMPLE.labels[15:36, 15:36]
    there = Training([Sample(SAMPLE.image, labels)], VALIDATED, recipe(
        steps=30, window=16, border="mirror", loss=NEAR, augmentation=Augmentation(),
    ), device="cpu")  # fmt: skip
    losses = [step.loss for step in there.steps()]
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])
    assert all(step > 0 for step in losses)  # every window showed something
    made = there.model().config.provenance
    assert made.data == "1 image of 57 × 57; 14 % of the pixels count: 16 objects"


@pytest.mark.parametrize("asks", [1, 2, 5, 12, 20, 33])
def test_a_step_that_is_stopped_has_not_begun(tmp_path, asks):
    """Wherever in a pass the question is answered yes, the state is that before it."""
    options = {"augmentation": Augmentation(), "border": "mirror"}
    config = VALIDATED.model_copy(update={"normalization": "batch"})

    def begun():
        made = recipe(steps=8, window=24, loss=NEAR, **options)
        return Training([SAMPLE], config, made, device="cpu")

    training = begun()
    advance(training, 3)
    before = {k: v.clone() for k, v in training._model.state_dict().items()}
    left = iter(range(asks))
    training.is_stopped = lambda: next(left, None) is None
    assert list(training.steps()) == []
    assert next(left, None) is None  # it was asked as often as that, and then left
    assert training.done == 3
    after = training._model.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    training.save(tmp_path / "state.training")
    again, whole = begun(), begun()
    again.resume(tmp_path / "state.training")
    rest = [step.loss for step in again.steps()]
    assert rest == [step.loss for step in whole.steps()][3:]


def test_a_validation_that_takes_too_long_is_left(monkeypatch):
    training = validated(steps=40, every=20)
    now = iter(range(10**9))
    monkeypatch.setattr("napari_shiftseg.training.fit.perf_counter", lambda: next(now))
    monkeypatch.setattr("napari_shiftseg.training.fit.LEAST_SECONDS", 3)
    found = {s.done: (s.validated, s.note) for s in training.steps()}
    assert found[20] == (
        None,
        "the validation took too long and was stopped after 4 s",
    )  # 20 steps of 1 s
    assert found[40][0].ap50 >= 0  # the last one is not
    assert training.best.step == 40


def test_a_validation_may_take_a_fifth_of_the_steps_it_is_made_for(monkeypatch):
    """However few steps ago the one before it was."""
    training = validated(steps=202, every=100)
    training._seconds, training._timed = 30.0, 10
    training.done = 150
    assert training._most_seconds("full") == 60
    assert training._most_seconds("quick") == 30
    training.done = 202
    assert training._most_seconds("full") == float("inf")


def test_quick_validations_come_before_the_first_full_one():
    plan = Validation([SAMPLE], every=500)
    due = {done: plan.due(done, 1100) for done in range(1, 1101)}
    assert [done for done, what in due.items() if what == "quick"] == [
        50, 100, 200, 400
    ]  # fmt: skip
    assert [done for done, what in due.items() if what == "full"] == [500, 1000, 1100]
    assert Validation(every=500).due(500, 1100) is None
    rare = Validation([SAMPLE], every=30)
    assert [d for d in range(1, 101) if rare.due(d, 101)] == [30, 60, 90]


def test_a_full_validation_counts_for_more_than_a_quick_one():
    quick, full = Best(0.9, 50, {}, is_full=False), Best(0.5, 500, {})
    assert quick.is_beaten_by(0.1, is_full=True)
    assert not full.is_beaten_by(0.9, is_full=False)
    assert not full.is_beaten_by(0.5, is_full=True)
    assert full.is_beaten_by(0.51, is_full=True)
    assert quick.is_beaten_by(0.91, is_full=False)


def test_a_region_is_scored_where_it_lies():
    """Of the left half only: what is found there is drawn in the whole image."""
    model = fit(config=VALIDATED, window=24, border="mirror", loss=NEAR)
    whole = validation.validate(model, all_of(SAMPLE), "cpu")
    region = ((0, 57), (0, 24))
    part = ValidatedPart((SAMPLE,), (region,), np.inf, "")
    half = validation.validate(model, part, "cpu")
    assert half.preview.shape == SAMPLE.labels.shape
    assert not half.preview[:, 24:].any()
    assert (half.preview[:, :20] > 0).sum() == (whole.preview[:, :20] > 0).sum() > 0


def test_what_a_clustering_cut_short_finds_counts_for_nothing():
    """Users would get other objects; here that would be one for each component."""
    model = fit(config=VALIDATED, window=24, border="mirror", loss=NEAR)
    part = ValidatedPart((SAMPLE, SAMPLE), (None, None), 0, "")
    cut, whole = (validation.validate(model, p, "cpu") for p in (part, all_of(SAMPLE)))
    assert "stopped the clustering of 2 of 2 images" in cut.note
    assert (whole.note, cut.ap50) == ("", 0)
    assert whole.ap50 > 0
    assert known_scores(SAMPLE.labels, cut.preview).ap50 > 0


def test_of_validations_that_find_nothing_the_last_is_kept():
    assert Best(0, 500, {}).is_beaten_by(0, is_full=True)
    assert not Best(0, 500, {}).is_beaten_by(0, is_full=False)
