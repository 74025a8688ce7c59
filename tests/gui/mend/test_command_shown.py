"""The command that is shown after saving runs as it is pasted."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

import numpy as np
import pytest
from napari.layers import Labels

from napari_shiftseg.gui.mend.handover import (
    file_of,
    joined,
    mend_command,
    tiling_options,
)
from napari_shiftseg.gui.parts.belonging import METADATA_KEY
from napari_shiftseg.mending.edit_lists import EditList, write_edits
from napari_shiftseg.mending.edits import Paint
from napari_shiftseg.samples.catalogue import SAMPLES

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = {"stitching": "cropped", "border": "mirror", "window": None}


def labels_of(image: str, frame=(), **settings) -> Labels:
    record = {"image": image, "frame": frame, "settings": SETTINGS | settings}
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


def test_it_runs_as_it_is(viewer, saved, shiftseg) -> None:
    (image,) = viewer.open(saved / "cell 1.npy", plugin="napari")
    image.name = "cell 1"
    command = mend_command(viewer, labels_of("cell 1"), saved / "my edits.json")
    words = shlex.split(command)
    assert words[:2] == ["shiftseg", "mend"]
    ran = shiftseg(*words[1:], "--device", "cpu", "--json")
    assert (ran.status, json.loads(ran.stdout)["objects"]) == (0, 1)
    assert (saved / "my edits_mended" / "cell 1_labels.tif").is_file()


def test_an_image_without_a_file_has_a_place_kept(viewer, noise, tmp_path) -> None:
    viewer.add_image(noise, name="noise")
    edits = tmp_path / "e.json"
    for labels in (labels_of("noise"), labels_of("gone"), labels_of("noise", (2,))):
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


@pytest.mark.parametrize(
    ("chosen", "options"),
    [
        ({}, []),
        ({"window": 20}, []),
        (
            {"stitching": "naive", "window": 20},
            ["--stitching", "naive", "--window", "20"],
        ),
        (
            {"stitching": "naive", "window": (24, 96)},
            ["--stitching", "naive", "--window", "24x96"],
        ),
        ({"border": "valid"}, ["--border", "valid"]),
        ({"views": 1}, []),
        ({"views": 8}, ["--views", "8"]),
        ({"stitching": "whole"}, []),
    ],
)
def test_options_without_which_labels_are_others(chosen, options) -> None:
    assert tiling_options(SETTINGS | chosen) == options


def test_quotes_where_they_are_needed() -> None:
    words = ["shiftseg", "/a b/it's.json", "plain"]
    assert shlex.split(joined(words)) == words
    assert joined(["a b", "c"]) == "'a b' c"
