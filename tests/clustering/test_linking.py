"""Objects of neighbouring planes, joined by their overlap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.segmentation import relabel_sequential

from napari_shiftseg.clustering import linking
from napari_shiftseg.clustering.linking import LINK_THRESHOLD, Linking, linked
from napari_shiftseg.progress import exhaust


def row(*runs: tuple[int, int]) -> np.ndarray:
    """A plane of one row: (label, pixels) after each other."""
    labels = np.concatenate([np.full(pixels, label) for label, pixels in runs])
    return labels[np.newaxis].astype(np.int32)


def slow(one: np.ndarray, other: np.ndarray, threshold: float) -> list[int]:
    """Take the best pair of those left, again and again."""
    pairs = [
        ((one == a) & (other == b), (one == a) | (other == b), a, b)
        for a in range(1, one.max() + 1)
        for b in range(1, other.max() + 1)
    ]
    left = [
        (-both.sum() / either.sum(), a, b)
        for both, either, a, b in pairs
        if both.sum() / either.sum() >= threshold
    ]
    partner = [0] * (other.max() + 1)
    while left:
        _, a, b = min(left)
        partner[b] = a
        left = [pair for pair in left if pair[1] != a and pair[2] != b]
    return partner


planes = arrays(np.int32, (3, 7), elements=st.integers(0, 4)).map(
    lambda labels: relabel_sequential(labels)[0].astype(np.int32)
)


class TestTwoPlanes:
    def test_an_object_goes_on_where_it_overlaps_enough(self) -> None:
        one = row((1, 4), (0, 4), (2, 8))
        other = row((0, 2), (1, 4), (0, 4), (2, 6))  # IoU 2/6, and 6/8
        assert linked(one, other).tolist() == [0, 1, 2]
        assert linked(one, other, 2 / 6).tolist() == [0, 1, 2]  # not below it
        assert linked(one, other, 0.34).tolist() == [0, 0, 2]
        assert linked(one, other, 0.8).tolist() == [0, 0, 0]

    def test_of_an_object_that_splits_the_larger_part_goes_on(self) -> None:
        one, other = row((1, 10)), row((1, 4), (2, 6))
        assert linked(one, other).tolist() == [0, 0, 1]
        assert linked(other, one).tolist() == [0, 2]  # and so back: two become one

    def test_of_equal_parts_the_first_goes_on(self) -> None:
        assert linked(row((1, 10)), row((1, 5), (2, 5))).tolist() == [0, 1, 0]

    def test_a_sure_link_is_not_given_up_for_two_doubtful_ones(self) -> None:
        """IoU 4/9 of 1 and 1; 3/8 and 2/9, more in all, of each with another one."""
        one = row((2, 4), (1, 6), (0, 3))
        other = row((0, 1), (1, 7), (2, 5))
        assert linked(one, other, 0.2).tolist() == [0, 1, 0]

    def test_what_is_left_is_linked_too(self) -> None:
        """2 would rather have 1, which is taken; it goes on with what is left."""
        one, other = row((1, 6), (2, 7)), row((1, 9), (2, 4))
        assert linked(one, other).tolist() == [0, 1, 2]

    def test_empty_planes(self) -> None:
        empty = row((0, 5))
        assert linked(empty, row((1, 5))).tolist() == [0, 0]
        assert linked(row((1, 5)), empty).tolist() == [0]
        assert linked(empty, empty).tolist() == [0]

    def test_planes_of_one_shape(self) -> None:
        with pytest.raises(ValueError, match="neighbouring planes must have one shape"):
            linked(row((1, 5)), row((1, 6)))

    @given(planes, planes, st.sampled_from([0.01, 0.2, LINK_THRESHOLD, 0.5, 1.0]))
    def test_the_slow_way(self, one, other, threshold) -> None:
        found = linked(one, other, threshold).tolist()
        assert found == slow(one, other, threshold)
        partners = [number for number in found if number]
        assert len(partners) == len(set(partners))


def numbers(linking: Linking, stack: np.ndarray) -> list[list[int]]:
    """The numbers of the objects of each plane."""
    found = exhaust(linking.steps({at: stack[at] for at in linking.positions}))
    assert {own.dtype for own in found.values()} == {np.dtype(np.int32)}
    return [found[at][1:].tolist() for at in linking.positions]


CELLS = np.stack(
    [
        row((1, 5), (0, 5), (2, 5)),
        row((0, 10), (1, 5)),  # the first cell ends
        row((1, 5), (0, 5), (2, 5)),  # another begins there
    ]
)


class TestStack:
    def test_numbers_go_on_from_plane_to_plane(self) -> None:
        assert numbers(Linking((3,), 0), CELLS) == [[1, 2], [2], [3, 2]]

    def test_numbers_are_unique_where_nothing_is_linked(self) -> None:
        assert numbers(Linking((3,)), CELLS) == [[1, 2], [3], [4, 5]]

    def test_a_plane_without_objects_is_not_bridged(self) -> None:
        stack = CELLS[[0, 0, 0]].copy()
        stack[1] = 0
        assert numbers(Linking((3,), 0), stack) == [[1, 2], [], [3, 4]]

    def test_one_plane(self) -> None:
        assert numbers(Linking((1,), 0), CELLS[:1]) == [[1, 2]]

    def test_planes_of_each_time_are_linked(self) -> None:
        films = np.stack([CELLS, CELLS])
        along_z = [[1, 2], [2], [3, 2], [4, 5], [5], [6, 5]]
        assert numbers(Linking((2, 3), 1), films) == along_z
        along_t = [[1, 2], [3], [4, 5]]
        assert numbers(Linking((2, 3), 0), films) == along_t * 2

    def test_an_image_has_its_own_numbers(self) -> None:
        assert numbers(Linking(()), CELLS[0]) == [[1, 2]]

    @pytest.mark.parametrize("threshold", [0.25, 0.6])
    def test_the_threshold(self, threshold: float) -> None:
        stack = np.stack([row((1, 10)), row((1, 5), (0, 5))])
        own = numbers(Linking((2,), 0, threshold), stack)
        assert own == ([[1], [1]] if threshold < 0.5 else [[1], [2]])


def test_bands_have_no_say(monkeypatch, rng):
    one, other = rng.integers(0, 9, (2, 12, 10)).repeat(2, 1).repeat(3, 2)
    one[:4], other[20:] = 0, 0  # the numbers of a band are not those of all
    whole = linked(one, other, 0.05)

    monkeypatch.setattr(linking, "PIXELS", 60)

    np.testing.assert_array_equal(linked(one, other, 0.05), whole)
    assert whole.any()
