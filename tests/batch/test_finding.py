"""Which images a batch has, and what their results are called."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import zarr

from napari_shiftseg.batch.finding import JOURNAL, is_batch, items_of
from napari_shiftseg.stores.written_labels import LabelImage


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(*names):
    """Make empty files."""
    for name in names:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def keys(*inputs, output="out", known=None):
    return [item.key for item in items_of(map(Path, inputs), Path(output), known)]


def test_outputs_mirror_the_folders_below_the_input(folder):
    put("in/b.tif", "in/control/day 1/a.png", "in/treated/a.npy", "in/notes.txt")
    items = items_of([Path("in")], Path("out"))
    assert [item.key for item in items] == ["b", "control/day 1/a", "treated/a"]
    assert [item.condition for item in items] == ["", "control", "treated"]
    assert all(item.source.is_absolute() for item in items)


def test_files_are_mirrored_below_what_they_have_in_common(folder):
    put("in/control/a.tif", "in/treated/a.tif", "in/treated/b.tif")
    files = "in/control/a.tif", "in/treated/a.tif", "in/treated/a.tif"
    assert keys(*files) == ["control/a", "treated/a"]
    assert keys("in/*/a.tif") == ["control/a", "treated/a"]
    assert keys("in/**/*.tif") == ["control/a", "treated/a", "treated/b"]
    assert keys("in/control", "in/treated") == keys("in")
    assert keys("in/treated/a.tif", "in/treated/b.tif") == ["a", "b"]


def test_a_folder_with_brackets_is_no_pattern(folder, monkeypatch):
    put("[lab]/plate/a.tif")
    assert keys("[lab]") == ["plate/a"]
    monkeypatch.chdir("[lab]")
    assert keys("plate/*.tif") == ["a"]


def test_names_that_collide_get_their_own(folder):
    put("in/a.tif", "in/a.png", "in/A.TIF", "in/b.tif", "in/sub/a.tif")
    found = keys("in")
    assert sorted(found) == ["A_TIF", "a_png", "a_tif_2", "b", "sub/a"]
    assert len({key.casefold() for key in found}) == len(found)


def test_a_name_that_was_given_is_kept(folder):
    put("in/a.png", "in/a.tif")
    known = {str(folder / "in" / "a.tif"): "a"}
    assert keys("in", known=known) == ["a_png", "a"]
    elsewhere = {str(folder / "in" / "a.tif"): "other/a"}
    assert keys("in", known=elsewhere) == ["a_png", "a_tif"]


def test_results_are_no_images(folder):
    put("in/a.tif", "in/a_labels.tif", "in/b_labels.tif", "in/out/a_labels.tif")
    put("in/older/a_labels.tif", f"in/older/{JOURNAL}/images/1.json", "in/.hidden.tif")
    record = {"command": "segment", "sha256": {"a_labels.tif": "1"}}
    Path("in/a_report.json").write_text(json.dumps(record))
    assert keys("in", output="in/out") == ["a", "b_labels"]
    assert keys("in/*.tif", output="in/out") == ["a", "b_labels"]
    assert keys("in/**/*.tif", output="in/out")[:2] == ["a", "b_labels"]
    assert "out/a_labels" in keys("in")  # nothing says that it is a result


def test_labels_that_a_widget_saved_beside_their_image_are_no_images(folder):
    put("in/a.tif", "in/b.tif", "in/a_labels.tif", "in/c_labels.tif")
    Path("in/a_settings.yaml").write_text("command: segment\nmade: {labels_sha256: 0}")
    Path("in/c_settings.yaml").write_text("window: 64")  # somebody's own
    labels = LabelImage(np.eye(8, dtype=np.int32), "YX", "YX")
    labels.write("labels", Path("in/b_labels.tif"))  # its settings have gone
    assert keys("in") == keys("in/*.tif") == ["a", "b", "c_labels"]
    assert keys("in/b_labels.tif") == ["b_labels"]  # it was named


def test_results_may_lie_with_the_images(folder):
    put("in/a.tif", f"in/{JOURNAL}/images/1.json")
    assert keys("in", output="in") == ["a"]
    assert keys("in/*.tif", output="in") == ["a"]


def test_true_labels_beside_images_are_no_images(folder):
    put("val/images/a.tif", "val/masks/a.tif", "masks/a.tif")
    assert keys("val") == ["images/a"]
    assert keys("masks") == ["a"]


def test_a_store_is_one_image(folder):
    zarr.save("in/a.zarr", np.zeros((3, 4)))
    zarr.save("in/labels.zarr", np.zeros((3, 4)))
    path = Path("in/labels.zarr/zarr.json")
    known = json.loads(path.read_text())
    known["attributes"] = {"napari_shiftseg": {"about": {}, "report": {}}}
    path.write_text(json.dumps(known))
    assert keys("in") == ["a"]
    assert not is_batch([Path("in/a.zarr")])


def test_what_is_a_batch(folder):
    put("a.tif", "[b].tif", "in/a.tif")
    assert not is_batch([Path("a.tif")])
    assert not is_batch([Path("[b].tif")])
    assert not is_batch([Path("disks")])
    assert not is_batch([Path("missing.tif")])
    assert is_batch([Path("in")])
    assert is_batch([Path("*.tif")])
    assert is_batch([Path("a.tif"), Path("disks")])


def test_what_is_not_there_is_an_image_that_will_fail(folder):
    put("a.tif")
    assert keys("a.tif", "gone.tif") == ["a", "gone"]


def test_a_sample_is_called_by_its_name(folder):
    assert keys("disks", "nuclei") == ["disks", "nuclei"]


def test_a_link_to_a_folder_around_it_ends(folder):
    put("in/sub/a.tif")
    os.symlink(folder / "in", folder / "in" / "sub" / "again")
    assert keys("in") == ["sub/a"]


def test_a_folder_that_cannot_be_read_is_named(folder, monkeypatch):
    put("in/a.tif", "in/locked/b.tif")
    plain = Path.iterdir

    def refuse(path):
        if path.name == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return plain(path)

    monkeypatch.setattr(Path, "iterdir", refuse)
    assert keys("in") == ["a", "locked"]


def test_nothing_there_is_an_error(folder):
    Path("in").mkdir()
    with pytest.raises(ValueError, match=r"in holds no image: put files .*\.tif"):
        keys("in")
    with pytest.raises(FileNotFoundError, match=r"no image matches x\*\.tif: give"):
        keys("x*.tif")
