"""What the Compare widget says of its settings, and of results of earlier ones."""

from __future__ import annotations

from time import sleep

import numpy as np

from napari_shiftseg.geometry.advice import advise
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.geometry.unet_shape import AxisShape, UNetShape
from napari_shiftseg.gui.compare import run as comparison_run
from napari_shiftseg.gui.compare.view import CROPPED, WHOLE, ComparisonView
from napari_shiftseg.gui.compare.widget import _about_seams
from napari_shiftseg.gui.parts import result_layers as grid
from napari_shiftseg.gui.parts.viewer import IN_VIEW
from napari_shiftseg.gui.parts.window_advice import SizeAdvice

SHAPE = UNetShape((AxisShape((2, 2)),) * 2, (2, 4, 8))  # p = 4


def captions(widget):
    return [b.text for b in widget.note.buttons if b.native.isVisibleTo(widget.native)]


def is_outdated(widget):
    view = widget.view
    said = view.outdated.native.isVisibleTo(widget.native)
    grey = ["gray" in pane.title.styleSheet() for pane in view.canvases.panes]
    colour = view.table.item(2, 0).foreground().color().name()
    assert grey == [said, said]
    assert (colour == "#808080") == said
    return said


# ------------------------------------------------------------------ tile sizes


def test_the_buttons_are_those_of_segment(viewer, compare, widget, noise, qtbot):
    viewer.add_image(noise)
    widget.stitching.value = "naive"
    compare.form.window.value = widget.window.value = "6"
    for each, devices in ((widget, widget.device), (compare, compare)):
        qtbot.waitUntil(lambda: bool(devices._devices), timeout=60_000)  # noqa: B023
        each.note.buttons[1].native.click()
    assert compare.form.window.value == widget.window.value == "8"
    compare.form.window.value = widget.window.value = "6"
    assert captions(compare) == captions(widget)
    assert captions(compare)[:2] == ["Use 4", "Use 8"]
    assert captions(compare)[2].startswith("Cheapest: ")


def test_where_there_are_no_seams_a_button_shows_some(viewer, compare, noise):
    viewer.add_image(noise)
    for window in ("8", "100"):
        compare.form.window.value = window
        assert captions(compare)[0] == "See seams: 6", window
        compare.note.buttons[0].native.click()
        assert "expect seams at every tile border" in compare.note.text.value, window


def test_a_size_that_was_typed_outlasts_the_model(compare, widget, model_file):
    compare.form.model.value = "disks"
    assert compare.form.window.value == "20"  # untouched: the model's own
    for each, model in ((compare.form, compare.form.model), (widget, widget.model)):
        each.window.value = "12"
        model.value = "disks-w16"
        assert each.window.value == "12"
        model.value = model_file
        assert each.window.value == "12"


def test_an_invalid_size_leaves_the_sweep(viewer, compare, noise):
    viewer.add_image(noise)
    compare.form.window.value = "twenty"
    assert not compare.panel.button.enabled
    assert compare.sweep.panel.button.enabled
    viewer.layers.clear()
    assert not compare.sweep.panel.button.enabled


# ------------------------------------------------------------------ the note


def test_the_note_tells_the_cost(viewer, compare, noise):
    viewer.add_image(noise)  # 40 × 50: 7 × 9 tiles of 6, 10 × 13 of 4
    assert "naive + cropped: 63 + 130 tiles; " in compare.note.text.value


def test_a_great_many_tiles_warn(viewer, compare, qtbot):
    viewer.add_image(np.zeros((150, 150), np.float32))
    qtbot.waitUntil(lambda: bool(compare._devices), timeout=60_000)
    assert "roughly" not in compare.note.text.value
    compare.form.window.value = "1"
    assert "23,944 tiles take roughly 24 s on" in compare.note.text.value
    assert "/* warning */" in compare.note.text.native.styleSheet()


def test_colours_are_read_as_grey(viewer, compare, noise):
    viewer.add_image(noise)
    assert "grey" not in compare.note.text.value
    compare.form.image.value = viewer.add_image(
        np.stack([noise] * 3, axis=-1), rgb=True, name="colour"
    )
    assert "Colours are read as grey (their luminance)." in compare.note.text.value


def test_a_grid_of_too_many_lines_is_left_out_loudly(
    viewer, compare, press, noise, monkeypatch
):
    viewer.add_image(noise)
    monkeypatch.setattr(grid, "MOST_LINES", 20)  # 18 of naive tiles, 25 of cropped
    compare.form.window.value = "7"
    assert "The tile grid is left out: 25 lines" in compare.note.text.value
    press(compare)
    left, right = compare.view.canvases.panes
    assert "tile grid" in left._layers
    assert "tile grid" not in right._layers


# ------------------------------------------------------------------ true labels


def truths(viewer, noise, *names, shape=None):
    image = viewer.add_image(noise, name="cells")
    for name in names:
        labels = np.zeros(shape or noise.shape, int)
        labels[..., 2:5, 3:6] = 1
        viewer.add_labels(labels, name=name)
    return image


def test_the_only_labels_of_the_shape_are_the_truth(viewer, compare, noise):
    for name in ("my truth", "Labels", "cells_GT", "cell mask"):
        viewer.layers.clear()
        truths(viewer, noise, name)
        assert compare.form.truth.value.name == name


def test_where_it_is_not_plain_nothing_is_chosen(viewer, compare, noise):
    for names in (["mask 1", "mask 2"], ["cells"], ["length"]):
        viewer.layers.clear()
        viewer.add_image(noise, name="other")
        truths(viewer, noise, *names[::-1])
        compare.form.truth.value = None
        compare.form.image.value = viewer.layers["cells"]
        assert compare.form.truth.value is None, names


def test_labels_of_another_shape_or_none_drawn_are_no_truth(viewer, compare, noise):
    truths(viewer, noise, "mask", shape=(9, 9))
    viewer.add_labels(np.zeros(noise.shape, int), name="Labels")  # the new-layer button
    assert compare.form.truth.value is None


def test_labels_of_another_image_do_not_stay(viewer, compare):
    viewer.open_sample("napari-shiftseg", "disks_13")
    own = compare.form.truth.value
    assert own.name == "disks (period 13) · truth"
    disks, shape = compare.form.image.value, own.data.shape
    same = viewer.add_image(np.zeros(shape), name="of the same shape")
    compare.form.image.value = same
    assert compare.form.truth.value is None
    compare.form.image.value = disks
    assert compare.form.truth.value is own
    viewer.add_labels(np.ones(shape, int), name="mine")
    compare.form.image.value = same
    compare.form.truth.value = viewer.layers[
        "mine"
    ]  # the user's choice stays where it fits
    third = viewer.add_image(np.ones(shape), name="third")
    compare.form.image.value = third
    assert compare.form.truth.value.name == "mine"
    compare.form.image.value = viewer.add_image(np.zeros((30, 30)), name="small")
    assert compare.form.truth.value is None


# ------------------------------------------------------------------ earlier settings


def a_plot_is_saved_only_when_there_is_one(compared, finish):
    view, panel = compared.view, compared.sweep.panel
    view.tabs.setCurrentWidget(compared.sweep)
    assert not view.save_button.enabled
    panel.button.native.click()
    finish(panel)
    assert view.save_button.enabled
    view.tabs.setCurrentWidget(view.table)
    assert not view.save_button.enabled
    view.tabs.setCurrentWidget(compared.sweep)


def test_a_sweep_of_earlier_settings_is_marked(viewer, compared, finish, model_file):
    sweep, form = compared.sweep, compared.form

    def is_outdated():
        said = sweep.outdated.native.isVisibleTo(sweep)
        assert [fade.isEnabled() for fade in sweep._fades] == [said] * 2
        return said

    other = viewer.add_image(np.zeros((44, 52)), name="other")
    form.image.value = other
    form.image.value = viewer.layers["disks"]
    assert not is_outdated()  # there is none
    sweep.windows.value = "4, 6"
    a_plot_is_saved_only_when_there_is_one(compared, finish)
    assert sweep.panel.result.value.startswith("disks, model small: ")
    assert not is_outdated()
    truth = form.truth.value
    for control, value in (
        (form.truth, None), (form.image, other), (form.model, "disks"),
    ):  # fmt: skip
        before, control.value = control.value, value
        assert is_outdated(), value
        control.value = before
        form.truth.value = truth
        assert not is_outdated(), value
    form.window.value = "12"  # no part of a sweep
    assert not is_outdated()
    form.image.value = other
    sweep.panel.button.native.click()
    finish(sweep.panel)
    assert not is_outdated()


def test_windows_that_were_typed_outlast_the_model(compare, model_file):
    windows = compare.sweep.windows
    assert windows.value.startswith("4, 5, 6")
    compare.form.model.value = "disks"
    assert windows.value.startswith("16, 20")  # untouched: the model's own
    windows.value = "18, 20"
    compare.form.model.value = model_file
    assert windows.value == "18, 20"


def results_of_earlier_settings_are_marked(viewer, compared, noise, model_file):
    assert not is_outdated(compared)
    form = compared.form
    other = viewer.add_image(noise, name="other")
    changes = [
        (form.window, "10"), (form.window, "x"), (form.truth, None),
        (form.image, other), (form.model, "disks"),
    ]  # fmt: skip
    for control, value in changes:
        truth, before = form.truth.value, control.value
        control.value = value
        assert is_outdated(compared), value
        control.value = before
        form.truth.value = truth
        assert not is_outdated(compared), value
    form.window.value = "6x6"  # the same, written otherwise
    assert not is_outdated(compared)


def comparing_again_unmarks(compared, press):
    compared.form.window.value = "10"
    assert is_outdated(compared)
    press(compared)
    assert not is_outdated(compared)


def test_another_frame_of_a_series_is_another_setting(
    viewer, compare, press, rng, qtbot
):
    viewer.add_image(rng.random((3, 30, 34)).astype(np.float32), name="series")
    viewer.dims.set_current_step(0, 1)
    press(compare)
    assert not is_outdated(compare)
    viewer.dims.set_current_step(0, 2)
    qtbot.waitUntil(lambda: is_outdated(compare), timeout=60_000)
    viewer.dims.set_current_step(0, 1)
    qtbot.waitUntil(lambda: not is_outdated(compare), timeout=60_000)


# ------------------------------------------------------------------ buttons


def test_a_double_click_begins_one_run_and_a_late_cancel_none(
    viewer, compare, finish, noise, qapp
):
    viewer.add_image(noise)
    qapp.setDoubleClickInterval(5_000)
    compare.panel.button.native.click()
    compare.panel.button.native.click()
    assert compare.panel.button.text == "Cancel"
    finish(compare.panel)
    assert "Cancelled" not in compare.panel.result.value
    assert compare.view.compared is not None
    compare.panel.button.native.click()  # on Cancel, but the run has just ended
    assert not compare.panel.is_running
    qapp.setDoubleClickInterval(0)
    compare.panel.button.native.click()  # a press of its own
    assert compare.panel.is_running
    finish(compare.panel)


def what_is_not_in_view_is_said_once(compared, monkeypatch):
    from napari.utils.notifications import notification_manager

    def nowhere(*_):
        raise ValueError("nothing that was compared is in view: move it into view")

    monkeypatch.setattr(ComparisonView, "region_in_view", nowhere)
    before = len(notification_manager.records)
    compared.view.right.value = WHOLE
    assert "is in view" in compared.panel.result.value
    assert len(notification_manager.records) == before
    assert compared.view.right.value == CROPPED


def a_report_can_be_cancelled(compared, finish, tmp_path, monkeypatch):
    steps = comparison_run.report_run

    def cancelled_at_the_second_picture(*arguments):
        for progress in (running := steps(*arguments)):
            yield progress
            if progress.done == 2:
                while compared.panel._job is None:  # this thread is ahead
                    sleep(0.001)
                compared.panel._job.cancel()
        running.close()

    from napari_shiftseg.gui.compare import widget as compare_widget

    monkeypatch.setattr(compare_widget, "report_run", cancelled_at_the_second_picture)
    compared.write_report(tmp_path)
    finish(compared.panel)
    said = compared.panel.result.value
    assert said.endswith("\nCancelled: no report was written.")
    assert said.startswith(compared.view.compared.task.name)  # the verdict stays
    assert list(tmp_path.iterdir()) == []


def a_report_shows_the_image_that_was_compared(viewer, compared, finish, tmp_path):
    from skimage.io import imread

    image = compared.form.image.value
    before = image.data.copy()
    image.data[:] = 0
    compared.write_report(tmp_path)
    finish(compared.panel)
    shown = imread(tmp_path / "image.png").astype(float)
    assert np.corrcoef(shown.ravel(), before.ravel())[0, 1] > 0.99


# ------------------------------------------------------------------ layers


def the_legend_gives_the_range_of_the_difference(compared):
    switches = compared.view.switches
    naive, cropped = (
        side.result.embeddings
        for side in (
            compared.view.compared.comparison.naive,
            compared.view.compared.comparison.cropped,
        )
    )
    farthest = np.sqrt(((naive - cropped) ** 2).sum(axis=0)).max()
    assert not switches.legend.visible
    switches.boxes["difference"].value = True
    assert f"difference: 0 to {farthest:.3g}" in switches.legend.value
    assert "whole" not in switches.legend.value
    switches.explain(compared.view.compared.common, whole_on_the_right=True)
    assert "of naive and whole embedding on the right" in switches.legend.value
    assert f"0 to {farthest:.3g}" in switches.boxes["difference"].tooltip
    for pane in compared.view.canvases.panes:
        layer = pane.layer("difference")
        assert layer.blending == "additive"
        assert layer.colorbar.visible
        np.testing.assert_allclose(layer.contrast_limits, (0, farthest), rtol=1e-6)
    switches.boxes["difference"].value = False
    assert switches.legend.value == ""


def labels_painted_later_are_not_those_that_were_compared(viewer, compared):
    before = compared.view.compared.truth.copy()
    viewer.layers["disks · truth"].data[...] = 0
    assert before.any()
    np.testing.assert_array_equal(compared.view.compared.truth, before)


def the_table_asks_for_the_room_of_all_rows(compared):
    table = compared.view.table
    rows = sum(table.rowHeight(row) for row in range(table.rowCount()))
    header = table.horizontalHeader().sizeHint().height()
    assert rows + header <= table.sizeHint().height() < 260


def a_part_shown_whole_has_a_border(compared, finish, monkeypatch):
    region = (4, 20), (8, 32)  # on the grid of periods
    monkeypatch.setattr(ComparisonView, "region_in_view", lambda *_: region)
    compared.view.right.value = WHOLE
    finish(compared.panel)
    left, right = compared.view.canvases.panes
    assert right.title.text() == "whole: rows 4–19, columns 8–31"
    assert {*map(tuple, right.layer("region").data[:, 0])} == {
        (row - 0.5, column - 0.5) for row in region[0] for column in region[1]
    }
    assert "region" not in left._layers


# ------------------------------------------------------------------ advice


def test_tiles_are_called_the_same_only_where_they_are():
    def about(window):
        naive, cropped = (
            plan_tiles((40, 50), SHAPE, window, s) for s in ("naive", "cropped")
        )
        return _about_seams(naive, cropped, advise(naive))

    assert about(8).endswith("naive and cropped tiles are the same.")
    # one naive tile holds the second axis, cropped ones of 48 do not
    assert about((8, 50)) == (
        "naive tiles of 8x50 meet at multiples of the period: no seams."
    )


def a_moved_camera_is_no_reason_to_advise_again(compared, monkeypatch):
    told = []
    monkeypatch.setattr(SizeAdvice, "tell", lambda *_: told.append(True))
    compared._watch.settled.triggered.emit()
    assert told == []
    compared.form.region.value = IN_VIEW
    told.clear()
    compared._advised = None  # as of another region
    compared._watch.settled.triggered.emit()
    assert len(told) == 1


# ------------------------------------------------------------------ one for many


def test_marks_of_earlier_settings(viewer, compared, press, noise, model_file):
    results_of_earlier_settings_are_marked(viewer, compared, noise, model_file)
    comparing_again_unmarks(compared, press)


def test_reports(viewer, compared, finish, tmp_path, monkeypatch):
    whole, cancelled = tmp_path / "whole", tmp_path / "cancelled"
    cancelled.mkdir()
    a_report_shows_the_image_that_was_compared(viewer, compared, finish, whole)
    a_report_can_be_cancelled(compared, finish, cancelled, monkeypatch)


def test_what_the_layers_and_the_table_show(viewer, compared, finish, monkeypatch):
    labels_painted_later_are_not_those_that_were_compared(viewer, compared)
    the_table_asks_for_the_room_of_all_rows(compared)
    the_legend_gives_the_range_of_the_difference(compared)
    what_is_not_in_view_is_said_once(compared, monkeypatch)
    a_part_shown_whole_has_a_border(compared, finish, monkeypatch)
    a_moved_camera_is_no_reason_to_advise_again(compared, monkeypatch)


def test_a_window_of_three_sizes_is_not_cut_off(viewer, qtbot):
    viewer.add_image(np.zeros((8, 30, 30), np.uint8), axis_labels=("z", "y", "x"))
    _, dock = viewer.window.add_plugin_dock_widget(
        "napari-shiftseg", "Compare stitching"
    )
    box = dock.form.window
    assert dock.form.model.value == "nuclei-3d"
    box.value = "24x96x96"
    assert box.native.minimumWidth() > box.native.fontMetrics().horizontalAdvance(
        box.value
    )
    dock.form.model.value = "nuclei"
    assert box.native.minimumWidth() == 0
