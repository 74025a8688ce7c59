"""Tiles as libraries of others lay them, against the rules those libraries have."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_shiftseg.geometry.library_tiles import blended_plan, declared_plan
from napari_shiftseg.geometry.network_shape import FoundAxis, FoundShape
from napari_shiftseg.geometry.tiling import plan_tiles

PADDED = FoundAxis(period=4, halo=8)
VALID = FoundAxis(period=4, context=12)


def naive(size, window, axis, region=None):
    shape = FoundShape((axis,) * len(size))
    return plan_tiles(size, shape, window, "naive", region=region)


def kept(plan):
    """How often each pixel is kept, and by which tile last."""
    number, last = np.zeros(plan.output_shape, int), np.zeros(plan.output_shape, int)
    for order, tile in enumerate(plan):
        number[tile.keep] += 1
        last[tile.keep] = order
    return number, last


class TestBlended:
    def test_tiles_overlap_by_a_half_and_the_last_one_is_shifted_back(self) -> None:
        #  halo  image of 30        halo
        # |-8 ........................ 38|   tiles of 16 every 8; the last: 22 … 38
        plan = blended_plan(naive((30,), 16, PADDED))

        assert plan.starts == ((-8, 0, 8, 16, 22),)
        assert plan.reads == (16,)
        assert plan.window == (16,)
        assert plan.boundaries == ((8, 16, 22, 24),)
        assert len(plan) == 5

    def test_a_tile_beyond_the_image_is_left_out(self) -> None:
        plan = blended_plan(naive((30,), 4, PADDED))

        assert plan.starts[0][0] == -2
        assert plan.starts[0][-1] == 28

    def test_the_region_alone_is_predicted(self) -> None:
        plan = blended_plan(naive((60,), 16, PADDED, region=((20, 40),)))

        assert plan.region == ((20, 40),)
        assert plan.starts[0][0] == 12
        assert all(tile.keep[0].start >= 20 for tile in plan)

    @given(
        size=st.lists(st.integers(1, 40), min_size=1, max_size=2),
        window=st.integers(1, 30),
        overlap=st.sampled_from([0, 0.25, 0.5, 0.9]),
        axis=st.sampled_from([PADDED, VALID]),
    )
    @settings(max_examples=60, deadline=None)
    def test_shares_add_up_to_one(self, size, window, overlap, axis) -> None:
        plan = blended_plan(naive(tuple(size), window, axis), overlap)

        total = np.zeros(plan.output_shape)
        for tile in plan:
            share = plan.share(tile)
            assert share.min() > 0
            total[tile.keep] += share
        assert total == pytest.approx(np.ones(plan.output_shape), abs=1e-5)

    def test_a_tile_counts_most_in_its_middle(self) -> None:
        plan = blended_plan(naive((64,), 16, PADDED))
        tile = list(plan)[3]

        share = plan.share(tile)

        assert np.argmax(share) in (7, 8)
        assert share[0] < 0.01 < 0.99 < share[8]

    def test_edges_of_all_tiles_are_seams(self) -> None:
        plan = blended_plan(naive((50,), 16, PADDED), 0.25)
        size = plan.reads[0]

        edges = {edge for s in plan.starts[0] for edge in (s, s + size)}
        assert set(plan.boundaries[0]) == {edge for edge in edges if 0 < edge < 50}

    def test_only_valid_tiles_on_the_grid_are_exact(self) -> None:
        assert blended_plan(naive((42,), 8, VALID)).is_exact
        assert not blended_plan(naive((42,), 8, VALID), 0.25).is_exact  # every 6
        assert not blended_plan(naive((41,), 8, VALID)).is_exact  # the last one
        assert not blended_plan(naive((40,), 8, PADDED)).is_exact

    def test_a_wrong_overlap(self) -> None:
        with pytest.raises(ValueError, match="below 1, got 1"):
            blended_plan(naive((40,), 8, VALID), 1)


class TestDeclaredHalo:
    def test_the_last_tile_ends_where_the_image_ends(self) -> None:
        # tiles keep 8 of the 12 they read; the last one: 22 … 30
        plan = declared_plan(naive((30,), 8, PADDED), (2,))

        assert [tile.origin for tile in plan.axes[0].tiles] == [0, 8, 16, 22]
        assert plan.boundaries == ((8, 16, 22),)
        assert plan.reads == (12,)
        assert [tile.read for tile in plan][-1] == ((20, 32),)

    def test_it_is_exact_only_with_halo_and_grid(self) -> None:
        assert declared_plan(naive((32,), 8, PADDED), (8,)).is_exact
        assert not declared_plan(naive((32,), 8, PADDED), (4,)).is_exact
        assert not declared_plan(naive((30,), 8, PADDED), (8,)).is_exact
        assert declared_plan(naive((30,), 8, PADDED), (8,)).makes_seams

    @given(
        size=st.lists(st.integers(1, 40), min_size=1, max_size=2),
        window=st.integers(1, 30),
        halo=st.integers(0, 9),
        axis=st.sampled_from([PADDED, VALID]),
    )
    @settings(max_examples=60, deadline=None)
    def test_each_pixel_is_kept_once(self, size, window, halo, axis) -> None:
        plan = declared_plan(naive(tuple(size), window, axis), (halo,) * len(size))

        number, _ = kept(plan)
        assert (number == 1).all()
        for tile in plan:
            for crop, reads in zip(tile.crop, plan.predicts, strict=True):
                assert halo <= crop.start
                assert crop.stop <= reads - halo

    def test_a_network_of_one_size_names_the_largest_tile(self) -> None:
        fixed = FoundAxis(4, halo=8, remainder=0, smallest=64, most=64)

        assert declared_plan(naive((90,), 40, fixed), (12,)).stride == (40,)
        with pytest.raises(ValueError, match="64 pixels at most"):
            declared_plan(naive((90,), 44, fixed), (12,))
