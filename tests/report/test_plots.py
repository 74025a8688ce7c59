"""Plots: the curves are the figures, the marks stand where they belong."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from napari_shiftseg.metrics.objects import ObjectScores
from napari_shiftseg.pipeline.sweep import PooledPoint, SweepPoint
from napari_shiftseg.report.plots import LIGHT, Colours, draw_profile, draw_sweep

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

    from napari_shiftseg.pipeline.comparison import Comparison

pytestmark = pytest.mark.usefixtures("one_thread")

DARK = Colours("#101010", "#eeeeee", "#333333", "#ff8800", "#00aaff", "#999999")


@pytest.fixture
def figure() -> Figure:
    return Figure(figsize=(8, 4))


def lines(panel: Axes, starting: str) -> list[Line2D]:
    return [line for line in panel.lines if line.get_label().startswith(starting)]


class TestProfile:
    def test_curves(self, figure: Figure, by_disks: Comparison, tmp_path) -> None:
        draw_profile(figure, by_disks)
        figure.savefig(tmp_path / "a.png")
        assert len(figure.axes) == 2
        naive, cropped = by_disks.naive, by_disks.cropped
        for axis, panel in enumerate(figure.axes):
            for label, profile, colour in (
                ("naive, tiles of 20", naive.seams.profile, LIGHT.naive),
                ("cropped, tiles of 16", cropped.seams.profile, LIGHT.cropped),
                ("untiled", naive.untiled.profile, LIGHT.untiled),
            ):
                (line,) = lines(panel, label)
                np.testing.assert_array_equal(line.get_ydata(), profile[axis])
                assert to_hex(line.get_color()) == colour
            assert panel.get_xlabel() == (
                f"offset in the tile along {'yx'[axis]} (pixels)"
            )

    def test_all_of_every_curve_is_in_sight(self, figure, by_disks) -> None:
        draw_profile(figure, by_disks)
        highest = max(profile.max() for profile in by_disks.naive.seams.profile)
        for panel in figure.axes:
            low, high = panel.get_ylim()
            assert low == 0
            assert high > highest

    def test_the_seam_is_the_last_offset(self, figure, by_disks) -> None:
        draw_profile(figure, by_disks)
        for panel in figure.axes:
            assert lines(panel, "naive")[0].get_markevery() == [19]
            assert lines(panel, "cropped")[0].get_markevery() == [15]

    def test_multiples_of_the_period(self, figure, by_w16) -> None:
        draw_profile(figure, by_w16, mark_period=True)
        marked = {
            line.get_xdata()[0]
            for line in figure.axes[0].lines
            if line.get_linestyle() == ":"
        }
        assert marked == {15, 31}
        assert len(lines(figure.axes[0], "multiples of the period")) == 1
        profile = by_w16.cropped.seams.profile[0]
        assert set(np.argsort(profile)[-2:]) == marked  # there the model has seams
        draw_profile(figure, by_w16)
        assert not lines(figure.axes[0], "multiples of the period")

    def test_three_axes(self, figure, of_volume, tmp_path: Path) -> None:
        draw_profile(figure, of_volume)
        figure.savefig(tmp_path / "a.png")
        assert lines(figure.axes[0], "naive, tiles of 5 × 6 × 6 ")
        letters = [panel.get_xlabel()[-10] for panel in figure.axes]
        assert letters == ["z", "y", "x"]
        assert [len(lines(p, "naive")[0].get_ydata()) for p in figure.axes] == [5, 6, 6]

    def test_a_tile_larger_than_the_image(self, figure, by_disks, tmp_path) -> None:
        nothing = (np.full(20, np.nan),) * 2
        seams = replace(by_disks.naive.seams, profile=nothing)
        naive = replace(by_disks.naive, seams=seams, untiled=seams)
        draw_profile(figure, replace(by_disks, naive=naive))
        figure.savefig(tmp_path / "a.png")  # warnings are errors
        assert np.isnan(lines(figure.axes[0], "naive")[0].get_ydata()).all()

    def test_colours_that_are_given(self, figure, by_disks) -> None:
        draw_profile(figure, by_disks, DARK)
        panel = figure.axes[0]
        assert to_hex(figure.get_facecolor()) == DARK.background
        assert to_hex(lines(panel, "naive")[0].get_color()) == DARK.naive
        assert to_hex(panel.xaxis.label.get_color()) == DARK.text

    def test_drawn_twice_it_is_drawn_once(self, figure, by_disks) -> None:
        for _ in range(2):
            draw_profile(figure, by_disks)
        assert len(figure.axes) == 2
        assert len(figure.legends) == 1


@pytest.fixture
def points(swept_disks) -> list[SweepPoint]:
    return swept_disks


class TestSweep:
    def y(self, panel: Axes, label: str) -> list[Any]:
        (line,) = lines(panel, label)
        return list(zip(line.get_xdata(), line.get_ydata(), strict=True))

    def test_panels(self, figure, points, tmp_path: Path) -> None:
        draw_sweep(figure, points)
        figure.savefig(tmp_path / "a.png")
        labels = [panel.get_title(loc="left") for panel in figure.axes]
        assert labels == ["seam ratio", "false splits", "AP50"]
        assert figure.axes[-1].get_xlabel() == "tile size (pixels)"
        at = {point.plan.window[0]: point for point in points}
        ratio, splits, ap50 = figure.axes
        filled = "naive, multiple of the period"
        assert self.y(ratio, filled) == [(w, at[w].seams.ratio) for w in (16, 32)]
        (hollow,) = [x for x in lines(splits, "naive") if x.get_label() == "naive"]
        assert list(hollow.get_xdata()) == [20, 144]  # where the image ends
        assert list(hollow.get_ydata()) == [
            at[w].scores.false_splits for w in (20, 200)
        ]
        assert to_hex(hollow.get_markerfacecolor()) == LIGHT.background
        assert self.y(ap50, filled) == [(w, at[w].scores.ap50) for w in (16, 32)]
        untiled = dict(self.y(ratio, "untiled"))
        assert untiled[20] == at[20].untiled.ratio
        assert np.isnan(untiled[144])  # one tile: not defined

    def test_the_curve_goes_by_window(self, figure, points) -> None:
        draw_sweep(figure, points)
        curve = next(
            line for line in figure.axes[1].lines if len(line.get_xdata()) == 4
        )
        assert list(curve.get_xdata()) == [16, 20, 32, 144]

    def test_vertical_lines_at_valid_windows(self, figure, points) -> None:
        draw_sweep(figure, points)
        at = [
            line.get_xdata()[0]
            for line in figure.axes[0].lines
            if to_hex(line.get_color()) == LIGHT.grid
        ]
        assert at == [16, 32]

    def test_without_a_truth(self, figure, points) -> None:
        draw_sweep(figure, [replace(point, scores=None) for point in points])
        assert [panel.get_title(loc="left") for panel in figure.axes] == ["seam ratio"]

    @pytest.mark.parametrize("number", [0, 1])
    def test_the_first_points(self, figure, points, number, tmp_path) -> None:
        draw_sweep(figure, points[:number])
        figure.savefig(tmp_path / "a.png")
        assert len(figure.axes) == (3 if number else 1)

    def test_windows_that_failed(self, figure, points, tmp_path: Path) -> None:
        plan = points[0].plan
        failed = SweepPoint(plan, False, "does not fit in memory: a tile takes 1 GB")
        draw_sweep(figure, [failed, *points[1:]])
        figure.savefig(tmp_path / "a.png")
        assert self.y(figure.axes[0], "does not fit") == [(20, 0)]
        only = Figure()
        draw_sweep(only, [failed])
        only.savefig(tmp_path / "b.png")
        assert self.y(only.axes[0], "does not fit") == [(20, 0)]

    def test_windows_that_differ_along_one_axis(self, figure, points) -> None:
        plans = [
            replace(point.plan, window=(16, 10 * n)) for n, point in enumerate(points)
        ]
        draw_sweep(
            figure,
            [replace(p, plan=plan) for p, plan in zip(points, plans, strict=True)],
        )
        assert figure.axes[-1].get_xlabel().endswith("along x")
        assert set(figure.axes[0].lines[-1].get_xdata()) <= {0, 10, 20, 30}

    def test_a_window_beyond_the_image_does_not_press_the_others_together(
        self, figure, points
    ) -> None:
        plan = replace(points[-1].plan, window=(9999, 9999))
        draw_sweep(figure, [*points[:-1], replace(points[-1], plan=plan)])
        assert figure.axes[-1].get_xlim()[1] < 160  # the image has 144 pixels

    def test_cropped_has_its_own_colour(self, figure, points) -> None:
        plan = replace(points[1].plan, stitching="cropped")
        draw_sweep(figure, [replace(points[1], plan=plan)])
        (line,) = lines(figure.axes[0], "cropped, multiple")
        assert to_hex(line.get_color()) == LIGHT.cropped

    def test_several_images(self, figure, points) -> None:
        scores = ObjectScores(10, 10, 0, 7, 0)
        others = [replace(point, scores=scores) for point in points]
        pairs = zip(points, others, strict=True)
        draw_sweep(figure, [PooledPoint(pair) for pair in pairs])
        filled = self.y(figure.axes[1], "naive, multiple of the period")
        expected = {
            p.plan.window[0]: p.scores.false_splits + 7 for p in points if p.is_valid
        }
        assert dict(filled) == expected
