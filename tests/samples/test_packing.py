"""Bodies side by side: who owns which pixel, and what is left of it."""

from __future__ import annotations

import numpy as np
import pytest

from napari_shiftseg.samples.packing import Packing, _whole, pack, random_ellipsoid


@pytest.mark.parametrize(
    ("shape", "spacing"), [((60, 70), (1, 1)), ((20, 34, 36), (2.0, 1.0, 1.0))]
)
def test_a_pixel_belongs_to_the_body_in_which_it_lies_deepest(shape, spacing):
    packing, rng = Packing(shape, spacing), np.random.default_rng(0)
    assert packing.add_alone(rng, random_ellipsoid(rng, len(shape), 16))
    for _ in range(3):
        assert packing.add_beside(rng, random_ellipsoid(rng, len(shape), 16), group=0)

    depths = np.stack(
        [
            body.depth(
                [
                    (np.arange(n) - c) * s
                    for n, c, s in zip(shape, centre, spacing, strict=True)
                ]
            )
            for body, centre in zip(packing.bodies, packing.centres, strict=True)
        ]
    )
    deepest = np.where(depths.min(0) <= 1, depths.argmin(0) + 1, 0)
    np.testing.assert_array_equal(packing.labels, deepest)
    assert packing.pixels == np.bincount(deepest.ravel())[1:].tolist()
    assert packing.covered == np.count_nonzero(deepest)
    assert ((depths <= 1).sum(0) > 1).any()  # there was something to decide


def test_a_body_keeps_clear_of_other_groups_and_of_the_full():
    packing, rng = Packing((30, 30), (1, 1)), np.random.default_rng(0)
    assert packing.add_alone(rng, random_ellipsoid(rng, 2, 30))
    before = packing.labels.copy()

    assert not packing.add_alone(rng, random_ellipsoid(rng, 2, 60))
    np.testing.assert_array_equal(packing.labels, before)
    assert len(packing.bodies) == len(packing.centres) == len(packing.pixels) == 1


def test_the_largest_piece_stays_and_numbers_close_up():
    # 1 in two pieces that meet at a corner only, 2 was lost altogether
    labels = np.array([[1, 0, 3, 3], [0, 1, 0, 3], [0, 1, 4, 0]], dtype=np.int32)

    assert _whole(labels).tolist() == [[0, 0, 2, 2], [0, 1, 0, 2], [0, 1, 3, 0]]


def test_depths_of_a_packing():
    labels, depth = pack(
        np.random.default_rng(0), (80, 80), (1, 1), (8, 16), 0.3, touching=0.5
    )

    assert (depth[labels > 0] <= 1).all()
    assert np.isinf(depth[labels == 0]).all()
    for one in range(1, labels.max() + 1):
        assert depth[labels == one].min() < 0.95
