"""Tiles and phases of pixels, against the plan's own tiles and a real network."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from napari_shiftseg.explain.evidence import place_of
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.inference.predict import embed

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"window": 10, "stitching": "naive"},
        {"stitching": "whole"},
        {"region": ((5, 20), (9, 30))},
    ],
)
def test_every_pixel_lies_in_the_tile_that_keeps_it(plan_of, how):
    plan = plan_of((24, 37), **how)
    numbers = product(*(range(len(axis.tiles)) for axis in plan.axes))
    count = 0
    for number, tile in zip(numbers, plan, strict=True):  # row by row
        for pixel in product(*(range(at.start, at.stop) for at in tile.keep)):
            place = place_of(plan, pixel)
            assert place.tile == number
            raw = np.subtract(pixel, [at.start for at in tile.keep])
            raw += [at.start for at in tile.crop]
            assert place.phase == tuple(raw % 4)
            assert place.index == tuple(np.subtract(pixel, plan.offset))
            if how.get("stitching") != "naive":  # the phase of the design
                assert place.phase == tuple((x - 20) % 4 for x in pixel)
            count += 1
    assert count == np.prod(plan.output_shape)


def test_in_naive_tiles_the_phase_jumps(plan_of):
    plan = plan_of((30,), window=10, stitching="naive")  # borders at 10 and 20
    phases = [place_of(plan, (x,)).phase[0] for x in range(7, 13)]
    assert phases == [3, 0, 1, 0, 1, 2]  # and not 3, 0, 1, 2, 3, 0


def spread_by(keys, embedding):
    """Largest spread of the embedding among pixels of one key."""
    rows = embedding.reshape(len(embedding), -1).T
    groups = [rows[[k == key for k in keys]] for key in set(keys)]
    return max(float(np.ptp(group, axis=0).max()) for group in groups)


@pytest.mark.parametrize(
    ("how", "size", "depth"),
    [
        ({"window": 8}, (18, 22), 2),
        ({"window": 10, "stitching": "naive"}, (18, 22), 2),
        ({"window": 8, "region": ((6, 17), (3, 13))}, (18, 22), 2),
        ({"window": 4}, (4, 3, 5), 1),
    ],
)
def test_pixels_of_one_phase_have_equal_embeddings_in_a_constant_image(
    small_model, how, size, depth
):
    model = small_model(len(size), depth)
    plan = plan_tiles(size, model.shape, **how)
    e = embed(np.ones(size), model, device="cpu", precision="float64", **how)
    pixels = list(product(*(range(*bounds) for bounds in plan.region)))
    phases = [place_of(plan, pixel).phase for pixel in pixels]
    assert spread_by(phases, e) < 1e-10
    assert spread_by([phase[1:] for phase in phases], e) > 1e-4
    if "stitching" in how:
        of_one_pass = [tuple((x - 20) % 4 for x in pixel) for pixel in pixels]
        assert spread_by(of_one_pass, e) > 1e-4


@pytest.mark.parametrize(
    ("pixel", "said"),
    [
        ((24, 0), r"image of 24 × 37 pixels, got \(24, 0\): point at the image"),
        ((-1, 0), "point at the image"),
        ((0, 37), "point at the image"),
        ((3, 12), "must lie in what was predicted.*predict this part"),
        ((5, 5, 5), "2 whole numbers, one an axis.*leave out axes such as time"),
        ((5.0, 12), "whole numbers.*round the position"),
    ],
)
def test_other_pixels_are_refused(plan_of, pixel, said):
    plan = plan_of((24, 37), region=((5, 20), (9, 30)))  # from 4 and 8: whole periods
    assert place_of(plan, (4, 12)).index == (0, 4)
    with pytest.raises(ValueError, match=said):
        place_of(plan, pixel)


def test_numpy_numbers_are_pixels_too(plan_of):
    corner = place_of(plan_of((24, 37)), np.array([23, 36]))
    assert corner.pixel == corner.index == (23, 36)


def test_evidence_must_fit_together(evidence_of):
    known = evidence_of(np.ones((1, 12), int), np.ones((1, 12)))
    assert known.names == ("y", "x")
    with pytest.raises(ValueError, match=r"shape .*\(1, 12\), got \(12, 1\): give"):
        replace(known, labels=known.labels.T)
    with pytest.raises(ValueError, match=r"name 2 axes, .*leave out those of time"):
        replace(known, axes=("t", "y", "x"))
