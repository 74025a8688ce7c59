"""Tile borders between objects, counted and measured by hand."""

from __future__ import annotations

import numpy as np
import pytest

from napari_shiftseg.explain.borders import tile_border_between, touch

#  naive tiles of 10: a border before column 10
NAIVE = {"window": 10, "stitching": "naive"}


def two_halves(border=10, size=(6, 16)):
    """Label 1 left of a column, 2 from there on, rows 1 to 4; a step of 5 between."""
    labels = np.zeros(size, int)
    labels[1:5, 4:border] = 1
    labels[1:5, border:14] = 2
    return labels, np.where(labels == 2, 5.0, 0) + 0.5 * np.arange(size[1])


def test_a_line_that_lies_on_a_tile_border(evidence_of, plan_of):
    labels, values = two_halves()
    evidence = evidence_of(labels, values, plan=plan_of(labels.shape, **NAIVE))
    border = tile_border_between(evidence, 1, 2)
    assert (border.axis, border.at, border.share) == (1, 10, 1.0)
    assert border.jump == pytest.approx(5.5 / 0.5)  # beside it the steps are 0.5
    assert border.parts_them
    assert tile_border_between(evidence, 2, 1) == border


def test_the_share_of_a_crooked_line(evidence_of, plan_of):
    labels, values = two_halves()
    labels[1, 10:12] = 1  # there the line runs two columns on, and two rows beside
    evidence = evidence_of(labels, values, plan=plan_of(labels.shape, **NAIVE))
    border = tile_border_between(evidence, 1, 2)
    assert border.share == 3 / 6  # three of 3 + 1 + 2 pairs
    assert not border.parts_them  # a half is not most


def test_without_a_jump_a_line_there_is_a_coincidence(evidence_of, plan_of):
    labels, _ = two_halves()
    even = np.broadcast_to(np.arange(16.0), labels.shape)
    plan = plan_of(labels.shape, **NAIVE)
    border = tile_border_between(evidence_of(labels, even, plan=plan), 1, 2)
    assert (border.share, border.jump) == (1.0, 1.0)
    assert not border.parts_them
    flat = tile_border_between(evidence_of(labels, 0 * even, plan=plan), 1, 2)
    assert flat.jump == 1.0
    sharp = evidence_of(labels, np.where(labels == 2, 5.0, 0), plan=plan)
    assert tile_border_between(sharp, 1, 2).jump == np.inf


def test_steps_out_of_the_objects_do_not_count(evidence_of, plan_of):
    labels, values = two_halves()
    values = np.where(labels > 0, values, 100.0 * np.arange(16) ** 2)
    evidence = evidence_of(labels, values, plan=plan_of(labels.shape, **NAIVE))
    assert tile_border_between(evidence, 1, 2).jump == pytest.approx(11)


def test_objects_of_one_column_have_no_step_beside(evidence_of, plan_of):
    labels = np.zeros((4, 16), int)
    labels[1:3, 9:11] = [1, 2]
    evidence = evidence_of(labels, 5.0 * labels, plan=plan_of((4, 16), **NAIVE))
    border = tile_border_between(evidence, 1, 2)
    assert (border.share, border.jump) == (1.0, None)
    assert not border.parts_them


@pytest.mark.parametrize(
    "how", [{"window": 8}, {"window": 8, "stitching": "naive"}, {"stitching": "whole"}]
)
def test_exact_tiles_part_nothing(evidence_of, plan_of, how):
    labels, values = two_halves(border=8)
    plan = plan_of(labels.shape, **how)
    assert (plan.boundaries[1] == (8,)) == (len(plan) > 1)
    assert tile_border_between(evidence_of(labels, values, plan=plan), 1, 2) is None


def test_a_line_beside_the_border_or_no_line(evidence_of, plan_of):
    labels, values = two_halves(border=9)
    plan = plan_of(labels.shape, **NAIVE)
    evidence = evidence_of(labels, values, plan=plan)
    assert touch(evidence, 1, 2)
    assert tile_border_between(evidence, 1, 2) is None
    apart = np.where(np.arange(16) == 10, 0, two_halves()[0])
    evidence = evidence_of(apart, values, plan=plan)
    assert not touch(evidence, 1, 2)
    assert tile_border_between(evidence, 1, 2) is None


def test_corners_do_not_touch(evidence_of):
    assert not touch(evidence_of(np.diag([1, 2]), np.eye(2)), 1, 2)


def test_other_objects_between_do_not_count(evidence_of, plan_of):
    labels, values = two_halves()
    labels[2, 10:12] = 3
    evidence = evidence_of(labels, values, plan=plan_of(labels.shape, **NAIVE))
    assert tile_border_between(evidence, 1, 2).share == 1.0
    assert tile_border_between(evidence, 1, 3).share == 1.0


def test_in_a_volume_of_a_region(evidence_of, plan_of):
    plan = plan_of((30, 40, 12), region=((8, 28), (8, 40), (0, 12)), **NAIVE)
    assert plan.offset[0] == 8
    assert 2 in plan.boundaries[0]  # tiles begin at multiples of 10 of the image
    labels = np.zeros(plan.output_shape, int)
    labels[0:2, 3:6, 3:6] = 1
    labels[2:5, 3:6, 3:6] = 2
    values = np.arange(20.0)[:, None, None] + np.where(labels == 2, 7, 0)
    border = tile_border_between(evidence_of(labels, values, plan=plan), 1, 2)
    assert (border.axis, border.at, border.share) == (0, 10, 1.0)
    assert border.jump == pytest.approx(8)
