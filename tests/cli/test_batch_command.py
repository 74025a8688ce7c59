"""``shiftseg segment`` on several images, a folder or a pattern."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from time import monotonic, sleep

import numpy as np
import pytest
import tifffile

from napari_shiftseg.batch import image as one_image
from napari_shiftseg.batch.finding import JOURNAL
from napari_shiftseg.cli import batch as command

pytestmark = pytest.mark.usefixtures("one_thread")
NAMES = "control/a", "control/b", "treated/c"
PATIENCE = 120  # seconds


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    for name in NAMES:
        path = Path("in", f"{name}.tif")
        path.parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(path, random.random((40, 50)).astype(np.float32))
    return tmp_path


@pytest.fixture
def segment(shiftseg, model_file):
    """Run the command with the small model."""

    def run(*arguments):
        return shiftseg("segment", *arguments, "-m", model_file, "--window", "16")

    return run


def sums(out):
    files = sorted(Path(out).rglob("*_labels.tif"))
    return {str(p.relative_to(out)): sha256(p.read_bytes()).hexdigest() for p in files}


def test_a_folder_a_pattern_and_files_give_the_same(segment, folder):
    ran = segment("in", "-o", "out")
    assert ran.status == 0
    assert "3 images: 3 done" in ran.stdout
    assert "out/batch.html" in ran.stdout.replace(os.sep, "/")
    assert set(sums("out")) == {f"{name}_labels.tif" for name in NAMES}
    written = {path.name for path in Path("out").iterdir() if path.is_file()}
    assert written == {
        "summary.csv", "objects.csv", "failures.csv", "batch.html", "batch.json",
    }  # fmt: skip
    files = [Path("in", f"{name}.tif") for name in NAMES]
    assert segment("in/*/*.tif", "-o", "by pattern").status == 0
    assert segment(*files, "-o", "by files").status == 0
    assert sums("out") == sums("by pattern") == sums("by files")


def test_one_image_is_no_batch(segment, folder):
    assert segment("in/control/a.tif", "-o", "out").status == 0
    names = {path.name.partition("_")[0] for path in Path("out").iterdir()}
    assert names == {"a"}  # no tables of many, no journal
    segment("in/control", "-o", "all")
    alone = Path("out/a_labels.tif").read_bytes()
    assert Path("all/a_labels.tif").read_bytes() == alone


def test_what_fails_is_named_and_the_rest_goes_on(segment, folder):
    Path("in/control/bad.tif").write_bytes(b"no image")
    ran = segment("in", "gone.tif", "-o", "out")
    assert ran.status == 1
    assert "5 images: 3 done, 2 failed" in ran.stdout
    assert "in/control/bad failed: bad.tif cannot be read" in ran.stderr
    assert "gone failed" in ran.stderr
    failures = Path("out/failures.csv").read_text()
    assert "bad.tif" in failures
    assert "gone.tif" in failures


def test_what_holds_of_several_images_is_noted_once_with_their_names(
    segment, folder
) -> None:
    segment("in", "-o", "out")
    Path("in/treated/c.tif").rename("in/control/c.tif")
    tifffile.imwrite("in/control/large.tif", np.eye(70, dtype=np.float32))
    ran = segment("in", "-o", "out", "--resume", "--min-size", "9")
    assert "2 images done again, for the settings (min_size) are other" in ran.stderr
    assert "than before: control/a, control/b\n" in ran.stderr
    assert "image is no longer there are left as they are: treated/c" in ran.stderr
    assert "images of 40 × 50 to 70 × 70 pixels" in ran.stderr


def test_where_all_fail_the_tables_stay_and_it_is_said(segment, folder):
    segment("in", "-o", "out")
    before = Path("out/summary.csv").read_bytes()
    for path in Path("in").rglob("*.tif"):
        path.write_bytes(b"")
    ran = segment("in", "-o", "out")
    assert ran.status == 1
    assert "the tables and the page of the last run stay" in ran.stderr
    assert Path("out/summary.csv").read_bytes() == before
    assert len(Path("out/failures.csv").read_text().splitlines()) == 4


def test_json_is_one_object_and_a_record_is_a_config(segment, shiftseg, folder):
    Path("in/control/bad.tif").write_bytes(b"")
    ran = segment("in", "-o", "out", "--json")
    report = json.loads(ran.stdout)
    assert ran.status == 1
    assert (report["images"], report["done"], report["failed"]) == (4, 3, 1)
    assert report["rows"][0]["name"] == "control/a"
    again = shiftseg(
        "segment", "in", "-o", "out", "--config", "out/batch.json", "--resume", "--json"
    )
    assert json.loads(again.stdout)["skipped"] == 3
    other = shiftseg(
        "segment", "in", "-o", "out", "--config", "out/batch.json", "--resume",
        "--window", "8", "--json",
    )  # fmt: skip
    assert json.loads(other.stdout)["skipped"] == 0


def test_what_is_handed_on_and_the_settings_lie_beside_each(segment, shiftseg, folder):
    assert segment("in", "-o", "out", "--save", "rois,geojson,zarr").status == 0
    ends = (
        "labels.tif", "labels.zarr", "objects.csv", "objects.geojson", "report.json",
        "rois.zip", "settings.yaml",
    )  # fmt: skip
    for name in NAMES:
        found = sorted(path.name for path in Path("out").glob(f"{name}_*"))
        assert found == [f"{Path(name).name}_{end}" for end in ends]
    files = json.loads(Path("out/batch.json").read_text())["rows"][0]["files"]
    assert {Path(path).name for path in files.values()} == {f"a_{end}" for end in ends}
    again = shiftseg("segment", "--config", "out/control/a_settings.yaml", "-o", "one")
    assert "the labels are those of the run" in again.stderr
    alone = Path("one/a_rois.zip").read_bytes()
    assert alone == Path("out/control/a_rois.zip").read_bytes()
    resumed = segment("in", "-o", "out", "--save", "rois,geojson,zarr", "--resume")
    assert "3 done before" in resumed.stdout


def test_workers_give_the_same(segment, folder):
    segment("in", "-o", "one")
    ran = segment("in", "-o", "three", "--workers", "3")
    assert ran.status == 0
    assert sums("one") == sums("three")


def test_each_image_has_the_usual_model_of_its_kind(shiftseg, folder, monkeypatch):
    names = []

    def load(name):
        names.append(name)
        raise ValueError(f"{name} is not loaded in this test")

    monkeypatch.setattr(one_image, "load_model", load)
    volume = np.zeros((6, 20, 20), np.uint8)
    tifffile.imwrite("in/v.tif", volume, metadata={"axes": "ZYX"}, imagej=True)
    ran = shiftseg("segment", "in", "disks", "-o", "out")
    assert ran.status == 1
    assert names == ["disks", "nuclei-3d", *["nuclei"] * 3]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["in", "-o", "out.zarr"], ["store is of one image", "-o out"]),
        (["in", "-o", "out", "--chunk", "64"], ["--chunk and --float16", "leave"]),
        (["in/*.png", "-o", "out"], ["no file matches in/*.png"]),
        (["empty", "-o", "out"], ["empty holds no image", ".tif"]),
        (["in", "-o", "in/control/a.tif"], ["the path is a file"]),
        (["in", "-o", "out", "--save", "labls"], ["--save takes", "labls"]),
        (["in", "-o", "out", "--workers", "0"], ["workers"]),
        (["in", "-o", "out", "--scheduler", "tcp://127.0.0.1:1"], ["scheduler"]),
    ],
)
def test_bad_input_is_said_in_a_line(segment, folder, arguments, said, monkeypatch):
    monkeypatch.setattr("napari_shiftseg.distributed.cluster.CONNECT", 0.2)
    Path("empty").mkdir()
    segment(*arguments).assert_refused(*said)
    assert not Path("out").exists()


def test_ctrl_c_says_what_was_kept(segment, folder, monkeypatch):
    seen = []

    def interrupted(row):
        seen.append(row)
        if len(seen) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(command, "_tell", interrupted)
    ran = segment("in", "-o", "out")
    assert ran.status == 130
    assert "2 images done: give the same command again with --resume" in ran.stderr
    assert len(Path("out/summary.csv").read_text().splitlines()) == 3
    assert Path("out/batch.html").exists()
    monkeypatch.undo()
    os.chdir(folder)
    assert "1 done, 2 done before" in segment("in", "-o", "out", "--resume").stdout


def test_a_full_disk_says_what_was_kept(segment, folder, monkeypatch):
    write, calls = one_image.write_with_recipe, []

    def full(*given, **more):
        calls.append(1)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, "No space left on device", "b_labels.tif")
        return write(*given, **more)

    monkeypatch.setattr(one_image, "write_with_recipe", full)
    ran = segment("in", "-o", "out")
    assert ran.status == 2
    assert "1 image done: give the same command again with --resume" in ran.stderr
    assert "No space left on device: make room" in ran.stderr


def test_a_killed_run_goes_on(segment, model_file, folder):
    segment("in", "-o", "whole")
    code = "from napari_shiftseg.cli import main; main()"
    arguments = ["segment", "in", "-o", "out", "-m", model_file, "--window", "16"]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    began = monotonic()
    while not list(Path("out").glob(f"{JOURNAL}/*/*.json")):
        assert process.poll() is None
        assert monotonic() - began < PATIENCE
        sleep(0.01)
    process.send_signal(getattr(signal, "SIGKILL", signal.SIGTERM))
    process.wait()
    done = len(list(Path("out").glob(f"{JOURNAL}/*/*.json")))
    report = json.loads(segment("in", "-o", "out", "--resume", "--json").stdout)
    assert report["skipped"] == done
    assert report["failed"] == 0
    assert sums("out") == sums("whole")
