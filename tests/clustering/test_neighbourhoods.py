"""Pieces of overlapping neighbourhoods, joined to the objects they came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import ndimage
from skimage.measure import label

from napari_shiftseg.clustering.cluster import cluster_steps
from napari_shiftseg.clustering.modes import Piecing, piece_together
from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.progress import exhaust

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_shiftseg.geometry.tiling import Box


pytestmark = pytest.mark.usefixtures("one_thread")


class Pieces:
    """The true objects as a block shows them: numbered anew, in any order."""

    def __init__(self, truth: NDArray[Any], connected: bool = False) -> None:
        self.truth, self.connected = truth, connected
        self.blocks: list[Box] = []
        self.rng = np.random.default_rng(0)

    def __call__(self, block: Box) -> Piecing:
        yield
        self.blocks.append(block)
        part = self.truth[block]
        if self.connected:
            part = label(part, background=0, connectivity=1)
        ids = np.unique(part[part > 0])
        number = np.zeros(part.max() + 1, np.int32)
        number[ids] = self.rng.permutation(len(ids)) + 1
        return number[part]


def put_together(*args: Any) -> NDArray[np.int32]:
    return exhaust(piece_together(*args))


def is_same(found: NDArray[Any], truth: NDArray[Any]) -> bool:
    """Whether two label images show the same objects."""
    pairs = set(zip(found.ravel().tolist(), truth.ravel().tolist(), strict=True))
    names = [{pair[i] for pair in pairs} for i in (0, 1)]
    return len(pairs) == len(names[0]) == len(names[1]) and (0, 0) in pairs | {(0, 0)}


def tissue(shape: tuple[int, ...], cells: int, seed: int) -> NDArray[np.int64]:
    """Cells that touch, each pixel in the cell of the nearest centre."""
    rng = np.random.default_rng(seed)
    centre = np.zeros(shape, int)
    at = rng.choice(centre.size, min(cells, centre.size), replace=False)
    centre.ravel()[at] = np.arange(1, len(at) + 1)
    nearest = ndimage.distance_transform_edt(
        centre == 0, return_distances=False, return_indices=True
    )
    return centre[tuple(nearest)]


@pytest.mark.parametrize(
    ("shape", "cells", "size"),
    [
        ((60,), 9, (7,)),
        ((61,), 9, (8,)),
        ((40, 50), 60, (12, 12)),
        ((41, 53), 60, (13, 7)),
        ((9, 100), 30, (20, 20)),
        ((30, 40), 10, (6, 8)),  # cells larger than a neighbourhood
        ((15, 20, 25), 60, (8, 9, 10)),
    ],
)
@pytest.mark.parametrize("seed", range(5))
def test_tissue_is_put_together_exactly(shape, cells: int, size, seed: int) -> None:
    truth = tissue(shape, cells, seed)
    pieces = Pieces(truth)
    found = put_together(pieces, truth > 0, size)
    assert found.dtype == np.int32
    assert is_same(found, truth)
    assert len(pieces.blocks) > 1


@pytest.mark.parametrize("seed", range(5))
def test_connected_pieces_of_holed_tissue(seed: int) -> None:
    truth = tissue((48, 64), 50, seed)
    truth[tissue((48, 64), 50, seed + 100) % 4 == 0] = 0
    truth = label(truth, background=0, connectivity=1)
    found = put_together(Pieces(truth, connected=True), truth > 0, (16, 20))
    assert is_same(found, truth)


def test_blocks_are_half_overlapping_and_no_larger_than_asked() -> None:
    truth = np.ones((23, 50), int)
    pieces = Pieces(truth)
    put_together(pieces, truth > 0, (10, 12))
    seen = np.zeros(truth.shape, int)
    for block in pieces.blocks:
        seen[block] += 1
        assert all(s.stop - s.start == n for s, n in zip(block, (10, 12), strict=True))
    assert seen.min() >= 1
    assert (seen[5:15, 6:40] >= 4).all()  # away from the border each pixel is in 2 × 2


def test_a_small_component_is_clustered_whole() -> None:
    truth = tissue((10, 12), 5, 0)
    for size in (None, (10, 12), (99, 99)):
        pieces = Pieces(truth)
        assert is_same(put_together(pieces, truth > 0, size), truth)
        assert pieces.blocks == [(slice(0, 10), slice(0, 12))]


def test_blocks_outside_the_component_are_left_out() -> None:
    inside = np.zeros((30, 30), bool)
    inside[:6], inside[:, :6] = True, True  # an L
    pieces = Pieces(inside.astype(int))
    found = put_together(pieces, inside, (10, 10))
    assert is_same(found, inside.astype(int))
    assert len(pieces.blocks) == 5 * 5 - 3 * 3  # two rows and two columns of blocks
    assert all(inside[block].any() for block in pieces.blocks)


def test_more_than_half_of_the_smaller_piece_must_be_shared() -> None:
    """Two neighbourhoods of 8 pixels over a row of 12; they overlap in 4.

    ::

        first    1 1 1 1 1 1 2 2
        second           1 2 2 2 2 2 2 2

    The second's 2 shares one of the two pixels of the first's 1, both of its 2.
    """
    answers = iter(np.array([[1] * 6 + [2] * 2, [1] + [2] * 7], np.int32))

    def answered(block: Box) -> Piecing:
        yield
        return next(answers)

    found = put_together(answered, np.ones(12, bool), (8,))
    assert is_same(found, np.repeat([1, 2], 6))


class TestRow:
    """A row of touching objects, 6 pixels long, whose modes drift and come again.

    Object i has the mode 3 (i mod 4) + i/20: any four neighbours are 3 apart, but over
    the row the modes fill the line from 0 to 15 without a gap.
    """

    objects = 60
    truth = np.tile(np.repeat(np.arange(objects) + 1, 6), (5, 1))
    modes = 3 * (np.arange(objects) % 4) + np.arange(objects) / 20
    embedding = np.tile(np.repeat(modes, 6), (5, 1))[None].astype(np.float32)

    def clustered(self, neighbourhood: Any, split: bool = True) -> NDArray[np.int32]:
        settings = Clustering(scope="component", split_far_parts=split)
        everywhere = np.ones(self.truth.shape, bool)
        return exhaust(
            cluster_steps(
                self.embedding, settings, everywhere, None, neighbourhood, "cpu"
            )
        ).labels

    @pytest.mark.parametrize("split", [True, False])
    def test_is_parted_exactly_in_neighbourhoods(self, split: bool) -> None:
        found = self.clustered((20, 20), split)
        assert is_same(found, self.truth)
        assert sorted(set(found.ravel().tolist())) == list(range(1, self.objects + 1))

    def test_but_not_as_a_whole(self) -> None:
        assert not is_same(self.clustered(None), self.truth)
