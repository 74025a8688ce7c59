"""The option ``--diameter`` of the commands that segment."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.networks.unet import load_unet, save_model
from napari_shiftseg.pipeline.segmentation import segment

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def sized(tmp_path_factory: pytest.TempPathFactory, small_model) -> Path:
    """A small untrained model that knows objects of 8 pixels."""
    clustering = Clustering(bandwidth=0.5, min_size=5)
    model = small_model(2, 2, name="sized", diameter=8.0, clustering=clustering)
    return save_model(model, tmp_path_factory.mktemp("model") / "sized.safetensors")


@pytest.fixture
def pixels(rng) -> np.ndarray:
    return rng.integers(0, 4000, (31, 42)).astype(np.uint16)


@pytest.fixture
def calibrated(pixels, tmp_path: Path) -> Path:
    about = {"axes": "YX", "PhysicalSizeX": 0.4, "PhysicalSizeY": 0.4}
    tifffile.imwrite(tmp_path / "known.ome.tif", pixels, metadata=about)
    return tmp_path / "known.ome.tif"


@pytest.fixture
def plain(pixels, tmp_path: Path) -> Path:
    np.save(tmp_path / "plain.npy", pixels)
    return tmp_path / "plain.npy"


def test_segment_and_again_by_its_record(
    shiftseg, sized: Path, calibrated: Path, pixels, tmp_path: Path
) -> None:
    options = ("-m", sized, "--diameter", "2um", "--save", "all")
    ran = shiftseg("segment", calibrated, *options, "-o", tmp_path / "o")
    assert ran.status == 0, ran.stderr
    assert "objects of 5 pixels: the image was rescaled by 1.6" in ran.stdout
    expected = segment(pixels, load_unet(sized), diameter=5)
    found = tifffile.imread(tmp_path / "o" / "known_labels.tif")
    np.testing.assert_array_equal(found, expected.labels)
    embedding = tifffile.imread(tmp_path / "o" / "known_embedding.tif")
    np.testing.assert_array_equal(embedding, expected.embeddings)
    record = tmp_path / "o" / "known_report.json"
    known = json.loads(record.read_text())
    assert known["settings"]["diameter"] == "2 um"
    assert known["rescaled"] == {"diameter": 5.0, "shape": [50, 67]}
    again = ("--config", record, "-o", tmp_path / "again")
    assert shiftseg("segment", calibrated, *again).status == 0
    found = tifffile.imread(tmp_path / "again" / "known_labels.tif")
    np.testing.assert_array_equal(found, expected.labels)


def test_without_it_a_record_says_none(
    shiftseg, sized: Path, plain: Path, tmp_path: Path
) -> None:
    ran = shiftseg("segment", plain, "-m", sized, "--json", "-o", tmp_path / "o")
    known = json.loads(ran.stdout)
    assert known["settings"]["diameter"] is None
    assert "rescaled" not in known


@pytest.mark.parametrize(
    ("diameter", "said"),
    [
        ("0", "must be above 0 and finite"), ("nan", "must be above 0 and finite"),
        ("big", "a diameter is a number of pixels"),
        ("99", "larger than the image of 31 × 42"),
        ("2um", "give the diameter in pixels"),
    ],
)  # fmt: skip
def test_refused(
    shiftseg, sized: Path, plain: Path, tmp_path: Path, diameter: str, said: str
) -> None:
    options = ("-m", sized, "-o", tmp_path / "o", "--diameter", diameter)
    shiftseg("segment", plain, *options).assert_refused(said)


def test_a_model_of_unknown_size(
    shiftseg, model_file: Path, plain: Path, tmp_path: Path
) -> None:
    options = ("-m", model_file, "-o", tmp_path / "o", "--diameter", "9")
    ran = shiftseg("segment", plain, *options)
    ran.assert_refused("does not know how large the objects")


def test_mend_takes_it(shiftseg, sized: Path, plain: Path, tmp_path: Path) -> None:
    edits = tmp_path / "edits.json"
    edits.write_text('{"version": 1, "edits": []}')
    options = ("-m", sized, "-o", tmp_path / "o", "--diameter", "5", "--edits", edits)
    assert shiftseg("mend", plain, *options).status == 0
    found = tifffile.imread(tmp_path / "o" / "plain_labels.tif")
    expected = segment(np.load(plain), load_unet(sized), diameter=5)
    np.testing.assert_array_equal(found, expected.labels)


def test_a_settings_file_for_a_command_without_it(
    shiftseg, sized: Path, plain: Path, tmp_path: Path
) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("diameter: 5\nwindow: 8\n")
    ran = shiftseg("compare", plain, "-m", sized, "--config", file)
    assert ran.status == 0, ran.stderr
    assert "compare does not use diameter" in ran.stderr
