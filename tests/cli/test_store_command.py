"""``shiftseg segment`` into a zarr store."""

from __future__ import annotations

import json
from functools import partial
from hashlib import sha256
from time import sleep

import numpy as np
import pytest
import tifffile
import zarr

from napari_shiftseg.cli import storing
from napari_shiftseg.distributed import passes

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def folder(tmp_path, monkeypatch, small_disks):
    monkeypatch.chdir(tmp_path)
    pixels = small_disks.image[:60, :70]
    sizes = {"axes": "YX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5}
    tifffile.imwrite("a.ome.tif", pixels, metadata=sizes)
    zarr.create_array("a.zarr", data=pixels, chunks=(16, 16))
    return tmp_path


def segment(shiftseg, image, output, *more):
    return shiftseg(
        "segment", image, "-o", output, "-m", "disks", "--window", "32", "--device",
        "cpu", *more,
    )  # fmt: skip


def test_a_store_holds_what_the_tiff_holds(shiftseg, folder):
    ran = segment(shiftseg, "a.ome.tif", "out.zarr", "--json", "--chunk", "20")
    segment(shiftseg, "a.ome.tif", "out")

    report = json.loads(ran.stdout)
    labels = zarr.open_array("out.zarr/0")[:]
    expected = tifffile.imread("out/a_labels.tif")
    np.testing.assert_array_equal(labels, expected)
    assert report["objects"] == expected.max()
    sum_of = sha256(expected.astype("<i4").tobytes()).hexdigest()
    assert report["labels_sha256"] == sum_of
    assert {"blocks", "tiles", "window", "notes", "exact"} <= set(report)
    said = zarr.open_group("out.zarr").attrs["ome"]["multiscales"][0]
    assert said["axes"][1] == {"name": "x", "type": "space", "unit": "micrometer"}
    assert said["datasets"][1]["coordinateTransformations"][0]["scale"] == [1, 1]


def test_a_zarr_store_goes_in_and_out(shiftseg, folder):
    into_store = segment(shiftseg, "a.zarr", "out.zarr", "--json", "--workers", "2")
    of_tiff = segment(shiftseg, "a.ome.tif", "b.zarr", "--json")
    ran = segment(shiftseg, "a.zarr", "out")

    sums = [json.loads(r.stdout)["labels_sha256"] for r in (into_store, of_tiff)]
    assert sums[0] == sums[1]
    assert ran.status == 0
    assert tifffile.imread("out/a_labels.tif").max() > 0


def test_the_outcome_in_words(shiftseg, folder):
    ran = segment(shiftseg, "a.zarr", "out.zarr")

    assert ran.stdout.splitlines()[-1].endswith("written to out.zarr")
    assert " objects in " in ran.stdout


def test_what_is_there_is_kept(shiftseg, folder):
    first = segment(shiftseg, "a.zarr", "out.zarr", "--json")
    refused = segment(shiftseg, "a.zarr", "out.zarr")
    other = segment(shiftseg, "a.zarr", "out.zarr", "--resume", "--chunk", "30")
    again = segment(shiftseg, "a.zarr", "out.zarr", "--resume", "--json")
    replaced = segment(shiftseg, "a.zarr", "out.zarr", "--overwrite", "--chunk", "30")

    assert "out.zarr is already there: give another name" in refused.stderr
    assert "and is of another run: chunk was not given and is 30" in other.stderr
    assert again.stdout == first.stdout
    assert "out.zarr is already done" in again.stderr
    assert replaced.status == 0
    assert (refused.status, other.status) == (2, 2)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--resume",), "are for a store: give one with -o, for example -o out.zarr"),
        (("--chunk", "8"), "are for a store"),
    ],
)
def test_options_of_a_store_need_one(shiftseg, folder, more, said):
    ran = segment(shiftseg, "a.zarr", "out", *more)

    assert said in ran.stderr
    assert ran.status == 2
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--chunk", "0"), "chunk: "),
        (("--workers", "0"), "workers: "),
        (("--save", "nothing"), "--save takes labels, embedding, gradient, "),
        (("--diameter", "20"), "leave out diameter and region"),
        (("--channel", "3"), "there is no channel '3'"),
    ],
)
def test_bad_input_is_one_line(shiftseg, folder, more, said):
    ran = segment(shiftseg, "a.zarr", "out.zarr", *more)

    assert said in " ".join(ran.stderr.split())
    assert ran.status == 2
    assert not list(folder.glob("out*"))


def test_embedding_and_gradient_are_saved(shiftseg, folder):
    segment(shiftseg, "a.zarr", "out.zarr", "--save", "all", "--float16")

    found = zarr.open_group("out.zarr")
    assert found["embedding/0"].dtype == np.float16
    assert found["embedding/0"].shape == (3, 60, 70)
    assert found["gradient/0"].shape == (60, 70)


def test_a_store_is_read_wherever_labels_are(shiftseg, folder):
    segment(shiftseg, "a.ome.tif", "a_labels.zarr")
    segment(shiftseg, "a.ome.tif", "out")
    for name, path in (("found", "a_labels.zarr"), ("true", "out/a_labels.tif")):
        (folder / name).mkdir()
        (folder / path).rename(folder / name / path.split("/")[-1])

    one = shiftseg(
        "evaluate", "found/a_labels.zarr", "true/a_labels.tif", "--json"
    )  # fmt: skip
    many = shiftseg("evaluate", "found", "true", "--json")

    for ran in (one, many):
        report = json.loads(ran.stdout)
        assert report["pooled"]["ap50"] == 1.0
        assert report["pooled"]["true_objects"] > 0


def test_the_record_in_a_store_is_a_config(shiftseg, folder):
    first = segment(shiftseg, "a.zarr", "out.zarr", "--json", "--min-size", "7")
    again = shiftseg(
        "segment", "a.zarr", "-o", "b.zarr", "--config", "out.zarr", "--json"
    )

    reports = [json.loads(ran.stdout) for ran in (first, again)]
    assert reports[1]["settings"] == reports[0]["settings"]
    assert reports[1]["settings"]["min_size"] == 7
    assert reports[1]["model"] == "disks"
    assert reports[1]["labels_sha256"] == reports[0]["labels_sha256"]


def test_labels_are_no_image(shiftseg, folder):
    """Of them the image that they were made from is named; other arrays are read."""
    segment(shiftseg, "a.zarr", "out.zarr", "--save", "gradient")
    image = (folder / "a.zarr").resolve()

    for store in ("out.zarr", "out.zarr/0"):
        ran = segment(shiftseg, store, "b.zarr")
        ran.assert_refused(
            f"holds the labels of a run, not an image: give the image, {image}"
        )
    assert segment(shiftseg, "out.zarr/gradient", "b.zarr").status == 0


def test_errors_name_options(shiftseg, folder):
    segment(shiftseg, "a.zarr", "out.zarr")

    ran = segment(shiftseg, "a.zarr", "out.zarr", "--resume", "--min-size", "9")

    assert "of another run: min_size was" in ran.stderr
    assert "another name with -o, or add --overwrite to replace it" in ran.stderr


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        ("separating", "what was done is kept: give the same command again with"),
        ("predicting", "stopped before the first block was done, so the work begins"),
    ],
)
def test_ctrl_c_says_how_to_go_on(shiftseg, folder, monkeypatch, stage, said):
    def interrupted(steps, unit):
        for progress in steps:
            if progress.stage == stage:
                raise KeyboardInterrupt

    monkeypatch.setattr(storing, "with_progress", interrupted)
    monkeypatch.setattr(passes, "embed", partial(left_at_once, passes.embed, stage))

    ran = segment(shiftseg, "a.zarr", "out.zarr")

    assert said in ran.stderr
    assert ("kept" in ran.stderr) == ("kept" in said)
    assert ran.status == 130


def left_at_once(embed, stage, job, number, watch=None):
    """Predict a block; if the run is to be stopped at that, wait until it is."""
    if stage == "predicting":
        while not watch(number, 0):
            sleep(0.01)
        raise passes.StoppedError
    embed(job, number, watch)


def test_notes_are_said_once(shiftseg, folder):
    ran = segment(shiftseg, "a.zarr", "out.zarr")
    stack = np.stack([tifffile.imread("a.ome.tif")] * 2)
    zarr.create_array("s.zarr", data=stack, chunks=(1, 16, 16))
    stacked = segment(shiftseg, "s.zarr", "b.zarr")

    assert "axes have no names" not in ran.stdout
    assert stacked.stderr.count("its axes have no names") == 1
    assert "its axes have no names" not in stacked.stdout


def test_a_threshold_that_counts_for_nothing_is_said(shiftseg, folder):
    off = ("--no-link-planes", "--link-threshold", "0.5")

    assert "counts for nothing" in segment(shiftseg, "a.zarr", "a", *off).stderr
    assert "counts for" not in segment(shiftseg, "a.zarr", "b", off[0]).stderr
