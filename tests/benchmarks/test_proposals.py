"""What the benchmark of proposals is made of, on tiny images."""

from __future__ import annotations

import csv
import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile
from scipy.ndimage import gaussian_filter

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.detection.features import Features
from napari_shiftseg.detection.pool import AGREEMENT, Piece, Pool
from napari_shiftseg.networks.unet import load_unet, save_model
from napari_shiftseg.pipeline.segmentation import segment

if TYPE_CHECKING:
    from types import ModuleType

pytestmark = pytest.mark.usefixtures("one_thread")

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "proposals.py"


@pytest.fixture(scope="module")
def benchmark_of_proposals() -> ModuleType:
    spec = importlib.util.spec_from_file_location("proposals", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["proposals"] = module
    spec.loader.exec_module(module)
    return module


def pool() -> Pool:
    """Three masks of an image of one axis; the last of another bandwidth."""
    ends, bandwidths = ((0, 4), (4, 10), (0, 10)), (1.0, 1.0, 2.0)
    pieces = tuple(
        Piece((slice(*end),), np.ones(end[1] - end[0], bool), bandwidth)
        for end, bandwidth in zip(ends, bandwidths, strict=True)
    )
    return Pool(pieces, Features((AGREEMENT,), np.ones((3, 1))))


def test_orders(benchmark_of_proposals) -> None:
    found = benchmark_of_proposals.orders(pool(), np.array([0.6, 0.5, 0.9]))
    starts = {
        name: [(piece.box[0].start, piece.box[0].stop) for piece in pieces]
        for name, pieces in found.items()
    }
    assert list(starts.values()) == [
        [(0, 10), (0, 4), (4, 10)],  # 0.6 · 0.6 against 0.5 · 0.4
        [(0, 10), (0, 4), (4, 10)],
        [(0, 10), (4, 10), (0, 4)],
        [(0, 4), (4, 10), (0, 10)],
    ]
    assert benchmark_of_proposals.alone(pool(), 1.0) == [0, 1]


def test_gains(benchmark_of_proposals) -> None:
    full, half = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[1.0, 0.0]])
    one, other = (
        benchmark_of_proposals.Ranking("", "", (table,) * 8) for table in (full, half)
    )
    assert one.average_recall(1) == other.average_recall(60) == 0.5
    assert benchmark_of_proposals.gains(one, other, 60) == (0.5, 0.5, 0.5)


def test_the_table(
    benchmark_of_proposals, small_model, tmp_path, monkeypatch, capsys
) -> None:
    own = Clustering(bandwidth=0.5, scope="component", min_size=4)
    network = small_model(2, 2, foreground=True, clustering=own, name="small")
    model = save_model(network, tmp_path / "small.safetensors")
    rng = np.random.default_rng(0)
    for part in ("train", "test"):
        for kind in ("images", "labels"):
            (tmp_path / part / kind).mkdir(parents=True)
        for number in range(2):
            image = gaussian_filter(rng.normal(size=(100, 110)), 1) * 4
            image = image.astype(np.float32)
            truth = segment(image, load_unet(model), bandwidth=1.0).labels
            tifffile.imwrite(tmp_path / part / f"images/{number}.tif", image)
            tifffile.imwrite(tmp_path / part / f"labels/{number}.tif", truth)
    out = tmp_path / "out"
    words = (tmp_path, "-m", model, "-o", out, "--bandwidths", "0.5,1")
    monkeypatch.setattr(sys, "argv", ["proposals", *map(str, words)])

    benchmark_of_proposals.run(benchmark_of_proposals.arguments())

    with (out / "results.csv").open(newline="") as file:
        rows = {(r["grouping"], r["order"]): r for r in csv.DictReader(file)}
    assert len(rows) == 8
    pooled, single = (
        float(rows[name]["AR at all"])
        for name in (("pooled", "as found"), ("alone", "as found"))
    )
    assert pooled > single  # 1, which is true, is among the bandwidths
    assert "AR at 10: pooled − alone" in capsys.readouterr().out
    assert (out / "confidence.safetensors").is_file()
