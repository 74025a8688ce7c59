"""Results out, read back with tifffile; what the image was keeps axes and sizes."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.pipeline.segmentation import segment
from napari_shiftseg.stores import writing
from napari_shiftseg.stores.axes import Distance, axis_names, result_axes
from napari_shiftseg.stores.pixel_files import write_pixels
from napari_shiftseg.stores.reading import numbered_anew, read_image
from napari_shiftseg.stores.writing import KINDS, outputs_of, write_segmentation

pytestmark = pytest.mark.usefixtures("one_thread")

CALIBRATION = {
    "X": Distance(0.325, "µm"), "Y": Distance(0.5, "µm"), "Z": Distance(2.0, "µm"),
    "T": Distance(60.0, "s"),
}  # fmt: skip


class TestWrite:
    @pytest.mark.parametrize(
        ("shape", "axes"),
        [
            ((5, 7), "YX"),
            ((4, 5, 7), "ZYX"),
            ((4, 5, 7), "TYX"),
            ((4, 6, 5, 7), "TZYX"),
            ((3, 5, 7), "CYX"),
            ((3, 4, 5, 7), "CTYX"),
            ((3, 4, 5, 7), "CZYX"),
            ((3, 2, 4, 5, 7), "CTZYX"),
            ((2, 3, 2, 5, 7), "QQQYX"),
        ],
    )
    @pytest.mark.parametrize("dtype", ["u1", "u2", "f4", "u4", "f8", "f2"])
    def test_axes_and_values(
        self, tmp_path: Path, shape: Any, axes: str, dtype: str
    ) -> None:
        pixels = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
        write_pixels(tmp_path / "a.tif", pixels, axes, {})
        is_ome = dtype != "f2" and "Q" not in axes
        with tifffile.TiffFile(tmp_path / "a.tif") as file:
            series = file.series[0]
            assert file.is_ome == is_ome
            stored = "".join(a for a in "TZCYX" if a in axes) if is_ome else axes
            assert series.axes == stored
            assert series.dtype == np.dtype(dtype)
            order = range(len(axes)) if "Q" in axes else map(axes.index, stored)
            np.testing.assert_array_equal(series.asarray(), pixels.transpose(*order))

    @pytest.mark.parametrize(
        ("ndim", "spatial", "axes"),
        [
            (1, 1, "X"),
            (2, 1, "TX"),
            (2, 2, "YX"),
            (3, 2, "ZYX"),
            (4, 2, "TZYX"),
            (5, 2, "QQQYX"),
            (3, 3, "ZYX"),
            (4, 3, "TZYX"),
            (5, 3, "QQZYX"),
        ],
    )
    def test_axis_names(self, ndim: int, spatial: int, axes: str) -> None:
        assert axis_names(ndim, spatial) == axes

    @pytest.mark.parametrize(
        ("axes", "spatial", "expected"),
        [
            ("ZYX", 2, "ZYX"),
            ("TZYX", 2, "TZYX"),
            ("TZCYX", 2, "TZYX"),  # a model of several channels
            ("QYX", 2, "ZYX"),
            ("QQYX", 2, "TZYX"),
            ("QYX", 3, "ZYX"),
            ("QQYX", 3, "TZYX"),
            ("TYX", 3, "TYX"),
            ("QTYX", 2, "QTYX"),  # T is taken
            ("QZYX", 2, "TZYX"),
        ],
    )
    def test_names_of_the_image_are_kept(
        self, axes: str, spatial: int, expected: str
    ) -> None:
        assert result_axes(axes, len(axes.replace("C", "")), spatial) == expected

    def test_one_axis_is_a_row(self, tmp_path: Path) -> None:
        write_pixels(tmp_path / "a.tif", np.arange(7, dtype="f4"), "X", {})
        np.testing.assert_array_equal(
            tifffile.imread(tmp_path / "a.tif").ravel(), np.arange(7)
        )

    @pytest.mark.parametrize("axes", ["TZYX", "QTZYX"])
    def test_sizes_come_back(self, tmp_path: Path, axes: str) -> None:
        pixels = np.zeros([2] * (len(axes) - 2) + [5, 7], np.uint16)
        write_pixels(tmp_path / "a.tif", pixels, axes, CALIBRATION)
        source = read_image(tmp_path / "a.tif")
        assert (source.axes, source.calibration) == (axes, CALIBRATION)

    def test_sizes_for_readers_that_know_no_ome(self, tmp_path: Path) -> None:
        write_pixels(tmp_path / "a.tif", np.zeros((5, 7), "u2"), "YX", CALIBRATION)
        with tifffile.TiffFile(tmp_path / "a.tif") as file:
            page = file.pages[0]
            assert page.resolutionunit == 3  # a centimetre
            np.testing.assert_allclose(page.resolution, (1e4 / 0.325, 1e4 / 0.5))

    def test_the_same_pixels_are_the_same_file(self, tmp_path: Path) -> None:
        for name in ("a", "b"):
            write_pixels(tmp_path / name, np.ones((5, 7), "u2"), "YX", CALIBRATION)
        assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.fixture
def model(small_model):
    return small_model(2, 2, clustering=Clustering(bandwidth=1e3))


@pytest.fixture
def source(tmp_path: Path, rng):
    np.save(tmp_path / "cells.npy", rng.normal(size=(21, 26)))
    return read_image(tmp_path / "cells.npy")


@pytest.fixture
def written(source, tmp_path: Path):
    """Segment and write; gives the report."""

    def write(
        model, pixels=None, source=source, kinds=KINDS, overwrite=True, **settings
    ):
        pixels = source.data if pixels is None else pixels
        result = segment(pixels, model, window=8, **settings)
        outputs = outputs_of("segment", source, tmp_path, kinds, overwrite)
        return result, write_segmentation(result, model, source, outputs)

    return write


class TestSegmentation:
    def test_files_hold_the_result(self, model, written, tmp_path: Path) -> None:
        result, report = written(model)
        files = {kind: tifffile.imread(path) for kind, path in report["files"].items()}
        assert set(files) == {"labels", "embedding", "gradient"}
        assert files["labels"].dtype == np.uint16
        np.testing.assert_array_equal(files["labels"], result.labels)
        np.testing.assert_array_equal(files["embedding"], result.embeddings)
        np.testing.assert_array_equal(files["gradient"], result.gradient)
        assert Path(report["files"]["labels"]).name == "cells_labels.tif"
        assert json.loads((tmp_path / "cells_report.json").read_text()) == report
        expected = {
            "image": "cells",
            "command": "segment",
            "inputs": [str((tmp_path / "cells.npy").resolve())],
            "model": "untitled",
            "objects": 1,
            "modes": 1,
            "window": [8, 8],
            "stride": [8, 8],
            "period": [4, 4],
            "offset": [0, 0],
            "exact": True,
            "notes": [],
        }
        assert {key: report[key] for key in expected} == expected
        assert report["settings"]["window"] == [8, 8]

    def test_axes_and_sizes_are_those_of_the_image(
        self, model, written, source, tmp_path: Path
    ) -> None:
        stack = np.stack([source.data] * 6).reshape(2, 3, 21, 26)
        image = replace(source, data=stack, axes="TZYX", calibration=CALIBRATION)
        result, report = written(model, stack, image)
        for kind, axes in (
            ("labels", "TZYX"), ("gradient", "TZYX"), ("embedding", "TZCYX"),
        ):  # fmt: skip
            with tifffile.TiffFile(report["files"][kind]) as file:
                assert file.series[0].axes == axes
                pixels = tifffile.xml2dict(file.ome_metadata)["OME"]["Image"]["Pixels"]
            assert (pixels["PhysicalSizeX"], pixels["PhysicalSizeXUnit"]) == (
                0.325, "µm",
            )  # fmt: skip
            assert (pixels["PhysicalSizeY"], pixels["PhysicalSizeZ"]) == (0.5, 2)
            assert (pixels["TimeIncrement"], pixels["TimeIncrementUnit"]) == (60, "s")
        labels = Path(report["files"]["labels"])
        np.testing.assert_array_equal(tifffile.imread(labels), result.labels)
        stored = tifffile.imread(report["files"]["embedding"])
        np.testing.assert_array_equal(stored, np.moveaxis(result.embeddings, 0, 2))
        assert numbered_anew(labels) == 1  # each frame: planes are linked

    @pytest.mark.parametrize(
        ("named", "linked", "axes", "apart"),
        [
            ("TYX", None, "TYX", 1),
            ("TYX", True, "TYX", 0),
            ("QYX", None, "ZYX", 0),
            ("ZYX", False, "ZYX", 1),
        ],
    )
    def test_a_series(self, model, written, source, named, linked, axes, apart) -> None:
        series = np.stack([source.data, source.data + 1, source.data * 2])
        image = replace(source, data=series, axes=named)
        settings = {"link_planes": linked, "axes": named[:1]}
        _, report = written(model, series, image, **settings)
        path = report["files"]["labels"]
        with tifffile.TiffFile(path) as file:
            assert file.series[0].axes == axes
        assert numbered_anew(Path(path)) == apart

    def test_a_volume(self, small_model, written, rng, tmp_path: Path) -> None:
        model = small_model(3, 1, clustering=Clustering(bandwidth=1e3))
        np.save(tmp_path / "cells.npy", rng.normal(size=(5, 7, 9)))
        source = read_image(tmp_path / "cells.npy")
        result = segment(source.data, model, window=4)
        outputs = outputs_of("segment", source, tmp_path, KINDS)
        report = write_segmentation(result, model, source, outputs)
        with tifffile.TiffFile(report["files"]["labels"]) as file:
            assert file.series[0].axes == "ZYX"
            np.testing.assert_array_equal(file.series[0].asarray(), result.labels)
        assert numbered_anew(Path(report["files"]["labels"])) == 0
        with tifffile.TiffFile(report["files"]["embedding"]) as file:
            assert file.series[0].axes == "ZCYX"
            stored = np.moveaxis(file.series[0].asarray(), 1, 0)
            np.testing.assert_array_equal(stored, result.embeddings)

    def test_many_objects_need_more_bits(self, model, source, tmp_path: Path) -> None:
        result = segment(source.data, model, window=8)
        many = replace(result, labels=result.labels * 70_000)
        outputs = outputs_of("segment", source, tmp_path)
        report = write_segmentation(many, model, source, outputs)
        assert list(report["files"]) == ["labels"]
        stored = tifffile.imread(report["files"]["labels"])
        assert stored.dtype == np.uint32
        np.testing.assert_array_equal(stored, many.labels)


class TestOutputs:
    def test_an_older_run_is_replaced(self, model, written) -> None:
        written(model, kinds=["labels"], overwrite=False)
        written(model, kinds=KINDS, overwrite=False)

    def test_what_was_changed_by_hand_is_kept(
        self, model, written, tmp_path: Path
    ) -> None:
        written(model)
        path = tmp_path / "cells_labels.tif"
        tifffile.imwrite(path, np.ones((21, 26), "u2"))
        with pytest.raises(FileExistsError, match=r"cells_labels\.tif that no older"):
            written(model, overwrite=False)
        assert tifffile.imread(path).all()

    @pytest.mark.parametrize("name", ["cells_labels.tif", "cells_report.json"])
    def test_files_of_others_are_refused(
        self, source, tmp_path: Path, name: str
    ) -> None:
        (tmp_path / name).write_text("mine")
        with pytest.raises(FileExistsError, match=name):
            outputs_of("segment", source, tmp_path)
        outputs_of("segment", source, tmp_path, overwrite=True)

    def test_another_command_is_refused(
        self, model, written, source, tmp_path: Path
    ) -> None:
        written(model)
        with pytest.raises(FileExistsError, match="cells_labels"):
            outputs_of("mend", source, tmp_path)

    def test_two_images_of_one_name_do_not_collide(
        self, model, written, source, tmp_path: Path
    ) -> None:
        written(model, kinds=["labels"])
        first = (tmp_path / "cells_labels.tif").read_bytes()
        other = replace(source, path=str(tmp_path / "b" / "cells.tif"))
        _, report = written(model, source=other, kinds=["labels"], overwrite=False)
        assert Path(report["files"]["labels"]).name == "b_cells_labels.tif"
        third = replace(source, path=str(tmp_path / "day2" / "b" / "cells.tif"))
        assert outputs_of("segment", third, tmp_path).name == "day2_b_cells"
        channel = replace(source, channel="GFP/2")
        named = outputs_of("segment", channel, tmp_path).name
        assert named.endswith("_cells_channelGFP2")
        assert (tmp_path / "cells_labels.tif").read_bytes() == first
        written(model, source=other, kinds=["labels"], overwrite=False)  # its own

    def test_a_run_killed_between_the_names_can_be_repeated(
        self, model, source, written, tmp_path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The record is there already; the labels are still those of the older run."""
        written(model, kinds=["labels"])
        before = (tmp_path / "cells_labels.tif").read_bytes()

        def killed(new: Path, path: Path) -> None:
            if path.suffix == ".tif":
                raise InterruptedError
            replace(new, path)

        replace = os.replace
        monkeypatch.setattr(os, "replace", killed)
        with pytest.raises(InterruptedError):
            written(model, source.data[:16], kinds=["labels"])
        monkeypatch.undo()
        assert (tmp_path / "cells_labels.tif").read_bytes() == before
        written(model, source.data[:16], kinds=["labels"], overwrite=False)
        assert (tmp_path / "cells_labels.tif").read_bytes() != before
        (tmp_path / "cells_labels.tif").write_bytes(b"mine")
        with pytest.raises(FileExistsError, match="cells_labels"):
            written(model, kinds=["labels"], overwrite=False)

    @pytest.mark.parametrize("size", [1e-7, 1e12])
    def test_a_pixel_size_that_no_tag_holds(self, tmp_path: Path, size: float) -> None:
        calibration = dict.fromkeys("YX", Distance(size, "µm"))
        path = tmp_path / "a.tif"
        write_pixels(path, np.zeros((9, 9), "u1"), "YX", calibration)
        assert read_image(path).calibration["X"] == Distance(size, "µm")

    def test_an_unknown_kind(self, source, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="labels, embedding, gradient"):
            outputs_of("segment", source, tmp_path, ["lables"])

    def test_a_failure_leaves_the_older_run_whole(
        self, model, written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        written(model)
        before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        real = writing.write_pixels

        def full_disk(path: Path, pixels: Any, *others: Any) -> None:
            real(path, pixels, *others)
            if "gradient" in path.name:
                raise OSError(28, "No space left on device")

        monkeypatch.setattr(writing, "write_pixels", full_disk)
        with pytest.raises(OSError, match="No space left") as told:
            written(model, overwrite=False)
        assert str(told.value.filename).startswith(str(tmp_path / "cells_"))
        after = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        assert after == before
