"""Edits and marks outlast the deletion of labels, and the closing of docks."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.gui.mend import saving as saving_module
from napari_shiftseg.gui.mend.layers import RightMarks
from napari_shiftseg.gui.mend.saving import _check_clustering
from napari_shiftseg.gui.mend.tools import ASK, DELETE, RIGHT
from napari_shiftseg.gui.mend.widget import MendWidget
from napari_shiftseg.gui.parts.records import KEPT
from napari_shiftseg.mending.edit_lists import EditList

pytestmark = pytest.mark.usefixtures("one_thread")


def inside(layer, number):
    return tuple(int(x) for x in np.argwhere(layer.data == number)[0])


@pytest.fixture
def edited(steered, result, settled):
    """Two objects are deleted."""
    steered.tools.press(DELETE)
    for number in (1, 2):
        steered.actions.click(inside(result, number), ())
        settled(steered)
    return steered


def test_deleted_labels_come_back(
    viewer, edited, result, settled, qtbot, noise
) -> None:
    viewer.add_image(noise, name="on top")
    edited.tools.press(RIGHT)
    edited.actions.click(inside(result, 4), ())
    edited.tools.press(ASK)
    edited.actions.click(inside(result, 5), ())  # a cross, till the tool is laid down
    edited.actions.hover(inside(result, 5))
    names = [f"{of} · {result.name}" for of in ("marked right", "clicked", "distance")]
    qtbot.waitUntil(
        lambda: all(name in viewer.layers for name in names), timeout=60_000
    )
    edits, data = edited.steering.history.edits, result.data.copy()
    viewer.layers.remove(result)
    assert not edited.deleted.native.isHidden()
    assert edited.deleted.text.value == (
        f"“{result.name}” was deleted with 2 unsaved edits."
    )
    assert edited.steering is None
    qtbot.waitUntil(
        lambda: not any(name in viewer.layers for name in names), timeout=60_000
    )
    edited.deleted.back.changed.emit(True)
    assert edited.deleted.native.isHidden()
    order = [layer.name for layer in viewer.layers]
    assert order.index(result.name) == order.index("on top") - 1
    assert edited.result.value is result
    settled(edited)
    assert edited.steering.layer is result
    assert edited.steering.history.edits == edits
    np.testing.assert_array_equal(result.data, data)
    assert edited.files.number_unsaved == 2
    assert RightMarks.of(result).number == 1
    assert names[0] in viewer.layers


def test_without_unsaved_edits_nothing_is_offered(viewer, edited, result) -> None:
    edited.steering.history.store.mark_saved()
    viewer.layers.remove(result)
    assert edited.deleted.native.isHidden()
    assert edited.deleted.take_back() == []


def test_another_deletion_does_not_end_the_offer(viewer, edited, result) -> None:
    other = type(result)(result.data.copy(), metadata=dict(result.metadata))
    viewer.add_layer(other)
    viewer.layers.remove(result)
    viewer.layers.remove(other)
    assert not edited.deleted.native.isHidden()
    edited.deleted.back.changed.emit(True)
    assert result in viewer.layers
    assert other not in viewer.layers


@pytest.mark.parametrize("saved", [False, True])
def test_edits_of_a_copy_are_saved_if_those_of_the_original_were(
    viewer, edited, result, settled, monkeypatch, tmp_path, saved
) -> None:
    if saved:
        chosen = lambda *_, **__: tmp_path / "edits.json"  # noqa: E731
        monkeypatch.setattr(saving_module, "show_file_dialog", chosen)
        assert edited.files.save(result)
    copy = type(result)(result.data.copy(), metadata=result.metadata, name="copy")
    viewer.add_layer(copy)
    KEPT.keep(copy, edited.steering.kept)
    edited.result.value = copy
    settled(edited)
    assert len(edited.steering.history.edits) == 2
    assert edited.files.unsaved == ([] if saved else [result, copy])


def test_what_was_let_go_is_not_held(viewer, edited, result) -> None:
    viewer.layers.remove(result)
    edited.deleted.let_go.changed.emit(True)
    assert edited.deleted.native.isHidden()
    edited.deleted.back.changed.emit(True)
    assert result not in viewer.layers


@pytest.mark.usefixtures("window")
def test_the_offer_ends_with_the_widget(viewer, edited, result) -> None:
    viewer.layers.remove(result)
    viewer.window.remove_dock_widget(edited.native.parent())
    assert edited.deleted.take_back() == []


def test_only_what_is_not_saved_counts(edited, result, settled) -> None:
    edited.steering.history.store.mark_saved()
    edited.actions.click(inside(result, 5), ())
    settled(edited)
    assert edited.files.number_unsaved == 1
    edited.steering.use(edited.steering.history.edits[:1])
    settled(edited)
    assert edited.files.number_unsaved == 1  # one of the two that were saved is out


@pytest.mark.usefixtures("window")
def test_closing_asks_when_the_dock_is_closed(
    viewer, edited, result, asked, qtbot
) -> None:
    window = edited.native.window()
    viewer.window.remove_dock_widget(edited.native.parent())
    qtbot.waitUntil(lambda: edited._has_left, timeout=60_000)
    window.close()
    assert asked == [f"2 unsaved edits of “{result.name}”. Save before closing?"]


@pytest.mark.usefixtures("window")
def test_closing_asks_once_for_two_docks(viewer, edited, asked, qtbot) -> None:
    window = edited.native.window()
    again = MendWidget(viewer)
    viewer.window.add_dock_widget(again)
    qtbot.wait(50)
    window.close()
    assert len(asked) == 1


@pytest.mark.usefixtures("window")
def test_closing_does_not_ask_for_labels_that_are_gone(
    viewer, edited, result, asked, qtbot
) -> None:
    window = edited.native.window()
    viewer.layers.remove(result)
    qtbot.wait(100)
    window.close()
    assert asked == []


@pytest.mark.usefixtures("window")
def test_marks_are_there_when_the_widget_is_opened_again(
    viewer, steered, result, settled, qtbot
) -> None:
    steered.tools.press(RIGHT)
    steered.actions.click(inside(result, 2), ())
    name = f"marked right · {result.name}"
    shown = viewer.layers[name].data.copy()
    viewer.window.remove_dock_widget(steered.native.parent())
    qtbot.waitUntil(lambda: name not in viewer.layers, timeout=60_000)
    _, again = viewer.window.add_plugin_dock_widget("napari-shiftseg", "Mend")
    settled(again)
    np.testing.assert_array_equal(viewer.layers[name].data, shown)
    assert again.find.enabled


def test_two_viewers_do_not_meet(
    viewer, edited, result, settled, make_napari_viewer_proxy, qtbot
) -> None:
    second = make_napari_viewer_proxy()
    before, edits = result.data.copy(), edited.steering.history.edits
    _, other = second.window.add_plugin_dock_widget("napari-shiftseg", "Mend")
    assert other.steering is None
    labels = type(result)(
        edited.steering.frame(()).objects.labels.copy(),
        name=result.name,
        metadata={"shiftseg": dict(result.metadata["shiftseg"])},
    )
    second.add_layer(labels)
    assert other.steering is None  # what the first one's run kept is not for these
    KEPT.keep(labels, edited.steering.kept)
    settled(other)
    assert edited.steering.layer is result
    assert other.steering.layer is labels
    key = next(key for key in second.keymap if str(key) == DELETE.key)
    edited.tools.press(None)
    second.keymap[key](second)
    assert (edited.tools.on, other.tools.on) == (None, DELETE)
    other.actions.click(inside(labels, 3), ())
    settled(other)
    other.knobs.min_size.value = 5
    settled(other)
    np.testing.assert_array_equal(result.data, before)
    assert edited.steering.history.edits == edits
    assert edited.steering.clustering.min_size != 5
    assert len(other.steering.history.edits) == 1
    assert edited.files.unsaved == [result]
    assert other.files.unsaved == [labels]
    second.window.remove_dock_widget(other.native.parent())
    qtbot.waitUntil(lambda: other._has_left, timeout=60_000)
    assert [key for key in viewer.keymap if str(key) == DELETE.key]
    assert edited.steering.layer is result


@pytest.mark.parametrize("kernel", ["flat", "gaussian"])
def test_edits_made_on_embeddings_of_another_kind_are_refused(kernel) -> None:
    """A model of the same name may have been trained anew, by another loss."""
    spatial = Clustering(kernel="learnt-spread", scope="component")
    kept = SimpleNamespace(clustering=spatial, has_foreground=True)
    layer = SimpleNamespace(name="labels")
    made = EditList((), {"kernel": kernel, "bandwidth": 0.5}, "nuclei", "img")
    with pytest.raises(ValueError, match=f"kernel {kernel}, which suits other"):
        _check_clustering(made, layer, kept)
    _check_clustering(replace(made, clustering={"bandwidth": 0.5}), layer, kept)
