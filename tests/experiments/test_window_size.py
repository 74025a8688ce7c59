"""Figure 6: every window with both stitchings, on two tiny images."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from napari_shiftseg.experiments.catalogue import EXPERIMENTS
from napari_shiftseg.experiments.data import Data, crowded_nuclei
from napari_shiftseg.experiments.window_rows import (
    Row,
    rows_of,
    swept_steps,
)
from napari_shiftseg.experiments.window_size import (
    WINDOWS,
    measure,
    naive_above,
    variants,
)
from napari_shiftseg.inference.progress import exhaust
from napari_shiftseg.metrics.instances import ObjectScores
from napari_shiftseg.model.checkpoint import load_model
from napari_shiftseg.pipeline.settings import Settings

if TYPE_CHECKING:
    from napari_shiftseg.experiments.experiment import Outcome
    from napari_shiftseg.model.unet import UNet

pytestmark = pytest.mark.usefixtures("one_thread")

TINY = {"naive": [5, 9], "cropped": [4, 8]}


@pytest.fixture
def outcome(tiny_model: UNet, noise: Data) -> Outcome:
    return exhaust(measure({"small": tiny_model}, noise, [5, 9]))


def row(method: str, window: int, splits: int, by_seams: int = 0) -> Row:
    return Row(method, window, (ObjectScores(9, 9, 9, splits, 0),), split=by_seams)


class TestWindows:
    def test_no_naive_window_of_the_figure_is_a_multiple_of_the_period(self) -> None:
        (period, _) = load_model("nuclei").shape.period
        assert all(window % period for window in WINDOWS)


class TestNaiveAbove:
    def test_windows_are_held_against_what_is_kept_of_them(
        self, tiny_model: UNet
    ) -> None:
        rows = [
            row("naive", 5, 3, 1), row("naive", 7, 2, 3), row("naive", 9, 2, 1),
            row("cropped", 4, 2, 2), row("cropped", 8, 2, 1),
        ]  # fmt: skip
        assert naive_above(rows, tiny_model) == {
            "false_splits": [5], "split_by_seams": [7]
        }  # fmt: skip

    def test_multiples_of_the_period_are_never_above(
        self, tiny_model: UNet, noise: Data
    ) -> None:
        numbers = exhaust(measure({"small": tiny_model}, noise, [4, 8])).numbers
        above = [v for k, v in numbers.items() if k.startswith("naive_above")]
        assert above == [{"false_splits": [], "split_by_seams": []}] * 3


class TestMeasure:
    def test_the_table_has_every_window_of_every_variant(self, outcome) -> None:
        table = outcome.numbers["table"]
        assert len(table) == 3 * 4
        asked = [(s, w) for s, windows in TINY.items() for w in windows]
        assert [(r["method"], r["window"]) for r in table] == 3 * asked
        scopes = [r["scope"] for r in table[::4]]
        assert scopes == ["component", "component", "global"]
        assert outcome.numbers["data"] == "noise"
        assert all(r["images"] == 2 for r in table)
        json.dumps(outcome.numbers, allow_nan=False)

    def test_no_timings_so_that_the_same_figure_is_the_same_file(
        self, outcome, tiny_model: UNet, noise: Data
    ) -> None:
        again = exhaust(measure({"small": tiny_model}, noise, [5, 9]))
        assert again.numbers == outcome.numbers

    def test_a_network_without_foreground_is_clustered_globally(
        self, disks_model: UNet
    ) -> None:
        (only,) = variants(disks_model)
        assert only.settings.scope == "global"

    def test_the_bundled_network_s_bandwidths(self) -> None:
        model = load_model("nuclei")
        kinds = [v.settings.clustering(model.config) for v in variants(model)]
        own = model.config.clustering
        assert [(c.scope, c.bandwidth) for c in kinds] == [
            (own.scope, own.bandwidth), ("component", 0.5), ("global", 0.5)
        ]  # fmt: skip

    def test_naive_tiles_of_20_split_more_nuclei(self) -> None:
        model, data = load_model("nuclei"), crowded_nuclei((96, 96), 3)
        windows = {"naive": [20], "cropped": [144]}
        settings = Settings(device="cpu", bandwidth=0.5)
        sweeps = [
            exhaust(swept_steps(s, model, windows, settings)) for s in data.samples[1:]
        ]
        naive, cropped = rows_of(windows, sweeps)
        assert naive.figures()["false_splits"] > cropped.figures()["false_splits"]
        assert naive.split > cropped.split == 0  # one tile has no border


class TestDrawing:
    def test_the_plot_shows_the_table(self, outcome, draw_readably) -> None:
        figure = draw_readably(EXPERIMENTS["6"], outcome)
        assert len(figure.axes) == 6
        table = outcome.numbers["table"]
        for number, variant in enumerate(dict.fromkeys(r["variant"] for r in table)):
            own = [r for r in table if r["variant"] == variant]
            splits, ap50 = figure.axes[number], figure.axes[number + 3]
            assert splits.get_title().startswith(variant)
            for key, panel in (("false_splits", splits), ("ap50_mean", ap50)):
                for method in TINY:
                    line = next(x for x in panel.lines if x.get_label() == method)
                    expected = [r[key] for r in own if r["method"] == method]
                    assert list(line.get_ydata()) == expected
                    assert list(line.get_xdata()) == TINY[method]
