"""The Compare widget in a real viewer: buttons, layers, cameras, table and plots."""

from __future__ import annotations

import json

import numpy as np

from napari_shiftseg.gui.compare.view import CROPPED, WHOLE, FigureTable
from napari_shiftseg.gui.parts.belonging import METADATA_KEY
from napari_shiftseg.metrics import metric
from napari_shiftseg.metrics.metric import Metric


def kinds(pane):
    return [layer.metadata[METADATA_KEY] for layer in pane.model.layers]


def panes(widget):
    return widget.view.canvases.panes


def figures(widget):
    table = widget.view.table
    return {
        table.verticalHeaderItem(row).text(): [
            table.item(row, column).text() for column in range(3)
        ]
        for row in range(table.rowCount())
    }


# ------------------------------------------------------------------ choosing


def test_without_an_image_compare_waits_for_one(viewer, compare, noise):
    assert not compare.panel.button.enabled
    assert "Open an image" in compare.note.text.value
    viewer.add_image(noise)
    assert compare.panel.button.enabled


def test_the_sample_brings_its_truth(viewer, compare):
    viewer.open_sample("napari-shiftseg", "disks_13")
    assert compare.form.image.value.name == "disks (period 13)"
    assert compare.form.truth.value.name == "disks (period 13) · truth"


def test_what_a_window_means(viewer, compare, noise):
    viewer.add_image(noise)
    for window, says in {
        "6": "expect seams at every tile border",
        "0": "from 1 upward",
        "8": "naive and cropped tiles are the same",
        "twenty": "from 1 upward",
        "100": "One tile holds it all",
    }.items():
        compare.form.window.value = window
        assert says in compare.note.text.value, window
        assert compare.panel.button.enabled == ("upward" not in says), window


def test_a_truth_of_another_shape_is_refused_before_the_run(viewer, compare, noise):
    viewer.add_image(noise)
    viewer.add_labels(np.zeros((4, 5), int), name="small")
    compare.form.truth.value = viewer.layers["small"]
    assert "the true labels have the shape (4, 5), the image (40, 50)" in (
        compare.note.text.value
    )
    assert not compare.panel.button.enabled
    compare.form.truth.value = None
    assert compare.panel.button.enabled


def test_no_truth_stays_no_truth(viewer, compare):
    viewer.open_sample("napari-shiftseg", "disks_13")
    compare.form.truth.value = None
    viewer.add_points(np.zeros((1, 2)))
    assert compare.form.truth.value is None


def test_a_truth_series_of_another_length_is_refused(viewer, compare, noise):
    viewer.add_image(np.stack([noise] * 3), name="series")
    viewer.add_labels(np.zeros((2, *noise.shape), int), name="short")
    compare.form.truth.value = viewer.layers["short"]
    viewer.dims.set_current_step(0, 2)
    assert "(2, 40, 50), the image (3, 40, 50)" in compare.note.text.value


def test_a_model_trained_with_too_small_a_window_warns(viewer, compare):
    viewer.open_sample("napari-shiftseg", "disks_13")
    compare.form.model.value = "disks-w16"
    assert "expect seams at every multiple of 16" in compare.note.text.value


# ------------------------------------------------------------------ two canvases


def both_sides_show_the_same_kinds_in_the_same_colours(compared):
    left, right = panes(compared)
    assert left.title.text() == "naive 6"
    assert right.title.text() == "cropped 4"
    assert kinds(left) == kinds(right)
    assert {"image", "gradient", "label outlines", "embedding", "tile grid"} < set(
        kinds(left)
    )
    for kind in ("image", "gradient", "difference"):
        limits = [pane.layer(kind).contrast_limits for pane in (left, right)]
        assert limits[0] == limits[1]
    comparison = compared.view.compared.comparison
    np.testing.assert_array_equal(
        left.layer("gradient").data, comparison.naive.result.gradient
    )
    np.testing.assert_array_equal(
        right.layer("gradient").data, comparison.cropped.result.gradient
    )
    assert (left.layer("gradient").data != right.layer("gradient").data).any()


def layers_lie_where_the_image_does(compared):
    for pane in panes(compared):
        for kind in ("image", "gradient", "label outlines", "tile grid"):
            layer = pane.layer(kind)
            assert tuple(layer.scale) == (0.5, 0.5)
            assert tuple(layer.translate) == (3, 4)


def cameras_are_linked_both_ways(compared):
    left, right = (pane.model.scene.camera for pane in panes(compared))
    left.center, left.zoom = (0, 7, 8), 3.5
    assert (right.center, right.zoom) == ((0, 7, 8), 3.5)
    right.center, right.zoom = (0, 2, 1), 9
    assert (left.center, left.zoom) == ((0, 2, 1), 9)


def corners_in_view(pane):
    """Whether the whole image lies within a canvas."""
    camera, size = pane.model.scene.camera, np.array(pane.model.canvas.size)
    low, high = pane.layer("image").extent.world
    middle = np.array(camera.center[1:])
    shown = size / 2 / camera.zoom
    return bool((low >= middle - shown).all() and (high <= middle + shown).all())


def the_whole_image_is_seen_until_the_user_looks_elsewhere(viewer, compared, press):
    left, right = (pane.model for pane in panes(compared))
    camera = left.scene.camera
    assert all(map(corners_in_view, panes(compared)))
    zoom = camera.zoom
    left.canvas.size = 500, 400
    right.canvas.size = 500, 100
    assert camera.zoom < zoom / 2
    assert all(map(corners_in_view, panes(compared)))
    camera.zoom = 40
    right.canvas.size = 500, 300
    assert camera.zoom == 40
    compared.form.window.value = "10"
    press(compared)  # the same image again
    assert camera.zoom == 40
    compared.form.image.value = viewer.add_image(np.zeros((90, 40)), name="other")
    press(compared)
    assert all(map(corners_in_view, panes(compared)))


def switches_act_on_both_sides(compared):
    for kind, switch in compared.view.switches.boxes.items():
        for value in (not switch.value, switch.value):
            switch.value = value
            assert [p.layer(kind).visible for p in panes(compared)] == [value] * 2


def an_object_has_one_colour_on_both_sides(split):
    left, right = (pane.layer("label outlines").data for pane in panes(split))
    comparison = split.view.compared.comparison
    np.testing.assert_array_equal(right, comparison.cropped.result.labels)
    found = comparison.naive.result.labels
    assert len(np.unique(left)) == len(np.unique(found))  # renamed, not joined
    same = (left == right) & (right > 0)
    assert same.sum() > ((found == right) & (right > 0)).sum()


def other_layers_of_the_viewer_disturb_nothing(viewer, compared, noise):
    before = [list(pane.model.layers) for pane in panes(compared)]
    viewer.add_image(noise, name="other")
    viewer.layers["disks"].visible = False
    viewer.layers.remove("disks")
    viewer.layers.clear()
    assert [list(pane.model.layers) for pane in panes(compared)] == before


def test_the_viewer_stays_as_it_was(viewer, compare, press, noise):
    viewer.add_image(noise)
    camera = viewer.scene.camera.zoom
    press(compare)
    assert [layer.name for layer in viewer.layers] == ["noise"]
    viewer.window.remove_dock_widget("all")
    assert [layer.name for layer in viewer.layers] == ["noise"]
    assert viewer.scene.camera.zoom == camera


# ------------------------------------------------------------------ whole


def the_right_side_can_show_one_pass_over_what_is_in_view(compared, finish, qtbot):
    _, right = panes(compared)
    qtbot.waitUntil(lambda: right.model.canvas.size[0] > 0)
    cropped = right.layer("gradient").data
    compared.view.right.value = WHOLE
    finish(compared.panel)
    whole = right.layer("gradient")
    rows, columns = whole.data.shape
    comparison = compared.view.compared.comparison
    at = np.round((whole.translate - (3, 4)) / 0.5).astype(int)
    there = tuple(slice(a, a + n) for a, n in zip(at, whole.data.shape, strict=True))
    assert right.title.text() == (
        f"whole: rows {at[0]}–{at[0] + rows - 1}, columns {at[1]}–{at[1] + columns - 1}"
    )
    inside = tuple(slice(0, n - 1) for n in whole.data.shape)  # steps beyond: unknown
    np.testing.assert_allclose(
        whole.data[inside],
        comparison.cropped.result.gradient[there][inside],
        atol=1e-4 * cropped.max(),
    )
    compared.view.right.value = CROPPED
    assert right.title.text() == "cropped 4"
    assert right.layer("gradient").data is cropped


def whole_that_is_no_longer_wanted_is_not_shown(compared, finish, qtbot):
    _, right = panes(compared)
    qtbot.waitUntil(lambda: right.model.canvas.size[0] > 0)
    compared.view.right.value = WHOLE
    compared.view.right.value = CROPPED
    finish(compared.panel)
    assert right.title.text() == "cropped 4"
    compared.view.right.value = WHOLE
    finish(compared.panel)
    assert right.title.text().startswith("whole: rows")
    assert "Tiles of 6" in compared.panel.result.value  # the verdict stays


def what_does_not_fit_in_memory_leaves_the_right_side(compared, finish, monkeypatch):
    from napari_shiftseg.inference import memory

    monkeypatch.setattr(memory, "memory_budget", lambda *_: 10)
    compared.view.right.value = WHOLE
    finish(compared.panel)
    assert "zoom in" in compared.panel.result.value
    assert compared.view.right.value == CROPPED
    assert panes(compared)[1].title.text() == "cropped 4"


# ------------------------------------------------------------------ figures


def the_table_says_what_the_comparison_does(split):
    comparison = split.view.compared.comparison
    shown = figures(split)
    assert shown["tiles"][0] == f"{comparison.naive.figures()['tiles']}"
    assert shown["keeps (stride)"][:2] == ["20", "16"]
    ratio = f"{comparison.naive.seams.ratio:.3g}"
    assert shown["seam ratio"][0] == ratio
    assert shown["seam ratio"][1].endswith("✓")
    true = comparison.naive.objects.true_objects
    assert shown["true objects"][:2] == [str(true), str(true)]
    assert shown["false splits"][1] == "0 ✓"
    table = split.view.table
    assert table.legend.text() == "✓ better"
    marked = [
        item.text().endswith("✓")
        for row in range(table.rowCount())
        for column in range(2)
        if (item := table.item(row, column)).toolTip().startswith("✓ marks the side")
    ]
    assert marked
    assert all(marked)


def every_figure_has_a_tooltip(compared):
    table = compared.view.table
    for row in range(table.rowCount()):
        for column in range(3):
            assert len(table.item(row, column).toolTip()) > 20


def test_without_a_truth_and_without_a_seam_nothing_is_defined(
    viewer, compare, press, noise
):
    viewer.add_image(noise[:20, :20])
    compare.form.window.value = "30"  # one tile
    press(compare)
    shown = figures(compare)
    for row in ("seam ratio", "seam z", "split by seams"):
        assert shown[row][0] == shown[row][1] == "no seam line"
    for row in ("false splits", "AP50", "  inside objects"):
        assert shown[row][0] == shown[row][1] == "no true labels"
    assert not any("nan" in text.lower() for texts in shown.values() for text in texts)


# ------------------------------------------------------------------ seams


def the_worst_seam_is_framed_on_both_sides(split):
    tour, seams = split.view.tour, split.view.compared.comparison.naive.cutting
    assert seams, "naive tiles split no disk: this tests nothing"
    tour.next.native.click()
    cuts = [cut.pairs for cut in seams[0].cuts]
    assert tour.text.value.startswith(f"seam 1 of {len(seams)}: {len(cuts)} object")
    assert split.view.switches.boxes["label outlines"].value
    ends = np.array(cuts)  # (cuts, axes, start and stop)
    middle = (ends[..., 0].min(axis=0) + ends[..., 1].max(axis=0) - 1) / 2 * 0.5 + (
        3,
        4,
    )
    for pane in panes(split):
        np.testing.assert_allclose(pane.model.scene.camera.center[1:], middle, atol=0.6)
        assert kinds(pane).count("seam") == 1
    tour.next.native.click()
    assert [kinds(pane).count("seam") for pane in panes(split)] == [1, 1]
    tour.previous.native.click()
    assert f"seam 1 of {len(seams)}" in tour.text.value
    assert not tour.previous.enabled


def test_where_nothing_is_split_there_is_no_next(viewer, compare, finish):
    viewer.add_image(np.zeros((30, 30)))
    tour = compare.view.tour
    assert not tour.all.enabled
    assert tour.text.value == ""
    compare.panel.button.native.click()
    viewer.layers.clear()  # the image may go during a run
    finish(compare.panel)
    assert compare.view.compared is not None
    assert tour.all.enabled
    assert tour.text.value == "no seam cuts an object"
    assert not tour.next.enabled


# ------------------------------------------------------------------ plots


def the_profile_can_be_saved(compared, tmp_path, suffix):
    path = tmp_path / f"profile{suffix}"
    compared.view.profile.save(path)
    content = path.read_bytes()
    assert {".png": b"\x89PNG", ".svg": b"<?xml"}.get(suffix, b"")[:4] == content[
        : 4 * (suffix != ".csv")
    ]
    if suffix == ".csv":
        header, *rows = content.decode().splitlines()
        assert "naive" in header
        assert len(rows) >= 6  # offsets of the tile


def a_sweep_shows_its_points(compared, finish):
    sweep = compared.sweep
    assert sweep.windows.value.startswith("4, 5, 6")
    sweep.windows.value = "4, 6"
    sweep.panel.button.native.click()
    finish(sweep.panel)
    assert [point.plan.window for point in sweep.points] == [(4, 4), (6, 6)]
    assert [point.is_valid for point in sweep.points] == [True, False]
    assert sweep.points[1].seams.ratio > sweep.points[0].seams.ratio
    said = "disks, model small: No seams at 4, 6."
    assert sweep.panel.result.value == said


def points_found_before_a_cancel_stay(compared, finish, qtbot):
    sweep = compared.sweep
    sweep.windows.value = "4, " + ", ".join(["5"] * 200)
    sweep.panel.button.native.click()
    qtbot.waitUntil(lambda: len(sweep.points) >= 1, timeout=60_000)
    sweep.panel.button.native.click()
    finish(sweep.panel)
    assert 1 <= len(sweep.points) < 200
    assert sweep.panel.result.value.startswith("disks: cancelled")


def windows_that_are_none(compared, finish, text):
    compared.sweep.windows.value = text
    compared.sweep.panel.button.native.click()
    finish(compared.sweep.panel)
    assert "from 1 upward" in compared.sweep.panel.result.value
    assert compared.sweep.panel.button.enabled


def plots_follow_the_theme(viewer, compared):
    def background():
        return compared.view.profile.figure.get_facecolor()

    dark = background()
    viewer.theme = "light"
    assert sum(background()[:3]) > sum(dark[:3])
    for pane in panes(compared):
        assert pane.model.theme == "light"


# ------------------------------------------------------------------ report


def the_report_holds_what_is_shown(compared, finish, tmp_path):
    assert compared.view.report_button.enabled
    compared.write_report(tmp_path / "new")
    finish(compared.panel)
    page = (tmp_path / "new" / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") >= 5
    assert (tmp_path / "new" / "sweep.csv").exists()
    report = json.loads((tmp_path / "new" / "report.json").read_text())
    comparison = compared.view.compared.comparison
    assert report["naive"]["seam_ratio"] == comparison.naive.seams.ratio


def a_report_that_cannot_be_written(compared, finish, tmp_path):
    (tmp_path / "file").write_text("")
    compared.write_report(tmp_path / "file")
    finish(compared.panel)
    assert "cannot" in compared.panel.result.value
    assert compared.panel.button.enabled


def the_report_holds_no_sweep_of_another_image(compared, finish, tmp_path):
    compared.write_report(tmp_path / "second")
    finish(compared.panel)
    assert (tmp_path / "second" / "profile.csv").exists()
    assert not (tmp_path / "second" / "sweep.csv").exists()


# ------------------------------------------------------------------ during a run


def nothing_else_begins_during_a_sweep(compared, finish, tmp_path):
    compared.sweep.windows.value = "4, 6"
    compared.sweep.panel.button.native.click()
    compared.view.right.value = WHOLE
    assert compared.view.right.value == CROPPED
    compared.write_report(tmp_path / "report")
    assert not compared.panel.is_running
    finish(compared.sweep.panel)
    assert compared.view.right.enabled


def test_a_closed_dock_stops_the_run(viewer, model_file, noise, qtbot):
    dock, docked = viewer.window.add_plugin_dock_widget("napari-shiftseg", "Segment")
    docked.model.open(model_file)
    viewer.add_image(np.tile(noise, (8, 8)))
    docked.window.value = "1"
    docked.panel.button.native.click()
    qtbot.waitUntil(lambda: docked.panel.bar.value > 0, timeout=60_000)
    steps = docked.panel._job._steps
    viewer.window.remove_dock_widget(dock)
    qtbot.waitUntil(lambda: steps.gi_frame is None, timeout=60_000)  # closed
    assert len(viewer.layers) == 1


def test_what_is_pressed_or_chosen_during_a_run_does_not_change_it(
    viewer, compare, finish, noise, model_file
):
    viewer.add_image(noise)
    compare.panel.button.native.click()
    assert not compare.sweep.panel.button.enabled
    compare.panel.run()  # a second press does nothing
    compare.form.model.value = "disks"
    finish(compare.panel)
    assert compare.sweep.panel.button.enabled
    assert compare.view.compared.model.config.name == "small"
    assert panes(compare)[0].title.text() == "naive 6"


def a_cancel_leaves_what_was_shown(compared, finish, qtbot):
    before = compared.view.compared
    compared.form.window.value = "1"
    compared.panel.button.native.click()
    compared.panel.button.native.click()
    finish(compared.panel)
    assert "Cancelled" in compared.panel.result.value
    assert compared.view.compared is before


def test_closing_during_a_run_is_safe(viewer, compare, noise, qtbot):
    viewer.add_image(noise)
    compare.form.window.value = "1"
    compare.panel.button.native.click()
    qtbot.wait(50)
    viewer.window.remove_dock_widget("all")
    qtbot.wait(200)
    assert [layer.name for layer in viewer.layers] == ["noise"]


# ------------------------------------------------------------------ more axes


def test_of_a_series_the_frame_in_view(viewer, compare, press, rng):
    frames = rng.random((3, 30, 34)).astype(np.float32)
    viewer.add_image(frames, name="series")
    viewer.dims.set_current_step(0, 2)
    press(compare)
    left, _ = panes(compare)
    np.testing.assert_array_equal(left.layer("image").data, frames[2])
    assert left.layer("gradient").data.shape == (30, 34)


def test_the_frame_is_the_one_on_screen(viewer, compare, press, rng):
    frames = rng.random((3, 30, 34)).astype(np.float32)
    viewer.add_image(rng.random((20, 30, 34)), name="fine")
    compare.form.image.value = viewer.add_image(
        frames, name="series", scale=(4, 1, 1), translate=(3, 0, 0)
    )
    for point, frame in ((7, 1), (11, 2), (19, 2), (0, 0)):  # the last two lie beyond
        viewer.dims.set_point(0, point)
        task = compare.form.task()
        np.testing.assert_array_equal(task.source.frame(), frames[frame])
        assert f"series [{frame}]" in task.name
    viewer.dims.set_point(0, 19)
    press(compare)
    np.testing.assert_array_equal(panes(compare)[0].layer("image").data, frames[2])
    assert "series [2]" in compare.panel.result.value


def test_a_volume_keeps_one_plane_on_both_sides(viewer, compare, press, tmp_path, rng):
    from napari_shiftseg.networks.unet import new_model, save_model

    model = new_model(ndim=3, depth=1, features=2)
    compare.form.model.open(save_model(model, tmp_path / "volume.safetensors"))
    viewer.add_image(rng.random((12, 20, 24)).astype(np.float32), name="volume")
    compare.form.window.value = "5"
    press(compare)
    left, right = (pane.model.dims for pane in panes(compare))
    left.set_current_step(0, 3)
    assert right.current_step[0] == 3
    right.set_current_step(0, 7)
    assert left.current_step[0] == 7


def test_a_metric_of_the_table_of_metrics_is_a_row(qtbot, monkeypatch):
    known = Metric("missed", "missed", "Objects not found.", lambda _: None, "less")
    monkeypatch.setattr(metric, "METRICS", (*metric.METRICS, known))
    table = FigureTable()
    qtbot.addWidget(table)
    names = [table.verticalHeaderItem(n).text() for n in range(table.rowCount())]
    assert names == [each.title for each in metric.rows()]
    assert names[-1] == "missed"
    assert table.verticalHeaderItem(len(names) - 1).toolTip() == "Objects not found."


# ------------------------------------------------------------------ one for many


def test_a_comparison_as_it_is_shown(viewer, compared, tmp_path, noise):
    both_sides_show_the_same_kinds_in_the_same_colours(compared)
    layers_lie_where_the_image_does(compared)
    cameras_are_linked_both_ways(compared)
    switches_act_on_both_sides(compared)
    every_figure_has_a_tooltip(compared)
    for suffix in (".png", ".svg", ".csv"):
        the_profile_can_be_saved(compared, tmp_path, suffix)
    plots_follow_the_theme(viewer, compared)
    other_layers_of_the_viewer_disturb_nothing(viewer, compared, noise)


def test_disks_that_naive_tiles_split(split):
    an_object_has_one_colour_on_both_sides(split)
    the_table_says_what_the_comparison_does(split)
    the_worst_seam_is_framed_on_both_sides(split)


def test_one_pass_and_more_sweeps(compared, finish, qtbot, tmp_path, monkeypatch):
    the_right_side_can_show_one_pass_over_what_is_in_view(compared, finish, qtbot)
    whole_that_is_no_longer_wanted_is_not_shown(compared, finish, qtbot)
    compared.view.right.value = CROPPED
    nothing_else_begins_during_a_sweep(compared, finish, tmp_path)
    points_found_before_a_cancel_stay(compared, finish, qtbot)
    for text in ("", "4, x", "0"):
        windows_that_are_none(compared, finish, text)
    what_does_not_fit_in_memory_leaves_the_right_side(compared, finish, monkeypatch)


def test_sweeps_reports_and_another_image(
    viewer, compared, press, finish, qtbot, tmp_path
):
    a_sweep_shows_its_points(compared, finish)
    the_report_holds_what_is_shown(compared, finish, tmp_path)
    a_report_that_cannot_be_written(compared, finish, tmp_path)
    a_cancel_leaves_what_was_shown(compared, finish, qtbot)
    the_whole_image_is_seen_until_the_user_looks_elsewhere(viewer, compared, press)
    the_report_holds_no_sweep_of_another_image(compared, finish, tmp_path)
