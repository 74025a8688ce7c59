"""Images in and results out, read back with tifffile."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from napari_shiftseg.files.reading import read_image
from napari_shiftseg.files.writing import axis_names, write_segmentation, write_tiff
from napari_shiftseg.model.config import Clustering
from napari_shiftseg.pipeline.segmentation import segment

pytestmark = pytest.mark.usefixtures("one_thread")

IMAGE = np.arange(5 * 7).reshape(5, 7)


class TestRead:
    @pytest.mark.parametrize(
        "dtype", ["u1", "<u2", ">u2", "i4", "f4", ">f4", "f8", "?"]
    )
    @pytest.mark.parametrize("suffix", [".npy", ".tif", ".TIFF"])
    def test_every_dtype(self, tmp_path: Path, dtype: str, suffix: str) -> None:
        pixels = (IMAGE % 2 if dtype == "?" else IMAGE).astype(dtype)
        path = tmp_path / f"a.b{suffix}"
        if suffix == ".npy":
            np.save(path, pixels)
        else:
            tifffile.imwrite(path, pixels, byteorder=">" if ">" in dtype else "<")
        source = read_image(path)
        assert source.name == "a.b"
        np.testing.assert_array_equal(source.data, pixels)

    def test_a_sample_by_name(self, disks) -> None:
        source = read_image(Path("disks"))
        assert source.name == "disks"
        np.testing.assert_array_equal(source.data, disks.image)

    def test_a_file_goes_before_a_sample(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        Path("disks").write_text("mine")
        with pytest.raises(ValueError, match=r"disks: a TIFF or .npy file is expected"):
            read_image(Path("disks"))

    def test_a_stack(self, tmp_path: Path) -> None:
        stack = np.arange(4 * 5 * 7, dtype=np.uint16).reshape(4, 5, 7)
        tifffile.imwrite(
            tmp_path / "t.tif", stack, imagej=True, metadata={"axes": "TYX"}
        )
        np.testing.assert_array_equal(read_image(tmp_path / "t.tif").data, stack)

    @pytest.mark.parametrize("channels", [3, 4])
    @pytest.mark.parametrize("planar", ["contig", "separate"])
    @pytest.mark.parametrize("frames", [None, 2])
    def test_colours_become_grey(
        self, tmp_path: Path, channels: int, planar: str, frames: int | None
    ) -> None:
        rng = np.random.default_rng(0)
        shape = (5, 7, channels) if frames is None else (frames, 5, 7, channels)
        rgb = rng.integers(0, 255, shape, dtype=np.uint8)
        stored = rgb if planar == "contig" else np.moveaxis(rgb, -1, -3)
        extra = {"extrasamples": ["unassalpha"]} if channels == 4 else {}
        tifffile.imwrite(
            tmp_path / "c.tif", stored, photometric="rgb", planarconfig=planar, **extra
        )
        grey = read_image(tmp_path / "c.tif").data
        red, green, blue = (rgb[..., i].astype(float) for i in range(3))
        expected = 0.2125 * red + 0.7154 * green + 0.0721 * blue
        np.testing.assert_allclose(grey, expected)

    def test_the_pixel_size_is_kept(self, tmp_path: Path) -> None:
        tifffile.imwrite(
            tmp_path / "a.tif",
            IMAGE.astype(np.float32),
            resolution=(4.0, 2.0),
            resolutionunit="CENTIMETER",
        )
        source = read_image(tmp_path / "a.tif")
        write_tiff(tmp_path / "b.tif", IMAGE.astype("f4"), "YX", source.resolution)
        with tifffile.TiffFile(tmp_path / "b.tif") as file:
            page = file.pages[0]
            assert page.resolution == (4.0, 2.0)
            assert page.resolutionunit == 3

    def test_nothing_there(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError, match=r"no image.*samples \(disks"):
            read_image(tmp_path / "a.tif")

    def test_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(IsADirectoryError, match=r"a folder.*name a TIFF") as told:
            read_image(tmp_path)
        assert "sweep takes several files, evaluate takes two folders" in (
            str(told.value)
        )

    def test_another_kind_of_file(self, tmp_path: Path) -> None:
        (tmp_path / "a.txt").write_text("hello")
        with pytest.raises(ValueError, match=r"a.txt: a TIFF or .npy file is expected"):
            read_image(tmp_path / "a.txt")

    @pytest.mark.parametrize("suffix", [".npy", ".tif"])
    @pytest.mark.parametrize("content", [b"", b"hello", b"II*\0", b"\x93NUMPY\x01\0"])
    def test_no_image_inside(self, tmp_path: Path, suffix: str, content: bytes) -> None:
        path = tmp_path / f"a{suffix}"
        path.write_bytes(content)
        with pytest.raises(ValueError, match="cannot be read"):
            read_image(path)

    @pytest.mark.parametrize("suffix", [".npy", ".tif"])
    @pytest.mark.parametrize("share", [0.3, 0.9])
    def test_a_truncated_file(self, tmp_path: Path, suffix: str, share: float) -> None:
        path = tmp_path / f"a{suffix}"
        pixels = np.random.default_rng(0).random((64, 64))
        np.save(path, pixels) if suffix == ".npy" else tifffile.imwrite(path, pixels)
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
        with pytest.raises(ValueError, match="cannot be read"):
            read_image(path)

    def test_a_pickle_is_not_opened(self, tmp_path: Path) -> None:
        np.save(tmp_path / "a.npy", np.array([{}], dtype=object), allow_pickle=True)
        with pytest.raises(ValueError, match="cannot be read"):
            read_image(tmp_path / "a.npy")


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
    @pytest.mark.parametrize("dtype", ["u1", "u2", "f4", "u4", "f8"])
    def test_axes_and_values(
        self, tmp_path: Path, shape: Any, axes: str, dtype: str
    ) -> None:
        pixels = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
        write_tiff(tmp_path / "a.tif", pixels, axes, {})
        is_imagej = dtype in ("u1", "u2", "f4") and "Q" not in axes
        with tifffile.TiffFile(tmp_path / "a.tif") as file:
            series = file.series[0]
            assert file.is_imagej == is_imagej
            stored = "".join(a for a in "TZCYX" if a in axes) if is_imagej else axes
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
            (3, 2, "TYX"),
            (4, 2, "TZYX"),
            (5, 2, "QQQYX"),
            (3, 3, "ZYX"),
            (4, 3, "TZYX"),
            (5, 3, "QQZYX"),
        ],
    )
    def test_axis_names(self, ndim: int, spatial: int, axes: str) -> None:
        assert axis_names(ndim, spatial) == axes

    def test_one_axis_is_a_row(self, tmp_path: Path) -> None:
        write_tiff(tmp_path / "a.tif", np.arange(7, dtype="f4"), "X", {})
        np.testing.assert_array_equal(
            tifffile.imread(tmp_path / "a.tif").ravel(), np.arange(7)
        )


class TestSegmentation:
    @pytest.fixture
    def model(self, small_model):
        return small_model(2, 2, clustering=Clustering(bandwidth=1e3))

    @pytest.fixture
    def source(self, tmp_path: Path, rng):
        np.save(tmp_path / "cells.npy", rng.normal(size=(21, 26)))
        return read_image(tmp_path / "cells.npy")

    def test_files_hold_the_result(self, model, source, tmp_path: Path) -> None:
        result = segment(source.data, model, window=8)
        report = write_segmentation(result, model, source, tmp_path)
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

    def test_a_time_series(self, model, source, tmp_path: Path) -> None:
        series = np.stack([source.data, source.data + 1, source.data * 2])
        result = segment(series, model, window=8)
        report = write_segmentation(result, model, source, tmp_path)
        for kind, axes in (
            ("labels", "TYX"),
            ("gradient", "TYX"),
            ("embedding", "TCYX"),
        ):
            with tifffile.TiffFile(report["files"][kind]) as file:
                assert file.series[0].axes == axes
        stored = tifffile.imread(report["files"]["embedding"])
        np.testing.assert_array_equal(stored, np.moveaxis(result.embeddings, 0, 1))

    def test_a_volume(self, small_model, rng, tmp_path: Path) -> None:
        model = small_model(3, 1, clustering=Clustering(bandwidth=1e3))
        np.save(tmp_path / "cells.npy", rng.normal(size=(5, 7, 9)))
        source = read_image(tmp_path / "cells.npy")
        result = segment(source.data, model, window=4)
        report = write_segmentation(result, model, source, tmp_path)
        with tifffile.TiffFile(report["files"]["labels"]) as file:
            assert file.series[0].axes == "ZYX"
            np.testing.assert_array_equal(file.series[0].asarray(), result.labels)
        with tifffile.TiffFile(report["files"]["embedding"]) as file:
            assert file.series[0].axes == "ZCYX"
            stored = np.moveaxis(file.series[0].asarray(), 1, 0)
            np.testing.assert_array_equal(stored, result.embeddings)

    def test_two_leading_axes(self, model, source, tmp_path: Path) -> None:
        series = np.stack([source.data[:9, :9]] * 6).reshape(2, 3, 9, 9)
        result = segment(series, model, window=8)
        report = write_segmentation(result, model, source, tmp_path)
        stored = {k: tifffile.imread(path) for k, path in report["files"].items()}
        np.testing.assert_array_equal(stored["labels"], result.labels)
        np.testing.assert_array_equal(
            stored["embedding"], np.moveaxis(result.embeddings, 0, 2)
        )

    def test_many_objects_need_more_bits(self, model, source, tmp_path: Path) -> None:
        result = segment(source.data, model, window=8)
        many = replace(result, labels=result.labels * 70_000)
        report = write_segmentation(many, model, source, tmp_path)
        stored = tifffile.imread(report["files"]["labels"])
        assert stored.dtype == np.uint32
        np.testing.assert_array_equal(stored, many.labels)
