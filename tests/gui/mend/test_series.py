"""A series of a 2-D network: edits of a frame that is not shown, and knobs."""

from __future__ import annotations

import numpy as np
import pytest

import napari_shiftseg as shiftseg
from napari_shiftseg.gui.mend.tools import DELETE, MERGE, RIGHT
from napari_shiftseg.mending.edits import Delete, Merge
from napari_shiftseg.networks.unet import load_unet

BANDWIDTH, OTHER = 0.02, 0.012

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def series(noise):
    return np.stack([noise, noise[::-1, ::-1]])


@pytest.fixture
def film(segmented, series):
    """The labels of two frames."""
    return segmented(series, "film")


@pytest.fixture
def mend(viewer, film, mend, settled):
    """The Mend widget on two frames, the first of which is shown."""
    viewer.dims.set_current_step(0, 0)
    settled(mend)
    return mend


def fresh(series, model_file, bandwidth):
    model = load_unet(model_file)
    return shiftseg.segment(series, model, bandwidth=bandwidth, device="cpu").labels


def inside(layer, frame, number):
    at = np.argwhere(layer.data[frame] == number)[0]
    return (frame, *(int(x) for x in at))


@pytest.mark.parametrize("shown", [0, 1])
def test_the_frame_in_view_is_clustered_first(
    viewer, mend, series, model_file, settled, order, shown
) -> None:
    viewer.dims.set_current_step(0, shown)
    mend._watch.settled.flush()  # the slider stands still
    settled(mend)
    order.clear()
    mend.knobs.bandwidth.value = OTHER
    settled(mend)
    assert order[:2] == [(shown,), (1 - shown,)]  # then those whose numbers are others
    expected = fresh(series, model_file, OTHER)
    np.testing.assert_array_equal(mend.result.value.data, expected)
    assert not np.array_equal(expected, fresh(series, model_file, BANDWIDTH))


def test_edits_of_the_other_frame_outlast_a_knob(
    viewer, mend, series, model_file, settled
) -> None:
    labels = mend.result.value
    sizes = np.bincount(labels.data[1].ravel())[1:]
    one, two, dirt = (
        inside(labels, 1, int(number) + 1) for number in sizes.argsort()[::-1][:3]
    )
    viewer.dims.set_current_step(0, 1)
    for tool, pixels in ((MERGE, (one, two)), (DELETE, (dirt,))):
        mend.tools.press(tool)
        for pixel in pixels:
            mend.actions.click(pixel, ())
        settled(mend)
    points = one[1:], two[1:]
    edits = (Merge(points, (1,)), Delete((dirt[1:],), (1,)))
    assert mend.steering.history.edits == edits
    np.testing.assert_array_equal(
        labels.data[0], fresh(series, model_file, BANDWIDTH)[0]
    )
    viewer.dims.set_current_step(0, 0)
    mend.knobs.bandwidth.value = OTHER
    settled(mend)
    turned = fresh(series, model_file, OTHER)
    np.testing.assert_array_equal(labels.data[0], turned[0])
    assert labels.data[one] == labels.data[two] != 0
    assert turned[one] != turned[two]
    assert labels.data[dirt] == 0 != turned[dirt]
    assert mend.steering.history.edits == edits


@pytest.mark.usefixtures("window")
def test_what_is_learnt_is_told_by_frames(viewer, mend, settled) -> None:
    labels = mend.result.value
    mend.tools.press(RIGHT)
    number = int(labels.data[1].max())
    mend.actions.click(inside(labels, 1, number), ())
    mend.teach.changed.emit(True)
    settled(mend)
    known = viewer.layers["corrections · film"].data
    assert set(np.unique(known[0])) == {-1}
    right = labels.data[1] == number
    np.testing.assert_array_equal(known[1] == number, right)
    docks = viewer.window.dock_widgets
    train = next(w for name, w in docks.items() if name.startswith("Train"))
    train.form.depth.value = 2
    said = "1 object mended or marked right in 1 of 2 frames."
    assert said in train.note.text.value
