"""What the benchmark on nuclei is made of, on two tiny images."""

from __future__ import annotations

import csv
import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
from matplotlib.figure import Figure

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.experiments.window_size import Row, rows_of
from napari_shiftseg.metrics.bootstrap import ap50_intervals
from napari_shiftseg.metrics.objects import ObjectScores, object_scores
from napari_shiftseg.pipeline.segmentation import segment
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.samples import Sample

if TYPE_CHECKING:
    from types import ModuleType

    from napari_shiftseg.networks.unet import UNet

pytestmark = pytest.mark.usefixtures("one_thread")

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "dsb2018.py"
CPU = Settings(device="cpu")
WINDOWS = {"naive": [5, 9], "cropped": [4, 8]}


@pytest.fixture(scope="module")
def dsb2018() -> ModuleType:
    spec = importlib.util.spec_from_file_location("dsb2018", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["dsb2018"] = module
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SCRIPT.parent)
        spec.loader.exec_module(module)
    return module


@pytest.fixture
def touching() -> Sample:
    """Two disks of radius 10 that touch, on a dark background."""
    y, x = np.mgrid[:48, :64]
    labels = np.zeros(y.shape, np.int32)
    for number, middle in enumerate((22, 40), start=1):
        labels[(y - 24) ** 2 + (x - middle) ** 2 <= 100] = number
    return Sample((200 * (labels > 0) + 20).astype(np.uint8), labels)


@pytest.fixture
def model(small_model) -> UNet:
    clustering = Clustering(bandwidth=1.0, scope="component", min_size=4)
    return small_model(2, 2, foreground=True, clustering=clustering)


@pytest.fixture
def samples(rng) -> list[Sample]:
    truth = np.arange(26 * 30).reshape(26, 30) // 90
    return [Sample(rng.normal(size=truth.shape), truth) for _ in range(2)]


class TestWatershed:
    def test_two_touching_disks_are_parted(self, dsb2018, touching: Sample) -> None:
        scores = object_scores(
            touching.labels, dsb2018.watershed_labels(touching.image)
        )
        assert scores == ObjectScores(2, 2, 2, 0, 0)

    def test_one_disk_is_left_whole(self, dsb2018, touching: Sample) -> None:
        alone = np.where(touching.labels == 1, touching.image, 20)
        found = dsb2018.watershed_labels(alone)
        np.testing.assert_array_equal(found > 0, touching.labels == 1)
        assert len(np.unique(found)) == 2

    def test_specks_and_nothing(self, dsb2018, touching: Sample) -> None:
        speck = touching.image.copy()
        speck[:4, :4] = 220  # 16 pixels
        found = dsb2018.watershed_labels(speck)
        assert not found[:4, :4].any()
        assert not dsb2018.watershed_labels(np.full((9, 9), 7)).any()


class TestWindows:
    def test_what_is_computed(self, dsb2018, disks_model: UNet) -> None:
        sample = Sample(np.zeros((16, 20)), np.zeros((16, 20), int))
        found = dsb2018.computed([sample], disks_model, {"naive": [20]})
        # the grid begins 4 pixels before the image: 1 tile by 2, each reads 204 x 204
        assert found == {"naive": [pytest.approx(2 * 204**2 / 1e6)]}


class TestRows:
    @pytest.fixture
    def rows(self, dsb2018, samples, model: UNet) -> list[Row]:
        sweeps = [dsb2018.swept(sample, model, WINDOWS, CPU) for sample in samples]
        classical = (ObjectScores(9, 8, 4, 1, 2), ObjectScores(9, 9, 9, 0, 0))
        return [*rows_of(WINDOWS, sweeps), Row("watershed", None, classical)]

    @pytest.mark.parametrize("other", [{"scope": "global"}, {"bandwidth": 0.05}])
    def test_the_clustering_can_be_chosen(
        self, dsb2018, samples, model: UNet, other: dict[str, Any]
    ) -> None:
        own, others = (
            rows_of(WINDOWS, [dsb2018.swept(samples[0], model, WINDOWS, settings)])
            for settings in (CPU, replace(CPU, **other))
        )
        assert [row.scores for row in own] != [row.scores for row in others]

    def test_files(self, dsb2018, rows, tmp_path: Path, capsys) -> None:
        dsb2018.plot(rows, tmp_path, "tiny on 2 images")
        dsb2018.report(rows, tmp_path)
        assert sorted(p.name for p in tmp_path.iterdir()) == [
            "results.csv", "windows.png", "windows.svg",
        ]  # fmt: skip
        with (tmp_path / "results.csv").open(newline="") as file:
            written = list(csv.DictReader(file))
        for line, row in zip(written, rows, strict=True):
            figures = row.figures()
            assert line["method"] == row.method
            assert line["window"] == ("" if row.window is None else str(row.window))
            for key, known in ap50_intervals(row.scores).items():
                assert float(line[key]) == pytest.approx(known.value) == figures[key]
                ends = [float(line[f"{key}_{end}"]) for end in ("low", "high")]
                assert ends == [known.low, known.high]
        said = next(s for s in capsys.readouterr().out.splitlines() if "watershed" in s)
        # of the two images, one or the other may be drawn twice
        assert "0.654 (0.308 to 1.000)  0.591 (0.308 to 1.000)" in said

    def test_the_plot_shows_these_values(self, dsb2018, rows) -> None:
        figure = Figure()
        dsb2018.draw(figure, rows, "title")
        ap50, splits, _ = figure.axes
        lines = {line.get_label(): line for line in ap50.get_lines()}
        for method, some in (("naive", rows[:2]), ("cropped", rows[2:4])):
            for label, key in (
                (method, "ap50_mean"),
                (f"{method}, pooled", "ap50_pooled"),
            ):
                assert list(lines[label].get_xdata()) == WINDOWS[method]
                expected = [row.figures()[key] for row in some]
                assert list(lines[label].get_ydata()) == expected
        assert set(lines["watershed"].get_ydata()) == {(4 / 13 + 1) / 2}
        naive = next(x for x in splits.get_lines() if x.get_label() == "naive")
        expected = [row.figures()["false_splits"] for row in rows[:2]]
        assert list(naive.get_ydata()) == expected


class TestScore:
    def test_each_image_is_segmented_once(self, dsb2018, samples, model: UNet) -> None:
        row = dsb2018.once(samples, model, CPU)
        assert (row.method, row.window) == (model.config.name, None)
        assert row.seconds > 0
        found = [segment(sample.image, model, device="cpu") for sample in samples]
        assert row.scores == tuple(
            object_scores(sample.labels, one.labels)
            for sample, one in zip(samples, found, strict=True)
        )

    def test_a_peer_is_cut_at_half_and_parted(self, dsb2018, touching: Sample) -> None:
        class Certain:
            name = "other"

            def foreground(self, image: np.ndarray) -> np.ndarray:
                return np.where(image > 100, 0.51, 0.5)

        rows = dsb2018.others([touching], Certain())
        assert [row.method for row in rows] == ["watershed", "other + watershed"]
        assert rows[1].scores == (ObjectScores(2, 2, 2, 0, 0),)
        assert len(dsb2018.others([touching], None)) == 1
        _, higher = dsb2018.others([touching], Certain(), cut=0.6)
        assert higher.method == "other above 0.6 + watershed"
        assert higher.scores == (ObjectScores(2, 0, 0, 0, 0),)

    def test_the_command(
        self, dsb2018, touching: Sample, tmp_path: Path, monkeypatch, capsys
    ) -> None:
        for kind, pixels in (("images", touching.image), ("masks", touching.labels)):
            (tmp_path / "test" / kind).mkdir(parents=True)
            tifffile.imwrite(tmp_path / "test" / kind / "a.tif", pixels)
        out = tmp_path / "out"
        words = ["dsb2018", str(tmp_path), "-o", str(out), "--device", "cpu", "--score"]
        monkeypatch.setattr(sys, "argv", words)
        dsb2018.run(dsb2018.arguments())
        with (out / "results.csv").open(newline="") as file:
            written = {line["method"]: line for line in csv.DictReader(file)}
        assert list(written) == ["nuclei", "watershed"]
        assert {line["true_objects"] for line in written.values()} == {"2"}
        assert [p.name for p in out.iterdir()] == ["results.csv"]
        said = capsys.readouterr().out
        assert said.split()[:3] == ["method", "ap50", "mean"]
        assert "window" not in said  # what no row has is left out

    @pytest.mark.parametrize("cut", ["0", "1", "nan"])
    def test_a_cut_that_is_none(self, dsb2018, cut: str, monkeypatch, capsys) -> None:
        monkeypatch.setattr(sys, "argv", ["dsb2018", "DATA", "--cut", cut])
        with pytest.raises(SystemExit):
            dsb2018.arguments()
        assert "--cut must be above 0 and below 1" in capsys.readouterr().err

    def test_windows_do_not_go_with_it(self, dsb2018, monkeypatch, capsys) -> None:
        monkeypatch.setattr(sys, "argv", ["dsb2018", "DATA", "--score", "--quick"])
        with pytest.raises(SystemExit):
            dsb2018.arguments()
        assert "leave out --windows and --quick" in capsys.readouterr().err


class TestData:
    @pytest.fixture
    def folder(self, tmp_path: Path, touching: Sample) -> Path:
        for number in range(5):
            for kind, pixels in (
                ("images", touching.image),
                ("labels", touching.labels),
            ):
                path = tmp_path / "test" / kind / f"{number}.tif"
                path.parent.mkdir(parents=True, exist_ok=True)
                tifffile.imwrite(path, (pixels + number * (kind == "images")))
        return tmp_path

    def test_a_part_or_its_folder(self, dsb2018, folder: Path) -> None:
        whole = dsb2018.read_part(folder, "test", None)
        assert len(whole) == 5
        here = dsb2018.read_part(folder / "test", "test", None)
        for one, other in zip(whole, here, strict=True):
            np.testing.assert_array_equal(one.image, other.image)

    def test_some_images_are_evenly_spaced(self, dsb2018, folder: Path) -> None:
        some = dsb2018.read_part(folder, "test", 3)
        assert [int(s.image.min()) for s in some] == [20, 22, 24]
        assert len(dsb2018.read_part(folder, "test", 9)) == 5

    def test_a_folder_that_is_absent(self, dsb2018, tmp_path: Path) -> None:
        with pytest.raises(
            FileNotFoundError, match=r"no folder .*images: a folder of data"
        ):
            dsb2018.read_part(tmp_path, "test", None)
