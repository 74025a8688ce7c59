"""Which image, model and true labels are chosen, and whose choice it is."""

import gc

import numpy as np
import pytest
from napari.layers import Image, Labels

from napari_shiftseg.gui.parts.choices import likely_truth
from napari_shiftseg.gui.parts.models import METADATA_MODELS
from napari_shiftseg.samples.catalogue import SAMPLES


class Unread(np.memmap):
    """A mapped file that must not be read."""

    def any(self, *_, **__):
        raise AssertionError("the whole file was read")


@pytest.fixture
def image():
    return Image(np.zeros((4, 5)), name="cells")


def labels(name, data=None):
    drawn = np.ones((4, 5), int) if data is None else data
    return Labels(drawn, name=name)


@pytest.mark.parametrize(
    "name", ["truth", "Ground truth", "cells_label", "labels 2", "GT", "cells mask"]
)
def test_names_that_say_so(image, name):
    layer = labels(name)
    assert likely_truth(image, [None, layer]) is layer


@pytest.mark.parametrize("name", ["unlabelled", "unmasked", "weighted", "cells"])
def test_names_that_do_not(image, name):
    assert likely_truth(image, [labels(name)]) is None


def test_nothing_is_drawn_yet(image):
    assert likely_truth(image, [labels("truth", np.zeros((4, 5), int))]) is None


@pytest.mark.parametrize("name", ["truth", "cells"])
def test_a_mapped_file_is_not_read(image, tmp_path, name):
    data = Unread(tmp_path / "labels.raw", dtype=np.int32, mode="w+", shape=(4, 5))
    layer = labels(name)
    layer.__dict__["_data"] = data
    assert layer.data is data
    found = likely_truth(image, [layer])
    assert found is (layer if name == "truth" else None)


# ------------------------------------------------------------------ image


@pytest.fixture
def add(viewer):
    """Add an image of this name."""
    return lambda name: viewer.add_image(np.zeros((30, 30)), name=name)


def test_a_new_image_is_chosen_until_the_user_chooses(viewer, widget, add):
    add("first")
    add("second")
    assert widget.image.value.name == "second"
    viewer.add_labels(np.ones((30, 30), int))
    assert widget.image.value.name == "second"
    widget.image.value = viewer.layers["first"]
    add("third")
    assert widget.image.value.name == "first"
    viewer.layers.remove("first")
    add("last")
    assert widget.image.value.name == "last"


def test_choosing_what_is_chosen_is_a_choice(widget, add):
    add("first")
    widget.image.native.activated.emit(0)
    add("second")
    assert widget.image.value.name == "first"


def test_an_image_opened_during_a_run_is_not_chosen(widget, add, qtbot):
    add("first")
    widget.panel.button.native.click()
    assert widget.panel.is_running
    add("second")
    assert widget.image.value.name == "first"
    qtbot.waitUntil(lambda: not widget.panel.is_running, timeout=60_000)
    assert widget.image.value.name == "first"
    assert "object" in widget.panel.result.value
    add("third")
    assert widget.image.value.name == "third"


# ------------------------------------------------------------------ model


@pytest.fixture
def choices(viewer):
    """The choices of a model in Segment, Compare and Inspect."""
    docks = [
        viewer.window.add_plugin_dock_widget("napari-shiftseg", name)[1]
        for name in ("Segment", "Compare stitching", "Inspect model")
    ]
    listed = [docks[0].model, docks[1].form.model, docks[2].model]
    yield listed
    listed.clear()
    del docks
    viewer.window.remove_dock_widget("all")
    gc.collect()  # no canvas may outlive its viewer


def values(choices):
    return [choice.value for choice in choices]


def test_a_sample_brings_its_model(viewer, choices):
    assert values(choices) == ["nuclei"] * 3
    viewer.open_sample("napari-shiftseg", "disks_15")
    assert values(choices) == ["figure-2b"] * 3
    assert all(choice.config.name != "nuclei" for choice in choices)
    viewer.layers.clear()
    viewer.add_image(np.zeros((30, 30)))
    assert values(choices) == ["nuclei"] * 3
    assert all(choice.config.name == "nuclei" for choice in choices)


def test_a_samples_model_goes_with_it_also_where_it_was_chosen(viewer, choices):
    viewer.open_sample("napari-shiftseg", "disks_13")
    choices[0].value = "disks"
    choices[1].value = "disks-w16"  # none of the sample's
    viewer.layers.clear()
    viewer.add_image(np.zeros((30, 30)))
    assert values(choices) == ["nuclei", "disks-w16", "nuclei"]


VOLUME = np.zeros((8, 30, 30))


@pytest.mark.parametrize(
    ("shape", "named", "model"),
    [
        ((8, 30, 30), {"axis_labels": ("z", "y", "x")}, "nuclei-3d"),
        ((8, 30, 30), {}, "nuclei-3d"),
        ((8, 30, 30), {"axis_labels": ("t", "y", "x")}, "nuclei"),
        ((1, 30, 30), {"axis_labels": ("z", "y", "x")}, "nuclei"),
        ((3, 30, 30), {}, "nuclei"),  # may be channels
        ((30, 30, 3), {"rgb": True}, "nuclei"),
        ((8, 30, 30, 3), {"rgb": True}, "nuclei"),
        ((2, 8, 30, 30), {"axis_labels": ("t", "z", "y", "x")}, "nuclei-3d"),
    ],
)
def test_a_volume_is_offered_the_model_of_volumes(viewer, choices, shape, named, model):
    viewer.add_image(np.zeros(shape, np.uint8), **named)
    assert values(choices) == [model] * 3
    is_said = "for a volume (z, y, x), so nuclei-3d was chosen" in choices[0].note
    assert is_said == (model == "nuclei-3d")
    viewer.layers.clear()
    viewer.add_image(np.zeros((30, 30)))
    assert values(choices) == ["nuclei"] * 3


def test_a_model_that_was_chosen_stays_for_a_volume(viewer, choices):
    viewer.add_image(np.zeros((30, 30)))
    choices[0].value = "nuclei"
    viewer.layers.clear()
    viewer.add_image(VOLUME)
    assert values(choices) == ["nuclei", "nuclei-3d", "nuclei-3d"]
    assert choices[0].note == ""


def test_a_model_of_an_earlier_session_stays_for_a_volume(viewer, choices):
    choices[0].usual = "disks-w16"
    viewer.add_image(VOLUME)
    assert values(choices) == ["disks-w16", "nuclei-3d", "nuclei-3d"]


def test_a_model_of_samples_is_warned_of_on_other_images(viewer, widget):
    viewer.open_sample("napari-shiftseg", "disks_13")
    widget.model.value = "disks"
    assert "synthetic" not in widget.note.text.value
    viewer.layers.clear()
    viewer.add_image(np.zeros((30, 30)))
    widget.model.value = "disks"
    assert (
        "The model disks was trained on synthetic images only" in widget.note.text.value
    )
    widget.model.value = "nuclei"
    assert "synthetic" not in widget.note.text.value


def test_a_model_that_was_chosen_stays(viewer, choices):
    choices[0].value = "disks"
    choices[1].value = "nuclei"  # as it was
    choices[2].list.native.activated.emit(0)
    chosen = values(choices)
    viewer.open_sample("napari-shiftseg", "disks_15")
    assert values(choices) == chosen == ["disks", "nuclei", "nuclei"]


def test_docks_opened_after_the_sample_have_its_model(viewer):
    viewer.open_sample("napari-shiftseg", "nuclei")
    _, segment = viewer.window.add_plugin_dock_widget("napari-shiftseg", "Segment")
    assert segment.model.value == "nuclei"
    segment.model.value = "disks"
    segment.model.info_button.native.click()
    (inspect,) = (
        docked
        for name, docked in viewer.window.dock_widgets.items()
        if name.startswith("Inspect")
    )
    assert inspect.model.value == "disks"


def test_a_model_that_is_not_listed_is_not_chosen(viewer, choices):
    named = {METADATA_MODELS: ["gone", "nuclei"]}
    viewer.add_image(np.zeros((30, 30)), metadata=named)
    assert values(choices) == ["nuclei"] * 3


def test_every_sample_names_a_model():
    assert all(entry.models for entry in SAMPLES.values())
