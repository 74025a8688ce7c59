"""What a TIFF says of its axes, sizes, pages, channels and colours is heeded."""

from __future__ import annotations

import logging
import os
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_shiftseg.stores.axes import Distance
from napari_shiftseg.stores.reading import (
    doubt,
    image_for,
    numbered_anew,
    read_image,
    read_labels,
)
from napari_shiftseg.stores.stored_image import EQUAL_COLOURS

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

PLANE = np.arange(30 * 40, dtype=np.uint16).reshape(30, 40)
BYTES = (PLANE // 5).astype(np.uint8)
RED, GREEN, BLUE = BYTES, BYTES[::-1], BYTES[:, ::-1]
RGB = np.stack([RED, GREEN, BLUE], -1)
GREY = RGB @ np.array([0.2125, 0.7154, 0.0721])
SIZES = {"T": 2, "C": 3, "Z": 4, "Y": 30, "X": 40}


def numbered(axes: str) -> NDArray[np.uint16]:
    """An image of which every pixel is another."""
    shape = [SIZES[axis] for axis in axes]
    return np.arange(np.prod(shape), dtype=np.uint16).reshape(shape)


class TestAxes:
    @pytest.mark.parametrize("kind", ["ome", "imagej"])
    @pytest.mark.parametrize("axes", ["YX", "ZYX", "TYX", "TZYX", "TZCYX", "CYX"])
    def test_are_kept_and_a_channel_is_taken(
        self, tmp_path: Path, kind: str, axes: str
    ) -> None:
        pixels = numbered(axes)
        tifffile.imwrite(tmp_path / "a.tif", pixels, **{kind: True},
                         metadata={"axes": axes})  # fmt: skip
        channel = 2 if "C" in axes else None
        source = read_image(tmp_path / "a.tif", channel)
        assert source.axes == axes.replace("C", "")
        expected = pixels.take(1, axes.index("C")) if "C" in axes else pixels
        np.testing.assert_array_equal(source.data, expected)
        assert source.notes == ()

    @pytest.mark.parametrize("axes", ["CZYX", "CTYX", "TCZYX", "ZTYX"])
    def test_come_in_one_order(self, tmp_path: Path, axes: str) -> None:
        pixels = numbered(axes)
        tifffile.imwrite(tmp_path / "a.ome.tif", pixels, metadata={"axes": axes})
        source = read_image(tmp_path / "a.ome.tif", 3 if "C" in axes else None)
        rest = pixels.take(2, axes.index("C")) if "C" in axes else pixels
        names = axes.replace("C", "")
        assert source.axes == "".join(a for a in "TZYX" if a in names)
        order = [names.index(axis) for axis in source.axes]
        np.testing.assert_array_equal(source.data, rest.transpose(order))
        assert source.name == "a"

    def test_a_model_of_several_channels_gets_all(
        self, tmp_path: Path, small_model
    ) -> None:
        pixels = numbered("TZCYX")
        tifffile.imwrite(
            tmp_path / "a.tif", pixels, imagej=True, metadata={"axes": "TZCYX"}
        )
        flat = image_for(small_model(2, 2, in_channels=3).config, tmp_path / "a.tif")
        assert (flat.axes, flat.data.shape) == ("TZCYX", pixels.shape)
        volumes = image_for(small_model(3, 1, in_channels=3).config, tmp_path / "a.tif")
        assert volumes.axes == "TCZYX"
        np.testing.assert_array_equal(volumes.data, pixels.swapaxes(1, 2))
        with pytest.raises(ValueError, match="reads 2 channels, the image has 3"):
            image_for(small_model(2, 2, in_channels=2).config, tmp_path / "a.tif")

    def test_time_that_a_model_of_volumes_reads_is_said(
        self, tmp_path, small_model
    ) -> None:
        tifffile.imwrite(
            tmp_path / "a.tif", numbered("TYX"), imagej=True, metadata={"axes": "TYX"}
        )
        assert "time was read as planes" in image_for(
            small_model(3, 1).config, tmp_path / "a.tif"
        ).notes[0]  # fmt: skip
        assert image_for(small_model(2, 2).config, tmp_path / "a.tif").notes == ()

    @pytest.mark.parametrize(("last", "axes"), [(1, "YX"), (2, None), (7, None)])
    def test_channels_at_the_end_are_no_strips(
        self, tmp_path: Path, last: int, axes: str | None
    ) -> None:
        pixels = np.stack([PLANE] * last, -1)
        tifffile.imwrite(tmp_path / "a.tif", pixels)
        np.save(tmp_path / "a.npy", pixels)
        for path in tmp_path.iterdir():
            if axes is None:
                with pytest.raises(ValueError, match=f"has {last} channels"):
                    read_image(path)
            source = read_image(path, channel=last)
            assert source.axes == "YX"
            np.testing.assert_array_equal(source.data, PLANE)


class TestChannels:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        path = tmp_path / "a.ome.tif"
        about = {"axes": "CYX", "Channel": {"Name": ["DAPI", "GFP", "2"]}}
        tifffile.imwrite(path, numbered("CYX"), metadata=about)
        return path

    @pytest.mark.parametrize(
        ("channel", "at"), [(1, 0), ("1", 0), ("gfp", 1), ("DAPI", 0), ("2", 2), (3, 2)]
    )
    def test_by_number_or_name(self, path: Path, channel: Any, at: int) -> None:
        source = read_image(path, channel)
        np.testing.assert_array_equal(source.data, numbered("CYX")[at])
        assert source.channel == str(channel)

    @pytest.mark.parametrize("channel", [0, 4, "-1", "RFP", ""])
    def test_one_that_is_not_there(self, path: Path, channel: Any) -> None:
        with pytest.raises(
            ValueError, match=r"no channel.*has 3 channels \(1 DAPI, 2 GFP, 3 2\), c"
        ):
            read_image(path, channel)

    def test_without_a_choice_they_are_listed(self, path: Path) -> None:
        with pytest.raises(
            ValueError, match=r"3 channels \(1 DAPI, 2 GFP, 3 2\).*--channel"
        ):
            read_image(path)

    def test_of_an_image_of_one(self, tmp_path: Path) -> None:
        tifffile.imwrite(tmp_path / "a.tif", PLANE)
        assert read_image(tmp_path / "a.tif", 1).data.shape == PLANE.shape
        with pytest.raises(ValueError, match=r"has one channel.*\(--channel\) out"):
            read_image(tmp_path / "a.tif", 2)


class TestSeries:
    def test_pages_that_are_alike_are_joined(self, tmp_path: Path) -> None:
        with tifffile.TiffWriter(tmp_path / "a.tif") as file:
            for shift in range(5):
                file.write(np.roll(PLANE, shift, 0))
        source = read_image(tmp_path / "a.tif")
        assert source.axes == "QYX"
        expected = [np.roll(PLANE, shift, 0) for shift in range(5)]
        np.testing.assert_array_equal(source.data, expected)
        assert "5 pages, saved one by one, were joined" in source.notes[0]
        one = read_image(tmp_path / "a.tif", series=2)
        np.testing.assert_array_equal(one.data, expected[1])

    def test_of_others_the_largest_is_taken(self, tmp_path: Path) -> None:
        with tifffile.TiffWriter(tmp_path / "a.ome.tif") as file:
            for name, pixels in (("YX", PLANE[:9]), ("ZYX", numbered("ZYX"))):
                size = {"PhysicalSizeX": float(len(name)), "PhysicalSizeXUnit": "nm"}
                file.write(pixels, metadata={"axes": name, **size})
        source = read_image(tmp_path / "a.ome.tif")
        np.testing.assert_array_equal(source.data, numbered("ZYX"))
        assert source.calibration["X"] == Distance(3.0, "nm")
        assert (
            "2 series, the largest was read, number 2 (4 × 30 × 40)" in source.notes[0]
        )
        first = read_image(tmp_path / "a.ome.tif", series=1)
        np.testing.assert_array_equal(first.data, PLANE[:9])
        assert first.calibration["X"] == Distance(2.0, "nm")
        assert (first.notes, first.series) == ((), 1)
        with pytest.raises(ValueError, match=r"has 2 series, counted from 1.*series 3"):
            read_image(tmp_path / "a.ome.tif", series=3)

    def test_pages_of_pillow(self, tmp_path: Path) -> None:
        pages = [Image.fromarray(np.roll(BYTES, n, 0)) for n in range(3)]
        pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
        source = read_image(tmp_path / "a.tif")
        np.testing.assert_array_equal(source.data, [np.asarray(p) for p in pages])


class TestCalibration:
    @pytest.mark.parametrize("encoding", ["latin-1", "utf-8"])
    @pytest.mark.parametrize(
        ("unit", "expected"),
        [("um", "µm"), ("µm", "µm"), ("\u03bcm", "µm"), ("\\u00B5m", "µm"),
         ("micron", "µm"), ("nm", "nm"), ("mm", "mm"), ("inch", "in"),
         ("pixel", "pixel"), ("furlong", "furlong")],
    )  # fmt: skip
    def test_all_spellings_of_imagej(
        self, tmp_path: Path, unit: str, encoding: str, expected: str
    ) -> None:
        if unit == "\u03bcm" and encoding == "latin-1":
            return  # has no Greek letters
        about = (
            f"ImageJ=1.53t\nimages=2\nframes=2\nunit={unit}\nspacing=-2.5\n"
            f"finterval=60.0\n"
        )
        tifffile.imwrite(
            tmp_path / "a.tif", np.stack([PLANE] * 2), photometric="minisblack",
            description=about.encode(encoding), metadata=None, resolution=(4.0, 2.0),
        )  # fmt: skip
        assert read_image(tmp_path / "a.tif").calibration == {
            "X": Distance(0.25, expected),
            "Y": Distance(0.5, expected),
            "Z": Distance(2.5, expected),
            "T": Distance(60.0, "s"),
        }

    def test_of_ome(self, tmp_path: Path) -> None:
        about = {
            "axes": "TZYX", "PhysicalSizeX": 325.0, "PhysicalSizeXUnit": "nm",
            "PhysicalSizeY": 0.5, "PhysicalSizeZ": 2.0, "TimeIncrement": 3.0,
            "TimeIncrementUnit": "min",
        }  # fmt: skip
        tifffile.imwrite(tmp_path / "a.ome.tif", numbered("TZYX"), metadata=about)
        assert read_image(tmp_path / "a.ome.tif").calibration == {
            "X": Distance(325.0, "nm"),
            "Y": Distance(0.5, "µm"),  # OME's own unit
            "Z": Distance(2.0, "µm"),
            "T": Distance(3.0, "min"),
        }

    @pytest.mark.parametrize(
        ("tags", "expected"),
        [
            ({}, {}),
            ({"resolution": (1, 1), "resolutionunit": "NONE"}, {}),
            ({"resolution": (4, 2), "resolutionunit": "CENTIMETER"},
             {"X": Distance(0.25, "cm"), "Y": Distance(0.5, "cm")}),
            ({"resolution": (100, 100), "resolutionunit": "INCH"},
             {"X": Distance(0.01, "in"), "Y": Distance(0.01, "in")}),
        ],
    )  # fmt: skip
    def test_of_tags(self, tmp_path: Path, tags: Any, expected: Any) -> None:
        tifffile.imwrite(tmp_path / "a.tif", PLANE, **tags)
        assert read_image(tmp_path / "a.tif").calibration == expected


class TestColours:
    @pytest.mark.parametrize("suffix", [".tif", ".png", ".bmp", ".npy"])
    def test_are_made_grey_and_it_is_said(self, tmp_path: Path, suffix: str) -> None:
        path = tmp_path / f"a{suffix}"
        np.save(path, RGB) if suffix == ".npy" else Image.fromarray(RGB).save(path)
        source = read_image(path)
        np.testing.assert_allclose(source.data, GREY)
        assert "colours were made grey" in source.notes[0]

    @pytest.mark.parametrize(
        ("channel", "expected"),
        [("red", RED), ("Green", GREEN), (3, BLUE), ("1", RED)],
    )
    def test_one_can_be_chosen(
        self, tmp_path: Path, channel: Any, expected: NDArray[np.uint8]
    ) -> None:
        tifffile.imwrite(tmp_path / "a.tif", RGB, photometric="rgb")
        source = read_image(tmp_path / "a.tif", channel)
        np.testing.assert_array_equal(source.data, expected)
        assert source.notes == ()

    def test_grey_stored_as_colours_is_grey(self, tmp_path: Path) -> None:
        opaque = np.full_like(BYTES, 255)
        Image.fromarray(np.stack([BYTES] * 3 + [opaque], -1)).save(tmp_path / "a.png")
        source = read_image(tmp_path / "a.png")
        np.testing.assert_array_equal(source.data, BYTES)
        assert source.notes == (EQUAL_COLOURS,)

    def test_ink_is_dark(self, tmp_path: Path) -> None:
        Image.fromarray(RGB).convert("CMYK").save(tmp_path / "a.tif")
        source = read_image(tmp_path / "a.tif")
        np.testing.assert_allclose(source.data * 255, GREY, atol=1e-3)

    def test_a_palette_is_its_colours_and_of_labels_its_index(
        self, tmp_path: Path
    ) -> None:
        palette = np.random.default_rng(0).integers(0, 2**16, (3, 256), np.uint16)
        tifffile.imwrite(
            tmp_path / "a.tif", BYTES, photometric="palette", colormap=palette
        )
        expected = palette[:, BYTES].T @ np.array([0.2125, 0.7154, 0.0721])
        np.testing.assert_allclose(read_image(tmp_path / "a.tif").data, expected.T)
        np.testing.assert_array_equal(read_labels("a", tmp_path / "a.tif"), BYTES)

    def test_colours_by_which_imagej_shows_an_intensity_are_none(
        self, tmp_path: Path
    ) -> None:
        green = np.zeros((3, 256), np.uint16)
        green[1] = np.arange(256) * 257
        tifffile.imwrite(tmp_path / "a.tif", BYTES, imagej=True, colormap=green)
        source = read_image(tmp_path / "a.tif")
        np.testing.assert_array_equal(source.data, BYTES)
        assert source.notes == ()

    def test_opacity_is_no_channel(self, tmp_path: Path) -> None:
        both = np.stack([PLANE, PLANE * 0], -1)
        tifffile.imwrite(
            tmp_path / "a.tif", both, photometric="minisblack", planarconfig="contig",
            extrasamples=["unassalpha"],
        )  # fmt: skip
        np.testing.assert_array_equal(read_image(tmp_path / "a.tif").data, PLANE)

    def test_other_samples_are_channels(self, tmp_path: Path) -> None:
        both = np.stack([PLANE, PLANE + 1], -1)
        tifffile.imwrite(
            tmp_path / "a.tif", both, photometric="minisblack", planarconfig="contig",
            extrasamples=["unspecified"],
        )  # fmt: skip
        np.testing.assert_array_equal(read_image(tmp_path / "a.tif", 2).data, PLANE + 1)
        with pytest.raises(ValueError, match="has 2 channels"):
            read_image(tmp_path / "a.tif")

    @pytest.mark.parametrize("said", [{}, {"metadata": None}])
    def test_a_stack_of_three_planes_is_no_colour(
        self, tmp_path: Path, said: dict[str, Any]
    ) -> None:
        stack = np.stack([PLANE, PLANE + 1, PLANE + 2])
        with pytest.warns(
            DeprecationWarning, match="stored as RGB"
        ):  # and so do napari and scikit-image
            tifffile.imwrite(tmp_path / "a.tif", stack, **said)
        source = read_image(tmp_path / "a.tif")
        np.testing.assert_array_equal(source.data, stack)
        assert "were read as frames" in source.notes[0]


class TestPhotometry:
    @pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "f4"])
    def test_where_the_lowest_is_white_it_is_inverted(
        self, tmp_path: Path, dtype: str
    ) -> None:
        pixels = BYTES.astype(dtype)
        tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="miniswhite")
        source = read_image(tmp_path / "a.tif")
        assert source.data.dtype == pixels.dtype
        shown = source.data.astype(float)
        np.testing.assert_array_equal(shown - shown.min(), 239.0 - BYTES)
        assert "inverted" in source.notes[0]
        assert dtype not in ("u1", "u2") or shown.max() == np.iinfo(dtype).max

    def test_one_bit(self, tmp_path: Path) -> None:
        Image.fromarray(BYTES > 100).save(tmp_path / "a.tif", compression="group4")
        np.testing.assert_array_equal(read_image(tmp_path / "a.tif").data, BYTES > 100)

    @pytest.mark.parametrize(
        "written",
        [{"compression": "lzw"}, {"compression": "zstd"}, {"compression": "packbits"},
         {"compression": "zlib", "predictor": True}, {"tile": (16, 16)},
         {"bigtiff": True}, {"compression": "jpeg2000"}],
    )  # fmt: skip
    def test_ways_to_store(self, tmp_path: Path, written: dict[str, Any]) -> None:
        tifffile.imwrite(tmp_path / "a.tif", PLANE, **written)
        np.testing.assert_array_equal(read_image(tmp_path / "a.tif").data, PLANE)

    def test_jpeg(self, tmp_path: Path) -> None:
        tifffile.imwrite(tmp_path / "a.tif", BYTES, compression="jpeg")
        Image.fromarray(BYTES).save(tmp_path / "a.jpg", quality=95)
        for path in tmp_path.iterdir():
            away = np.abs(read_image(path).data.astype(int) - BYTES)
            assert away.mean() < 3

    def test_pictures_of_16_bits(self, tmp_path: Path) -> None:
        Image.fromarray(PLANE).save(tmp_path / "a.png")
        np.testing.assert_array_equal(read_image(tmp_path / "a.png").data, PLANE)

    def test_of_several_pictures_the_first(self, tmp_path: Path) -> None:
        path, others = tmp_path / "moving.png", [Image.fromarray(BYTES[::-1])]
        Image.fromarray(BYTES).save(path, save_all=True, append_images=others)
        source = read_image(path)
        np.testing.assert_array_equal(source.data, BYTES)
        assert source.notes[0].startswith("the file has 2 pictures, the first")


class TestDamage:
    @pytest.fixture
    def stack(self, tmp_path: Path) -> Path:
        tifffile.imwrite(
            tmp_path / "a.tif", numbered("ZYX"), compression="zlib",
            metadata={"axes": "ZYX"}, photometric="minisblack",
        )  # fmt: skip
        return tmp_path / "a.tif"

    def test_a_page_that_is_damaged_is_named(self, stack: Path) -> None:
        with tifffile.TiffFile(stack) as file:
            at = file.pages[2].dataoffsets[0]
        data = bytearray(stack.read_bytes())
        data[at : at + 20] = b"\0" * 20
        stack.write_bytes(data)
        with pytest.raises(ValueError, match=r"a\.tif cannot.*page 3 of 4 is damaged"):
            read_image(stack)

    def test_a_page_that_is_cut_off_is_named(self, tmp_path: Path) -> None:
        with tifffile.TiffWriter(tmp_path / "a.tif") as file:
            for plane in numbered("ZYX"):
                file.write(plane, contiguous=False, metadata=None)
        data = (tmp_path / "a.tif").read_bytes()
        (tmp_path / "a.tif").write_bytes(data[:-100])
        with pytest.raises(ValueError, match="page 4 of 4 is cut off"):
            read_image(tmp_path / "a.tif")

    def test_pages_in_a_circle_end(self, tmp_path: Path) -> None:
        entry = struct.pack("<HHII", 256, 3, 1, 5)
        page = struct.pack("<H", 1) + entry + struct.pack("<I", 8)
        (tmp_path / "a.tif").write_bytes(b"II*\0" + struct.pack("<I", 8) + page)
        with pytest.raises(ValueError, match="run in a circle"):
            read_image(tmp_path / "a.tif")

    def test_planes_that_are_not_there(self, tmp_path: Path) -> None:
        tifffile.imwrite(
            tmp_path / "a.ome.tif", numbered("ZYX"), metadata={"axes": "ZYX"}
        )
        data = (tmp_path / "a.ome.tif").read_bytes()
        more = data.replace(b'SizeZ="4"', b'SizeZ="9"')
        (tmp_path / "a.ome.tif").write_bytes(more)
        with pytest.raises(ValueError, match="page 5 of 9 is missing"):
            read_image(tmp_path / "a.ome.tif")

    def test_fifty_damaged_files(self, tmp_path: Path, stack: Path, caplog, capfd):
        """One sentence each, or the image; nothing beside it."""
        whole, rng = stack.read_bytes(), np.random.default_rng(0)
        said: list[str] = []
        for _ in range(50):
            data = bytearray(whole)
            for at in rng.integers(0, min(len(data), 300), 3):
                data[at] = rng.integers(256)
            stack.write_bytes(data)
            for read in (read_image, numbered_anew):
                try:
                    read(stack)
                except ValueError as error:
                    said.append(str(error))
        assert len(said) > 25
        assert all("a.tif" in line and "\n" not in line.strip() for line in said)
        assert caplog.records == []
        assert capfd.readouterr() == ("", "")
        assert logging.getLogger("tifffile").propagate

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of POSIX")
    def test_a_pipe_is_not_opened(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "a.tif")
        with pytest.raises(ValueError, match="a pipe or a device"):
            read_image(tmp_path / "a.tif")

    def test_an_empty_file(self, tmp_path: Path) -> None:
        (tmp_path / "a.tif").touch()
        with pytest.raises(ValueError, match="it is empty"):
            read_image(tmp_path / "a.tif")

    def test_a_pattern_that_matches_nothing(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError, match="no file matches this pattern"):
            read_image(tmp_path / "*.tif")


class TestLabels:
    def test_floats_that_are_whole_numbers(self, tmp_path: Path) -> None:
        for dtype in ("f2", "f4", "f8"):
            tifffile.imwrite(tmp_path / "a.tif", (BYTES % 7).astype(dtype))
            labels = read_labels("truth", tmp_path / "a.tif")
            assert labels.dtype.kind == "i"
            np.testing.assert_array_equal(labels, BYTES % 7)

    @pytest.mark.parametrize("value", [0.5, np.nan, np.inf, 1e300])
    def test_other_floats_are_refused(self, tmp_path: Path, value: float) -> None:
        tifffile.imwrite(tmp_path / "a.tif", np.full((5, 7), value))
        with pytest.raises(ValueError, match="must be a label image of whole numbers"):
            read_labels("truth", tmp_path / "a.tif")

    @pytest.mark.parametrize("suffix", [".tif", ".png"])
    def test_colours_are_said(self, tmp_path: Path, suffix: str) -> None:
        Image.fromarray(RGB).save(tmp_path / f"a{suffix}")
        with pytest.raises(ValueError, match=r"holds RGB colours, 3 values a pixel"):
            read_labels("truth", tmp_path / f"a{suffix}")

    def test_a_picture_with_a_palette_is_its_index(self, tmp_path: Path) -> None:
        picture = Image.fromarray(BYTES % 5)
        picture.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9, 1, 2, 3])
        picture.save(tmp_path / "a.png")
        np.testing.assert_array_equal(read_labels("a", tmp_path / "a.png"), BYTES % 5)

    @pytest.mark.parametrize(
        ("axes", "expected"), [("YX", 0), ("ZYX", 0), ("TYX", 1), ("TZYX", 1)]
    )
    def test_ids_begin_anew_along_time(
        self, tmp_path: Path, axes: str, expected: int
    ) -> None:
        tifffile.imwrite(
            tmp_path / "a.tif", numbered(axes), imagej=True, metadata={"axes": axes}
        )
        assert numbered_anew(tmp_path / "a.tif") == expected

    def test_a_mask_is_doubted(self, tmp_path: Path) -> None:
        mask = np.zeros((60, 60), np.uint8)
        mask[::4, ::4] = 255
        tifffile.imwrite(tmp_path / "a.tif", mask)
        assert "a mask" in doubt(tmp_path / "a.tif", mask)
