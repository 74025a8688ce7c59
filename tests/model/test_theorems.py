"""The theorems of the paper, over networks of any size."""

from __future__ import annotations

from math import lcm, prod

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from napari_shiftseg.experiments.lemma import passing_on
from napari_shiftseg.inference.predict import embed
from napari_shiftseg.model.config import ModelConfig
from napari_shiftseg.model.unet import UNet, build
from napari_shiftseg.samples.disks import disks

pytestmark = pytest.mark.usefixtures("one_thread")

EXACT = 1e-12  # relative, in float64
SEEN = 1e-4  # what a wrong shift moves the output by, at least
PRIMES = [n for n in range(2, 200) if all(n % d for d in range(2, n))]

few = settings(max_examples=40, deadline=None, derandomize=True)


@st.composite
def configs(draw, ndim=(1, 2, 3), **options) -> ModelConfig:
    """Draw a network of any pooling factors: another one at each level and axis."""
    ndim = draw(st.sampled_from(ndim))
    levels = draw(st.integers(1, 3 if ndim == 1 else 2 if ndim == 2 else 1))
    level = st.tuples(*[st.integers(1, 3)] * ndim)
    factors = tuple(draw(level) for _ in range(levels))
    assume(prod(map(prod, factors)) > 1)
    drawn = {
        "convolutions": draw(st.integers(1, 2 if ndim < 3 else 1)),
        "kernel_size": draw(
            st.tuples(*[st.sampled_from((3, 5) if ndim < 3 else (3,))] * ndim)
        ),
        "upsampling": draw(st.sampled_from(("learnt", "nearest"))),
        "features": 8,
        "growth": 1,
    }
    return ModelConfig(ndim=ndim, pooling_factors=factors, **{**drawn, **options})


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


@few
@given(configs(), st.data())
def test_lemma_1_shifts_by_the_period_shift_the_output_and_smaller_ones_change_it(
    config, data
):
    model, period = build(config), period_of(config)
    assert model.shape.period == period
    axis = data.draw(st.sampled_from([a for a, p in enumerate(period) if p > 1]))
    shift = data.draw(st.integers(1, period[axis]))
    size = [a.input_for(2 * a.period) for a in model.shape.axes]
    size[axis] += shift
    image = np.moveaxis(noise(*size), axis, 0)

    def at(start: int) -> np.ndarray:
        part = image[start : len(image) - shift + start]
        return np.moveaxis(predict(model, np.moveaxis(part, 0, axis)), axis + 1, 0)

    here, there = at(0)[shift:], at(shift)[:-shift]
    if shift == period[axis]:
        assert difference(here, there) < EXACT
    else:
        assert difference(here, there) > SEEN


@few
@given(configs(ndim=(1, 2)), st.integers(1, 2))
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
@given(configs(ndim=(1, 2)), st.sampled_from(("valid", "same")), st.data())
def test_corollary_4_tiles_equal_the_whole_image(config, padding, data):
    model = build(config.model_copy(update={"padding": padding}))
    shape = model.shape
    window = tuple(data.draw(st.integers(1, 3 * p)) for p in shape.period)
    size = tuple(
        2 * a.halo + a.input_for(3 * a.period + data.draw(st.integers(0, 5)))
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
@given(configs(ndim=(1, 2, 3), features=1, embedding_channels=1, upsampling="learnt"))
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
