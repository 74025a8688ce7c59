"""Mending is the same on series, regions, planes, placed and duplicated results."""

from __future__ import annotations

import numpy as np
import pytest

from napari_shiftseg.gui.mend.handover import predicted_again, run_of
from napari_shiftseg.gui.mend.tools import ASK, DELETE, MERGE, RIGHT, SPLIT
from napari_shiftseg.gui.parts.records import KEPT
from napari_shiftseg.progress import exhaust

BANDWIDTH = 0.02

pytestmark = pytest.mark.usefixtures("one_thread")

PLACED = {"scale": (2, 0.5, 0.5), "translate": (1, 8, -3), "rotate": (0, 0, 20)}


@pytest.fixture
def mended(segmented, request, settled):
    """Segment an image and open the Mend widget on it."""

    def begin(image, **place):
        segmented(image, "image", BANDWIDTH, **place)
        mend = request.getfixturevalue("mend")
        settled(mend)
        return mend

    begin.settle = settled
    return begin


def inside(layer, number, frame=()):
    at = np.argwhere(layer.data[frame] == number)[0]
    return (*frame, *(int(x) for x in at))


@pytest.mark.parametrize("place", [{}, PLACED])
def test_a_frame_of_a_series(viewer, mended, noise, qtbot, place) -> None:
    mend = mended(np.stack([noise, noise[::-1], noise[:, ::-1]]), **place)
    layer = mend.result.value
    before = layer.data.copy()
    viewer.dims.set_current_step(0, 2)
    mend.tools.press(DELETE)
    at = inside(layer, int(layer.data[2].max()), (2,))
    mend.actions.click(at, ())
    mended.settle(mend)
    assert layer.data[at] == 0
    assert mend.steering.history.edits[0].frame == (2,)
    np.testing.assert_array_equal(layer.data[:2], before[:2])
    mend.knobs.min_size.value = 5
    viewer.dims.set_current_step(0, 0)
    mended.settle(mend)
    assert layer.data[at] == 0
    assert not np.array_equal(layer.data[0], before[0])
    mend.tools.press(ASK)
    mend.actions.hover(inside(layer, 1, (0,)))
    name = f"distance · {layer.name}"
    qtbot.waitUntil(lambda: name in viewer.layers, timeout=60_000)
    distances = viewer.layers[name]
    world = layer.data_to_world(inside(layer, 1, (0,)))
    own = tuple(np.round(distances.world_to_data(world)).astype(int))
    assert distances.data[own] == 0
    mend.tools.press(RIGHT)
    mend.actions.click(inside(layer, 2, (0,)), ())
    assert mend.find.enabled


def test_a_copy_of_the_labels(viewer, mended, noise, qtbot) -> None:
    mend = mended(noise)
    layer = mend.result.value
    data, state, kind = layer.as_layer_data_tuple()
    copy = type(layer).create(data.copy(), state | {"name": "copy"}, kind)
    viewer.add_layer(copy)
    mend.result.value = copy
    assert KEPT.of(copy) is None
    assert "not kept" in mend.state.value
    mend.again.run()
    mended.settle(mend)
    mend.tools.press(MERGE)
    before = layer.data.copy()
    one, two = inside(copy, 1), inside(copy, 2)
    mend.actions.draw([one, two])
    mended.settle(mend)
    assert copy.data[one] == copy.data[two]
    np.testing.assert_array_equal(layer.data, before)
    assert len(mend.steering.history.edits) == 1


def test_a_region_that_begins_elsewhere(viewer, mended, noise) -> None:
    mend = mended(np.tile(noise, (2, 2)), border="valid")
    layer, kept = mend.result.value, mend.steering.kept
    assert all(kept.offset)
    mend.tools.press(SPLIT)
    largest = int(np.bincount(layer.data.ravel())[1:].argmax()) + 1
    where = np.argwhere(layer.data == largest)
    first, last = (tuple(int(x) for x in where[i]) for i in (0, -1))
    mend.actions.click(first, ())
    mend.actions.click(last, ())
    mended.settle(mend)
    assert layer.data[first] != layer.data[last]
    (edit,) = mend.steering.history.edits
    assert edit.seeds[0][0] == tuple(np.add(first, kept.offset))


def test_one_of_several_views(viewer, mended, noise, qtbot) -> None:
    mend = mended(noise, views=4)
    layer, kept = mend.result.value, mend.steering.kept
    assert len(kept.frame().embedding) == 4 * kept.config.embedding_channels
    before = layer.data.copy()
    mend.knobs.bandwidth.value *= 0.8
    mended.settle(mend)
    assert not np.array_equal(layer.data, before)
    mend.tools.press(ASK)
    mend.actions.click(inside(layer, 1), ())
    mend.actions.click(inside(layer, 2), ())
    mended.settle(mend)
    mend.tools.press(MERGE)
    one, two = inside(layer, 1), inside(layer, 2)
    mend.actions.draw([one, two])
    mended.settle(mend)
    assert layer.data[one] == layer.data[two]
    kept.close()  # as in another session
    predicted = exhaust(predicted_again(run_of(viewer, layer)))
    assert len(predicted.frame().embedding) == 4 * predicted.config.embedding_channels


def test_an_object_of_one_pixel(viewer, mended, noise) -> None:
    mend = mended(noise)
    layer = mend.result.value
    mend.knobs.min_size.value = 0
    mended.settle(mend)
    sizes = np.bincount(layer.data.ravel())
    number = int(np.flatnonzero(sizes == 1)[0])
    at = inside(layer, number)
    mend.tools.press(SPLIT)
    mend.actions.click(at, ())
    mend.actions.click(at, ())
    mended.settle(mend)
    assert not mend.steering.history.edits
    mend.tools.press(ASK)
    mend.actions.click(at, ())
    mend.actions.click(inside(layer, 1), ())
    mended.settle(mend)
    mend.tools.press(DELETE)
    mend.actions.click(at, ())
    mended.settle(mend)
    assert layer.data[at] == 0
    layer.undo()
    assert layer.data[at] == number
