"""Images in, from many kinds of file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_shiftseg.stores.reading import read_image, read_labels

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
        with pytest.raises(ValueError, match=r"disks ends with '': give a TIFF, PNG,"):
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

    def test_nothing_there(self, tmp_path: Path) -> None:
        with pytest.raises(
            FileNotFoundError, match=r"no image.*: there is no such file"
        ):
            read_image(tmp_path / "a.tif")
        with pytest.raises(FileNotFoundError, match=r"a.tif': there is no folder .*no"):
            read_image(tmp_path / "no" / "a.tif")
        with pytest.raises(FileNotFoundError, match=r"no image.*samples \(disks"):
            read_image("stars")

    def test_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(IsADirectoryError, match="a folder without an image: name"):
            read_image(tmp_path)
        for name in ("b.tif", "a.txt", "c.npy"):
            (tmp_path / name).touch()
        said = r"a folder, not an image: name one in it, .*b\.tif$"
        with pytest.raises(IsADirectoryError, match=said):
            read_image(tmp_path)

    def test_another_kind_of_file(self, tmp_path: Path) -> None:
        (tmp_path / "a.txt").write_text("hello")
        with pytest.raises(
            ValueError, match=r"a.txt ends with '.txt': give a TIFF, PNG,"
        ):
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


@pytest.mark.parametrize("shape", [(3, 40, 40), (4, 40, 40), (100, 100, 50)])
def test_planes_of_labels_are_no_colours_and_no_channels(tmp_path, shape):
    """A writer marks three planes of 8 bits as red, green and blue."""
    labels = (np.arange(np.prod(shape)) // 4).reshape(shape).astype(np.uint8)
    planes = {"photometric": "rgb", "planarconfig": "separate"}
    tifffile.imwrite(tmp_path / "l.tif", labels, **planes if shape[0] < 5 else {})
    assert np.array_equal(read_labels("labels", tmp_path / "l.tif"), labels)


@pytest.mark.parametrize(
    "pixels", [np.zeros((9, 9), complex), np.zeros((9, 9), "M8[s]"), np.array([["a"]])]
)
def test_what_holds_no_numbers_is_no_image(tmp_path, pixels):
    np.save(tmp_path / "image.npy", pixels)
    with pytest.raises(ValueError, match="must hold real numbers"):
        read_image(tmp_path / "image.npy")


def test_a_unit_that_ome_has_not_is_said(tmp_path):
    metadata = {"axes": "YX", "unit": "furlong"}
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, np.zeros((9, 9), "u1"), imagej=True, resolution=(4, 4), metadata=metadata
    )
    source = read_image(path)
    assert source.calibration["X"].size == 0.25
    assert "the unit 'furlong' is not known" in source.notes[-1]


def test_a_size_has_no_more_digits_than_were_meant(tmp_path):
    pixels, path = np.zeros((9, 9), "u1"), tmp_path / "a.tif"
    resolution = ((40, 13), (40, 13))
    tifffile.imwrite(
        path, pixels, imagej=True, resolution=resolution, metadata={"unit": "um"}
    )
    assert read_image(path).calibration["X"].size == 0.325


@pytest.mark.parametrize("opacity", [False, True])
def test_colours_are_the_channels_of_a_model_of_three(tmp_path: Path, opacity) -> None:
    colours = np.random.default_rng(0).integers(0, 255, (5, 7, 3 + opacity), "u1")
    path = tmp_path / "colours.tif"
    tifffile.imwrite(path, colours, photometric="rgb")

    three = read_image(path, several=3)

    assert three.axes == "CYX"
    np.testing.assert_array_equal(three.data, np.moveaxis(colours[..., :3], -1, 0))
    assert not any("grey" in note for note in three.notes)
    assert read_image(path).axes == "YX"
