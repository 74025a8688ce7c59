"""Parts of blocks, joined over their faces, are those of the whole image."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.measure import label

from napari_shiftseg.clustering.joining import join, parts_of, within


def joined(image, cuts, far=False):
    """Cut an image, join it; return the components drawn, and what is known of them."""
    ends = [[0, *at, n] for at, n in zip(cuts, image.shape, strict=True)]
    along = [[slice(*both) for both in pairwise(each)] for each in ends]
    counts = [len(each) for each in along]
    boxes = list(product(*along))
    parts = [parts_of(image[box], box, image.shape) for box in boxes]
    numbers = np.arange(len(boxes)).reshape(counts)
    neighbours = [
        (axis, int(a), int(b))
        for axis in range(image.ndim)
        for row in np.moveaxis(numbers, axis, -1).reshape(-1, counts[axis])
        for a, b in pairwise(row)
    ]
    found = join([known for _, known in parts], neighbours, far)
    drawn = np.zeros(image.shape, int)
    for box, (numbers, _), of_part in zip(boxes, parts, found.of_part, strict=True):
        drawn[box] = of_part[numbers]
    return drawn, found


@pytest.mark.parametrize(
    ("shape", "cuts"),
    [((9,), [(4,)]), ((13, 11), [(5, 9), (1,)]), ((5, 6, 7), [(), (3,), (2, 6)])],
)
def test_components_are_those_of_an_image_labelled_at_once(shape, cuts, rng):
    image = rng.integers(0, 3, shape)

    drawn, found = joined(image, cuts)

    expected = label(image, background=0, connectivity=1)
    np.testing.assert_array_equal(drawn, expected)
    assert len(found) == expected.max()
    np.testing.assert_array_equal(found.sizes, np.bincount(expected.ravel())[1:])
    first = [np.flatnonzero(expected == n + 1)[0] for n in range(len(found))]
    np.testing.assert_array_equal(found.first, first)
    at = [np.unravel_index(i, shape) for i in first]
    np.testing.assert_array_equal(within(shape, found.first), at)
    for n, (low, high) in enumerate(zip(found.low, found.high, strict=True)):
        there = np.argwhere(expected == n + 1)
        np.testing.assert_array_equal(low, there.min(0))
        np.testing.assert_array_equal(high, there.max(0) + 1)
    np.testing.assert_array_equal(found.values[drawn[image > 0] - 1], image[image > 0])


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), cut=st.sets(st.integers(1, 11), max_size=4))
def test_the_cuts_do_not_show(seed, cut):
    image = np.random.default_rng(seed).random((12, 12)) > 0.4

    drawn, _ = joined(image, [sorted(cut), sorted(cut)[:2]])

    np.testing.assert_array_equal(drawn, label(image, connectivity=1))


def test_a_spiral_through_all_blocks_is_one_component():
    image = np.ones((9, 9), int)
    image[1, :8] = image[1:8, 7] = image[7, 2:8] = image[3:8, 2] = 0

    drawn, found = joined(image, [(3, 6), (3, 6)])

    np.testing.assert_array_equal(drawn, label(image, connectivity=1))
    assert len(found) == label(image, connectivity=1).max()


def test_far_parts_of_one_value_are_one_component():
    image = np.array([[5, 0, 2, 0, 5]])

    assert joined(image, [(), (2,)], far=True)[0].tolist() == [[2, 0, 1, 0, 2]]
    assert joined(image, [(), (2,)])[0].tolist() == [[1, 0, 2, 0, 3]]


def test_corners_do_not_touch():
    image = np.array([[1, 0], [0, 1]])

    assert len(joined(image, [(1,), (1,)])[1]) == 2


def test_an_image_without_a_part_has_no_component():
    drawn, found = joined(np.zeros((4, 6), int), [(2,), (3,)])

    assert len(found) == 0
    assert not drawn.any()
