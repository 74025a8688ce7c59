"""The table of metrics: what is added to it stands everywhere."""

from __future__ import annotations

import csv
from dataclasses import fields
from itertools import pairwise

import numpy as np
import pytest

from napari_shiftseg.cli.compare import sweep_columns
from napari_shiftseg.cli.evaluate import evaluation
from napari_shiftseg.metrics import metric as module
from napari_shiftseg.metrics.metric import METRICS, Measured, Metric, Tiled, titles
from napari_shiftseg.metrics.objects import ObjectScores
from napari_shiftseg.pipeline.comparison import compare
from napari_shiftseg.pipeline.sweep import PooledPoint, sweep
from napari_shiftseg.report.figures_of_merit import (
    figures_table,
    lines,
    sweep_table,
    write_csv,
)
from napari_shiftseg.report.write import report_of

pytestmark = pytest.mark.usefixtures("one_thread")


def spoiled(tiled: Tiled) -> int:
    return int((np.abs(tiled.embedding - tiled.untiled) > 1e-3).any(0).sum())


SPOILED = Metric(
    "spoiled_pixels", "spoiled", "Pixels that tiles spoil.", spoiled, "less",
    looks_at_pixels=True, pool="sum",
)  # fmt: skip
MISSED = Metric(
    "missed", "missed", "True objects that are not found.",
    lambda m: m.scores and m.scores.true_objects - m.scores.found, "less",
    needs_truth=True, pool="as one", in_evaluations=True,
)  # fmt: skip


def test_names_are_one_of_a_kind_and_tables_say_how_to_read_them() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    for metric in METRICS:
        assert metric.meaning.endswith(".")
        assert metric.untiled is None or metric.untiled in {m.name for m in METRICS}
    assert titles()["seam_ratio_within"] == "inside objects"
    assert "seam_ratio_untiled" not in titles()


def test_what_is_not_measured_has_no_value() -> None:
    nothing = Measured(None)
    known = {m.name: m.value(nothing) for m in METRICS if m.name != "commensurate"}
    assert set(known.values()) == {None}
    assert {f.name for f in fields(Measured) if not f.kw_only} == {"plan"}


class TestPool:
    @pytest.mark.parametrize(
        ("pool", "value"), [("mean", 2.5), ("sum", 5), ("as one", 9)]
    )
    def test_of_what_is_known(self, pool, value) -> None:
        metric = Metric("n", "n", "", lambda m: m.objects, pool=pool)
        several = [Measured(None, objects=n) for n in (1, None, 4)]
        assert metric.pooled(several, Measured(None, objects=9)) == value

    def test_of_nothing(self) -> None:
        metric = Metric("n", "n", "", lambda m: m.objects, pool="sum")
        assert metric.pooled([Measured(None)], Measured(None)) is None


class TestAdded:
    """Two metrics, one of pixels and one of counts, added to the table alone."""

    @pytest.fixture(autouse=True)
    def added(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "METRICS", (*METRICS, SPOILED, MISSED))

    @pytest.fixture
    def image(self, rng) -> np.ndarray:
        return rng.normal(size=(31, 42))

    @pytest.fixture
    def truth(self) -> np.ndarray:
        return np.arange(31 * 42).reshape(31, 42) // 50

    def test_they_are_figures_of_a_comparison(self, small_model, image, truth) -> None:
        model = small_model(2, 2)
        comparison = compare(image, model, truth, window=6, device="cpu")
        naive, cropped = comparison.naive.figures(), comparison.cropped.figures()
        assert naive["spoiled_pixels"] > cropped["spoiled_pixels"] == 0
        scores = comparison.naive.objects
        assert naive["missed"] == scores.true_objects - scores.found
        rows = {row[0]: row[1:3] for row in figures_table(comparison).rows}
        assert rows["spoiled_pixels"] == (naive["spoiled_pixels"], 0)
        report = report_of(comparison, model, "noise")
        assert report["naive"]["missed"] == naive["missed"]
        written = {line.title: line for line in lines(report)}
        assert written["spoiled"].cropped == "0"
        assert written["spoiled"].tooltip == "Pixels that tiles spoil."
        assert written["missed"].naive == str(naive["missed"])

    def test_they_are_columns_of_a_sweep(
        self, small_model, image, truth, tmp_path
    ) -> None:
        points = sweep(image, small_model(2, 2), [6, 8], truth)
        write_csv(tmp_path / "a.csv", sweep_table(points))
        with (tmp_path / "a.csv").open(newline="") as file:
            own, valid = list(csv.DictReader(file))
        assert int(own["spoiled_pixels"]) > int(valid["spoiled_pixels"]) == 0
        scores = points[0].scores
        assert int(own["missed"]) == scores.true_objects - scores.found > 0
        assert (*own,)[-4:] == ("seconds", "spoiled_pixels", "missed", "failure")
        figures = PooledPoint((points[0], points[0])).figures()
        assert figures["spoiled_pixels"] == 2 * int(own["spoiled_pixels"])
        assert figures["missed"] == 2 * int(own["missed"])
        assert {"spoiled_pixels", "missed"} <= sweep_columns().keys()

    def test_counts_are_evaluated_too(self) -> None:
        report = evaluation(
            {"a": ObjectScores(4, 4, 1, 0, 0), "b": ObjectScores(*[2] * 5)}
        )
        assert [image["missed"] for image in report["images"]] == [3, 0]
        assert report["pooled"]["missed"] == 3
        assert "spoiled_pixels" not in report["pooled"]


def test_they_stand_in_the_order_of_the_table() -> None:
    order = [metric.name for metric in METRICS if metric.in_sweeps]
    known = list(module.sweep_figures(Measured(None)))
    assert known == order
    assert all(
        order.index(one) < order.index(other)
        for one, other in pairwise(["window", "seam_ratio", "objects", "ap50"])
    )
