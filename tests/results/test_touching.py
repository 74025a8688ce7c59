"""Which objects touch, and which meet along a border of tiles."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from napari_shiftseg.results.touching import touching


def drawn(text: str) -> np.ndarray:
    """Labels as they are drawn, a digit a pixel; a dot is background."""
    rows = text.split()
    return np.array([[0 if c == "." else int(c) for c in row] for row in rows])


CUT = """
    1122..
    1122..
    1122.3
    .122.3
"""


def known(labels: np.ndarray, *boundaries: tuple[int, ...]) -> dict:
    found = touching(labels, boundaries)
    rows = zip(found.pairs.tolist(), found.faces, found.at_tiles, strict=True)
    return {tuple(pair): (int(f), int(t)) for pair, f, t in rows}


def test_faces_are_counted_and_those_between_tiles():
    assert known(drawn(CUT), (2,), (2,)) == {(1, 2): (4, 4)}
    assert known(drawn(CUT), (2,), (3,)) == {(1, 2): (4, 0)}
    assert known(drawn(CUT), (), ()) == {(1, 2): (4, 0)}


def test_objects_that_meet_at_a_corner_do_not_touch():
    assert known(drawn("1. .2"), (1,), (1,)) == {}


@pytest.mark.parametrize(
    ("boundary", "is_cut"),
    [(2, True), (3, False)],  # the objects meet at 2
)
def test_objects_are_cut_where_they_meet_along_a_border(boundary, is_cut):
    found = touching(drawn(CUT), [(), (boundary,)])
    assert found.is_cut.tolist() == [is_cut]


def test_two_faces_at_a_border_are_chance():
    found = touching(drawn("1122 1122"), [(), (2,)])
    assert found.at_tiles.tolist() == [2]
    assert not found.is_cut.any()


def test_a_border_that_runs_elsewhere_for_the_most_part_is_no_cut():
    steps = drawn("1122222 1122222 1122222 1111122 1111122 1111122 1111122")
    found = touching(steps, [(), (2,)])
    assert (found.faces.tolist(), found.at_tiles.tolist()) == ([10], [3])
    assert not found.is_cut.any()


@pytest.mark.parametrize("shape", [(40,), (9, 11), (5, 6, 7)])
def test_against_every_pixel_looked_at(shape, rng):
    labels = rng.integers(0, 4, shape)
    boundaries = [tuple(range(3, n, 3)) for n in shape]
    faces: dict[tuple[int, int], list[int]] = {}
    for at in product(*map(range, shape)):
        for axis in range(len(shape)):
            to = list(at)
            to[axis] += 1
            if to[axis] == shape[axis]:
                continue
            one, other = sorted((int(labels[at]), int(labels[tuple(to)])))
            if 0 < one < other:
                count = faces.setdefault((one, other), [0, 0])
                count[0] += 1
                count[1] += to[axis] in boundaries[axis]
    expected = {pair: tuple(count) for pair, count in faces.items()}
    assert known(labels, *boundaries) == expected


def test_of_several_neighbours_the_one_with_the_longest_border_is_first():
    one, other = touching(drawn("211 211 .13"), [(), ()]).neighbours
    assert (one.tolist(), other.tolist()) == ([1, 1, 2, 3], [2, 3, 1, 1])


def test_a_label_that_is_not_there_touches_nothing():
    assert known(drawn("1155"), (), ()) == {(1, 5): (1, 0)}
