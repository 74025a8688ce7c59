"""Outlines along pixel edges: filled, they are the objects again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import label as connected
from shapely import Polygon

from napari_shiftseg.metrics.outlines import outlines

if TYPE_CHECKING:
    from napari_shiftseg.metrics.outlines import Part, Ring


def drawn(text: str) -> np.ndarray:
    rows = text.split()
    return np.array([[int(c) if c.isdigit() else 0 for c in row] for row in rows])


def polygon(part: Part) -> Polygon:
    flipped = [[(x, y) for y, x in ring] for ring in (part.outer, *part.holes)]
    return Polygon(flipped[0], flipped[1:])


def area(ring: Ring) -> float:
    return Polygon([(x, y) for y, x in ring]).area


def filled(shape: tuple[int, ...], parts: tuple[Part, ...]) -> np.ndarray:
    """Fill by crossing numbers, one pixel at a time: slow, and by no code of ours."""
    inside = np.zeros(shape, bool)
    for part in parts:
        for ring in (part.outer, *part.holes):
            for (y0, x0), (y1, x1) in zip(ring, [*ring[1:], ring[0]], strict=True):
                if x0 == x1:
                    inside[min(y0, y1) : max(y0, y1), :x0] ^= True
    return inside


class TestOutlines:
    def test_a_hand_drawn_one(self):
        (found,) = outlines(drawn(".11 ..1"))
        (part,) = found.parts
        assert found.label == 1
        assert part.holes == ()
        assert set(part.outer) == {(0, 1), (0, 3), (1, 1), (1, 2), (2, 2), (2, 3)}

    def test_one_pixel(self):
        (found,) = outlines(drawn("... .7. ..."))
        assert found.label == 7
        assert found.parts[0].outer == [(1, 1), (1, 2), (2, 2), (2, 1)]

    def test_pixels_that_touch_at_a_corner_are_two_parts(self):
        (found,) = outlines(drawn("1. .1"))
        assert [area(part.outer) for part in found.parts] == [1, 1]
        (other,) = outlines(drawn(".1 1."))
        assert [area(part.outer) for part in other.parts] == [1, 1]

    def test_a_hole_that_touches_the_outside_at_a_corner(self):
        (found,) = outlines(drawn("1111 1.11 11.1 111."))
        (part,) = found.parts
        assert len(part.holes) == 2
        assert polygon(part).is_valid
        assert polygon(part).area == 13

    def test_an_island_in_a_hole_is_a_part_of_its_own(self):
        (found,) = outlines(
            drawn("1111111 1.....1 1.111.1 1.1.1.1 1.111.1 1.....1 1111111")
        )
        ring, island = found.parts
        assert polygon(ring).area == 24
        assert polygon(island).area == 8
        assert len(ring.holes) == len(island.holes) == 1

    def test_a_sponge(self):
        """One object of many pieces and holes; it took a minute, hole by hole."""
        labels = (np.random.default_rng(0).random((300, 300)) < 0.7).astype(int)
        (found,) = outlines(labels)
        assert len(found.parts) == connected(labels)[1] > 500
        assert sum(len(part.holes) for part in found.parts) > 1000
        assert sum(polygon(p).area for p in found.parts) == labels.sum()
        assert all(polygon(part).is_valid for part in found.parts)

    def test_rings_turn_as_geojson_wants_them(self):
        """Outer rings counterclockwise where y points up, holes the other way."""
        (found,) = outlines(drawn("111 1.1 111"))
        part = found.parts[0]
        assert Polygon([(x, y) for y, x in part.outer]).exterior.is_ccw
        assert not Polygon([(x, y) for y, x in part.holes[0]]).exterior.is_ccw

    def test_neighbours_gaps_and_nothing(self):
        found = list(outlines(drawn("559 .59")))
        assert [each.label for each in found] == [5, 9]
        assert list(outlines(np.zeros((3, 4), int))) == []
        assert list(outlines(np.zeros((0, 4), int))) == []

    def test_unknown_pixels_are_no_object(self):
        assert [o.label for o in outlines(np.array([[-1, 2], [-1, 0]]))] == [2]

    def test_a_volume_is_refused(self):
        with pytest.raises(ValueError, match="one plane at a time"):
            next(outlines(np.zeros((2, 3, 4), int)))

    @given(arrays(np.uint16, (7, 8), elements=st.integers(0, 2)))
    def test_filled_they_are_the_objects_again(self, labels: np.ndarray):
        found = {each.label: each.parts for each in outlines(labels)}
        assert found.keys() == set(np.unique(labels).tolist()) - {0}
        for label, parts in found.items():
            np.testing.assert_array_equal(filled(labels.shape, parts), labels == label)
            assert all(polygon(part).is_valid for part in parts)
            assert sum(polygon(p).area for p in parts) == (labels == label).sum()
