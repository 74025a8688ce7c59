"""What was chosen last, and for which images."""

import numpy as np
import pytest

from napari_shiftseg.gui.parts.devices import Devices
from napari_shiftseg.gui.segment.last_choice import LastChoice


@pytest.fixture
def segment(viewer):
    """Open Segment as a new session would."""

    def opened():
        viewer.window.remove_dock_widget("all")
        return viewer.window.add_plugin_dock_widget("napari-shiftseg", "Segment")[1]

    return opened


def test_a_new_session_begins_with_it(viewer, segment, settings_folder):
    viewer.add_image(np.zeros((300, 300)))
    first = segment()
    first.device.take(Devices({"cuda:0": 2**31, "cpu": 2**31}))
    first.window.value = "32"
    first.stitching.value = "whole"
    first.device.list.value = "cpu"
    assert LastChoice.read() == LastChoice("", "32", "whole", "cpu")
    kept = (settings_folder / "napari-shiftseg.yaml").read_text()
    assert "tile_size: '32'" in kept
    again = segment()
    again.device.take(Devices({"cuda:0": 2**31, "cpu": 2**31}))
    assert (again.window.value, again.stitching.value) == ("32", "whole")
    assert again.device.value == "cpu"
    gone = segment()
    gone.device.take(Devices({"cuda:0": 2**31}))
    assert gone.device.value == "auto"


def test_only_a_model_that_the_user_has_chosen(viewer, segment):
    viewer.add_image(np.zeros((300, 300)))
    first = segment()
    assert LastChoice.read().model == ""
    first.model.value = "disks"  # made for samples: it would find rubbish elsewhere
    assert LastChoice.read().model == ""
    assert segment().model.value == "nuclei"


def test_a_closed_widget_keeps_nothing(viewer, segment, model_file):
    viewer.add_image(np.zeros((300, 300)))
    closed = segment()
    closed.model.open(model_file)
    viewer.window.remove_dock_widget("all")
    LastChoice().write()
    viewer.add_image(np.zeros((200, 200)), name="new")
    viewer.layers["new"].name = "renamed"
    assert LastChoice.read() == LastChoice()
    assert segment().model.value == "nuclei"
    assert closed.model.value == model_file


def test_a_model_of_the_users_own(viewer, segment, model_file):
    viewer.add_image(np.zeros((300, 300)))
    first = segment()
    first.model.open(model_file)
    first.window.value = "8"
    assert LastChoice.read() == LastChoice(model_file, "8")
    again = segment()
    assert (again.model.value, again.window.value) == (model_file, "8")
    viewer.open_sample("napari-shiftseg", "disks_13")
    assert (again.model.value, again.window.value) == ("disks", "20")


def test_what_is_tried_on_a_sample_is_not_remembered(viewer, segment):
    viewer.open_sample("napari-shiftseg", "disks_13")
    first = segment()
    first.stitching.value = "naive"
    first.window.value = "24"
    first.model.value = "disks-w16"
    assert LastChoice.read() == LastChoice()
    LastChoice("gone", "24x", "naive", "none").write()
    again = segment()
    assert (again.model.value, again.stitching.value) == ("disks", "cropped")


def test_what_no_longer_holds_is_left_out(viewer, segment):
    LastChoice("gone", "24x", "cropped", "none").write()
    viewer.add_image(np.zeros((300, 300)))
    again = segment()
    assert (again.model.value, again.window.value) == ("nuclei", "240")
    assert again.panel.button.enabled
