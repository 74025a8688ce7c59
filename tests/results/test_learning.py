"""How sure objects are, learnt on images with truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from napari_shiftseg import learn_object_confidence, segment
from napari_shiftseg.metrics.objects import average_precision
from napari_shiftseg.networks.confidence_rule import FEATURES
from napari_shiftseg.networks.unet import new_model
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.progress import Returning, exhaust
from napari_shiftseg.results.learning import (
    TooFewObjects,
    config_steps,
    is_wrong,
    judged_steps,
    learnt,
)
from napari_shiftseg.samples import Sample

pytestmark = pytest.mark.usefixtures("one_thread")
CHOSEN = {
    "bandwidth": 0.3, "scope": "component", "min_size": 2, "foreground_threshold": 0.3,
}  # fmt: skip


@pytest.fixture(scope="module")
def model():
    return new_model(ndim=2, depth=2, features=4, foreground=True)


@pytest.fixture
def sample(rng, model) -> Sample:
    """What is found, but for every third object, in place of the truth."""
    image = gaussian_filter(rng.normal(size=(28, 40)), 1) * 4
    labels = segment(image, model, **CHOSEN).labels
    return Sample(image, np.where(labels % 3, labels, 0))


def test_wrong_is_what_fits_no_true_object():
    truth = np.array([1, 1, 1, 1, 0, 2, 2, 2, 0, 3])
    found = np.array([4, 4, 1, 1, 2, 3, 3, 0, 6, 0])
    # IoU: 1 and 4 of one half, 3 of two thirds; 5 has no pixel; 2, 6 lie on background
    assert is_wrong(truth, found, 6).tolist() == [True, True, False, True, True, True]


def test_right_ones_are_those_that_count_as_found(rng):
    truth = np.kron(rng.integers(0, 9, (6, 6)), np.ones((4, 4), int))
    found = np.where(truth > 5, truth, np.roll(truth, 3, axis=0))
    objects = int(found.max())
    there = np.unique(found[found > 0]) - 1
    right = (~is_wrong(truth, found, objects)[there]).sum()
    true = len(np.unique(truth[truth > 0]))
    precision = right / (true + len(there) - right)
    assert precision == pytest.approx(average_precision(truth, found))
    assert 0 < right < true


def test_every_third_is_wrong(sample, model):
    (table,) = exhaust(judged_steps(sample, model, Settings(**CHOSEN)))
    assert table["wrong"].tolist() == [n % 3 == 0 for n in table["label"]]


def test_what_is_not_known_is_left_out(sample, model):
    labels = sample.labels.copy()
    labels[:, 20:] = -1
    partly = replace(sample, labels=labels)
    (table,) = exhaust(judged_steps(partly, model, Settings(**CHOSEN)))
    found = segment(sample.image, model, **CHOSEN).labels
    inside = np.bincount(found[:, :20].ravel(), minlength=found.max() + 1)
    mostly = np.flatnonzero(2 * inside > np.bincount(found.ravel()))
    assert table["label"].tolist() == mostly[mostly > 0].tolist()
    assert table["wrong"].tolist() == [n % 3 == 0 for n in table["label"]]


def test_the_rule_is_the_regression_of_scikit_learn(rng):
    size = 400
    tables = [{name: rng.normal(size=size) for name in FEATURES} for _ in range(2)]
    for table in tables:
        table["wrong"] = (
            table["distance"] - table["margin"] + rng.normal(size=size) > 0.5
        )
    rule = learnt(tables)
    rows = np.concatenate([np.stack([t[n] for n in FEATURES], 1) for t in tables])
    wrong = np.concatenate([table["wrong"] for table in tables])
    peer = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    expected = peer.fit(rows, ~wrong).predict_proba(rows)[:, 1]
    every = {n: np.concatenate([table[n] for table in tables]) for n in FEATURES}
    np.testing.assert_allclose(rule.predict(every), expected, atol=1e-4)
    assert rule.weights["distance"] < -0.5
    assert rule.weights["margin"] > 0.5
    assert (rule.objects, rule.wrong) == (2 * size, wrong.sum())


def test_what_is_not_known_of_any_object_has_no_weight(rng):
    table = {name: rng.normal(size=100) for name in FEATURES}
    table |= {"foreground": np.full(100, np.nan), "margin": np.full(100, 10.0)}
    table["wrong"] = rng.random(100) < 0.5
    assert set(learnt([table]).weights) == {"distance", "size"}


def test_images_are_learnt_from(sample, model):
    rule = learn_object_confidence([sample, sample], model, **CHOSEN)
    (table,) = exhaust(judged_steps(sample, model, Settings(**CHOSEN)))
    assert rule == learnt([table, table])
    assert rule.wrong == 2 * table["wrong"].sum() > 0


def test_too_few(sample, model):
    right = replace(sample, labels=segment(sample.image, model, **CHOSEN).labels)
    with pytest.raises(TooFewObjects, match=r"10 right and 10 wrong .* got \d+ and 0:"):
        learn_object_confidence([right], model, **CHOSEN)
    with pytest.raises(TooFewObjects, match="got 0 and 0"):
        learn_object_confidence([], model)


def test_a_model_of_which_too_little_is_known_has_no_rule(sample, model):
    right = replace(sample, labels=segment(sample.image, model).labels)
    steps = config_steps([right], model, Settings(**CHOSEN))
    running = Returning(steps)
    *_, last = running
    assert running.value == model.config
    assert "until then the confidence of its objects is the usual one" in last.note


def test_planes_are_judged_one_by_one(sample, model):
    both = Sample(np.stack([sample.image] * 2), np.stack([sample.labels] * 2))
    tables = exhaust(judged_steps(both, model, Settings(**CHOSEN)))
    assert len(tables) == 2
    np.testing.assert_array_equal(tables[0]["wrong"], tables[1]["wrong"])


def test_a_truth_of_another_shape(sample, model):
    other = replace(sample, labels=sample.labels[1:])
    with pytest.raises(ValueError, match="truth and image must have one shape"):
        learn_object_confidence([other], model)
