"""The button that shows an embedding in random colours, and its layer."""

import numpy as np
import pytest
from napari.layers import Labels

from napari_shiftseg.gui.parts.belonging import METADATA_KEY
from napari_shiftseg.gui.parts.records import KEPT
from napari_shiftseg.relabelling.colours import random_projection


@pytest.fixture
def segmented(viewer, widget, noise, run):
    viewer.add_image(noise, name="noise", scale=(0.5, 0.5), translate=(3, 4))
    run(widget)
    return widget


@pytest.fixture
def press(qtbot):
    """Press the button and wait until its layer shows this projection."""

    def press_and_wait(widget, viewer, number):
        widget.colours.native.click()
        qtbot.waitUntil(
            lambda: any(f"random colours {number} " in la.name for la in viewer.layers),
            timeout=30_000,
        )
        (layer,) = [la for la in viewer.layers if "random colours" in la.name]
        return layer

    return press_and_wait


def result_of(viewer):
    return next(la for la in viewer.layers if isinstance(la, Labels))


def test_before_a_run_there_is_no_button(viewer, widget, noise):
    viewer.add_image(noise)
    assert not widget.colours.visible


def test_each_press_shows_another_projection(viewer, segmented, press):
    labels = result_of(viewer)
    assert segmented.colours.native.isVisibleTo(segmented.native)

    layer = press(segmented, viewer, 1)

    embeddings = KEPT.of(labels).embeddings
    np.testing.assert_array_equal(layer.data, random_projection(embeddings, 0))
    assert layer.rgb
    np.testing.assert_array_equal(layer.scale, labels.scale)
    np.testing.assert_array_equal(layer.translate, labels.translate)
    assert layer.name == "random colours 1 · small · noise · 4"
    layer.visible = False

    assert press(segmented, viewer, 2) is layer
    assert layer.visible
    np.testing.assert_array_equal(layer.data, random_projection(embeddings, 1))
    assert layer.metadata[METADATA_KEY] == labels.metadata[METADATA_KEY]


def test_a_layer_that_was_removed_is_made_anew(viewer, segmented, press):
    viewer.layers.remove(press(segmented, viewer, 1))
    assert press(segmented, viewer, 1) in viewer.layers


def test_the_selected_run_is_shown(viewer, segmented, press, run):
    earlier = result_of(viewer)
    segmented.window.value = "8"
    run(segmented)
    viewer.layers.selection.active = earlier

    assert press(segmented, viewer, 1).name.endswith("· 4")


def test_without_the_labels_there_is_nothing_to_show(viewer, segmented):
    viewer.layers.remove(result_of(viewer))
    assert not segmented.colours.visible


def test_embeddings_that_were_given_up_are_said(viewer, segmented, qtbot):
    KEPT.of(result_of(viewer)).close()
    segmented.colours.native.click()
    qtbot.waitUntil(lambda: "given up" in segmented.panel.result.value)
