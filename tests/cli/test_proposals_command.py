"""The commands ``proposals`` and ``confidence``: a ranked table, a stack, a file."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile
from scipy.ndimage import gaussian_filter

from napari_shiftseg.cli import proposals as command
from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.detection.confidence import read_confidence
from napari_shiftseg.detection.proposals import object_proposals, stacked
from napari_shiftseg.detection.settings import Pooling
from napari_shiftseg.networks.unet import load_unet, save_model
from napari_shiftseg.pipeline.segmentation import segment

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("one_thread")

LISTS = ("--bandwidths", "0.5,1", "--device", "cpu")


@pytest.fixture(scope="module")
def model(small_model, tmp_path_factory) -> Path:
    own = Clustering(bandwidth=1.0, scope="component", min_size=4)
    network = small_model(2, 2, foreground=True, clustering=own, name="small")
    return save_model(network, tmp_path_factory.mktemp("model") / "small.safetensors")


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory) -> Path:
    """Images of noise, and as true labels what another bandwidth makes of them."""
    folder, rng = tmp_path_factory.mktemp("pairs"), np.random.default_rng(0)
    for kind in ("images", "labels"):
        (folder / kind).mkdir()
    for number in range(2):
        image = gaussian_filter(rng.normal(size=(100, 110)), 1) * 4
        labels = segment(image, load_unet(model), device="cpu", bandwidth=0.5).labels
        np.save(folder / f"images/{number}.npy", image)
        np.save(folder / f"labels/{number}.npy", labels)
    return folder


@pytest.fixture(scope="module")
def confidence(shiftseg, model, folder, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("learnt") / "new" / "c.safetensors"
    where = (folder / "images", folder / "labels", "-m", model)
    ran = shiftseg("confidence", *where, *LISTS, "-o", path, "--json")
    assert (ran.status, ran.stderr) == (0, "")
    report = json.loads(ran.stdout)
    known = read_confidence(path)
    assert (report["file"], report["model"], report["images"]) == (
        str(path),
        "small",
        2,
    )
    assert report["objects"] == known.objects > 50
    assert tuple(report["features"]) == known.names
    return path


@pytest.fixture
def image(folder) -> Path:
    return folder / "images" / "0.npy"


def test_the_files_are_what_the_library_proposes(
    shiftseg, model, confidence, image, tmp_path
) -> None:
    out = tmp_path / "out"
    words = (
        image,
        "-m",
        model,
        "--confidence",
        confidence,
        *LISTS,
        "-n",
        20,
        "-o",
        out,
    )
    ran = shiftseg("proposals", *words, "--json")
    assert (ran.status, ran.stderr) == (0, "")
    expected = object_proposals(
        np.load(image), load_unet(model), 20, Pooling((0.5, 1.0)),
        read_confidence(confidence), device="cpu",
    )  # fmt: skip
    labels = tifffile.imread(out / "0_proposals.tif")
    assert labels.dtype == np.uint16
    known = stacked(expected, (100, 110))  # a stack of one image is read as one
    assert np.array_equal(labels.reshape(known.shape), known)
    with (out / "0_proposals.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["index"]) for row in rows] == list(range(1, 21))
    assert [float(row["score"]) for row in rows] == [p.score for p in expected]
    assert [int(row["start_1"]) for row in rows] == [p.box[1].start for p in expected]
    report = json.loads(ran.stdout)
    assert report["proposals"] == 20
    assert report["table"]["area"] == [p.area for p in expected]
    assert json.loads((out / "0_proposals.json").read_text()) == report


def test_one_channel_at_the_end_is_taken(
    shiftseg, model, confidence, image, tmp_path
) -> None:
    np.save(tmp_path / "c.npy", np.load(image)[..., None])
    words = ("-m", model, "--confidence", confidence, *LISTS, "-n", 5)
    for given, out in ((image, "plane"), (tmp_path / "c.npy", "channel")):
        ran = shiftseg("proposals", given, *words, "-o", tmp_path / out)
        assert ran.status == 0, ran.stderr
    plane = tifffile.imread(tmp_path / "plane" / "0_proposals.tif")
    channel = tifffile.imread(tmp_path / "channel" / "c_proposals.tif")
    np.testing.assert_array_equal(channel, plane)


def test_the_outcome_in_words(shiftseg, model, confidence, image, tmp_path) -> None:
    words = (image, "-m", model, "--confidence", confidence, *LISTS, "-o", tmp_path)
    header, *rows, last = shiftseg("proposals", *words, "-n", 3).stdout.splitlines()
    assert header.split() == ["rank", "score", "area", "bandwidth", "agreement"]
    assert [row.split()[0] for row in rows] == ["1", "2", "3"]
    assert last == f"3 proposals, written to {tmp_path}"


def test_a_confidence_of_another_model_is_said(
    shiftseg, model, confidence, image, tmp_path
) -> None:
    """The bundled one was learnt with nuclei, and says little of other models."""
    ask = ("proposals", image, "-m", model, *LISTS, "-o")
    usual = shiftseg(*ask, tmp_path / "a")
    own = shiftseg(*ask, tmp_path / "b", "--confidence", confidence)

    assert "learnt of objects of the model nuclei, not of small" in usual.stderr
    assert own.stderr == ""


def test_the_record_is_a_config(shiftseg, model, confidence, image, tmp_path) -> None:
    words = ("--confidence", confidence, *LISTS, "--json")
    out = ("-o", tmp_path / "a")
    first = shiftseg("proposals", image, "-m", model, *words, *out)
    record = tmp_path / "a" / "0_proposals.json"
    again = shiftseg(
        "proposals", image, "--config", record, *words, "-o", tmp_path / "b"
    )
    assert again.status == 0, again.stderr
    assert json.loads(again.stdout)["table"] == json.loads(first.stdout)["table"]


def test_others_files_are_not_replaced(
    shiftseg, model, confidence, image, tmp_path
) -> None:
    words = (image, "-m", model, "--confidence", confidence, *LISTS, "-o", tmp_path)
    (tmp_path / "0_proposals.csv").write_text("mine")
    shiftseg("proposals", *words).assert_refused("0_proposals.csv", "--overwrite")
    assert (tmp_path / "0_proposals.csv").read_text() == "mine"
    assert shiftseg("proposals", *words, "--overwrite").status == 0
    assert shiftseg("proposals", *words).status == 0  # its own


def test_an_image_without_objects(shiftseg, model, tmp_path) -> None:
    np.save(tmp_path / "dark.npy", np.zeros((20, 20)))
    words = (tmp_path / "dark.npy", "-m", model, "--foreground-threshold", 0.999999)
    ran = shiftseg("proposals", *words, *LISTS, "-o", tmp_path / "o")
    assert ran.status == 0
    assert "no object is proposed" in ran.stdout
    assert not tifffile.imread(tmp_path / "o" / "dark_proposals.tif").any()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-n", 0), "ask for 1 proposal or more, got 0"),
        (("--bandwidths", "0"), "bandwidths.0: Input should be greater than 0"),
        (("--same-above", 1), "same_above: Input should be less than 1"),
        (("--confidence", "none.safetensors"), "there is no confidence none"),
    ],
)
def test_bad_input(shiftseg, model, image, tmp_path, words, said: str) -> None:
    out = tmp_path / "new"
    shiftseg("proposals", image, "-m", model, "-o", out, *words).assert_refused(said)
    assert not out.exists()


def test_a_model_is_no_confidence(shiftseg, model, image, tmp_path) -> None:
    words = (image, "-m", model, "--confidence", model, "-o", tmp_path)
    shiftseg("proposals", *words).assert_refused("not a model")


def test_a_confidence_is_not_replaced(shiftseg, model, folder, confidence) -> None:
    where = (folder / "images", folder / "labels", "-m", model)
    ran = shiftseg("confidence", *where, *LISTS, "-o", confidence)
    ran.assert_refused("c.safetensors", "--overwrite")


def test_the_viewer_gets_them(
    shiftseg, model, confidence, image, tmp_path, monkeypatch
) -> None:
    shown = []
    monkeypatch.setattr(command, "_show", lambda *given: shown.append(given))
    words = (image, "-m", model, "--confidence", confidence, *LISTS, "-o", tmp_path)
    assert shiftseg("proposals", *words, "-n", 4, "--viewer").status == 0
    ((_, proposals, shape),) = shown
    assert (len(proposals), shape) == (4, (100, 110))
