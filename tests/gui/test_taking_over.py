"""Compare and Inspect begin with what Segment has, and follow its runs."""

import gc

import numpy as np
import pytest


@pytest.fixture
def dock(viewer):
    """Open a widget of ours; all of them are closed at the end."""
    yield lambda name: viewer.window.add_plugin_dock_widget("napari-shiftseg", name)[1]
    viewer.window.remove_dock_widget("all")
    gc.collect()  # no canvas may outlive its viewer


def test_what_segment_has(viewer, widget, noise, dock, model_file):
    first = viewer.add_image(noise, name="first")
    viewer.add_image(noise, name="second")
    widget.image.value = first
    widget.window.value = "10"
    widget.advanced.bandwidth.value = 0.3
    form, inspect = dock("Compare stitching").form, dock("Inspect model")
    assert form.image.value is inspect.image.value is widget.image.value
    assert form.model.value == inspect.model.value == model_file
    assert form.window.value == "10"
    settings = form.task().settings
    assert settings.bandwidth == pytest.approx(0.3)
    assert (settings.min_size, settings.kernel) == (None, None)  # the model's own
    assert form.settings_note == "As in Segment: bandwidth 0.3."
    form.model.value = "nuclei"
    assert form.task().settings.bandwidth is None
    del form, inspect


def test_runs_are_followed_but_for_the_users_own_choice(
    viewer, widget, noise, dock, run
):
    form, inspect = dock("Compare stitching").form, dock("Inspect model")
    viewer.add_image(noise, name="first")
    widget.image.value = viewer.add_image(noise, name="second")
    form.window.value = "12"
    inspect.image.native.activated.emit(0)  # the first, as it was
    run(widget)
    assert form.image.value.name == "second"
    assert form.window.value == "12"
    assert inspect.image.value.name == "first"
    del form, inspect


def test_the_selected_image_counts_more_than_what_segment_took_by_itself(
    viewer, widget, noise, dock
):
    viewer.add_image(noise, name="first")
    viewer.add_image(np.zeros((30, 30)), name="second")
    viewer.layers.selection = {viewer.layers["first"]}
    assert widget.image.value.name == "second"
    inspect = dock("Inspect model")
    assert inspect.image.value.name == "first"
    del inspect
