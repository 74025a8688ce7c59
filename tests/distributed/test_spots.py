"""Neighbourhoods of a large component share out its pixels."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from napari_shiftseg.clustering.modes import neighbourhoods
from napari_shiftseg.distributed import spots
from napari_shiftseg.distributed.blocks import Blocks
from napari_shiftseg.distributed.spots import Tissue, are_large, find_spots
from napari_shiftseg.geometry.tiling import plan_tiles


@pytest.mark.parametrize(
    ("shape", "size"),
    [((20,), (7,)), ((41, 53), (13, 8)), ((9, 60), (12, 5)), ((12, 15, 11), (5, 6, 4))],
)
def test_each_pixel_is_kept_by_the_first_that_holds_it(shape, size, tmp_path):
    low = np.arange(3, 3 + len(shape))[None]
    job = SimpleNamespace(
        shape=shape, neighbourhood=size,
        table=lambda name, more="": tmp_path / f"{name}{more}.npz",
    )  # fmt: skip

    find_spots(job, np.array([5]), low, low + shape)

    tissue, first = Tissue(job), np.full(low[0] + shape, -1)
    for number, (_, box) in enumerate(neighbourhoods(shape, size)):
        there = tuple(
            slice(s.start + a, s.stop + a) for s, a in zip(box, low[0], strict=True)
        )
        first[there][first[there] < 0] = number
    kept = np.full(first.shape, -1)
    for spot in range(len(tissue)):
        assert (kept[tissue.kept(spot)] < 0).all()
        kept[tissue.kept(spot)] = spot
        near = [n for n in range(spot) if overlap(tissue.box(n), tissue.box(spot))]
        assert set(near) <= set(tissue.earlier(spot)) <= set(range(spot))
    np.testing.assert_array_equal(kept, first)


def overlap(one, other):
    sides = zip(one, other, strict=True)
    return all(max(a.start, b.start) < min(a.stop, b.stop) for a, b in sides)


def test_neighbourhoods_are_found_from_their_places(stored_tissue):
    """Those of a block, and those that keep pixels of a box, by a look at all."""
    job, tissue = stored_tissue
    every, ndim = range(len(tissue)), len(job.shape)

    assert tissue.components.tolist() == [tissue.component(spot) for spot in every]
    assert set(tissue.components) == {3, 7}
    corner = [[side.start for side in tissue.box(spot)] for spot in every]
    holding = [job.blocks.holding(at) for at in corner]
    for block in range(len(job.blocks)):
        assert tissue.of(block) == [n for n in every if holding[n] == block]
    assert len(set(holding)) > 2
    tissue.pieces_in = np.arange(len(tissue)) % 5
    for seed in range(50):
        ends = np.random.default_rng(seed).integers(0, 40, (ndim, 2))
        box = tuple(slice(a, b + 1) for a, b in np.sort(ends, 1).tolist())
        for component in (None, 3, 7):
            expected = [
                spot for spot in every
                if spot % 5 and overlap(box, tissue.kept(spot))
                and component in (None, tissue.component(spot))
            ]  # fmt: skip
            found = dict(tissue.keepers(box, component))
            assert list(found) == expected
            for spot, both in found.items():
                kept = zip(both, box, tissue.kept(spot), strict=True)
                assert all(
                    (c.start, c.stop) == (max(a.start, b.start), min(a.stop, b.stop))
                    for c, a, b in kept
                )


@pytest.fixture(params=[(7,), (13, 8), (5, 6, 4)])
def stored_tissue(request, small_model, tmp_path):
    """Neighbourhoods of two components whose boxes overlap, in blocks."""
    size = request.param
    shape = (41, 37, 23)[: len(size)]
    plan = plan_tiles(shape, small_model(len(size), depth=1).shape, 8)
    job = SimpleNamespace(
        shape=shape, neighbourhood=size, blocks=Blocks.of(plan, 1),
        table=lambda name, more="": tmp_path / f"{name}{more}.npz",
    )  # fmt: skip
    low, high = np.array([[2, 1, 0], [9, 5, 3]]), np.array([[30, 37, 20], [41, 35, 23]])
    find_spots(job, np.array([3, 7]), low[:, : len(size)], high[:, : len(size)])
    return job, Tissue(job)


def test_only_what_is_larger_than_a_neighbourhood_is_shared_out(monkeypatch):
    monkeypatch.setattr(spots, "LARGE", 99)
    low = np.zeros((3, 2), int)
    high = np.array([[9, 11], [10, 10], [5, 30]])

    assert are_large(low, high, (10, 10)).tolist() == [False, False, True]
    assert not are_large(low, high, None).any()
