"""Blocks partition a plan, and change nothing of its tiles."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_shiftseg.distributed.arrays import BlockArray
from napari_shiftseg.distributed.blocks import FEW, Blocks, most_at_once
from napari_shiftseg.geometry.tiling import plan_tiles


@pytest.fixture(scope="module")
def shapes(small_model):
    return {ndim: small_model(ndim, depth=1).shape for ndim in (1, 2, 3)}


@settings(max_examples=40, deadline=None)
@given(
    size=st.lists(st.integers(1, 40), min_size=1, max_size=3),
    window=st.integers(1, 20),
    tiles=st.integers(1, 4),
)
def test_blocks_hold_every_pixel_and_every_tile_once(shapes, size, window, tiles):
    plan = plan_tiles(size, shapes[len(size)], window)
    blocks = Blocks(plan, (tiles,) * len(size))

    drawn = np.zeros(plan.output_shape, int)
    for block in blocks:
        drawn[block.box] += 1
        assert block.number == blocks.number(block.at)
        assert blocks.holding([side.start for side in block.box]) == block.number
        assert blocks.holding([side.stop - 1 for side in block.box]) == block.number
    assert (drawn == 1).all()
    together = [tile for block in blocks for tile in block.plan]
    assert Counter(map(str, together)) == Counter(map(str, plan))


def test_neighbours_share_a_face(shapes):
    blocks = Blocks(plan_tiles((30, 50), shapes[2], 8), (2, 1))

    for axis, before, after in blocks.neighbours():
        a, b = blocks.block(before).box, blocks.block(after).box
        assert a[axis].stop == b[axis].start
        assert a[1 - axis] == b[1 - axis]
    y, x = blocks.counts
    assert len(list(blocks.neighbours())) == (y - 1) * x + y * (x - 1)


def test_a_block_is_about_as_large_as_asked_for(shapes):
    plan = plan_tiles((400, 400), shapes[2], 10)

    assert Blocks.of(plan, 40**2).tiles == (4, 4)
    assert Blocks.of(plan, 1).tiles == (1, 1)


def test_no_block_is_much_of_a_large_image():
    assert most_at_once(512**2) == FEW
    assert most_at_once(16 * FEW) == 2 * FEW


def test_a_box_is_read_from_all_blocks_it_touches(shapes, tmp_path, rng):
    blocks = Blocks(plan_tiles((30, 41), shapes[2], 8), (1, 2))
    pixels = rng.random((3, 30, 41))
    array = BlockArray(tmp_path, blocks)
    for block in blocks:
        assert not array.path(block.number).exists()
        array.write(block.number, pixels[(..., *block.box)])
        assert array.path(block.number).exists()

    for box in (
        (slice(0, 30), slice(0, 41)), (slice(7, 9), slice(15, 17)),
        (slice(29, 30), slice(40, 41)),
    ):  # fmt: skip
        np.testing.assert_array_equal(array.read(box), pixels[(..., *box)])
    negative = array.read((slice(3, 12), slice(0, 9)), lambda _, found: -found)
    np.testing.assert_array_equal(negative, -pixels[:, 3:12, :9])
