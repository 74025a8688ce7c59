"""The mark of a seam: where its frame and its line lie, by hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from napari.layers import Image

from napari_shiftseg.gui.seam_mark import LINE_COLOUR, outline, seam_mark
from napari_shiftseg.gui.source import Source
from napari_shiftseg.metrics.splits import Seam


def mark(seam: Seam, stride: tuple[int, ...], offset: tuple[int, ...]):
    """Lines and colours; of a result only the plan is looked at."""
    plan = SimpleNamespace(stride=stride, offset=offset)
    source = Source.of(Image(np.zeros((30,) * len(stride))))
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
def test_the_line_runs_between_the_pixels_of_the_seam(axis, pairs, begin, extent):
    seam = Seam(axis, pairs, (1,), 1.0, at=(7, 5))
    lines, colours = mark(seam, (4, 4), (10, 20))
    assert colours.count(LINE_COLOUR) == 1
    np.testing.assert_array_equal(lines[-1], [np.add(begin, (10, 20)), extent])
    middle = np.mean([lines[0, 0], lines[2, 0]], axis=0)  # of the frame
    np.testing.assert_array_equal(
        middle, np.add(begin, (10, 20)) + np.divide(extent, 2)
    )


def test_in_a_volume_the_plane_is_that_of_the_split_object():
    seam = Seam(1, ((0, 12), (7, 9), (4, 8)), (3,), 1.0, at=(2, 7, 5))
    lines, colours = mark(seam, (12, 4, 4), (5, 0, 0))
    assert set(lines[:, 0, 0]) == {5 + 2}  # not 5 + 6, the middle
    assert not lines[:, 1, 0].any()
    assert colours.count(LINE_COLOUR) == 1


def test_a_seam_between_planes_has_a_frame_beside_it_and_no_line():
    seam = Seam(0, ((5, 7), (0, 8), (4, 8)), (3,), 1.0, at=(5, 1, 6))
    lines, colours = mark(seam, (6, 8, 4), (0, 0, 0))
    assert colours.count(LINE_COLOUR) == 0
    assert lines.shape == (4, 2, 3)
    assert set(lines[:, 0, 0]) == {5}
