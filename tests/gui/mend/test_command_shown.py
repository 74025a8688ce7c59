"""The command that is shown after saving runs as it is pasted."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

import numpy as np
import pytest
from napari.layers import Labels

from napari_shiftseg.gui.mend.handover import mend_command
from napari_shiftseg.gui.parts.belonging import METADATA_KEY
from napari_shiftseg.gui.parts.recipes import file_of
from napari_shiftseg.mending.edit_lists import EditList, write_edits
from napari_shiftseg.mending.edits import Paint
from napari_shiftseg.samples.catalogue import SAMPLES

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = {"stitching": "cropped", "border": "mirror", "window": None}


def labels_of(image: str, model: str, frame=()) -> Labels:
    record = {"image": image, "model": model, "frame": frame, "settings": SETTINGS}
    return Labels(np.zeros((4, 4), dtype=int), metadata={METADATA_KEY: record})


@pytest.fixture
def saved(tmp_path, noise, model_file) -> Path:
    """An image and a file of edits in a folder whose name has a space."""
    folder = tmp_path / "my cells"
    folder.mkdir()
    np.save(folder / "cell 1.npy", noise)
    paint = Paint((0, 0), (1, 2), ((0, 2),), "new")
    edits = EditList((paint,), {"min_size": 10**6}, model_file, "cell 1")
    write_edits(folder / "my edits.json", edits)
    return folder


def test_it_runs_as_it_is(viewer, saved, shiftseg, model_file) -> None:
    (image,) = viewer.open(saved / "cell 1.npy", plugin="napari")
    image.name = "cell 1"
    labels = labels_of("cell 1", model_file)
    command = mend_command(viewer, labels, saved / "my edits.json")
    words = shlex.split(command)
    assert words[:2] == ["shiftseg", "mend"]
    ran = shiftseg(*words[1:], "--device", "cpu", "--json")
    assert (ran.status, json.loads(ran.stdout)["objects"]) == (0, 1)
    assert (saved / "my edits_mended" / "cell 1_labels.tif").is_file()


def test_an_image_without_a_file_has_a_place_kept(viewer, noise, tmp_path) -> None:
    viewer.add_image(noise, name="noise")
    edits = tmp_path / "e.json"
    for image, frame in (("noise", ()), ("gone", ()), ("noise", (2,))):
        labels = labels_of(image, "nuclei", frame)
        words = shlex.split(mend_command(viewer, labels, edits))
        assert words[2:5] == ["IMAGE", "--edits", str(edits)]


@pytest.mark.parametrize(
    ("key", "name"), [("disks_13", "disks"), ("disks_15", "disks-15"),
                      ("nuclei_small", "nuclei-small"), ("nuclei", "nuclei")],
)  # fmt: skip
def test_a_sample_is_named(viewer, key, name) -> None:
    layers = viewer.open_sample("napari-shiftseg", key)
    assert file_of(layers[0]) == name
    assert name in SAMPLES
