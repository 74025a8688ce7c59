"""The theorems of the paper, over networks of any size."""

from __future__ import annotations

from collections.abc import Callable
from math import lcm, prod

import numpy as np
import pytest
import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from napari_shiftseg.experiments.lemma import passing_on, relative_functions
from napari_shiftseg.inference.predict import embed
from napari_shiftseg.networks.unet import UNet, build
from napari_shiftseg.networks.unet_config import ModelConfig
from napari_shiftseg.samples.catalogue import disks

pytestmark = pytest.mark.usefixtures("one_thread")

EXACT = 1e-12  # relative, in float64
SEEN = 1e-4  # what a wrong shift moves the output by, at least
Layer = Callable[[np.ndarray], np.ndarray]
PRIMES = [n for n in range(2, 200) if all(n % d for d in range(2, n))]

few = settings(max_examples=40, deadline=None, derandomize=True)


LEVELS = {1: 3, 2: 2, 3: 1}  # at most, by axes
CONVOLUTIONS = {1: 3, 2: 2, 3: 1}
KERNELS = {1: (1, 3, 5), 2: (1, 3, 5), 3: (1, 3)}


@st.composite
def configs(draw, ndim=(1, 2, 3), **options) -> ModelConfig:
    """Draw a network of any pooling factors: another one at each level and axis."""
    ndim = draw(st.sampled_from(ndim))
    levels = draw(st.integers(1, LEVELS[ndim]))
    level = st.tuples(*[st.integers(1, 3)] * ndim)
    factors = tuple(draw(level) for _ in range(levels))
    assume(prod(map(prod, factors)) > 1)
    drawn = {
        "convolutions": draw(st.integers(1, CONVOLUTIONS[ndim])),
        "kernel_size": draw(st.tuples(*[st.sampled_from(KERNELS[ndim])] * ndim)),
        "upsampling": draw(st.sampled_from(("learnt", "nearest"))),
        "features": 16,  # of fewer, all may be dead
        "growth": 1,
    }
    return ModelConfig(ndim=ndim, pooling_factors=factors, **{**drawn, **options})


UNEQUAL = ModelConfig(
    ndim=2, pooling_factors=((2, 3), (3, 1)), kernel_size=(3, 5), convolutions=1,
    features=8, growth=1,
)  # fmt: skip


def period_of(config: ModelConfig) -> tuple[int, ...]:
    """Period by its definition: the product of an axis' factors."""
    return tuple(prod(along) for along in zip(*config.pooling_factors, strict=True))


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape)


def predict(model: UNet, image: np.ndarray, **settings) -> np.ndarray:
    settings = {"border": "valid", "stitching": "whole", **settings}
    return embed(image, model, device="cpu", precision="float64", **settings)


def difference(a: np.ndarray, b: np.ndarray) -> float:
    """Largest difference relative to the largest value."""
    return float(np.abs(a - b).max() / np.abs(a).max())


def apart(field: np.ndarray, axis: int, shift: int) -> float:
    """Largest difference between pixels so far apart, relative."""
    along = np.moveaxis(field, axis + 1, 0)
    return difference(along[shift:], along[:-shift])


def followed_shifts(model: UNet, axis: int) -> list[int]:
    """Shifts of noise up to the period that shift the output alike.

    Any other one changes it visibly: there is nothing between `EXACT` and `SEEN`.
    """
    period = model.shape.period[axis]
    size = [a.input_for(2 * a.period) for a in model.shape.axes]
    cut = size[axis]
    size[axis] += period
    image = np.moveaxis(noise(*size), axis, 0)

    def at(start: int) -> np.ndarray:
        part = image[start : start + cut]
        return np.moveaxis(predict(model, np.moveaxis(part, 0, axis)), axis + 1, 0)

    still, followed = at(0), []
    for shift in range(1, period + 1):
        change = difference(still[shift:], at(shift)[:-shift])
        assert change < EXACT or change > SEEN
        if change < EXACT:
            followed.append(shift)
    return followed


@few
@given(configs())
@example(UNEQUAL)
def test_lemma_1_the_output_follows_shifts_by_the_period_and_no_smaller_one(config):
    model, period = build(config), period_of(config)
    assert model.shape.period == period
    for axis, p in enumerate(period):
        assert followed_shifts(model, axis) == [p]


@few
@given(configs(features=1, embedding_channels=1, upsampling="nearest"))
def test_lemma_1_a_net_by_hand_computes_as_many_functions_as_phases(config):
    above = relative_functions(passing_on(build(config)))
    assert len(np.unique(above)) == prod(period_of(config))


def coarse_and_back(factor: int, between: Layer = np.copy) -> Layer:
    """Pool a line by a factor, do what lies between, and repeat each value again."""

    def layer(line: np.ndarray) -> np.ndarray:
        cells = line[: len(line) // factor * factor].reshape(-1, factor)
        return np.repeat(between(cells.max(axis=1)), factor)

    return layer


def least_shift(layer: Layer) -> int:
    """The least shift of a ramp that shifts what a layer makes of it alike."""
    line = np.arange(72.0)
    still = layer(line)
    for shift in range(1, 36):
        moved = layer(line[shift:])
        both = min(len(moved), len(still) - shift)
        if np.array_equal(moved[:both], still[shift : shift + both]):
            return shift
    raise AssertionError("no shift is followed")


def test_periods_combine():
    """One level inside another multiplies; one after another, the least common one."""
    two, three = coarse_and_back(2), coarse_and_back(3)
    assert two(np.arange(6.0)).tolist() == [1, 1, 3, 3, 5, 5]
    assert two(np.arange(1, 7.0)).tolist() == [2, 2, 4, 4, 6, 6]  # no shift of these

    assert least_shift(lambda line: np.convolve(line, [1, 2, 4], "valid")) == 1
    assert (least_shift(two), least_shift(three)) == (2, 3)
    assert least_shift(coarse_and_back(2, two)) == 4
    assert least_shift(coarse_and_back(2, coarse_and_back(2, two))) == 8
    assert least_shift(coarse_and_back(3, two)) == 6
    assert least_shift(coarse_and_back(2, three)) == 6
    assert least_shift(lambda line: two(two(line))) == 2
    assert least_shift(lambda line: three(two(line))) == 6


@few
@given(st.lists(st.integers(1, 3), min_size=1, max_size=3))
def test_a_net_by_hand_pools_and_repeats(factors):
    layer: Layer = np.copy
    for factor in reversed(factors):
        layer = coarse_and_back(factor, layer)
    config = ModelConfig(
        ndim=1, pooling_factors=tuple((f,) for f in factors), kernel_size=(1,),
        features=1, growth=1, embedding_channels=1, upsampling="nearest",
    )  # fmt: skip
    line = noise(prod(factors) * 4)
    (field,) = predict(passing_on(build(config)), line - line.min())
    np.testing.assert_array_equal(field, layer(line - line.min()))
    assert least_shift(layer) == prod(factors)


@few
@given(configs(), st.integers(1, 2))
def test_corollary_3_pixels_a_period_apart_are_never_told_apart(config, n):
    model, period = build(config), period_of(config)
    size = [a.input_for((n + 1) * a.period) for a in model.shape.axes]
    field = predict(model, np.ones(size))
    for axis, p in enumerate(period):
        assert apart(field, axis, n * p) < EXACT
    if config.upsampling == "nearest":
        assert all(apart(field, axis, 1) < EXACT for axis in range(config.ndim))
    else:  # the control: within a period they are
        deepest = max(range(config.ndim), key=lambda axis: period[axis])
        assert apart(field, deepest, 1) > SEEN


@few
@given(configs(ndim=(1, 2)), st.integers(4, 7))
def test_corollary_3_objects_on_a_lattice_repeat_with_its_phases(config, spacing):
    model = build(config)
    repeats = [lcm(spacing, p) for p in period_of(config)]
    assume(prod(repeats) < 2_000)
    size = [
        a.input_for(n + spacing) for a, n in zip(model.shape.axes, repeats, strict=True)
    ]
    field = predict(model, disks(size, spacing, radius=1).image)
    for axis, (repeat, p) in enumerate(zip(repeats, period_of(config), strict=True)):
        assert apart(field, axis, repeat) < EXACT
        # the control: weights of its own tell a phase, here the next object's
        if spacing % p and config.upsampling == "learnt":
            assert apart(field, axis, spacing) > SEEN


@few
@given(configs(), st.sampled_from(("valid", "same")), st.data())
def test_corollary_4_tiles_equal_the_whole_image(config, padding, data):
    model = build(config.model_copy(update={"padding": padding}))
    shape = model.shape
    window = tuple(data.draw(st.integers(1, 3 * p)) for p in shape.period)
    size = tuple(
        2 * a.halo + a.input_for(3 * a.period + data.draw(st.integers(1, 5)))
        for a in shape.axes
    )
    image = noise(*size)
    whole = predict(model, image)
    tiled = predict(model, image, window=window, stitching="cropped")
    assert difference(whole, tiled) < EXACT

    # the control: tiles that begin one pixel later than a period
    deepest = max(range(shape.ndim), key=lambda axis: shape.period[axis])
    windows = [*shape.period]
    windows[deepest] += 1
    naive = predict(model, image, window=windows, stitching="naive")
    common = tuple(slice(0, n) for n in np.minimum(whole.shape[1:], naive.shape[1:]))
    assert difference(whole[:, *common], naive[:, *common]) > SEEN


def prime_model(config: ModelConfig) -> UNet:
    """Weights of the upsampling that are all distinct primes; all else passes on."""
    model, primes = passing_on(build(config)), iter(PRIMES)
    with torch.no_grad():
        for up in model.up:
            drawn = [next(primes) for _ in range(up.resize.weight.numel())]
            up.resize.weight[:] = torch.tensor(drawn).reshape(up.resize.weight.shape)
    return model


@few
@given(configs(features=1, embedding_channels=1, upsampling="learnt"))
def test_corollary_5_products_of_primes_identify_the_phase(config):
    model, period = prime_model(config), period_of(config)
    size = [a.input_for(2 * a.period) for a in model.shape.axes]
    (field,) = predict(model, np.ones(size))
    block = field[tuple(slice(0, p) for p in period)]

    assert len(np.unique(block)) == block.size == prod(period)
    assert len(np.unique(field)) == prod(period)
    one_a_level = len(config.pooling_factors)
    for value in block.astype(int).flat:
        assert sum(value % prime == 0 for prime in PRIMES) == one_a_level


@few
@given(configs(features=1, embedding_channels=1, upsampling="nearest"))
def test_corollary_5_nearest_upsampling_gives_one_id(config):
    model = passing_on(build(config))
    size = [a.input_for(2 * a.period) for a in model.shape.axes]
    (field,) = predict(model, np.ones(size))
    assert len(np.unique(field)) == 1
