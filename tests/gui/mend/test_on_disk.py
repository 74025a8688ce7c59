"""Labels on disk: what is in view becomes labels of its own, which are mended."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Labels

import napari_shiftseg as shiftseg
from napari_shiftseg.gui.parts import large
from napari_shiftseg.gui.parts.records import KEPT
from napari_shiftseg.metrics.label_image import same_objects
from napari_shiftseg.samples.catalogue import disks

pytestmark = pytest.mark.usefixtures("one_thread", "window")


@pytest.fixture
def stored(tmp_path, viewer):
    """Disks, and their labels in a store that is opened again."""
    image = disks((96, 104), 13, 5).image
    path = tmp_path / "disks.npy"
    np.save(path, image)
    store = tmp_path / "found.zarr"
    model = shiftseg.load_model("disks")
    shiftseg.segment_to_store(path, model, store, window=48, device="cpu")
    viewer.add_image(image, name="disks")
    (layer,) = viewer.open(store, plugin="napari-shiftseg")
    return layer


@pytest.fixture
def mend(viewer, stored, monkeypatch):
    monkeypatch.setattr(large, "AT_ONCE", 64**2)
    _, docked = viewer.window.add_plugin_dock_widget("napari-shiftseg", "Mend")
    docked.result.value = stored
    return docked


def test_the_part_in_view_is_mended(viewer, stored, mend, finish, qtbot):
    assert "on disk" in mend.state.value
    assert mend.again.button.text == "Mend what is in view"
    whole = np.asarray(stored.data)
    mend.again.button.native.click()
    assert mend.again.is_running
    finish(mend.again)

    part = mend.result.value
    assert isinstance(part.data, np.ndarray)
    top, left = np.round(part.translate).astype(int)
    height, width = part.data.shape
    assert 64 <= height <= 80  # of whole periods
    assert 64 <= width <= 80
    assert mend.part.value == (
        f"{height} × {width} pixels (rows {top}–{top + height - 1}, columns "
        f"{left}–{left + width - 1})"
    )
    assert KEPT.of(part) is not None
    assert not stored.visible
    same = same_objects(whole[top : top + height, left : left + width], part.data)
    edges = (part.data[0], part.data[-1], part.data[:, 0], part.data[:, -1])
    inside = np.setdiff1d(np.arange(1, len(same.stays)), np.concatenate(edges))
    assert len(inside) > 20
    assert same.stays[inside].mean() > 0.9  # modes are those of the part
    qtbot.waitUntil(lambda: not mend.steering.is_busy, timeout=60_000)
    assert mend.knobs.native.isEnabled()
    np.testing.assert_array_equal(np.asarray(stored.data), whole)


def test_without_its_image_it_is_said_what_to_do(viewer, stored, mend, finish):
    viewer.layers.remove("disks")
    mend.result.value = stored
    mend.again.run()
    finish(mend.again)
    assert "open the image" in mend.again.result.value
    assert [la for la in viewer.layers if isinstance(la, Labels)] == [stored]


def test_an_image_that_fits_by_its_shape_alone_is_said(viewer, stored, mend, finish):
    viewer.layers["disks"].name = "other"
    mend.again.run()
    finish(mend.again)
    assert isinstance(mend.result.value.data, np.ndarray)
    assert "The image 'other' has the same shape as" in mend.answer.value
