"""Rows of a sweep with both stitchings, on two tiny images."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from matplotlib.figure import Figure

from napari_shiftseg.experiments.experiment import draw_panel
from napari_shiftseg.experiments.window_size import Row, partners, rows_of, swept_steps
from napari_shiftseg.metrics.objects import ObjectScores, object_scores
from napari_shiftseg.pipeline.segmentation import segment
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.progress import exhaust

if TYPE_CHECKING:
    from napari_shiftseg.experiments.inputs import Data
    from napari_shiftseg.networks.unet import UNet

pytestmark = pytest.mark.usefixtures("one_thread")

TINY = {"naive": [5, 9], "cropped": [4, 8]}


def test_partners_are_what_is_kept(disks_model: UNet) -> None:
    assert partners(disks_model, (20, 36, 52, 68, 148)) == {
        "naive": [20, 36, 52, 68, 148],
        "cropped": [16, 32, 48, 64, 144],
    }
    assert partners(disks_model, [17, 20])["cropped"] == [16]


class TestRows:
    def test_scores_are_those_of_segment(self, tiny_model: UNet, noise: Data) -> None:
        settings = Settings(device="cpu")
        sweeps = [
            exhaust(swept_steps(s, tiny_model, TINY, settings)) for s in noise.samples
        ]
        rows = rows_of(TINY, sweeps)
        asked = [(s, w) for s, windows in TINY.items() for w in windows]
        assert [(row.method, row.window) for row in rows] == asked
        for each, (stitching, window) in zip(rows, asked, strict=True):
            expected = [
                object_scores(
                    s.labels,
                    segment(
                        s.image, tiny_model, window=window, stitching=stitching
                    ).labels,
                )
                for s in noise.samples
            ]
            assert list(each.scores) == expected
        assert rows[2].scores == rows[3].scores
        assert rows[0].scores != rows[2].scores

    def test_what_did_not_fit_is_an_error(self, tiny_model: UNet, noise: Data) -> None:
        sweep = exhaust(swept_steps(noise.samples[0], tiny_model, TINY, Settings()))
        sweep["naive"][0] = replace(sweep["naive"][0], scores=None, failure="too large")
        with pytest.raises(MemoryError, match="naive window 5: too large"):
            rows_of(TINY, [sweep])

    def test_mean_and_pooled(self) -> None:
        scores = (ObjectScores(9, 8, 4, 1, 2), ObjectScores(9, 9, 9, 0, 0))
        figures = Row("naive", 20, scores).figures()
        assert figures["ap50_mean"] == (4 / 13 + 1) / 2
        assert figures["ap50_pooled"] == 13 / 22
        assert (figures["false_splits"], figures["false_merges"]) == (1, 2)


def test_methods_that_are_not_there_have_no_line() -> None:
    panel = Figure().subplots()
    draw_panel(
        panel,
        [Row("naive", 5, (ObjectScores(9, 9, 9, 3, 0),)).figures()],
        "false_splits",
        "false splits",
    )
    assert [line.get_label() for line in panel.lines] == ["naive"]
