"""The command ``tune``: a table, and a model with better clustering."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.networks.config import Provenance
from napari_shiftseg.networks.unet import load_unet, new_model, save_model
from napari_shiftseg.pipeline.candidates import Candidates
from napari_shiftseg.pipeline.segmentation import segment
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.pipeline.tuning import tune
from napari_shiftseg.results.learning import learn_object_confidence
from napari_shiftseg.samples import Sample

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("one_thread")

LISTS = ("--bandwidths", "0.5,1", "--min-sizes", "2,6", "--thresholds", "0.3,0.6")
GRID = Candidates((0.5, 1.0), (2, 6), (0.3, 0.6))
TRUE = {"bandwidth": 0.5, "min_size": 2, "foreground_threshold": 0.6}
PROVENANCE = Provenance(
    command="shiftseg train a b -o m.safetensors", window=(8, 8), seed=0, steps=1,
    loss={"name": "discriminative"}, data="1 image", date="2025-01-31", versions={},
    scores={"ap50": 0.25, "of": "elsewhere"},
)  # fmt: skip


@pytest.fixture
def model(tmp_path: Path) -> Path:
    clustering = Clustering(bandwidth=1.0, scope="component", min_size=4)
    network = new_model(
        ndim=2, depth=2, features=4, foreground=True, clustering=clustering, name="m",
        provenance=PROVENANCE,
    )  # fmt: skip
    return save_model(network, tmp_path / "m.safetensors", torch.float16)


@pytest.fixture
def samples(model: Path, rng) -> list[Sample]:
    network = load_unet(model)
    images = [gaussian_filter(rng.normal(size=s), 1) * 4 for s in ((20, 24), (18, 28))]
    return [
        Sample(image, segment(image, network, device="cpu", **TRUE).labels)
        for image in images
    ]


@pytest.fixture
def folders(samples, tmp_path: Path) -> tuple[Path, Path]:
    for number, sample in enumerate(samples):
        for kind in ("images", "labels"):
            (tmp_path / "val" / kind).mkdir(parents=True, exist_ok=True)
        np.save(tmp_path / f"val/images/{number}.npy", sample.image)
        np.save(tmp_path / f"val/labels/{number}.npy", sample.labels)
    return tmp_path / "val/images", tmp_path / "val/labels"


def test_the_table_and_the_tuned_model(shiftseg, model, folders, samples, tmp_path):
    path = tmp_path / "new" / "tuned.safetensors"
    ran = shiftseg("tune", *folders, "-m", model, *LISTS, "-o", path, "--json")
    assert ran.status == 0
    assert ran.stderr.startswith("how sure objects are is learnt from 10 right and 10")
    report = json.loads(ran.stdout)
    assert Settings(**report.pop("settings")) == Settings()
    given = {"model": str(model), "channel": None, "series": None}
    assert report.pop("given") == given
    tuning = tune(samples, load_unet(model), GRID)
    assert report == {
        "model": "m",
        "of": "val/images",
        "images": 2,
        "own": tuning.own.figures(),
        "best": tuning.best.figures(),
        "points": [point.figures() for point in tuning.ranked],
        "file": str(path),
    }
    before, after = load_unet(model).config, load_unet(path).config
    assert after.name == "tuned"
    assert after.clustering == before.clustering.model_copy(update=TRUE)
    assert after.provenance == PROVENANCE.model_copy(
        update={
            "scores": {"ap50": 1.0, "ap50_pooled": 1.0, "images": 2, "of": "val/images"}
        }
    )
    assert [p.name for p in path.parent.iterdir()] == ["tuned.safetensors"]
    labels = [segment(s.image, load_unet(path)).labels for s in samples]
    for found, sample in zip(labels, samples, strict=True):
        np.testing.assert_array_equal(found, sample.labels)


def test_how_sure_objects_are_is_learnt_with_the_tuned_clustering(
    shiftseg, model, folders, samples, tmp_path
):
    chosen = {"bandwidth": 0.2, "min_size": 0, "foreground_threshold": 0.5}
    found = [segment(s.image, load_unet(model), **chosen).labels for s in samples]
    truth = [np.where(labels % 3, labels, 0) for labels in found]  # a third is wrong
    for number, labels in enumerate(truth):
        np.save(tmp_path / f"val/labels/{number}.npy", labels)
    path = tmp_path / "tuned.safetensors"
    alone = ("--bandwidths", "0.2", "--min-sizes", "0", "--thresholds", "0.5")
    ran = shiftseg("tune", *folders, "-m", model, *alone, "-o", path)
    assert (ran.status, ran.stderr) == (0, "")
    known = [Sample(s.image, t) for s, t in zip(samples, truth, strict=True)]
    tuned = load_unet(path)
    assert tuned.config.confidence == learn_object_confidence(known, tuned)
    assert tuned.config.confidence.wrong >= 10


def test_in_words(shiftseg, model, folders):
    ran = shiftseg("tune", *folders, "-m", model, *LISTS)
    assert (ran.status, ran.stderr) == (0, "")
    header, *lines = ran.stdout.splitlines()
    assert header.split()[:3] == ["bandwidth", "minimum", "size"]
    assert lines[0].split() == ["0.5", "2", "0.6", "1", "1", "0", "0"]
    assert sum(line.endswith("*") for line in lines) == 1
    assert "9 were tried on 2 images of val/images" in ran.stdout
    assert "Best: bandwidth 0.5, minimum size 2, threshold 0.6. AP50 1, before " in (
        ran.stdout
    )
    assert "written to" not in ran.stdout


def test_the_models_own_row_is_shown_though_it_is_not_among_the_best(
    shiftseg, model, folders
):
    many = ",".join(str(0.4 + n / 100) for n in range(12))
    options = ("--bandwidths", many, "--min-sizes", "2", "--thresholds", "0.6")
    lines = shiftseg("tune", *folders, "-m", model, *options).stdout.splitlines()
    assert lines[11].split()[:3] == ["1", "4", "0.5"]
    assert lines[11].endswith("*")
    assert lines[12].startswith("* the model's own; 13 were tried")


def test_a_sample_has_its_own_truth(shiftseg, model_file):
    ran = shiftseg(
        "tune", "disks", "-m", model_file, "--bandwidths", "1e3", "--min-sizes", "0,5"
    )
    assert ran.status == 0
    assert "threshold" not in ran.stdout.splitlines()[0]
    assert "2 were tried on 1 image of disks" in ran.stdout


def test_a_model_of_unknown_training_has_no_place_for_scores(
    shiftseg, model_file, tmp_path
):
    options = ("--bandwidths", "1e3", "--min-sizes", "5")
    path = tmp_path / "t.safetensors"
    ran = shiftseg("tune", "disks", "-m", model_file, *options, "-o", path)
    assert ran.status == 0
    assert "no scores are recorded" in ran.stderr
    assert load_unet(path).config.provenance is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ("--bandwidths", "1,x"),
            "bandwidths.1: Input should be a valid number",
        ),
        (("--bandwidths", ""), "bandwidths.0: Input should be a valid number"),
        (("--min-sizes", "1.5"), "min_sizes.0: Input should be a valid integer"),
        (("--bandwidths", "0"), "bandwidths.0: Input should be greater than 0"),
        (("--thresholds", "1"), "thresholds.0: Input should be less than 1"),
        (("-o", "tuned.pt"), "must end with .safetensors, got 'tuned.pt'"),
    ],
)
def test_refused(shiftseg, model, folders, options, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    shiftseg("tune", *folders, "-m", model, *options).assert_refused(said)
    assert sorted(tmp_path.rglob("*")) == before


def test_thresholds_are_refused_without_a_logit(shiftseg, model_file):
    ran = shiftseg("tune", "disks", "-m", model_file, "--thresholds", "0.4")
    ran.assert_refused("foreground thresholds need a model with a foreground logit")


def test_files_that_do_not_pair_up(shiftseg, model, folders):
    (folders[1] / "1.npy").unlink()
    ran = shiftseg("tune", *folders, "-m", model)
    ran.assert_refused("1.npy has no partner")


def test_the_part_of_a_folder_that_is_read_is_said(shiftseg, model, folders, tmp_path):
    (tmp_path / "test" / "images").mkdir(parents=True)
    ran = shiftseg("tune", tmp_path, "-m", model, *LISTS)
    assert ran.status == 0
    assert "val/ is tuned on" in ran.stderr
    own = shiftseg("tune", tmp_path / "val", "-m", model, *LISTS)
    assert (own.status, own.stderr) == (0, "")
