"""The mark of a seam: where its frame and its line lie, by hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from napari.layers import Image

from napari_shiftseg.gui.compare.layers import LINE_COLOUR, outline, seam_mark
from napari_shiftseg.gui.parts.source import LayerSource
from napari_shiftseg.metrics.splits import Cut, Seam


def mark(seam: Seam, offset: tuple[int, ...]):
    """Lines and colours; of a result only the plan is looked at."""
    plan = SimpleNamespace(offset=offset)
    source = LayerSource.of(Image(np.zeros((30,) * len(offset))))
    lines, how, kind = seam_mark(seam, SimpleNamespace(plan=plan), source)
    assert kind == "vectors"
    assert len(how["edge_color"]) == len(lines)
    return lines, how["edge_color"]


def test_outline_is_closed():
    sides = outline(((1, 4), (2, 9)))
    assert sides[:, 0].tolist() == [[1, 2], [1, 9], [4, 9], [4, 2]]
    np.testing.assert_array_equal(sides.sum(axis=1), np.roll(sides[:, 0], -1, axis=0))


@pytest.mark.parametrize(
    ("axis", "pairs", "begin", "extent"),
    [
        (0, ((7, 9), (4, 8)), (7.5, 3.5), (0, 4)),  # between rows 7 and 8
        (1, ((4, 8), (7, 9)), (3.5, 7.5), (4, 0)),  # between columns 7 and 8
    ],
)
def test_the_line_runs_between_the_pixels_of_the_cut(axis, pairs, begin, extent):
    longer = tuple((max(0, a - 3), b + 3) if b - a > 2 else (a, b) for a, b in pairs)
    seam = Seam(axis, longer, (1,), 1.0, at=(7, 5), cuts=(Cut(1, pairs, 4),))
    lines, colours = mark(seam, (10, 20))
    assert colours.count(LINE_COLOUR) == 1
    np.testing.assert_array_equal(lines[-1], [np.add(begin, (10, 20)), extent])
    middle = np.mean([lines[0, 0], lines[2, 0]], axis=0)  # of the frame
    np.testing.assert_array_equal(
        middle, np.add(begin, (10, 20)) + np.divide(extent, 2)
    )


def test_in_a_volume_the_plane_is_that_of_the_split_object():
    cuts = (Cut(3, ((1, 4), (7, 9), (4, 8)), 9), Cut(4, ((8, 9), (7, 9), (4, 8)), 3))
    seam = Seam(1, ((0, 12), (7, 9), (4, 8)), (3, 4), 1.0, at=(2, 7, 5), cuts=cuts)
    lines, colours = mark(seam, (5, 0, 0))
    assert set(lines[:, 0, 0]) == {5 + 2}  # not 5 + 6, the middle
    assert not lines[:, 1, 0].any()
    assert colours.count(LINE_COLOUR) == 1  # the second lies in another plane


def test_a_seam_between_planes_has_a_frame_beside_it_and_no_line():
    cut = Cut(3, ((5, 7), (1, 3), (5, 8)), 6)
    seam = Seam(0, ((5, 7), (0, 8), (4, 8)), (3,), 1.0, at=(5, 1, 6), cuts=(cut,))
    lines, colours = mark(seam, (0, 0, 0))
    assert colours.count(LINE_COLOUR) == 0
    assert lines.shape == (4, 2, 3)
    assert set(lines[:, 0, 0]) == {5}
