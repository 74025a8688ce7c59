"""Split objects against an example by hand and a loop over all pairs of pixels."""

from __future__ import annotations

from itertools import pairwise, product
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_shiftseg.geometry.tiling import TilePlan
from napari_shiftseg.geometry.unet_shape import AxisShape, UNetShape
from napari_shiftseg.geometry.window import AxisPlan, AxisTile
from napari_shiftseg.metrics.splits import Cut, Seam, split_objects, splitting_seams

if TYPE_CHECKING:
    from numpy.typing import NDArray


def plan_of(*edges: tuple[int, ...]) -> TilePlan:
    """Tiles between these edges along each axis: ragged ones, if so wished."""
    axes = tuple(
        AxisPlan(
            tuple(AxisTile(a, a, b) for a, b in pairwise(e)),
            reads=max(np.diff(e)),
            lead=0,
            halo=0,
            stride=max(np.diff(e)),
            start=e[0],
            stop=e[-1],
        )
        for e in edges
    )
    shape = UNetShape((AxisShape(factors=(2,)),) * len(axes))
    size = tuple(axis.stop for axis in axes)
    return TilePlan(shape, size, size, "naive", "mirror", axes)


class TestByHand:
    """Four objects, four tiles of 3 × 4 and 2 × 4 pixels.

    ::

        reference          found              embedding
        1 1 1 1 | 1 1 . .   5 5 5 5 | 6 6 . .   0 0 0 0 | 4 4 0 0
        . . 2 2 | 2 . . .   . . 5 5 | 5 . . .   0 0 0 0 | 0 0 0 0
        3 3 . . | . 4 4 .   7 7 . . | . 8 8 .   1 1 0 0 | 0 2 2 0
        --------+--------   --------+--------   --------+--------
        3 3 . . | 4 4 4 .   9 9 . . | 3 6 6 .   1 1 0 0 | 9 9 9 0
        3 3 . . | 4 4 . .   9 9 . . | . 2 . .   1 1 0 0 | 0 9 0 0

    Object 1 is split across the columns in the first row of tiles, with a step of 4 in
    one of three rows; 2 is not, as both its sides are 5. Objects 3 and 4 are split
    across the rows: 3 without a step, 4 with steps 9, 7, 7, 0. Below, 3 and 6 part
    object 4 within a tile, which is no seam's doing.
    """

    plan = plan_of((0, 3, 5), (0, 4, 8))
    reference = np.array(
        [
            [1, 1, 1, 1, 1, 1, 0, 0],
            [0, 0, 2, 2, 2, 0, 0, 0],
            [3, 3, 0, 0, 0, 4, 4, 0],
            [3, 3, 0, 0, 4, 4, 4, 0],
            [3, 3, 0, 0, 4, 4, 0, 0],
        ]
    )
    found = np.array(
        [
            [5, 5, 5, 5, 6, 6, 0, 0],
            [0, 0, 5, 5, 5, 0, 0, 0],
            [7, 7, 0, 0, 0, 8, 8, 0],
            [9, 9, 0, 0, 3, 6, 6, 0],
            [9, 9, 0, 0, 0, 2, 0, 0],
        ]
    )
    embedding = np.array(
        [
            [
                [0, 0, 0, 0, 4, 4, 0, 0],
                [0, 0, 0, 0, 0, 0, 0, 0],
                [1, 1, 0, 0, 0, 2, 2, 0],
                [1, 1, 0, 0, 9, 9, 9, 0],
                [1, 1, 0, 0, 0, 9, 0, 0],
            ]
        ]
    )

    def seams(self) -> list[Seam]:
        return splitting_seams(self.found, self.reference, self.embedding, self.plan)

    def test_the_seams_and_their_objects_the_worst_first(self) -> None:
        assert self.seams() == [
            Seam(0, ((2, 4), (4, 8)), (4,), jump=(9 + 7 + 7) / 4, at=(2, 6),
                 cuts=(Cut(4, ((2, 4), (5, 7)), 2),)),
            Seam(0, ((2, 4), (0, 4)), (3,), jump=0, at=(2, 1),
                 cuts=(Cut(3, ((2, 4), (0, 2)), 2),)),
            Seam(1, ((0, 3), (3, 5)), (1,), jump=4 / 3, at=(0, 3),
                 cuts=(Cut(1, ((0, 1), (3, 5)), 1),)),
        ]  # fmt: skip

    def test_what_the_other_stitching_parts_too_is_not_cut(self) -> None:
        other = self.reference.copy()
        other[3:, :2] = 9  # object 3 is in two pieces there as well
        arrays = self.found, self.reference, self.embedding, self.plan
        seams = splitting_seams(*arrays, other)
        assert [seam.split for seam in seams] == [(4,), (1,), (3,)]
        assert [len(seam.cuts) for seam in seams] == [1, 1, 0]
        assert seams[-1].at == (2, 1)  # where it is parted

    def test_a_piece_that_a_border_only_crosses_is_not_cut(self) -> None:
        """Of 10 pairs along the seam one or two are parted: less than a quarter."""
        whole, e = np.ones((10, 4), int), np.zeros((1, 10, 4))
        plan = plan_of((0, 10), (0, 2, 4))
        for parted, cuts in ((1, 0), (2, 0), (3, 1), (10, 1)):
            found = whole.copy()
            found[:parted, 2:] = 2
            (seam,) = splitting_seams(found, whole, e, plan)
            assert seam.split == (1,)
            assert [cut.length for cut in seam.cuts] == [parted] * cuts

    def test_the_longest_cut_comes_first(self) -> None:
        whole = np.array([[1, 1]] * 3 + [[2, 2]] * 5)
        found = np.arange(16).reshape(8, 2) + 1
        e, plan = np.zeros((1, 8, 2)), plan_of((0, 8), (0, 1, 2))
        (seam,) = splitting_seams(found, whole, e, plan)
        assert [(cut.object, cut.length) for cut in seam.cuts] == [(2, 5), (1, 3)]
        assert seam.at == (5, 0)

    def test_the_number_of_objects_comes_before_the_jump(self) -> None:
        reference = self.reference.copy()
        reference[1, :4] = 0
        reference[2:4, 3] = 2  # a second object across the seam of object 3,
        found = np.where(reference == 2, self.reference.max() + 10, self.found)
        found[3, 3] = 20  # and split there, still with a smaller jump than object 4's
        seams = splitting_seams(found, reference, self.embedding, self.plan)
        assert [seam.split for seam in seams] == [(2, 3), (4,), (1,)]
        assert seams[0].jump < seams[1].jump

    def test_an_object_split_by_two_seams_counts_once(self) -> None:
        twice = [Seam(0, (), (4, 7), 1.0, ()), Seam(1, (), (7,), 1.0, ())]
        assert split_objects(twice) == 2
        assert split_objects(self.seams()) == 3
        assert split_objects([]) == 0

    def test_whole_objects_are_not_split_however_they_are_numbered(self) -> None:
        whole = np.where(self.reference > 0, 9 - self.reference, 0)
        assert splitting_seams(whole, self.reference, self.embedding, self.plan) == []

    def test_a_part_that_is_lost_is_not_a_split(self) -> None:
        lost = self.found.copy()
        lost[3:] = 0  # below the border all is background
        seams = splitting_seams(lost, self.reference, self.embedding, self.plan)
        assert [seam.split for seam in seams] == [(1,)]

    def test_two_true_objects_that_meet_at_a_border_are_not_split(self) -> None:
        labels = np.array([[5, 5, 6, 6]])
        plan, e = plan_of((0, 1), (0, 2, 4)), np.zeros((1, 1, 4))
        assert splitting_seams(labels, [[1, 1, 2, 2]], e, plan) == []
        assert len(splitting_seams(labels, [[1, 1, 1, 1]], e, plan)) == 1

    def test_the_other_borders_split_nothing(self) -> None:
        one = plan_of((0, 5), (0, 8))
        assert splitting_seams(self.found, self.reference, self.embedding, one) == []

    def test_a_small_unsigned_embedding_does_not_wrap_around(self) -> None:
        e = np.array([[0, 0, 200, 200]], np.uint8)
        (seam,) = splitting_seams([5, 5, 6, 6], [1, 1, 1, 1], e, plan_of((0, 2, 4)))
        cut = Cut(1, ((1, 3),), 1)
        assert seam == Seam(0, ((1, 3),), (1,), jump=200, at=(1,), cuts=(cut,))


def by_pairs(
    found: NDArray[Any], whole: NDArray[Any], e: NDArray[Any], plan: TilePlan
) -> dict[tuple[int, int, int], tuple[set[int], float]]:
    """Loop over all neighbours of two tiles: {(axis, tiles): (split, jump)}."""
    owner = np.zeros(plan.output_shape, int)
    for number, tile in enumerate(plan):
        owner[tile.keep] = number
    steps: dict[Any, list[float]] = {}
    split: dict[Any, set[int]] = {}
    for axis, pixel in product(range(owner.ndim), np.ndindex(owner.shape)):
        after = tuple(x + (a == axis) for a, x in enumerate(pixel))
        if after[axis] == owner.shape[axis] or owner[pixel] == owner[after]:
            continue
        key = axis, int(owner[pixel]), int(owner[after])
        steps.setdefault(key, []).append(
            sum((c[after] - c[pixel]) ** 2 for c in e) ** 0.5
        )
        if 0 < whole[pixel] == whole[after] and 0 < found[pixel] != found[after] > 0:
            split.setdefault(key, set()).add(int(whole[pixel]))
    return {key: (split[key], float(np.mean(steps[key]))) for key in split}


@pytest.mark.parametrize(
    "edges",
    [
        ((0, 4, 8, 12, 15),),
        ((0, 3, 10, 11),),
        ((0, 5, 10, 13), (0, 4, 8, 9)),
        ((0, 2, 9), (0, 6)),
        ((0, 3, 6, 7), (0, 4, 5), (0, 2, 4, 6)),
        ((0, 5), (0, 2, 5), (0, 1, 6)),
    ],
)
def test_every_seam_against_the_loop(edges: tuple[tuple[int, ...], ...]) -> None:
    plan, seen = plan_of(*edges), 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        found = rng.integers(0, 4, plan.output_shape)
        whole = rng.integers(0, 3, plan.output_shape)
        e = rng.normal(size=(2, *plan.output_shape))
        seams = splitting_seams(found, whole, e, plan)
        expected = by_pairs(found, whole, e, plan)
        owner = np.zeros(plan.output_shape, int)
        for number, tile in enumerate(plan):
            owner[tile.keep] = number
        for seam in seams:
            beside = owner[tuple(slice(*bounds) for bounds in seam.pairs)]
            lower, upper = (beside.take(side, seam.axis) for side in (0, 1))
            key = seam.axis, int(lower.min()), int(upper.max())
            assert lower.min() == lower.max()  # one tile on each side, all of its
            assert upper.min() == upper.max()  # border
            split, jump = expected.pop(key)
            assert set(seam.split) == split
            assert seam.jump == pytest.approx(jump)
        assert expected == {}
        ranks = [
            (-len(seam.cuts), -sum(cut.length for cut in seam.cuts), -len(seam.split),
             -seam.jump)
            for seam in seams
        ]  # fmt: skip
        assert ranks == sorted(ranks)
        seen += len(seams)
    assert seen > 5


class TestRefused:
    plan = plan_of((0, 2, 4))

    @pytest.mark.parametrize("number", range(3))
    def test_an_array_of_another_shape(self, number: int) -> None:
        arrays: list[Any] = [np.zeros(4, int), np.zeros(4, int), np.zeros((1, 4))]
        arrays[number] = arrays[number][..., :3]
        with pytest.raises(ValueError, match=r"shape of the plan's result \(4,\).*3,"):
            splitting_seams(*arrays, self.plan)

    @pytest.mark.parametrize("name", ["labels", "reference"])
    def test_what_is_no_label_image(self, name: str) -> None:
        labels = {"labels": np.ones(4, int), "reference": np.ones(4, int)}
        labels[name] = np.full(4, 0.5)
        with pytest.raises(ValueError, match=f"{name} must be a label image.*float64"):
            splitting_seams(**labels, embedding=np.zeros((1, 4)), plan=self.plan)
