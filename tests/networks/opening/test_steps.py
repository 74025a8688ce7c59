"""Steps before and after a network, against their formulas."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from napari_shiftseg.networks.opening.step_words import Words, read_step, read_steps
from napari_shiftseg.networks.opening.steps import Intensity
from napari_shiftseg.networks.opening.trust import UnreadableNetworkError

AXES = ("b", "c", "y", "x")
RANDOM = np.random.default_rng(3)
IMAGE = (RANDOM.gamma(2, 30, (2, 12, 10)) * [[[1.0]], [[5.0]]]).astype(np.float32)


def step(name: str, **settings: Any) -> Any:
    return read_step(Words(name, settings, AXES, "image"))


def both(values: list[float]) -> Any:
    return np.array(values).reshape(-1, 1, 1)


MEAN, STD = IMAGE.mean((1, 2), keepdims=True), IMAGE.std((1, 2), keepdims=True)
LOW, HIGH = (np.percentile(IMAGE, q, axis=(1, 2), keepdims=True) for q in (5, 90))
SPACE = ["x", "y"]


@pytest.mark.parametrize(
    ("name", "settings", "expected"),
    [
        ("zero_mean_unit_variance", {"axes": SPACE}, (IMAGE - MEAN) / (STD + 1e-6)),
        ("zero_mean_unit_variance", {}, (IMAGE - IMAGE.mean()) / (IMAGE.std() + 1e-6)),
        (
            "zero_mean_unit_variance",
            {"axes": ["batch", "channel", *SPACE], "eps": 0.1},
            (IMAGE - IMAGE.mean()) / (IMAGE.std() + 0.1),
        ),
        (
            "scale_range",
            {"axes": SPACE, "min_percentile": 5, "max_percentile": 90},
            (IMAGE - LOW) / (HIGH - LOW + 1e-6),
        ),
        (
            "scale_range",
            {},
            (IMAGE - IMAGE.min()) / (IMAGE.max() - IMAGE.min() + 1e-6),
        ),
        ("scale_linear", {"gain": 2.0, "offset": -3.0}, 2 * IMAGE - 3),
        (
            "scale_linear",
            {"axis": "channel", "gain": [2.0, 3.0], "offset": [1.0, 0.0]},
            both([2, 3]) * IMAGE + both([1, 0]),
        ),
        ("fixed_zero_mean_unit_variance", {"mean": 10, "std": 4}, (IMAGE - 10) / 4),
        (
            "fixed_zero_mean_unit_variance",
            {"axis": "channel", "mean": [10, 20], "std": [4, 5]},
            (IMAGE - both([10, 20])) / both([4, 5]),
        ),
        (
            "zero_mean_unit_variance",
            {"mode": "fixed", "mean": 10, "std": 4},
            (IMAGE - 10) / 4,
        ),
        ("clip", {"min": 20.0, "max": 90.0}, np.clip(IMAGE, 20, 90)),
        ("clip", {"max": 90.0}, np.minimum(IMAGE, 90)),
        (
            "clip",
            {"min_percentile": 5, "max_percentile": 90, "axes": SPACE},
            np.clip(IMAGE, LOW, HIGH),
        ),
        ("binarize", {"threshold": 50.0}, IMAGE > 50),
        (
            "binarize",
            {"threshold": [50, 90], "axis": "channel"},
            both([50, 90]) < IMAGE,
        ),
        ("ensure_dtype", {"dtype": "uint8"}, np.minimum(np.floor(IMAGE), 255)),
        ("sigmoid", {}, 1 / (1 + np.exp(-IMAGE.astype(float)))),
        (
            "softmax",
            {},
            np.exp(IMAGE - IMAGE.max(0)) / np.exp(IMAGE - IMAGE.max(0)).sum(0),
        ),
    ],
)
def test_a_step_is_its_formula(name, settings, expected):
    made = Intensity((step(name, **settings),)).of(IMAGE)(IMAGE)
    assert np.allclose(made, expected, rtol=2e-6, atol=1e-5)
    assert not np.allclose(made, IMAGE)


def test_a_cast_to_float_is_nothing():
    assert step("ensure_dtype", dtype="float32") is None


def test_a_rule_is_that_of_the_whole_image_in_every_tile():
    steps = (step("clip", max_percentile=90), step("zero_mean_unit_variance"))
    rule = Intensity(steps).of(IMAGE)
    tile = IMAGE[:, 3:7, 2:9]
    assert np.array_equal(rule(tile), rule(IMAGE)[:, 3:7, 2:9])
    of_tile = Intensity(steps).of(tile)  # the control: what tiles by themselves give
    assert not np.allclose(of_tile(tile), rule(tile), atol=0.01)
    # the second step sees what the first has made
    clipped = np.minimum(IMAGE, np.percentile(IMAGE, 90))
    assert np.allclose(
        rule(IMAGE), (clipped - clipped.mean()) / clipped.std(), atol=1e-4
    )


def test_percentiles_of_the_image_as_it_is():
    first = step("scale_linear", gain=2.0, offset=5.0)
    second = step("scale_range", reference_tensor="image")
    made = Intensity((first, second)).of(IMAGE)(IMAGE)
    span = IMAGE.max() - IMAGE.min()
    assert np.allclose(made, (2 * IMAGE + 5 - IMAGE.min()) / span, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("stretch", {}, "is not known; known are zero_mean_unit_variance"),
        ("zero_mean_unit_variance", {"axes": ["x"]}, "every plane along y by itself"),
        ("scale_range", {"min_percentile": 90, "max_percentile": 5}, "got 90 and 5"),
        ("scale_range", {"reference_tensor": "other"}, "another tensor, 'other'"),
        ("scale_linear", {"gain": 0}, "has a gain of 0"),
        ("scale_linear", {"gain": "2"}, "needs numbers as gain, got '2'"),
        ("scale_linear", {"gain": float("nan")}, "needs numbers as gain"),
        (
            "scale_linear",
            {"gain": [1, 2], "offset": [1, 2, 3]},
            "2 gains and 3 offsets",
        ),
        ("scale_linear", {"gain": [1, 2], "axis": "y"}, "is along 'y'; here it is"),
        ("fixed_zero_mean_unit_variance", {"mean": 1, "std": 0}, "a std above 0"),
        ("ensure_dtype", {"dtype": "object"}, "no known type of numbers, 'object'"),
        ("clip", {"min": 1, "max_percentile": 9}, "mixes values and percentiles"),
        ("scale_range", {"min_percentil": 1}, "did you mean min_percentile?"),
        ("zero_mean_unit_variance", {"mode": "x"}, "mode 'x': fixed, per_sample or"),
        ("sigmoid", {"gain": 1}, "has no setting 'gain'; it has no settings"),
    ],
)
def test_wrong_steps_are_refused(name, settings, words):
    with pytest.raises(UnreadableNetworkError, match=re.escape(words)):
        step(name, **settings)


@pytest.mark.parametrize("given", ["clip", [3], [{"kwargs": {}}], [{"id": "a"}] * 101])
def test_wrong_lists_of_steps_are_refused(given):
    with pytest.raises(UnreadableNetworkError, match="image"):
        read_steps(given, AXES, "image")
