"""How sure the objects of a run are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_shiftseg import object_confidence, segment
from napari_shiftseg.networks.confidence_rule import ConfidenceRule
from napari_shiftseg.networks.unet import new_model
from napari_shiftseg.progress import Progress, exhaust
from napari_shiftseg.results.confidence import (
    USUAL_RULE,
    _joined,
    confidence_steps,
    features_steps,
)
from napari_shiftseg.results.features import as_learnt
from napari_shiftseg.results.review import SHARE

pytestmark = pytest.mark.usefixtures("one_thread")
NAMES = ["label", "confidence", "distance", "margin", "cut"]
SMALL = {"bandwidth": 0.3, "scope": "component", "min_size": 2}
LOW = {"foreground_threshold": 0.3}  # where several views see some


@pytest.fixture(scope="module")
def model():
    return new_model(ndim=2, depth=2, features=4, foreground=True, name="m")


@pytest.fixture
def image(rng) -> np.ndarray:
    return gaussian_filter(rng.normal(size=(28, 40)), 1) * 4


@pytest.fixture
def result(image, model):
    return segment(image, model, **SMALL, **LOW)


def features(result, model) -> list[dict]:
    steps = features_steps(result, model)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value


def alike(one, other) -> None:
    assert list(one) == list(other)
    for name, values in one.items():
        np.testing.assert_array_equal(values, other[name], name)


def test_a_row_an_object(result, model):
    table = object_confidence(result, model)
    assert list(table) == NAMES
    assert table["label"].tolist() == list(range(1, result.objects + 1))
    assert ((table["confidence"] > 0) & (table["confidence"] < 1)).all()
    (known,) = features(result, model)
    np.testing.assert_array_equal(table["distance"], known["distance"])
    assert np.isnan(table["margin"]).any()  # those that touch nothing
    assert np.isfinite(table["margin"]).any()


def test_the_rule_of_the_model_or_the_usual_one(result, model):
    (known,) = features(result, model)
    usual = object_confidence(result, model)["confidence"]
    np.testing.assert_allclose(usual, USUAL_RULE.predict(as_learnt(known)))
    rule = ConfidenceRule(intercept=0, weights={"size": 1}, usual={"size": 0.5})
    other = new_model(ndim=2, depth=2, features=4, foreground=True, confidence=rule)
    own = object_confidence(result, other)["confidence"]
    np.testing.assert_allclose(own, 1 / (1 + np.exp(0.5 - known["size"])))


def test_why_adds_up_to_the_confidence(result, model):
    table = exhaust(confidence_steps(result, model, why=True))
    shares = [values for name, values in table.items() if name.startswith(SHARE)]
    assert len(shares) == 4
    odds = USUAL_RULE.intercept + sum(shares)
    np.testing.assert_allclose(1 / (1 + np.exp(-odds)), table["confidence"])
    (known,) = features(result, model)
    np.testing.assert_allclose(np.abs(np.log(table["times"])), known["size"])


def test_it_does_not_depend_on_tiles(image, model):
    tables = [
        object_confidence(segment(image, model, **SMALL, **LOW, **how), model)
        for how in ({"stitching": "whole"}, {"window": 4}, {"window": 12})
    ]
    for table in tables[1:]:
        for name in NAMES[:4]:
            np.testing.assert_allclose(table[name], tables[0][name], rtol=1e-3)


def test_progress(result, model):
    said = list(confidence_steps(result, model))
    assert said == [Progress(0, 1, stage="confidence")]


def test_views_tell_how_they_disagree(image, model):
    table = object_confidence(segment(image, model, views=2, **SMALL, **LOW), model)
    assert list(table) == [*NAMES[:4], "disagreement", "cut"]
    assert (table["disagreement"] > 0).any()


def test_a_method_without_modes_has_its_foreground_alone(image, model):
    watershed = segment(image, model, method="watershed", min_size=2)
    table = object_confidence(watershed, model)
    assert np.isnan(table["distance"]).all()
    assert np.isnan(table["margin"]).all()
    assert np.ptp(table["confidence"]) > 0


def test_frames_with_numbers_of_their_own(image, model, result):
    series = np.stack([image, image[::-1], image])
    found = segment(series, model, axes=["t"], **SMALL, **LOW)
    table = object_confidence(found, model)
    assert len(table["label"]) == found.objects
    alone = object_confidence(result, model)
    first = slice(0, result.objects)
    alike({n: v[first] for n, v in table.items()}, alone)
    last = np.unique(found.labels[2])[1:]
    assert table["label"][-len(last) :].tolist() == last.tolist()
    np.testing.assert_array_equal(table["distance"][-len(last) :], alone["distance"])


def test_an_object_of_several_planes_is_the_mean_of_its_pixels(image, model):
    volume = np.stack([image, np.roll(image, 1, axis=0)])
    found = segment(volume, model, axes=["z"], **SMALL, **LOW)
    table = object_confidence(found, model)
    by_plane = features(found, model)
    rows = [
        (number, plane["area"][at], plane["distance"][at])
        for plane, numbers in zip(by_plane, found.numbers, strict=True)
        for at, number in enumerate(numbers[1:])
    ]
    whole = [n for n in table["label"] if sum(r[0] == n for r in rows) == 2]
    assert whole
    for number in whole:
        _, area, distance = np.array([r for r in rows if r[0] == number]).T
        expected = np.average(distance, weights=area)
        at = table["label"].tolist().index(number)
        assert table["distance"][at] == pytest.approx(expected)


def test_a_margin_counts_in_the_planes_in_which_there_is_one():
    planes = [
        {"label": np.array([1, 2]), "area": np.array([10.0, 4.0]),
         "margin": np.array([np.nan, np.nan])},
        {"label": np.array([1, 3]), "area": np.array([30.0, 5.0]),
         "margin": np.array([2.0, 7.0])},
        {"label": np.array([1]), "area": np.array([10.0]), "margin": np.array([6.0])},
    ]  # fmt: skip
    joined = _joined(planes, ["margin"])
    assert joined["label"].tolist() == [1, 2, 3]
    np.testing.assert_allclose(joined["margin"], [3.0, np.nan, 7.0])


def test_what_was_edited_knows_nothing(result, model):
    before = object_confidence(result, model)
    labels = result.labels.copy()
    labels[labels == 2] = 1  # merged
    labels[labels == 3] = 0  # deleted
    labels[:2, :2] = 700  # new
    after = object_confidence(replace(result, labels=labels), model)
    there = np.unique(labels)[1:]
    assert after["label"].tolist() == there.tolist()
    under = set(np.unique(result.labels[:2, :2]).tolist())
    edited = np.isin(there, [1, 700, *under])
    for name in NAMES[1:3]:
        assert np.isnan(after[name][edited]).all()
        kept = np.isin(before["label"], there[~edited])
        np.testing.assert_array_equal(after[name][~edited], before[name][kept])
    assert (~edited).any()
    assert not after["cut"][edited].any()


def test_nothing_found(model, image):
    result = segment(image, model, foreground_threshold=1 - 1e-12, **SMALL)
    assert result.objects == 0
    table = object_confidence(result, model)
    assert list(table) == NAMES
    assert {len(values) for values in table.values()} == {0}


def test_without_a_foreground_logit(image):
    bare = new_model(ndim=2, depth=2, features=4)
    result = segment(image, bare, bandwidth=0.5)
    table = object_confidence(result, bare)
    assert result.objects
    assert np.isfinite(table["confidence"]).all()
