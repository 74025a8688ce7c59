"""Figure 6: every window with both stitchings, on two tiny images."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.experiments import EXPERIMENTS
from napari_shiftseg.experiments.inputs import Data, crowded_nuclei
from napari_shiftseg.experiments.window_size import (
    NETWORK,
    WINDOWS,
    Row,
    kept_of,
    measure,
    rows_of,
    swept_steps,
    variants,
    windows_above,
)
from napari_shiftseg.metrics.objects import ObjectScores
from napari_shiftseg.networks.unet import build, load_unet
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.progress import exhaust
from napari_shiftseg.samples import Sample
from napari_shiftseg.samples.catalogue import small_nuclei

if TYPE_CHECKING:
    from napari_shiftseg.experiments.experiment import Outcome
    from napari_shiftseg.networks.unet import UNet

pytestmark = pytest.mark.usefixtures("one_thread")

TINY = {"naive": [5, 9], "cropped": [4, 8]}


@pytest.fixture(scope="module")
def outcome(tiny_model: UNet, noise: Data) -> Outcome:
    return exhaust(measure({"small": tiny_model}, noise, {2: [5, 9]}))


def row(method: str, window: int, splits: int, by_seams: int = 0) -> Row:
    return Row(method, window, (ObjectScores(9, 9, 9, splits, 0),), split=by_seams)


class TestWindows:
    def test_no_naive_window_of_the_figure_is_a_multiple_of_the_period(self) -> None:
        for model in (load_unet("figure-4d"), NETWORK.load()):
            (period,) = {*model.shape.period}
            assert all(window % period for window in WINDOWS[model.config.ndim])


class TestWindowsAbove:
    def test_windows_are_held_against_what_is_kept_of_them(
        self, tiny_model: UNet
    ) -> None:
        rows = [
            row("naive", 5, 3, 1), row("naive", 7, 2, 3), row("naive", 9, 2, 1),
            row("cropped", 4, 2, 2), row("cropped", 8, 2, 1),
        ]  # fmt: skip
        assert windows_above(rows, tiny_model, "naive") == {
            "false_splits": [5], "split_by_seams": [7]
        }  # fmt: skip
        assert windows_above(rows, tiny_model, "cropped") == {
            "false_splits": [], "split_by_seams": [5]
        }  # fmt: skip

    def test_multiples_of_the_period_are_never_above(
        self, tiny_model: UNet, noise: Data
    ) -> None:
        windows = {2: [4, 8]}
        numbers = exhaust(measure({"small": tiny_model}, noise, windows)).numbers
        above = [v for k, v in numbers.items() if "_above_" in k]
        assert above == [{"false_splits": [], "split_by_seams": []}] * 6


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
        again = exhaust(measure({"small": tiny_model}, noise, {2: [5, 9]}))
        assert again.numbers == outcome.numbers

    def test_a_network_without_foreground_is_clustered_globally(
        self, disks_model: UNet
    ) -> None:
        (only,) = variants(disks_model)
        assert only.settings.scope == "global"

    def test_the_bundled_network_s_bandwidths(self) -> None:
        model = load_unet("figure-4d")
        kinds = [v.settings.clustering(model.config) for v in variants(model)]
        own = model.config.clustering
        assert [(c.scope, c.bandwidth) for c in kinds] == [
            (own.scope, own.bandwidth), ("component", 0.5), ("global", 0.5)
        ]  # fmt: skip

    def test_naive_tiles_of_20_split_more_nuclei(self) -> None:
        model, data = load_unet("figure-4d"), crowded_nuclei((96, 96), 3)
        windows = {"naive": [20], "cropped": [144]}
        settings = Settings(device="cpu", bandwidth=0.5)
        sweeps = [
            exhaust(swept_steps(s, model, windows, settings)) for s in data.samples[1:]
        ]
        naive, cropped = rows_of(windows, sweeps)
        assert naive.figures()["false_splits"] > cropped.figures()["false_splits"]
        assert naive.split > cropped.split == 0  # one tile has no border


@pytest.fixture
def tiny_stack_model(small_model) -> UNet:
    clustering = Clustering(bandwidth=1.0, scope="component", min_size=4)
    return small_model(3, 1, foreground=True, clustering=clustering)


@pytest.fixture
def both(noise: Data, rng) -> Data:
    """Two images and a stack."""
    truth = np.arange(8 * 9 * 10).reshape(8, 9, 10) // 90
    stack = Sample(rng.normal(size=truth.shape), truth)
    return replace(noise, samples=(stack, *noise.samples))


class TestPlanesAndStacks:
    def test_each_is_read_by_its_network(
        self, tiny_model: UNet, tiny_stack_model: UNet, both: Data, outcome
    ) -> None:
        networks = {"stack": tiny_stack_model, "small": tiny_model}
        windows = {2: [5, 9], 3: [3]}
        numbers = exhaust(measure(networks, both, windows)).numbers
        flat, deep = ([r for r in numbers["table"] if r["axes"] == n] for n in (2, 3))
        assert flat == outcome.numbers["table"]
        assert [(r["method"], r["window"]) for r in deep] == [
            ("naive", 3), ("cropped", 2),
        ] * (len(deep) // 2)  # fmt: skip
        assert {r["images"] for r in deep} == {1}
        assert {r["true_objects"] for r in deep} == {7}
        assert numbers["images"] == 3
        assert len(numbers["table"]) == len(flat) + len(deep)

    def test_an_image_that_none_reads(self, tiny_model: UNet, both: Data) -> None:
        with pytest.raises(ValueError, match=r"noise has an image of 3 axes.*leave it"):
            exhaust(measure({"small": tiny_model}, both, {2: [5]}))

    def test_a_network_of_several_periods_has_no_such_windows(
        self, small_model
    ) -> None:
        with pytest.raises(ValueError, match=r"one period.*has 2 × 4"):
            kept_of(small_model(2, (1, 2)), 5)

    def test_the_figure_has_both(self) -> None:
        data = EXPERIMENTS["6"].data()
        assert [sample.labels.ndim for sample in data.samples] == [2, 2, 3]
        learnt = NETWORK.sample.args
        assert learnt != (small_nuclei().image.shape, 0)


class TestTrainedStack:
    """An unseen stack; the untrained network shows that the numbers can be worse."""

    @pytest.fixture
    def scores(self):
        data = Data("unseen", (small_nuclei((12, 20, 20), seed=8),))

        def measured(model: UNet) -> dict[str, dict[str, Any]]:
            numbers = exhaust(measure({"6-3d": model}, data, {3: [12]})).numbers
            return {row["method"]: row for row in numbers["table"]}

        return measured

    def test_naive_tiles_split_more_nuclei_and_find_fewer(self, scores) -> None:
        rows = scores(NETWORK.load())
        naive, cropped = rows["naive"], rows["cropped"]
        assert (naive["window"], cropped["window"]) == (12, 8)
        assert naive["false_splits"] > cropped["false_splits"]
        assert naive["split_by_seams"] > cropped["split_by_seams"]
        assert cropped["ap50_mean"] > max(0.6, naive["ap50_mean"])

    def test_an_untrained_network_finds_none(self, scores) -> None:
        assert scores(build(NETWORK.config))["cropped"]["ap50_mean"] < 0.1


class TestDrawing:
    def test_the_plot_shows_the_table(self, outcome, draw_readably) -> None:
        figure = draw_readably(EXPERIMENTS["6"], outcome)
        assert len(figure.axes) == 6
        table = outcome.numbers["table"]
        for number, variant in enumerate(dict.fromkeys(r["variant"] for r in table)):
            own = [r for r in table if r["variant"] == variant]
            splits, ap50 = figure.axes[number], figure.axes[number + 3]
            assert splits.get_title().startswith(f"2-D, {variant}")
            for key, panel in (("false_splits", splits), ("ap50_mean", ap50)):
                for method in TINY:
                    line = next(x for x in panel.lines if x.get_label() == method)
                    expected = [r[key] for r in own if r["method"] == method]
                    assert list(line.get_ydata()) == expected
                    assert list(line.get_xdata()) == TINY[method]
