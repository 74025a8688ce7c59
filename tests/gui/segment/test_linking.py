"""The box that links the planes of a stack: when it is seen, what it asks for."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from napari_shiftseg.gui.parts.belonging import METADATA_KEY
from napari_shiftseg.gui.parts.source import LayerSource
from napari_shiftseg.gui.parts.viewer import IN_VIEW

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def stack(noise):
    return np.stack([noise, noise, noise[::-1]])


def is_seen(widget) -> bool:
    return widget.form.linking.native.isVisibleTo(widget.native)


def asked(widget):
    return widget.form.settings("cpu").link_planes


def test_it_is_seen_for_a_stack_alone(viewer, widget, noise, stack) -> None:
    viewer.add_image(noise)
    assert not is_seen(widget)
    assert asked(widget) is None
    viewer.add_image(stack)
    assert is_seen(widget)
    assert widget.form.linking.box.value
    assert asked(widget) is None  # as is usual
    viewer.add_image(stack[:1])
    assert not is_seen(widget)
    widget.image.value = viewer.layers[1]
    widget.advanced.region.value = IN_VIEW
    assert not is_seen(widget)


@pytest.mark.parametrize(
    ("labels", "usual", "text"),
    [
        (None, True, "Link planes"),
        (("z", "y", "x"), True, "Link planes"),
        (("t", "y", "x"), False, "Link frames"),
        (("Time", "y", "x"), False, "Link frames"),
    ],
)
def test_the_axis_says_what_is_usual(
    viewer, widget, stack, labels, usual, text
) -> None:
    viewer.add_image(stack, axis_labels=labels)
    box = widget.form.linking.box
    assert (box.value, box.text) == (usual, text)
    box.value = not usual
    widget.window.value = "8"  # another control: the choice stays
    assert asked(widget) is (not usual)
    assert widget.form.linking.threshold.enabled is (not usual)
    box.value = usual
    assert asked(widget) is None


def test_a_file_says_what_its_axis_is(viewer, widget, stack, tmp_path) -> None:
    for axes in ("TYX", "ZYX"):
        path = tmp_path / f"{axes}.tif"
        tifffile.imwrite(path, stack, imagej=True, metadata={"axes": axes})
        (layer,) = viewer.open(str(path), plugin="napari")
        assert LayerSource.of(layer).names == tuple(axes.lower())
        assert widget.form.linking.box.value is (axes == "ZYX")


def test_a_run_and_the_run_again(viewer, widget, stack, run) -> None:
    viewer.add_image(stack, name="stack")
    widget.form.linking.threshold.value = 0.4
    run(widget)
    linked = viewer.layers[-1]
    record = linked.metadata[METADATA_KEY]["settings"]
    assert (record["link_planes"], record["link_threshold"]) == (None, 0.4)
    assert "linked from" in widget.panel.result.value
    np.testing.assert_array_equal(linked.data[0], linked.data[1])
    widget.form.linking.box.value = False
    run(widget)
    apart = viewer.layers[-1].data
    assert not set(np.unique(apart[0])) & set(np.unique(apart[1])) - {0}
    viewer.layers.selection.active = linked
    widget.again.changed.emit(True)
    assert widget.form.linking.box.value
    assert widget.form.linking.threshold.value == 0.4
