"""The program as a user runs it: what it prints, writes and refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import entry_points
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
import torch
from safetensors import safe_open

from napari_shiftseg.cli import commands as app
from napari_shiftseg.cli import compare as compare_command
from napari_shiftseg.cli import compare as demo
from napari_shiftseg.cli import segment as segment_command
from napari_shiftseg.cli.entry import main
from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.geometry.cost import COLUMNS, planned_costs
from napari_shiftseg.networks.header import bundled_models
from napari_shiftseg.networks.properties import describe, what_follows
from napari_shiftseg.networks.unet import UNet, load_unet, save_model
from napari_shiftseg.pipeline.segmentation import segment
from napari_shiftseg.pipeline.self_test import self_test
from napari_shiftseg.report.suitability import suitability
from napari_shiftseg.samples.catalogue import SAMPLES

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("one_thread")

SIDE = [
    "window", "stride", "tiles", "seam_ratio", "seam_ratio_within",
    "seam_ratio_untiled", "seam_z", "objects", "true_objects", "false_splits",
    "false_merges", "ap50", "seconds",
]  # fmt: skip


@pytest.fixture
def image(rng, tmp_path: Path) -> Path:
    np.save(tmp_path / "cells.npy", rng.normal(size=(31, 42)))
    return tmp_path / "cells.npy"


class TestInspect:
    def test_the_disk_model(self, shiftseg) -> None:
        ran = shiftseg("inspect", "disks", "--json")
        assert (ran.status, ran.stderr) == (0, "")
        figures = json.loads(ran.stdout)
        with safe_open(bundled_models()["disks"], framework="np") as weights:
            names = weights.keys()
            parameters = sum(prod(weights.get_slice(n).get_shape()) for n in names)
        expected = {
            "ndim": 2,
            "depth": [4, 4],
            "pooling_factor": [2, 2],
            "period": [16, 16],
            "context": [184, 184],
            "padding": "valid",
            "upsampling": "learnt",
            "embedding": "discriminative",
            "embedding_channels": 3,
            "training_window": [20, 20],
            "parameters": parameters,
            "max_same_looking": 256,
        }
        assert {key: figures[key] for key in expected} == expected
        for axis in range(2):
            assert figures["legal_inputs"][axis][:3] == [188, 204, 220]
            assert figures["raw_outputs"][axis][:3] == [4, 20, 36]
        assert len(figures["legal_inputs"]) == len(figures["raw_outputs"]) == 2
        assert figures["bandwidth"] > 0
        assert figures["provenance"]["steps"] > 0

    def test_in_words(self, shiftseg) -> None:
        ran = shiftseg("inspect", "disks-w16")
        assert ran.status == 0
        lines = ran.stdout.splitlines()
        assert lines[0] == "disks-w16"
        starts = [" ".join(line.split()) for line in lines]
        for start in (
            "period 16, 16 the network repeats",
            "context 184, 184 read around",
            "legal inputs 188, 204, 220, … (every 16) sizes",
            "raw outputs 4, 20, 36, … (every 16) sizes",
            "same-looking objects 256 most",
            "image axes 2",
        ):
            assert sum(line.startswith(start) for line in starts) == 1
        for group in ("architecture", "sizes in pixels", "training", "what follows"):
            assert lines[lines.index(group) - 1] == ""
        assert "warning: A training window of 16" in ran.stdout
        assert "every multiple of 16, tiled or untiled; no stitching" in ran.stdout
        assert "warning" not in shiftseg("inspect", "disks").stdout
        assert "self-test on" not in ran.stdout
        at = lines.index("tiles")
        assert lines[at + 1] == "  Exact by construction; self-test not run yet."

    def test_remarks(self, shiftseg, model_file: Path) -> None:
        figures = json.loads(shiftseg("inspect", model_file, "--json").stdout)
        network = load_unet(model_file)
        remarks = [remark.text for remark in what_follows(network.config)]
        said = {
            "remarks": remarks,
            "suitability": suitability(network.config).as_json(),
        }
        assert figures == describe(network) | said
        assert (figures["tiling"], figures["causes"]) == ("exact", [])

    def test_windows_on_an_image(self, shiftseg, model_file: Path, image: Path) -> None:
        arguments = ("inspect", model_file, "--image", image, "--device", "cpu")
        ran = shiftseg(*arguments, "--json")
        assert (ran.status, ran.stderr) == (0, "")
        report = json.loads(ran.stdout)
        expected = planned_costs((31, 42), load_unet(model_file).shape)
        known = ("window", "reads", "keeps", "tiles", "computed", "memory")
        for window, cost in zip(report["windows"], expected, strict=True):
            figures = cost.figures()
            assert {k: window[k] for k in known} == {k: figures[k] for k in known}
            assert window["seconds"] > 0
        assert [w["cheapest"] for w in report["windows"]].count(True) == 1
        assert (report["image"], report["image_shape"]) == ("cells", [31, 42])
        assert "self_test" not in report
        lines = shiftseg(*arguments).stdout.splitlines()
        start = lines.index("tile sizes (windows) on cells (31 × 42), device cpu")
        head, *rows = lines[start + 1 :]
        assert " ".join(head.split()) == " ".join(COLUMNS)
        assert len(rows) == len(expected)
        assert len({row.rindex(" ×") for row in rows}) == 1  # columns are aligned
        assert [row.strip().split("  ")[0] for row in rows] == [
            cost.cells()[0] for cost in expected
        ]
        assert sum("cheapest" in row for row in rows) == 1

    def test_the_self_test(self, shiftseg, model_file: Path, image: Path) -> None:
        arguments = ("inspect", model_file, "--image", image, "--self-test")
        ran = shiftseg(*arguments, "--json")
        test = json.loads(ran.stdout)["self_test"]
        assert ran.status == 0
        expected = self_test(np.load(image), load_unet(model_file))
        assert test == expected.figures()
        words = shiftseg(*arguments).stdout.splitlines()
        assert words[:3] == [expected.verdict, "", "tiny"]
        figures = [" ".join(line.split()) for line in words[-7:]]
        assert figures[0] == "window 8, 8 tile size"
        assert figures[3] == (
            f"difference {expected.difference:.4g} largest, tiled against untiled"
        )
        assert figures[4].startswith(f"control {expected.control:.4g} ")

    def test_the_self_test_without_an_image(self, shiftseg) -> None:
        ran = shiftseg("inspect", "disks", "--self-test")
        assert ran.status == 0
        assert "self-test on disks (508 × 508), device" in ran.stdout
        assert "chosen, as no image was given" in ran.stdout
        assert "tiles are exact" in ran.stdout
        assert "tile sizes" not in ran.stdout

    def test_a_self_test_that_fails_ends_with_status_1(
        self, shiftseg, model_file: Path, image, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        forward = UNet.forward

        def normalised(self: UNet, x: torch.Tensor) -> torch.Tensor:
            raw = forward(self, x)
            return raw - raw.mean(dim=(2, 3), keepdim=True)

        monkeypatch.setattr(UNet, "forward", normalised)
        ran = shiftseg("inspect", model_file, "--image", image, "--self-test")
        assert ran.status == 1
        assert "tiles are not exact" in ran.stdout

    def test_the_first_of_a_series(self, shiftseg, model_file, tmp_path, rng) -> None:
        series = rng.random((3, 31, 42))
        np.save(tmp_path / "t.npy", series)
        arguments = ("--image", tmp_path / "t.npy", "--self-test")
        ran = shiftseg("inspect", model_file, *arguments)
        assert "t (31 × 42, the first of 3)" in ran.stdout
        verdict = self_test(series[0], load_unet(model_file)).verdict
        assert verdict in ran.stdout

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (("--image", "stars"), "neither a file nor one of the samples"),
            (("--image", "short.npy"), "reads 2 axes, short.npy has 1"),
            (("--image", "channels.npy"), "has 5 channels"),
            (("--image", "empty.npy"), "the image is empty"),
            (("--image", "nan.npy", "--self-test"), "NaN or infinite"),
            (("--device", "abacus"), "no device 'abacus'"),
            (("--windows", "8"), "--windows"),
        ],
    )
    def test_refused(
        self, shiftseg, model_file, tmp_path, monkeypatch, options: Any, said: str
    ) -> None:
        monkeypatch.chdir(tmp_path)
        np.save("short.npy", np.ones(9))
        np.save("channels.npy", np.ones((20, 20, 5)))
        np.save("empty.npy", np.ones((0, 9)))
        np.save("nan.npy", np.full((9, 9), np.nan))
        assert_refused(shiftseg("inspect", model_file, "--json", *options), said)

    def test_the_sample_of_a_volume_is_one(
        self, shiftseg, small_model, tmp_path
    ) -> None:
        path = save_model(small_model(3, 1), tmp_path / "volumes.safetensors")
        ran = shiftseg("inspect", path, "--self-test", "--json")
        assert ran.status == 0
        assert json.loads(ran.stdout)["image"] == "nuclei-3d"

    def test_an_image_of_one_tile(self, shiftseg, model_file, tmp_path) -> None:
        np.save(tmp_path / "a.npy", np.eye(3))
        arguments = ("--image", tmp_path / "a.npy", "--self-test")
        ran = shiftseg("inspect", model_file, *arguments)
        assert ran.status == 1
        said = ran.stdout.splitlines()[0]
        assert "one tile of 4" in said
        assert said.endswith("Take a larger image.")
        assert "window" not in said  # there is no such option

    def test_a_file(self, shiftseg, model_file: Path) -> None:
        figures = json.loads(shiftseg("inspect", model_file, "--json").stdout)
        assert (figures["name"], figures["period"]) == ("tiny", [4, 4])
        assert figures["training_window"] is None
        assert figures["provenance"] is None


class TestSegment:
    def read(self, folder: Path, name: str = "cells") -> dict[str, Any]:
        files = folder.glob(f"{name}_*.tif")
        return {path.stem.removeprefix(f"{name}_"): tifffile.imread(path)
                for path in files}  # fmt: skip

    def test_a_failure_leaves_no_folder(
        self, shiftseg, model_file: Path, tmp_path: Path
    ) -> None:
        output = tmp_path / "made" / "out"
        ran = shiftseg("segment", tmp_path / "no.tif", "-m", model_file, "-o", output)
        assert ran.status == 2
        assert not output.parent.exists()
        ran = shiftseg("segment", "constant", "-m", model_file, "-o", output)
        assert ran.status == 0
        assert output.is_dir()

    @pytest.mark.parametrize("kind", [".npy", ".tif", "big-endian .tif", ">f4 .npy"])
    def test_files_hold_what_the_function_returns(
        self, shiftseg, model_file: Path, tmp_path: Path, rng, kind: str
    ) -> None:
        pixels = rng.integers(0, 4000, (31, 42)).astype(np.uint16)
        path = tmp_path / f"cells{kind[-4:]}"
        if kind.endswith(".npy"):
            np.save(path, pixels.astype(">f4") if kind[0] == ">" else pixels)
        else:
            tifffile.imwrite(path, pixels, byteorder=">" if kind[0] == "b" else "<")
        arguments = ("-m", model_file, "--window", "8", "--json", "--save", "all")
        ran = shiftseg("segment", path, "-o", tmp_path / "out", *arguments)
        assert (ran.status, ran.stderr) == (0, "")
        report = json.loads(ran.stdout)
        expected = segment(pixels, load_unet(model_file), window=8)
        files = self.read(tmp_path / "out")
        assert files["labels"].dtype == np.uint16
        assert files["embedding"].dtype == files["gradient"].dtype == np.float32
        np.testing.assert_array_equal(files["labels"], expected.labels)
        np.testing.assert_array_equal(files["embedding"], expected.embeddings)
        np.testing.assert_array_equal(files["gradient"], expected.gradient)
        assert report["window"] == report["stride"] == [8, 8]
        assert report["objects"] == expected.objects
        written = json.loads((tmp_path / "out" / "cells_report.json").read_text())
        assert written == report

    def test_labels_alone_by_default(
        self, shiftseg, model_file: Path, image, tmp_path: Path
    ) -> None:
        arguments = ("segment", image, "-m", model_file, "-o", tmp_path / "out")
        assert shiftseg(*arguments).status == 0
        assert set(self.read(tmp_path / "out")) == {"labels"}
        assert shiftseg(*arguments, "--save", "gradient").status == 0
        assert set(self.read(tmp_path / "out")) == {"labels", "gradient"}
        shiftseg(*arguments, "--save", "labls").assert_refused("--save takes", "labls")

    def test_labels_drawn_by_hand_are_not_overwritten(
        self, shiftseg, model_file: Path, image, tmp_path: Path, monkeypatch
    ) -> None:
        path = image.with_name(f"{image.stem}_labels.tif")
        tifffile.imwrite(path, np.full((5, 7), 7, np.uint8))
        before = path.read_bytes()
        arguments = ("segment", image, "-m", model_file, "-o", image.parent)
        with monkeypatch.context() as patched:
            patched.setattr(segment_command, "source_steps", None)  # before any work
            shiftseg(*arguments).assert_refused(path.name, "--overwrite")
        assert path.read_bytes() == before
        assert shiftseg(*arguments, "--overwrite").status == 0
        assert path.read_bytes() != before
        assert shiftseg(*arguments).status == 0  # its own now

    def test_two_images_of_one_name_do_not_collide(
        self, shiftseg, model_file: Path, image, tmp_path: Path
    ) -> None:
        other = tmp_path / "other" / image.name
        other.parent.mkdir()
        np.save(other, np.load(image) * 2)
        for path in (image, other):
            ran = shiftseg("segment", path, "-m", model_file, "-o", tmp_path / "out")
            assert ran.status == 0
        assert "are called other_cells" in ran.stderr
        assert {path.name for path in (tmp_path / "out").glob("*.tif")} == {
            "cells_labels.tif", "other_cells_labels.tif",
        }  # fmt: skip

    def test_a_channel_of_a_hyperstack(
        self, shiftseg, model_file: Path, rng, tmp_path: Path
    ) -> None:
        pixels = rng.integers(0, 4000, (2, 3, 2, 21, 26)).astype(np.uint16)
        about = {
            "axes": "TZCYX", "PhysicalSizeX": 0.325, "PhysicalSizeY": 0.325,
            "PhysicalSizeZ": 2.0, "TimeIncrement": 60.0,
        }  # fmt: skip
        tifffile.imwrite(tmp_path / "a.ome.tif", pixels, metadata=about)
        arguments = ("-m", model_file, "-o", tmp_path / "o")
        ran = shiftseg("segment", tmp_path / "a.ome.tif", *arguments)
        ran.assert_refused("has 2 channels (1, 2)", "--channel")
        ran = shiftseg(
            "segment", tmp_path / "a.ome.tif", *arguments, "--channel", 2, "--save",
            "all",
        )  # fmt: skip
        assert (ran.status, ran.stderr) == (0, "")
        expected = segment(pixels[:, :, 1], load_unet(model_file))
        files = self.read(tmp_path / "o", "a")
        np.testing.assert_array_equal(files["labels"], expected.labels)
        np.testing.assert_array_equal(
            files["embedding"], np.moveaxis(expected.embeddings, 0, 2)
        )
        with tifffile.TiffFile(tmp_path / "o" / "a_labels.tif") as file:
            assert file.series[0].axes == "TZYX"
            known = tifffile.xml2dict(file.ome_metadata)["OME"]["Image"]["Pixels"]
        assert {key: known[key] for key in about if key != "axes"} == {
            key: value for key, value in about.items() if key != "axes"
        }

    def test_the_bundled_model_on_disks(
        self, shiftseg, small_disks, small_result, tmp_path: Path
    ) -> None:
        tifffile.imwrite(tmp_path / "d.tif", (small_disks.image * 200).astype(np.uint8))
        ran = shiftseg(
            "segment", tmp_path / "d.tif", "-o", tmp_path, "--window", 64, "-m", "disks"
        )
        assert (ran.status, ran.stderr) == (0, "")
        assert "keeps 64 × 64 = 4·2⁴; 9 tiles" in ran.stdout
        labels = self.read(tmp_path, "d")["labels"]
        np.testing.assert_array_equal(labels, small_result.labels)
        assert f"{labels.max()} objects" in ran.stdout

    def test_settings_arrive(self, shiftseg, model_file, image, tmp_path) -> None:
        ran = shiftseg(
            "segment", image, "-o", tmp_path, "-m", model_file, "--json",
            "--window", "6x10", "--stitching", "naive", "--batch", 3,
            "--bandwidth", 50, "--kernel", "flat", "--scope", "global",
            "--min-size", 5, "--no-split-far-parts", "--device", "cpu",
        )  # fmt: skip
        settings = json.loads(ran.stdout)["settings"]
        expected = {
            "window": [6, 10],
            "stitching": "naive",
            "batch": 3,
            "bandwidth": 50,
            "kernel": "flat",
            "scope": "global",
            "min_size": 5,
            "split_far_parts": False,
            "device": "cpu",
            "border": "mirror",
        }
        assert {key: settings[key] for key in expected} == expected

    def test_a_foreground_threshold(self, shiftseg, image, small_model, tmp_path):
        clustering = Clustering(bandwidth=1e3, scope="component")
        network = small_model(2, 2, foreground=True, clustering=clustering)
        path = save_model(network, tmp_path / "m.safetensors")
        options = ("-m", path, "-o", tmp_path, "--foreground-threshold", 0.2)
        ran = shiftseg("segment", image, *options, "--json")
        assert json.loads(ran.stdout)["settings"]["foreground_threshold"] == 0.2
        logit = segment(np.load(image), network).logit
        found = self.read(tmp_path, "cells")["labels"] > 0
        np.testing.assert_array_equal(found, logit > np.log(0.25))
        assert found.sum() > (logit > 0).sum()

    def test_a_naive_window_is_warned_of(
        self, shiftseg, model_file, image, tmp_path
    ) -> None:
        arguments = ("-o", tmp_path, "-m", model_file, "--window", 6)
        naive = shiftseg("segment", image, *arguments, "--stitching", "naive")
        assert "6 is not a multiple of 4 (= 2²): expect seams" in naive.stdout
        cropped = shiftseg("segment", image, *arguments)
        assert "cropped stitching keeps 4" in cropped.stdout

    def test_valid_writes_its_offset(self, shiftseg, model_file, tmp_path) -> None:
        np.save(tmp_path / "cells.npy", np.eye(50))
        ran = shiftseg(
            "segment", tmp_path / "cells.npy", "-o", tmp_path, "-m", model_file,
            "--border", "valid", "--json",
        )  # fmt: skip
        assert json.loads(ran.stdout)["offset"] == [20, 20]
        assert self.read(tmp_path)["labels"].shape == (8, 8)  # legal 48, context 40

    def test_rgb(self, shiftseg, model_file, tmp_path: Path, rng) -> None:
        rgb = rng.integers(0, 255, (21, 26, 3), dtype=np.uint8)
        tifffile.imwrite(tmp_path / "cells.tif", rgb, photometric="rgb")
        ran = shiftseg(
            "segment", tmp_path / "cells.tif", "-o", tmp_path / "o", "-m", model_file,
            "--save", "embedding,gradient",
        )  # fmt: skip
        assert ran.status == 0
        assert "cells.tif: colours were made grey" in ran.stderr
        grey = rgb @ np.array([0.2125, 0.7154, 0.0721])
        expected = segment(grey, load_unet(model_file)).embeddings
        np.testing.assert_array_equal(self.read(tmp_path / "o")["embedding"], expected)

    @pytest.mark.parametrize(
        ("axes", "options", "is_linked"),
        [
            ("ZYX", (), True),
            ("ZYX", ("--no-link-planes",), False),
            ("TYX", (), False),
            ("TYX", ("--link-planes",), True),
        ],
    )
    def test_planes_are_linked(
        self, shiftseg, model_file, tmp_path: Path, rng, axes, options, is_linked
    ) -> None:
        plane = rng.integers(0, 255, (21, 26), dtype=np.uint8)
        path = tmp_path / "stack.tif"
        tifffile.imwrite(
            path, np.stack([plane] * 3), imagej=True, metadata={"axes": axes}
        )
        where = ("-m", model_file, "-o", tmp_path / "o")
        ran = shiftseg("segment", path, *where, *options, "--json")
        report = json.loads(ran.stdout)
        labels = tifffile.imread(report["files"]["labels"])
        assert report["objects"] == len(set(np.unique(labels)) - {0})
        planes = [set(np.unique(each)) - {0} for each in labels]
        assert (planes[0] == planes[1] == planes[2]) is is_linked
        assert planes[0].isdisjoint(planes[1]) is not is_linked
        assert any("joined to" in note for note in report["notes"]) is is_linked
        assert ("joined to" in ran.stderr) is is_linked

    def test_a_time_series(self, shiftseg, model_file, tmp_path: Path, rng) -> None:
        series = rng.integers(0, 255, (3, 21, 26), dtype=np.uint8)
        path = tmp_path / "cells.tif"
        tifffile.imwrite(path, series, imagej=True, metadata={"axes": "TYX"})
        shiftseg(
            "segment", path, "-o", tmp_path / "o", "-m", model_file, "--save", "all"
        )
        files = self.read(tmp_path / "o")
        assert files["labels"].shape == files["gradient"].shape == (3, 21, 26)
        assert files["embedding"].shape == (3, 3, 21, 26)  # time, channels
        ends = (int(series.min()), int(series.max()))  # one range for all
        for t in range(3):
            single = segment(series[t], load_unet(model_file), intensity=ends)
            np.testing.assert_array_equal(files["embedding"][t], single.embeddings)

    def test_notes_do_not_mix_with_json(
        self, shiftseg, model_file, image, tmp_path, limit_memory
    ) -> None:
        limit_memory(60**2)
        arguments = ("-o", tmp_path, "-m", model_file, "--window", 32, "--json")
        ran = shiftseg("segment", image, *arguments)
        assert "out of memory" in json.loads(ran.stdout)["notes"][-1]
        assert "out of memory" in ran.stderr

    def test_nothing_fits(
        self, shiftseg, model_file, image, tmp_path, limit_memory
    ) -> None:
        limit_memory(10)
        arguments = ("-o", tmp_path / "o", "-m", model_file, "--json")
        ran = shiftseg("segment", image, *arguments)
        assert (ran.status, ran.stdout) == (2, "")
        *notes, last = ran.stderr.splitlines()
        assert all(note.startswith("out of memory: ") for note in notes)
        assert last.startswith("shiftseg: a tile that keeps 4 × 4 pixels does not fit")
        assert "choose another device" in last


def assert_refused(ran: Any, *said: str) -> None:
    ran.assert_refused(*said)


class TestRefused:
    @pytest.mark.parametrize(
        ("window", "said"),
        [
            ("0", "whole number of pixels from 1 upward"),
            ("-3", "whole number of pixels from 1 upward"),
            ("wide", "whole number of pixels from 1 upward"),
            ("1.5", "whole number of pixels from 1 upward"),
            ("", "whole number of pixels from 1 upward"),
            ("20x0", "whole number of pixels from 1 upward"),
            ("24x96x96", "one value or 2"),
        ],
    )
    def test_a_window(
        self, shiftseg, model_file, image, tmp_path, window: str, said: str
    ) -> None:
        ran = shiftseg(
            "segment", image, "-o", tmp_path / "o", "-m", model_file,
            f"--window={window}", "--json",
        )  # fmt: skip
        assert_refused(ran, said)

    @pytest.mark.parametrize(
        ("option", "value", "said"),
        [
            (
                "--kernel",
                "square",
                "'square' is not one of 'gaussian', 'flat', 'von-mises-fisher', "
                "'learnt-spread'",
            ),
            ("--batch", "many", "Input should be a valid integer, got 'many'"),
            ("--bandwidth", "1,5", "Input should be a valid number, got '1,5'"),
        ],
    )
    def test_an_option_without_the_words_of_a_library(
        self, shiftseg, image, tmp_path, option: str, value: str, said: str
    ) -> None:
        ran = shiftseg("segment", image, "-o", tmp_path / "o", option, value)
        assert ran.status == 2
        assert ran.stderr == f"shiftseg: Invalid value for '{option}': {said}\n"

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (("--device", "abacus"), "no device 'abacus'"),
            (("--border", "valid", "--window", "8"), "at least 44 pixels"),
            (("--border", "zero"), "'mirror', 'valid'"),
            (("--stitching", "blended"), "'cropped', 'naive', 'whole'"),
            (("--batch", "0"), "greater than or equal to 1, got 0"),
            (("--batch", "many"), "--batch"),
            (("--bandwidth", "-1"), "greater than 0"),
            (("--bandwidth", "nan"), "finite"),
            (("--kernel", "square"), "'gaussian'"),
            (("--scope", "component"), "needs a model with a foreground"),
            (("--min-size", "-1"), "greater than or equal to 0"),
            (("--colour",), "--colour"),
        ],
    )
    def test_an_option(
        self, shiftseg, model_file, image, tmp_path, options: Any, said: str
    ) -> None:
        fixed = ("-o", tmp_path / "o", "-m", model_file, "--json")
        assert_refused(shiftseg("segment", image, *fixed, *options), said)
        assert not any((tmp_path / "o").glob("*"))

    @pytest.mark.skipif(torch.cuda.is_available(), reason="has CUDA")
    def test_a_device_that_is_not_there(
        self, shiftseg, model_file, image, tmp_path
    ) -> None:
        fixed = ("-o", tmp_path, "-m", model_file, "--json")
        ran = shiftseg("segment", image, *fixed, "--device", "cuda")
        assert_refused(ran, "no device 'cuda' on this machine; there is", "cpu")

    @pytest.mark.parametrize(
        ("name", "content", "said"),
        [
            ("missing.tif", None, "there is no such file"),
            ("stars", None, "there is no such file"),
            ("a.txt", "hello", "give a TIFF, PNG, JPEG, BMP or .npy file"),
            ("a.tif", "hello", "a.tif cannot be read"),
            ("a.npy", "hello", "a.npy cannot be read"),
            ("a.npy", "", "a.npy cannot be read"),
            ("a.npy", np.ones((0, 5)), "the image is empty"),
            ("a.npy", np.ones(5), "reads 2 axes, the image has 1"),
            ("a.npy", np.ones((5, 6), complex), "must hold real numbers"),
            ("a.npy", np.array([["a"]]), "must hold real numbers"),
            ("a.npy", np.full((5, 6), np.nan), "30 NaN or infinite pixels"),
            ("a.npy", np.ones((20, 20, 2), np.uint8), "has 2 channels"),
            (".", None, "holds no image: put files there"),
        ],
    )
    def test_an_image(
        self, shiftseg, model_file, tmp_path, name: str, content: Any, said: str
    ) -> None:
        path = tmp_path / name
        if isinstance(content, str):
            path.write_text(content)
        elif content is not None:
            np.save(path, content)
        fixed = ("-o", tmp_path / "o", "-m", model_file, "--json")
        assert_refused(shiftseg("segment", path, *fixed), said)
        assert not any((tmp_path / "o").glob("*"))

    @pytest.mark.parametrize("command", ["inspect", "segment"])
    @pytest.mark.parametrize(
        ("model", "said"),
        [
            ("nosuch", "bundled models ("),
            ("text.safetensors", "text.safetensors is no model file"),
            ("cut.safetensors", "cut.safetensors"),
            ("pickle.safetensors", "is a pickle"),
            ("folder", "holds no description of a model"),
        ],
    )
    def test_a_model(
        self, shiftseg, model_file, image, tmp_path, command: str, model: str, said: str
    ) -> None:
        (tmp_path / "text.safetensors").write_text("hello")
        (tmp_path / "cut.safetensors").write_bytes(model_file.read_bytes()[:-100])
        torch.save({"a": torch.ones(2)}, tmp_path / "pickle.safetensors")
        (tmp_path / "folder").mkdir()
        at = model if model == "nosuch" else tmp_path / model
        ran = (
            shiftseg("inspect", at, "--json")
            if command == "inspect"
            else shiftseg("segment", image, "-o", tmp_path / "o", "-m", at, "--json")
        )
        assert_refused(ran, said)

    @pytest.mark.parametrize("below", ["", "below"])
    def test_an_output_folder(
        self, shiftseg, model_file, image, tmp_path, below: str
    ) -> None:
        (tmp_path / "taken").write_text("mine")
        taken = tmp_path / "taken" / below
        said = "cannot write files into", "choose another folder"
        fixed = ("-m", model_file, "--json")
        assert_refused(shiftseg("segment", image, "-o", taken, *fixed), *said)
        assert_refused(shiftseg("demo", "--no-viewer", "-o", taken, "--json"), *said)
        file = tmp_path / "taken" / "m.safetensors"
        assert_refused(shiftseg("train", "--sample", "disks", "-o", file), *said)
        assert (tmp_path / "taken").read_text() == "mine"

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (("segment",), "IMAGE"),
            (("segment", "disks"), "--output"),
            (("inspect",), "MODEL"),
            (("compare", "--window", "20"), "IMAGE"),
            (("sweep",), "IMAGE"),
            (("evaluate", "a.tif"), "TRUTH"),
            (("train", "-o", "m.safetensors"), "--sample"),
            (("colour",), "colour"),
            (("--colour",), "--colour"),
            (("demo", "--window", "0", "--json"), "from 1 upward"),
            (("demo", "--window", "wide", "--json"), "whole number"),
            (("demo", "--device", "abacus", "--json"), "no device 'abacus'"),
            (("train", "--sample", "stars", "-o", "m.safetensors"), "disks"),
            (("train", "--sample", "constant", "-o", "m.safetensors"), "disks"),
            (("train", "--sample", "disks", "-o", "m.pt"), ".safetensors"),
            (
                ("train", "--sample", "disks", "-o", "m.safetensors", "--steps", "0"),
                "steps: Input should be greater than or equal to 1, got 0",
            ),
            (
                ("train", "--sample", "disks", "-o", "m.safetensors", "--window", "0"),
                "from 1 upward",
            ),
            (
                ("train", "--sample", "disks", "-o", "m.safetensors", "--window", 900),
                "smaller window",
            ),
        ],
    )
    def test_arguments(
        self, shiftseg, tmp_path, monkeypatch: pytest.MonkeyPatch, arguments, said: str
    ) -> None:
        monkeypatch.chdir(tmp_path)
        ran = shiftseg(*arguments)
        assert said.lower() in ran.stderr.lower()
        assert_refused(ran)
        assert not any(path.is_file() for path in tmp_path.rglob("*"))


class TestTrain:
    def test_a_model_that_knows_how_it_was_made(self, shiftseg, tmp_path: Path) -> None:
        path = tmp_path / "new" / "mine.safetensors"
        ran = shiftseg(
            "train",
            "--sample",
            "disks",
            "--steps",
            3,
            "--seed",
            5,
            "-o",
            path,
            "--json",
        )
        assert ran.status == 0
        report = json.loads(ran.stdout)
        assert report["file"] == str(path)
        assert report["training_window"] == [20, 20]
        assert sorted(p.name for p in path.parent.iterdir()) == [
            "mine.csv", "mine.safetensors",
        ]  # fmt: skip
        assert "scores" not in report["provenance"]  # nothing was held out
        assert "augmentation" not in report["provenance"]
        model = load_unet(path)
        provenance = model.config.provenance
        typed = f"shiftseg train --sample disks --steps 3 --seed 5 -o {path} --json"
        assert provenance.command == typed
        assert (provenance.seed, provenance.steps) == (5, 3)
        assert len(model.config.clustering.background_embedding) == 3
        *same, _, _ = provenance.command.split()[1:]
        again = shiftseg(*same, tmp_path / "b.safetensors")
        assert again.status == 0
        one, other = (
            model.state_dict(),
            load_unet(tmp_path / "b.safetensors").state_dict(),
        )
        assert all(torch.equal(one[name], other[name]) for name in one)


class TestDemo:
    def test_one_json_object(self, demo_run) -> None:
        assert (demo_run.status, demo_run.stderr) == (0, "")
        report = json.loads(demo_run.stdout)
        assert list(report) == [
            "sample", "model", "period", "device", "naive", "cropped", "differences",
            "verdict",
        ]  # fmt: skip
        assert (report["sample"], report["model"]) == ("disks", "disks")
        assert report["period"] == [16, 16]
        assert report["device"].split(":")[0] in ("cpu", "cuda", "mps")
        for side in ("naive", "cropped"):
            assert set(SIDE) <= set(report[side])
            assert report[side]["window"] == [20, 20]
            assert report[side]["true_objects"] == 144
            assert report[side]["seconds"] > 0
        assert report["naive"]["stride"] == [20, 20]
        assert report["naive"]["tiles"] == 8**2
        assert report["cropped"]["stride"] == [16, 16]
        assert report["naive"]["false_splits"] > 0
        assert report["cropped"]["false_splits"] == 0

    def test_compare_gives_its_figures(
        self, shiftseg, demo_run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        given: list[Any] = []

        def remembered(*arguments: Any, **_: Any) -> Any:
            yield from ()
            given.extend(arguments)
            return demo_run.comparison

        monkeypatch.setattr(compare_command, "compare_steps", remembered)
        ran = shiftseg("compare", "disks", "--window", 20, "--json")
        assert (ran.status, ran.stderr) == (0, "")
        found, demo = json.loads(ran.stdout), json.loads(demo_run.stdout)
        assert demo.pop("sample") == found["image"]
        assert {key: found[key] for key in demo} == demo
        image, model, settings, truth = given
        assert (image.shape, model.config.name) == ((508, 508), "disks")
        assert settings.window == 20
        assert truth.max() == 1600  # the sample's own

    def test_its_files(self, demo_run, small_disks) -> None:
        from skimage.io import imread

        names = {path.name for path in demo_run.folder.iterdir()}
        pictures = {
            f"{kind}_{side}.png"
            for kind in ("labels", "gradient", "worst_seam")
            for side in ("naive", "cropped")
        }
        assert names == {
            "report.html", "report.json", "figures.csv", "profile.csv", "profile.png",
            "image.png", "difference.png", *pictures,
        }  # fmt: skip
        written = json.loads((demo_run.folder / "report.json").read_text())
        printed = json.loads(demo_run.stdout)
        assert printed.pop("sample") == written["image"] == "disks"
        assert {key: written[key] for key in printed} == printed
        assert set(written["files"]) == names
        image = imread(demo_run.folder / "image.png")
        np.testing.assert_array_equal(image, small_disks.image * 255)
        result = demo_run.comparison.cropped.result
        background = result.labels == 0
        drawn = imread(demo_run.folder / "labels_cropped.png").any(axis=-1)
        np.testing.assert_array_equal(drawn, ~background)
        naive, cropped = (
            imread(demo_run.folder / f"gradient_{side}.png").astype(float)
            for side in ("naive", "cropped")
        )
        brightest = demo_run.comparison.naive.result.gradient.max()
        brightest = max(brightest, result.gradient.max())
        np.testing.assert_allclose(cropped, result.gradient / brightest * 255, atol=1)
        assert naive.shape == cropped.shape == (144, 144)

    @pytest.fixture
    def quick(self, demo_run, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let the demo find the comparison it made before."""

        def remembered(*_: Any, **__: Any) -> Any:
            yield from ()
            return demo_run.comparison

        monkeypatch.setattr(demo, "compare_steps", remembered)

    @pytest.mark.usefixtures("quick")
    def test_a_table_for_people(self, shiftseg, tmp_path, demo_run) -> None:
        ran = shiftseg("demo", "--no-viewer", "-o", tmp_path)
        assert (ran.status, ran.stderr) == (0, "")
        header, *lines = ran.stdout.splitlines()
        rows = {line[:24].strip(): line[24:].split() for line in lines}
        assert header.split() == ["naive", "cropped", "untiled"]
        assert rows["tile size (window)"] == ["20", "20"]
        assert rows["keeps (stride)"] == ["20", "16"]
        assert rows["true objects"] == ["144", "144"]
        sides = demo_run.comparison.naive, demo_run.comparison.cropped
        splits = [str(side.objects.false_splits) for side in sides]
        assert rows["false splits"] == splits
        assert str(tmp_path) in ran.stdout

    @pytest.mark.usefixtures("quick")
    @pytest.mark.skipif(sys.platform != "linux", reason="asks for a display on Linux")
    def test_without_a_display_it_says_so(
        self, shiftseg, tmp_path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("DISPLAY", raising=False)
        monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
        monkeypatch.setattr(demo, "find_spec", lambda name: object())
        ran = shiftseg("demo", "-o", tmp_path)
        assert ran.status == 0
        assert "no display" in ran.stdout

    @pytest.mark.usefixtures("quick")
    def test_without_napari_it_says_so(
        self, shiftseg, tmp_path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(demo, "find_spec", lambda name: None)
        ran = shiftseg("demo", "-o", tmp_path)
        assert ran.status == 0
        assert "napari is not installed" in ran.stdout


class TestProgram:
    @pytest.mark.parametrize("arguments", [(), ("--help",)])
    def test_help(self, shiftseg, arguments) -> None:
        ran = shiftseg(*arguments)
        assert (ran.status, ran.stderr) == (0, "")
        for command in app.app.commands:
            assert command in ran.stdout

    @pytest.mark.parametrize(
        "command", ["segment", "compare", "sweep", "evaluate", "inspect", "tune"]
    )
    def test_help_lists_the_samples(self, shiftseg, command: str) -> None:
        lines = shiftseg(command, "--help").stdout.splitlines()
        start = next(n for n, line in enumerate(lines) if line.strip() == "Samples:")
        rows = [" ".join(line.split()) for line in lines[start + 1 :] if line.strip()]
        assert rows == [
            f"{name} {entry.size} {entry.purpose}" for name, entry in SAMPLES.items()
        ]
        assert max(map(len, lines)) <= 80

    def test_stopping_it(self, shiftseg, monkeypatch: pytest.MonkeyPatch) -> None:
        def stopped(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(app, "app", stopped)
        ran = shiftseg("inspect", "disks")
        assert (ran.status, ran.stdout) == (130, "")
        assert ran.stderr == "shiftseg: stopped\n"

    def test_its_name_is_shiftseg(self) -> None:
        (script,) = entry_points(group="console_scripts", name="shiftseg")
        assert script.load() is main

    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        program = "from napari_shiftseg.cli import main; main()"
        return subprocess.run(
            [sys.executable, "-c", program, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )

    def test_a_real_process(self) -> None:
        ran = self.run("inspect", "disks", "--json")
        assert (ran.returncode, ran.stderr) == (0, "")
        assert json.loads(ran.stdout)["context"] == [184, 184]

    def test_a_real_process_that_fails(self, tmp_path: Path) -> None:
        ran = self.run("segment", tmp_path / "no.tif", "-o", tmp_path, "--json")
        assert (ran.returncode, ran.stdout) == (2, "")
        assert ran.stderr.count("\n") == 1
        assert ran.stderr.startswith("shiftseg: no image")


class TestIntensity:
    @pytest.mark.parametrize("given", ["5:5", "9:1", "a:b", "1:2:3", "nan:1", ""])
    def test_what_is_no_range_is_refused(self, shiftseg, tmp_path, given) -> None:
        run = shiftseg("segment", "disks", "-o", tmp_path / "o", "--intensity", given)
        assert run.status == 2
        assert "two grey values" in run.stderr
        assert not (tmp_path / "o").exists()
