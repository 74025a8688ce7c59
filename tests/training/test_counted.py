"""How much of label images counts, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from napari_shiftseg.training.pairs import Counted, counted


def test_pixels_and_objects_of_several_images():
    found = counted([np.array([-1, 0, 3, 3]), np.array([[3, 2**40, -1, -1]])])
    assert found == Counted(known=5, pixels=8, objects=3)
    assert found.is_partly
    assert found.line == "62 % of the pixels count: 3 objects"
    assert not counted([[0, 1]]).is_partly
    assert counted([]) == Counted(0, 0, 0)


@pytest.mark.parametrize(
    ("known", "line"),
    [
        (1, "less than 0.01 % of the pixels count: 1 object"),
        (3_000, "0.3 % of the pixels count: 1 object"),
        (21_400, "2.1 % of the pixels count: 1 object"),
        (140_000, "14 % of the pixels count: 1 object"),
        (999_999, "more than 99 % of the pixels count: 1 object"),
        (1_000_000, "100 % of the pixels count: 1 object"),
    ],
)
def test_shares_are_neither_none_nor_all_where_they_are_not(known, line):
    assert Counted(known, 10**6, 1).line == line
