"""The commands `boundaries`, `readout` and `colours`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from napari_shiftseg.detection.boundaries import BoundaryReadout, boundaries
from napari_shiftseg.inference.predict import embed
from napari_shiftseg.networks.config import Provenance
from napari_shiftseg.networks.unet import load_unet, new_model, save_model
from napari_shiftseg.relabelling.colours import random_projection

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def image(rng, tmp_path: Path) -> Path:
    pixels = rng.random((31, 42)).astype(np.float32)
    tifffile.imwrite(
        tmp_path / "cells.tif", pixels, ome=True,
        metadata={"axes": "YX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5},
    )  # fmt: skip
    return tmp_path / "cells.tif"


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    labels = np.zeros((31, 42), dtype=np.uint16)
    labels[5:15, 5:20], labels[5:15, 20:30] = 1, 2
    tifffile.imwrite(tmp_path / "truth.tif", labels)
    return tmp_path / "truth.tif"


@pytest.fixture
def readout(tmp_path: Path) -> Path:
    path = tmp_path / "other.json"
    BoundaryReadout(("embedding 1",), (2.0,), (0.1,), -1.0, "other", 1).write(path)
    return path


class TestBoundaries:
    def test_the_gradient_is_written(self, shiftseg, image, model_file, tmp_path):
        out = tmp_path / "new" / "b.tif"
        ran = shiftseg("boundaries", image, "-m", model_file, "-o", out)

        assert ran.status == 0, ran.stderr
        assert "written to" in ran.stdout
        pixels, model = tifffile.imread(image), load_unet(model_file)
        expected = boundaries(pixels, model, device="cpu")
        np.testing.assert_allclose(tifffile.imread(out), expected, rtol=1e-4)
        with tifffile.TiffFile(out) as file:
            assert file.series[0].axes == "YX"
            assert 'PhysicalSizeX="0.5"' in file.ome_metadata

    def test_a_readout_is_taken_and_scored(
        self, shiftseg, image, truth, readout, model_file, tmp_path
    ):
        ran = shiftseg(
            "boundaries", image, "-m", model_file, "--readout", readout,
            "--truth", truth, "--tolerance", "3", "-o", tmp_path / "b.tif", "--json",
        )  # fmt: skip

        assert ran.status == 0, ran.stderr
        assert "was fitted to the model 'other', this is 'tiny'" in ran.stderr
        report = json.loads(ran.stdout)
        assert report["scores"]["tolerance"] == 3
        assert 0 < report["scores"]["f"] < 1
        found = tifffile.imread(tmp_path / "b.tif")
        assert 0 < found.min() < found.max() < 1

    def test_one_channel_at_the_end_is_taken(
        self, shiftseg, image, model_file, tmp_path
    ):
        pixels = tifffile.imread(image)
        np.save(tmp_path / "plane.npy", pixels)
        np.save(tmp_path / "channel.npy", pixels[..., None])
        for name in ("plane", "channel"):
            given, written = tmp_path / f"{name}.npy", tmp_path / f"{name}.tif"
            ran = shiftseg("boundaries", given, "-m", model_file, "-o", written)
            assert ran.status == 0, ran.stderr
        plane, channel = (
            tifffile.imread(tmp_path / f"{n}.tif") for n in ("plane", "channel")
        )
        assert plane.shape == pixels.shape
        np.testing.assert_array_equal(channel, plane)

    def test_what_segment_doubts_is_doubted(self, shiftseg, rng, tmp_path):
        """Of an image of nothing, of all foreground, of a model that found nothing."""
        provenance = Provenance(
            command="", window=(20, 20), seed=0, steps=1, loss={}, data="", date="",
            versions={}, scores={"ap50": 0.0},
        )  # fmt: skip
        model = new_model(
            depth=2, features=4, foreground=True, provenance=provenance,
            intensity="percentile",
        )  # fmt: skip
        for pixels, bias, said in (
            (np.zeros((30, 40), np.uint8), -50, "the image has only one grey value, 0"),
            (rng.random((30, 40)), 50, "100 % of the pixels are objects"),
        ):
            with torch.no_grad():
                model.head.bias[-1] = bias
            file = save_model(model, tmp_path / "doubtful.safetensors")
            np.save(tmp_path / "i.npy", pixels)
            given = (tmp_path / "i.npy", "-m", file, "--overwrite")
            for command, out in (("boundaries", "b.tif"), ("colours", "c.png")):
                ran = shiftseg(command, *given, "-o", tmp_path / out)
                assert ran.status == 0, ran.stderr
                assert "the model's own validation came to nothing" in ran.stderr
                assert said in ran.stderr
                assert "take another channel" in ran.stderr or bias > 0

    def test_scores_alone_are_printed(self, shiftseg, image, truth, model_file):
        ran = shiftseg("boundaries", image, "-m", model_file, "--truth", truth)
        assert ran.status == 0, ran.stderr
        assert ran.stdout.split()[:5] == [
            "within", "F", "precision", "recall", "threshold",
        ]  # fmt: skip
        assert "2 pixels" in ran.stdout

    def test_what_is_wrong_is_said_before_any_work(
        self, shiftseg, image, truth, readout, model_file, tmp_path
    ):
        def refused(*more: object, said: str) -> None:
            shiftseg("boundaries", image, "-m", model_file, *more).assert_refused(said)

        refused(said="name a file with -o, or true labels with --truth")
        refused("-o", tmp_path / "b.png", said="must end with .tif")
        refused("-o", image, said="add --overwrite")
        out = ("-o", tmp_path / "b.tif")
        refused(*out, "--readout", truth, said="holds no read-out of boundaries")
        refused(*out, "--readout", tmp_path / "none.json", said="none.json")
        refused("--truth", truth, "--tolerance", "-1", said="0 pixels or more")
        np.save(tmp_path / "stack.npy", np.zeros((3, 31, 42)))
        ran = shiftseg("boundaries", tmp_path / "stack.npy", "-m", model_file, *out)
        ran.assert_refused("give one plane of it")
        assert not (tmp_path / "b.tif").exists()


class TestReadout:
    def test_one_is_fitted_and_taken(
        self, shiftseg, image, truth, model_file, tmp_path
    ):
        out = tmp_path / "r.json"
        ran = shiftseg("readout", image, truth, "-m", model_file, "-o", out)

        assert ran.status == 0, ran.stderr
        assert "fitted to 1 images" in ran.stdout
        fitted = BoundaryReadout.read(out)
        assert (fitted.model, len(fitted.levels)) == ("tiny", 5)
        again = shiftseg(
            "boundaries", image, "-m", model_file, "--readout", out, "--truth", truth
        )
        assert (again.status, again.stderr) == (0, "")

    def test_what_is_wrong_is_said(self, shiftseg, image, truth, model_file, tmp_path):
        ran = shiftseg("readout", image, truth, "-m", model_file, "-o", truth)
        ran.assert_refused("must end with .json")
        ran = shiftseg("readout", image, "-m", model_file, "-o", tmp_path / "r.json")
        ran.assert_refused("label")


class TestColours:
    def test_colours_are_written(self, shiftseg, image, model_file, tmp_path):
        for name in ("c.tif", "c.png"):
            ran = shiftseg(
                "colours", image, "-m", model_file, "-o", tmp_path / name, "--seed", "3"
            )
            assert ran.status == 0, ran.stderr
        embedding = embed(tifffile.imread(image), load_unet(model_file), device="cpu")
        expected = np.rint(255 * random_projection(embedding, 3))
        written = tifffile.imread(tmp_path / "c.tif")
        assert np.abs(written - expected).max() <= 1
        np.testing.assert_array_equal(Image.open(tmp_path / "c.png"), written)
        with tifffile.TiffFile(tmp_path / "c.tif") as file:
            assert file.series[0].axes == "YXS"
            assert 'PhysicalSizeX="0.5"' in file.ome_metadata

    def test_what_is_wrong_is_said(self, shiftseg, image, model_file, tmp_path):
        ran = shiftseg("colours", image, "-m", model_file, "-o", tmp_path / "c.jpg")
        ran.assert_refused(".png")
        out = ("-o", tmp_path / "c.tif")
        ran = shiftseg("colours", image, "-m", model_file, *out, "--seed", "-1")
        ran.assert_refused("the seed must be 0 or above, got -1")
        assert not (tmp_path / "c.tif").exists()

    def test_a_volume_is_a_stack_of_pictures(
        self, shiftseg, small_model, rng, tmp_path
    ):
        from napari_shiftseg.networks.unet import save_model

        np.save(tmp_path / "stack.npy", rng.random((6, 12, 14)).astype(np.float32))
        model = save_model(small_model(3, 1, 2), tmp_path / "three.safetensors")
        given = ("colours", tmp_path / "stack.npy", "-m", model, "-o")
        assert shiftseg(*given, tmp_path / "c.tif").status == 0
        assert tifffile.imread(tmp_path / "c.tif").shape == (6, 12, 14, 3)
        ran = shiftseg(*given, tmp_path / "c.png")
        ran.assert_refused("a PNG holds one picture")
