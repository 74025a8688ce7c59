"""Near objects found by looking at every pair of pixels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_shiftseg.embeddings.losses import between, near_pairs, nearby_ids

pytestmark = pytest.mark.usefixtures("one_thread")


def label_images():
    shapes = st.lists(st.integers(1, 6), min_size=1, max_size=3).map(tuple)
    return st.tuples(shapes, st.integers(0, 2**32 - 1)).map(
        lambda drawn: np.random.default_rng(drawn[1]).choice(
            [-1, 0, 0, 0, 3, 7, 40], size=drawn[0]
        )
    )


@given(label_images(), st.integers(0, 3))
@settings(deadline=None, max_examples=80)
def test_the_lowest_and_highest_id_of_the_cube_about_each_pixel(labels, within):
    lowest, highest = nearby_ids(torch.from_numpy(labels), within)
    for x in np.ndindex(labels.shape):
        cube = labels[tuple(slice(max(i - within, 0), i + within + 1) for i in x)]
        ids = cube[cube > 0]
        expected = (ids.min(), ids.max()) if len(ids) else (0, 0)
        assert (lowest[x], highest[x]) == expected


def test_pairs_by_hand():
    #                        1 and 2 are 2 pixels apart, 2 and 3 are 4
    labels = torch.tensor([1, 0, 2, 0, 0, 0, 3])
    assert near_pairs(labels, 0).tolist() == []
    assert near_pairs(labels, 1).tolist() == [[1, 2]]
    assert near_pairs(labels, 2).tolist() == [[1, 2], [2, 3]]
    assert between(labels, 1).tolist() == [False, True] + [False] * 5
    assert near_pairs(labels.flip(0), 1).tolist() == [[1, 2]]
    assert near_pairs(torch.zeros(4, dtype=torch.int64), 2).tolist() == []
