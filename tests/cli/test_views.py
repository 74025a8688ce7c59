"""The option ``--views`` of the commands that predict."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from napari_shiftseg.networks.unet import load_unet
from napari_shiftseg.pipeline.segmentation import segment

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def flat(rng, tmp_path: Path) -> Path:
    """An image whose pixels are twice as high as wide."""
    pixels = rng.integers(0, 4000, (31, 42)).astype(np.uint16)
    about = {"axes": "YX", "PhysicalSizeX": 0.25, "PhysicalSizeY": 0.5}
    tifffile.imwrite(tmp_path / "flat.ome.tif", pixels, metadata=about)
    return tmp_path / "flat.ome.tif"


@pytest.fixture
def square(rng, tmp_path: Path) -> Path:
    np.save(tmp_path / "square.npy", rng.normal(size=(31, 42)))
    return tmp_path / "square.npy"


def test_segment_and_again_by_its_record(
    shiftseg, model_file: Path, square: Path, tmp_path: Path
) -> None:
    options = ("-m", model_file, "--views", 8, "--save", "all")
    ran = shiftseg("segment", square, *options, "-o", tmp_path / "o")
    assert (ran.status, ran.stderr) == (0, "")
    expected = segment(np.load(square), load_unet(model_file), views=8)
    found = tifffile.imread(tmp_path / "o" / "square_embedding.tif")
    np.testing.assert_array_equal(found, expected.embeddings)
    record = tmp_path / "o" / "square_report.json"
    assert json.loads(record.read_text())["settings"]["views"] == 8
    again = ("--config", record, "--save", "embedding", "-o", tmp_path / "again")
    assert shiftseg("segment", square, *again).status == 0
    found = tifffile.imread(tmp_path / "again" / "square_embedding.tif")
    assert len(found) == 24


def test_a_record_of_before_means_one(
    shiftseg, model_file: Path, square: Path, tmp_path: Path
) -> None:
    options = ("-m", model_file, "-o", tmp_path / "o")
    assert shiftseg("segment", square, *options).status == 0
    record = tmp_path / "o" / "square_report.json"
    known = json.loads(record.read_text())
    del known["settings"]["views"]
    record.write_text(json.dumps(known))
    again = ("--config", record, "--json", "-o", tmp_path / "again")
    ran = shiftseg("segment", square, *again)
    assert json.loads(ran.stdout)["settings"]["views"] == 1


@pytest.mark.parametrize(
    ("views", "said"),
    [(3, "views must be 1, 2, 4 or 8, got 3"), ("many", "--views")],
)
def test_other_numbers_are_refused(
    shiftseg, model_file: Path, square: Path, tmp_path: Path, views, said: str
) -> None:
    options = ("-m", model_file, "-o", tmp_path / "o", "--views", views)
    shiftseg("segment", square, *options).assert_refused(said)


@pytest.mark.parametrize("command", ["segment", "mend", "compare", "sweep"])
def test_pixels_that_are_not_square_are_not_turned(
    shiftseg, model_file: Path, flat: Path, tmp_path: Path, command: str
) -> None:
    options = ["-m", model_file, "--views", 8]
    if command in ("segment", "mend"):
        options += ["-o", tmp_path / "o"]
    if command == "mend":
        (tmp_path / "edits.json").write_text('{"version": 1, "edits": []}')
        options += ["--edits", tmp_path / "edits.json"]
    ran = shiftseg(command, flat, *options)
    ran.assert_refused("0.5 high and 0.25 wide: take views=4")
    assert shiftseg(command, flat, *options, "--views", 4).status == 0


def test_a_border_that_the_views_do_not_share(
    shiftseg, model_file: Path, square: Path, tmp_path: Path
) -> None:
    options = ("-m", model_file, "-o", tmp_path / "o", "--border", "valid")
    ran = shiftseg("segment", square, *options, "--views", 2)
    assert ran.status == 2


def test_a_tuned_model_has_its_own_background(
    shiftseg, small_disks, tmp_path: Path
) -> None:
    """Not that of the views: the model is one for any number of them."""
    image, truth = small_disks.image[:66, :66], small_disks.labels[:66, :66]
    np.save(tmp_path / "image.npy", image)
    np.save(tmp_path / "truth.npy", truth)
    ran = shiftseg(
        "tune", tmp_path / "image.npy", tmp_path / "truth.npy", "-m", "disks",
        "--views", 2, "-o", tmp_path / "t.safetensors", "--bandwidths", "0.3",
        "--min-sizes", "0",
    )  # fmt: skip
    assert ran.status == 0, ran.stderr
    tuned, disks = load_unet(tmp_path / "t.safetensors").config, load_unet("disks")
    own = disks.config.clustering.background_embedding
    assert tuned.clustering.background_embedding == own
    assert tuned.provenance.scores["of"].endswith(" in 2 views")
