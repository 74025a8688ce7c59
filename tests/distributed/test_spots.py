"""Neighbourhoods of a large component share out its pixels."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from napari_shiftseg.clustering.modes import neighbourhoods
from napari_shiftseg.distributed import spots
from napari_shiftseg.distributed.spots import Tissue, are_large, find_spots


@pytest.mark.parametrize(
    ("shape", "size"),
    [((20,), (7,)), ((41, 53), (13, 8)), ((9, 60), (12, 5)), ((12, 15, 11), (5, 6, 4))],
)
def test_each_pixel_is_kept_by_the_first_that_holds_it(shape, size, tmp_path):
    low = np.arange(3, 3 + len(shape))[None]
    job = SimpleNamespace(
        shape=shape, neighbourhood=size, blocks=SimpleNamespace(holding=lambda at: 0),
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


def test_only_what_is_larger_than_a_neighbourhood_is_shared_out(monkeypatch):
    monkeypatch.setattr(spots, "LARGE", 99)
    low = np.zeros((3, 2), int)
    high = np.array([[9, 11], [10, 10], [5, 30]])

    assert are_large(low, high, (10, 10)).tolist() == [False, False, True]
    assert not are_large(low, high, None).any()
