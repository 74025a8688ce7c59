"""Tile borders and thresholds between two objects, counted and measured by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logit
from skimage.measure import label

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.explain.two_objects import TileBorder, TwoObjects

#  naive tiles of 10: a border before column 10
NAIVE = {"window": 10, "stitching": "naive"}


def two_halves(border=10, size=(6, 16)):
    """Label 1 left of a column, 2 from there on, rows 1 to 4; a step of 5 between."""
    labels = np.zeros(size, int)
    labels[1:5, 4:border] = 1
    labels[1:5, border:14] = 2
    return labels, np.where(labels == 2, 5.0, 0) + 0.5 * np.arange(size[1])


@pytest.fixture
def border_of(evidence_of, plan_of):
    """Return the tile border that parts two drawn objects."""

    def find(labels, values, one=1, other=2, how=NAIVE):
        plan = how if not isinstance(how, dict) else plan_of(labels.shape, **how)
        evidence = evidence_of(labels, values, plan=plan)
        return TwoObjects(evidence, (one, other)).tile_border

    return find


class TestTileBorder:
    def test_a_line_that_lies_on_one(self, border_of):
        labels, values = two_halves()
        border = border_of(labels, values)
        assert (border.axis, border.at, border.share) == ("x", 10, 1.0)
        assert border.jump == pytest.approx(5.5 / 0.5)  # inside, the steps are 0.5
        assert border_of(labels, values, 2, 1) == border

    def test_a_crooked_line(self, border_of):
        labels, values = two_halves()
        labels[1, 10:11] = 1  # three of 3 + 1 + 1 pairs lie on the border
        assert border_of(labels, values).share == 3 / 5
        labels[1, 10:12] = 1  # three of 3 + 1 + 2: a half is not most
        assert border_of(labels, values) is None

    def test_without_a_jump_a_line_there_is_a_coincidence(self, border_of):
        labels, _ = two_halves()
        even = np.broadcast_to(np.arange(16.0), labels.shape)
        assert border_of(labels, even) is None
        assert border_of(labels, 0 * even) is None
        for step, is_one in ((0.99, False), (1.01, True)):  # more, twice with the slope
            found = border_of(labels, even + np.where(labels == 2, step, 0))
            assert (found is not None) is is_one
        assert border_of(labels, np.where(labels == 2, 5.0, 0)).jump == np.inf

    def test_steps_out_of_the_objects_do_not_count(self, border_of):
        labels, values = two_halves()
        wild = np.where(labels > 0, values, 100.0 * np.arange(16) ** 2)
        assert border_of(labels, wild).jump == pytest.approx(11)
        thin = np.zeros((4, 16), int)
        thin[1:3, 9:11] = [1, 2]  # of one column each: there is no step inside
        assert border_of(thin, 5.0 * thin) is None

    @pytest.mark.parametrize("stitching", ["naive", "cropped", "whole"])
    def test_exact_tiles_part_nothing(self, border_of, stitching):
        found = border_of(*two_halves(8), how={"window": 8, "stitching": stitching})
        assert found is None  # a window of whole periods: naive tiles are exact, too

    def test_a_line_beside_the_border_or_no_line(self, border_of):
        assert border_of(*two_halves(9)) is None
        labels, values = two_halves()
        assert border_of(np.where(np.arange(16) == 10, 0, labels), values) is None

    def test_other_objects_between_do_not_count(self, border_of):
        labels, values = two_halves()
        labels[2, 10:12] = 3
        assert border_of(labels, values, 1, 2).share == 1.0
        assert border_of(labels, values, 1, 3).share == 1.0

    def test_in_a_volume_of_a_region(self, border_of, plan_of):
        plan = plan_of((30, 40, 12), region=((8, 28), (8, 40), (0, 12)), **NAIVE)
        assert plan.offset[0] == 8
        labels = np.zeros(plan.output_shape, int)
        labels[0:2, 3:6, 3:6] = 1
        labels[2:5, 3:6, 3:6] = 2
        values = np.arange(20.0)[:, None, None] + np.where(labels == 2, 7, 0)
        found = border_of(labels, values, how=plan)
        assert found == TileBorder("z", 10, 1.0, pytest.approx(8))


def test_corners_do_not_touch(evidence_of):
    for labels, do in (([[1, 2]], True), ([[1, 0], [0, 2]], False)):
        labels = np.array(labels)
        assert TwoObjects(evidence_of(labels, 1.0 * labels), (1, 2)).touch is do


class TestTouchingThreshold:
    #  two ways from the left to the right: the upper one sinks to 0.3, the lower to 0.2
    CHANCE = np.array(
        [
            [0.9, 0.3, 0.4, 0.9],
            [0.9, 0.01, 0.01, 0.9],
            [0.9, 0.2, 0.9, 0.9],
        ]
    )

    @pytest.fixture
    def threshold(self, evidence_of):
        """Of pixels of two objects, in an image of given probabilities."""

        def find(chance, one, other, present=0.5):
            labels = np.zeros(chance.shape, int)
            for number, pixels in ((1, one), (2, other)):
                labels[tuple(np.transpose(pixels))] = number
            clustering = Clustering(scope="component", foreground_threshold=present)
            values = np.zeros(chance.shape)
            evidence = evidence_of(labels, values, logit(chance), None, clustering)
            return TwoObjects(evidence, (1, 2)).touching_threshold

        return find

    @pytest.mark.parametrize(
        ("present", "expected"), [(0.3, 0.29), (0.5, 0.29), (0.85, 0.29), (0.25, 0.24)]
    )
    def test_the_best_way_decides(self, threshold, present, expected):
        found = threshold(self.CHANCE, [(0, 0)], [(2, 3)], present)
        assert found == expected  # at 0.3 a pixel of 0.3 is not above it

    def test_every_threshold_tried_one_by_one(self, threshold, rng):
        chance = rng.uniform(0.02, 0.97, (12, 12))
        chance[0, 0] = chance[-1, -1] = 0.99
        joined = [
            t
            for t in np.arange(1, 98) / 100
            if (found := label(chance > t, connectivity=1))[0, 0] == found[-1, -1]
        ]
        found = threshold(chance, [(0, 0)], [(11, 11)], 0.98)
        assert found == max(joined)
        assert 0.01 < found < 0.97

    def test_none_joins_them(self, threshold):
        chance = np.array([0.9, 0.005, 0.9])
        assert threshold(chance, [(0,)], [(2,)]) is None
        assert threshold(chance, [(0,)], [(2,)], 0.01) is None

    def test_of_objects_in_several_components_the_first_that_meet(self, threshold):
        chance = np.array([0.9, 0.005, 0.9, 0.3, 0.9, 0.2, 0.9])
        assert threshold(chance, [(0,), (2,)], [(4,)]) == 0.29
        assert threshold(chance, [(0,), (6,)], [(4,)]) == 0.19
        assert threshold(chance, [(0,)], [(4,)]) is None
