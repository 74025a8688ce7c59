"""Start here: each tile leads into its widget with image, model and next step."""

from __future__ import annotations

import numpy as np
import pytest

from napari_shiftseg.gui.parts.layout import found
from napari_shiftseg.gui.start.widget import FOLDER, SEAMS, SEGMENT, TRAIN


@pytest.fixture
def start(viewer):
    _, docked = viewer.window.add_plugin_dock_widget("napari-shiftseg", "Start here")
    return docked


def press(start, tile: str) -> None:
    start.tiles[tile].native.click()


def test_with_no_image_a_sample_is_opened_and_said(viewer, start) -> None:
    press(start, SEGMENT)
    segment = found(viewer, "Segment")
    assert segment.image.value.name == "nuclei"
    assert segment.model.value == "nuclei"
    assert "No image is open" in start.said.value
    assert "press Run (Ctrl+Return)" in start.said.value
    assert segment.panel.result.value == start.said.value
    assert segment.panel.button.enabled


def test_the_image_that_is_selected_is_taken(viewer, start) -> None:
    rng = np.random.default_rng(0)
    own = viewer.add_image(rng.random((60, 60)), name="own")
    viewer.add_image(rng.random((60, 60)), name="other")
    viewer.layers.selection.active = own
    press(start, SEGMENT)
    assert found(viewer, "Segment").image.value.name == "own"
    assert "sample" not in start.said.value
    press(start, SEAMS)
    assert found(viewer, "Compare").form.image.value.name == "own"
    assert len(viewer.layers) == 2


def test_a_folder_is_asked_for(viewer, start) -> None:
    press(start, FOLDER)
    batch = found(viewer, "Batch")
    assert "choose the folder, then press Run" in start.said.value
    assert batch.panel.result.value == start.said.value
    assert not viewer.layers


def test_seams_are_shown_on_disks(viewer, start) -> None:
    press(start, SEAMS)
    compare = found(viewer, "Compare")
    assert compare.form.image.value.name == "disks (period 13)"
    assert compare.form.model.value == "disks"
    assert "press Compare" in start.said.value
    assert compare.panel.result.value == start.said.value


def test_training_takes_the_labels_of_the_image(viewer, start) -> None:
    image = viewer.add_image(np.zeros((60, 60), np.float32), name="own")
    viewer.add_labels(np.ones((60, 60), int), name="Labels")
    viewer.add_labels(np.ones((30, 30), int), name="of another size")
    viewer.layers.selection.active = image
    press(start, TRAIN)
    pairs = found(viewer, "Train").form.pairs
    assert (pairs.image.value.name, pairs.truth.value.name) == ("own", "Labels")
    assert "press Train" in start.said.value


def test_training_without_labels_says_how_to_make_some(viewer, start) -> None:
    viewer.add_image(np.zeros((60, 60), np.float32), name="own")
    press(start, TRAIN)
    assert found(viewer, "Train").form.pairs.image.value.name == "own"
    assert "No labels of “own” are open" in start.said.value
    assert "Next: give the model a name" in start.said.value
    assert found(viewer, "Train").panel.result.value == start.said.value
    assert len(viewer.layers) == 1


def test_training_with_nothing_open_takes_a_sample_with_its_truth(
    viewer, start
) -> None:
    press(start, TRAIN)
    pairs = found(viewer, "Train").form.pairs
    assert pairs.image.value.name == "nuclei"
    assert pairs.truth.value.name == "nuclei · truth"
    assert "No image is open" in start.said.value


def test_a_result_leads_to_its_image(viewer, start, widget, run, noise) -> None:
    viewer.add_image(noise, name="noise")
    run(widget)
    viewer.add_image(noise, name="other")
    labels = next(la for la in viewer.layers if la.name.startswith("labels ·"))
    viewer.layers.selection.active = labels
    press(start, SEGMENT)
    assert widget.image.value.name == "noise"
