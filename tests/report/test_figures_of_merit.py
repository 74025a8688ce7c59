"""The rows of the table: which side is better, and how a figure is written."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from napari_shiftseg.metrics.chance import Difference
from napari_shiftseg.metrics.metric import rows
from napari_shiftseg.report.figures_of_merit import (
    Judgement,
    cell,
    figure_cell,
    judge,
    judgements,
    untiled_cell,
    why_not_defined,
)

ROWS = rows()
ROW = {row.name: row for row in ROWS}


def test_every_row_is_a_figure_and_says_how_to_read_it(by_disks) -> None:
    figures = by_disks.naive.figures()
    assert len(ROW) == len(ROWS) == 13
    for row in ROWS:
        assert row.name in figures
        assert row.untiled is None or row.untiled in figures
        assert row.meaning.endswith(".")
        assert len(row.meaning) > len(row.title)


def beyond(value: float) -> Difference:
    return Difference(value, 0.5 * value, 2 * value, units=100, differing=50)


class TestBetter:
    @pytest.mark.parametrize(
        ("key", "naive", "cropped", "better"),
        [
            ("false_splits", 3, 0, "cropped"),
            ("false_splits", 0, 3, "naive"),
            ("false_splits", 3, 3, None),
            ("false_splits", 3, None, None),
            ("false_splits", None, 3, None),
            ("split_by_seams", 12, 2, "cropped"),
            ("ap50", 0.4, 0.9, "cropped"),
            ("ap50", 0.9, 0.4, "naive"),
            ("ap50", 0.90001, 0.90002, None),  # both are printed as 0.9
            ("seam_z", 45.0, -0.7, "cropped"),
            ("seam_z", 6.0, -0.7, "cropped"),  # 3 above 3
            ("seam_z", 5.9, -0.7, None),
            ("seam_z", 2.9, -0.7, None),  # no sign of a seam in either
            ("seam_z", 1.0, 8.5, "naive"),
            ("objects", 10, 20, None),
            ("seconds", 1.0, 2.0, None),
            ("window", [20, 20], [16, 16], None),
        ],
    )
    def test_by_hand(self, key: str, naive: Any, cropped: Any, better: Any) -> None:
        known = beyond(1) if naive != cropped else None
        assert judge(ROW[key], {key: naive}, {key: cropped}, known).better == better

    @pytest.mark.parametrize(
        ("naive", "cropped", "better"),
        [
            ((2.5, 1.0), (0.9, 0.9), "cropped"),
            ((2.5, 2.5), (1.0, 3.0), "naive"),  # 1 is not the reference: untiled is
            ((1.0, 1.03), (1.0, 1.01), None),  # as near as each other
            ((2.5, None), (1.0, 1.0), None),
            ((None, None), (1.0, 1.0), None),
            ((2.5, 0.0), (1.0, 1.0), None),
        ],
    )
    def test_near_the_untiled_ratio(self, naive: Any, cropped: Any, better) -> None:
        sides = [
            {"seam_ratio": ratio, "seam_ratio_untiled": untiled}
            for ratio, untiled in (naive, cropped)
        ]
        assert judge(ROW["seam_ratio"], *sides, beyond(1)).better == better


class TestChance:
    ONE, OTHER = {"false_splits": 5}, {"false_splits": 4}

    @pytest.mark.parametrize(
        ("difference", "said"),
        [
            (Difference(1, 0, 4, 52, 1), "of the 52 true objects lie between 0 and 4, "
             "and the sides differ in 1 of them: within chance, as fewer than 6"),
            (Difference(1, -3, 5, 52, 20), "lie between -3 and 5: within chance."),
            (Difference(1, 1, 1, 5, 5), "differ in 5 of them: within chance"),
            (Difference(0, 0, 0, 52, 0), "Both are the same in each of 52 true"),
        ],
    )  # fmt: skip
    def test_what_chance_may_give_is_not_marked(self, difference, said) -> None:
        judged = judge(ROW["false_splits"], self.ONE, self.OTHER, difference)
        assert judged.better is None
        assert said in judged.reason

    def test_beyond_it_there_is_a_mark_with_the_interval(self) -> None:
        judged = judge(ROW["false_splits"], {"false_splits": 9}, self.OTHER, beyond(5))
        assert judged.better == "cropped"
        assert judged.reason == (
            "Naive − cropped: 5; 99 % of 4,000 resamplings of the 100 true objects lie "
            "between 2.5 and 10: beyond chance."
        )
        known = judged.figures()
        assert (known["difference"], known["low"], known["high"]) == (5, 2.5, 10)

    def test_without_a_difference_nothing_is_said(self) -> None:
        """Without a truth, or without objects, nothing was resampled."""
        assert judge(ROW["false_splits"], self.ONE, self.OTHER) == Judgement()

    def test_the_disks_are_beyond_it(self, by_disks) -> None:
        marks = {key: judged.better for key, judged in judgements(by_disks).items()}
        assert marks == {
            "seam_ratio": "cropped", "seam_ratio_within": "cropped",
            "seam_z": "cropped", "split_by_seams": "cropped",
            "false_splits": "cropped", "false_merges": None, "ap50": "cropped",
        }  # fmt: skip
        alike = replace(by_disks, naive=by_disks.cropped, differences={})
        assert not any(judged.better for judged in judgements(alike).values())


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "not defined"),
        (float("nan"), "not defined"),
        (np.float64("nan"), "not defined"),
        (0.0, "0"),
        (0.45312, "0.453"),
        (526.31, "526"),
        (1234.5, "1234"),
        (0, "0"),
        (1600, "1600"),
        ([20, 20], "20"),
        ([24, 96, 96], "24 × 96 × 96"),
    ],
)
def test_cell(value: Any, text: str) -> None:
    assert cell(value) == text


def test_untiled_cell() -> None:
    one, other = {"seam_ratio_untiled": 0.903}, {"seam_ratio_untiled": 0.92}
    assert untiled_cell(ROW["seam_ratio"], one, other) == "0.903 / 0.92"
    assert untiled_cell(ROW["seam_ratio"], one, one) == "0.903"
    assert untiled_cell(ROW["ap50"], one, other) == ""
    nothing = {"seam_ratio_untiled": None}
    assert untiled_cell(ROW["seam_ratio"], nothing, nothing) == "not defined"


class TestWhyNotDefined:
    @pytest.mark.parametrize(
        ("key", "tiles", "stride", "truth", "why"),
        [
            ("seam_ratio", 1, 30, None, "no seam line"),
            ("seam_z", 1, 30, 7, "no seam line"),
            ("seam_z", 225, 2, None, "stride below 3"),
            ("seam_z", 9, 10, None, "nothing to compare with"),
            ("seam_ratio", 900, 1, None, "only seam lines"),
            ("seam_ratio_within", 9, 10, None, "no true labels"),
            ("seam_ratio_within", 1, 30, 7, "no seam line"),
            ("split_by_seams", 1, 30, 7, "no seam line"),
            ("split_by_seams", 9, 10, None, "the reference"),
            ("false_splits", 1, 30, None, "no true labels"),
            ("ap50", 9, 10, None, "no true labels"),
        ],
    )
    def test_by_hand(self, key: str, tiles: int, stride: int, truth: Any, why) -> None:
        figures = {"tiles": tiles, "stride": [stride] * 2, "true_objects": truth}
        assert why_not_defined(ROW[key], figures) == why

    def test_in_a_sweep_a_seam_splits_true_objects(self) -> None:
        figures = {"split_by_seams": None, "failure": None, "true_objects": None}
        assert figure_cell(ROW["split_by_seams"], figures) == "no true labels"
        of_a_side = {"split_by_seams": None, "true_objects": None}
        assert figure_cell(ROW["split_by_seams"], of_a_side) == "the reference"
        failed = figures | {"failure": "does not fit in memory"}
        assert figure_cell(ROW["split_by_seams"], failed) == "not defined"

    def test_what_needs_a_truth_is_just_what_lacks_without_one(
        self, by_disks, by_disks_alone
    ) -> None:
        without = by_disks_alone.naive.figures()
        lacking = {row.name for row in ROWS if without[row.name] is None}
        assert lacking == {row.name for row in ROWS if row.needs_truth}
        assert all(by_disks.naive.figures()[key] is not None for key in lacking)
