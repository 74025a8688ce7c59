"""A folder of images in the Batch widget: what is said, done, shown and refused."""

import shutil
import subprocess
import sys
import time

import numpy as np
import PIL.Image
import pytest
import tifffile
from qtpy.QtCore import Qt, QUrl

from napari_shiftseg.batch.again import KEPT
from napari_shiftseg.gui.batch import widget as module
from napari_shiftseg.gui.batch.form import CHOOSE_FOLDER, usual_output
from napari_shiftseg.gui.batch.run import in_widget_words
from napari_shiftseg.gui.batch.table import CONDITION, NAME, STATUS
from napari_shiftseg.gui.parts.folder_settings import FolderSettings
from napari_shiftseg.gui.parts.layout import found, opened
from napari_shiftseg.networks.unet import UNet
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.stores.reading import read_labels

NAMES = ["control/a", "control/b", "treated/c"]
OBJECTS = 2  # column


def shown(widget):
    return widget.native.isVisibleTo(widget.native.parentWidget())


def column(widget, at):
    model = widget.table.model()
    return [model.index(row, at).data() for row in range(model.rowCount())]


def names(widget):
    both = zip(column(widget, CONDITION), column(widget, NAME), strict=True)
    return ["/".join(filter(None, each)) for each in both]


@pytest.fixture
def slow(monkeypatch):
    """Make nets take long enough for something to happen meanwhile."""
    forward = UNet.forward

    def slowly(self, x):
        time.sleep(0.02)
        return forward(self, x)

    monkeypatch.setattr(UNet, "forward", slowly)


# ------------------------------------------------------------------ what is there


def test_a_new_one_asks_for_a_folder(batch):
    assert batch.form.about.value == CHOOSE_FOLDER
    assert not batch.panel.button.enabled
    assert not shown(batch.form.resume)


def test_what_is_in_the_folder_is_said_at_once(batch, folder, choose):
    (folder / "control" / "note.txt").write_text("no image")
    np.save(folder / "treated" / "d.npy", np.zeros((9, 9)))
    choose(batch, folder)
    assert batch.form.about.value == (
        "4 images: 3 TIFF, 1 NumPy; in 2 sub-folders: control, treated"
    )
    assert batch.panel.button.enabled
    assert names(batch) == [*NAMES, "treated/d"]
    assert set(column(batch, STATUS)) == {"waiting"}


def test_results_go_beside_the_folder_unless_told(batch, folder, choose, tmp_path):
    choose(batch, folder)
    assert (
        batch.form.output.value == usual_output(folder) == tmp_path / "plates_shiftseg"
    )
    batch.form.output.value = tmp_path / "mine"
    choose(batch, folder / "control")
    assert batch.form.output.value == tmp_path / "mine"
    assert not (tmp_path / "mine").exists()


def test_results_inside_the_folder_are_said(batch, folder, choose, run):
    choose(batch, folder)
    batch.form.output.value = folder / "out"
    choose(batch, folder)
    assert "lie inside the folder" in batch.form.about.value
    run(batch)
    assert "3 images" in batch.panel.result.value
    choose(batch, folder)
    assert names(batch) == NAMES


@pytest.mark.parametrize("what", ["empty", "missing", "file"])
def test_a_folder_without_images_is_refused_in_words(batch, tmp_path, choose, what):
    place = tmp_path / what
    if what == "empty":
        place.mkdir()
    elif what == "file":
        place.write_text("a file")
    choose(batch, place)
    said = batch.form.about.value
    expected = "holds no image" if what == "empty" else f"There is no folder {place}"
    assert expected in said
    assert "/* error */" in batch.form.about.native.styleSheet()
    assert not batch.panel.button.enabled


# ------------------------------------------------------------------ settings


def test_settings_are_said_in_words(batch):
    batch.take(FolderSettings())
    assert batch.form.settings.value == (
        "Model: nuclei, of volumes nuclei-3d · tiles: the cheapest size, cropped · "
        "grey values: found in each image"
    )
    assert not shown(batch.form.usual)
    chosen = Settings(
        window=(20, 24), stitching="naive", intensity=(100, 1100), invert=True,
        min_size=30, views=4, split_far_parts=False,
    )  # fmt: skip
    batch.take(FolderSettings("/models/own.safetensors", chosen, "red"))
    assert batch.form.settings.value == (
        "Model: own.safetensors · tiles: 20x24, naive · grey values: 100 to 1,100 in "
        "every image, objects are dark · channel: red · views: 4 · min size: 30 · "
        "split far parts: no"
    )
    batch.form.usual.native.click()
    assert batch.form.chosen == FolderSettings()


def test_segment_hands_its_settings_on(viewer, widget, noise):
    viewer.add_image(noise, name="noise")
    widget.window.value = "8"
    widget.form.intensity.invert.value = True
    widget.advanced.controls["min_size"].value = 7
    widget.folder.native.click()
    batch = found(viewer, "Batch")
    chosen = batch.form.chosen
    assert chosen.model == widget.model.value
    assert (chosen.settings.window, chosen.settings.invert) == (8, True)
    assert (chosen.settings.min_size, chosen.settings.region) == (7, None)
    assert chosen.settings.kernel is None  # the model's own
    assert "min size: 7" in batch.form.settings.value


def test_segment_hands_on_no_part_and_no_tile_size_of_one_image(viewer, widget, noise):
    image = np.stack([noise] * 3, axis=-1)
    viewer.add_image(image, rgb=True, name="colours")
    widget.window.release()
    widget.window.follow((4, 4), is_cheapest=True)
    widget.advanced.region.value = widget.advanced.region.choices[1]
    widget.form.colour.value = "green"
    widget.window.follow((4, 4), is_cheapest=True)
    widget.folder.native.click()
    chosen = found(viewer, "Batch").form.chosen
    assert chosen.settings.region is None
    assert chosen.channel == "green"
    assert "not only what is in view" in chosen.words


def test_a_model_that_nobody_chose_stays_that_of_each_image(viewer, noise):
    segment = opened(viewer, "Segment")
    viewer.add_image(noise, name="noise")
    segment.folder.native.click()
    form = found(viewer, "Batch").form
    assert form.chosen.model == ""
    assert "nuclei, of volumes nuclei-3d" in form.settings.value
    segment.model.value = "nuclei"  # chosen by the user
    segment.model._keep()
    segment.folder.native.click()
    assert form.chosen.model == "nuclei"


def test_several_channels_are_refused_with_what_to_do_here(batch, folder, choose, run):
    pixels = np.zeros((2, 40, 50), np.float32)
    about = {"axes": "CYX"}
    tifffile.imwrite(folder / "control" / "b.tif", pixels, ome=True, metadata=about)
    choose(batch, folder)
    run(batch)
    batch.table.select("control/b")
    assert "open one image in Segment, show its channel" in batch.work.said.value
    assert "--channel" not in batch.work.said.value


def test_what_segment_cannot_run_is_not_handed_on(viewer, widget, monkeypatch):
    said = []
    monkeypatch.setattr(
        "napari_shiftseg.gui.segment.folder.show_error", lambda text: said.append(text)
    )
    widget.advanced.controls["diameter"].value = "a lot"
    widget.folder.native.click()
    assert "diameter" in said[0]
    assert found(viewer, "Batch") is None


def test_batch_opens_segment(viewer, batch):
    batch.form.choose.native.click()
    assert found(viewer, "Segment") is not None


# ------------------------------------------------------------------ a run


def test_a_folder_becomes_labels_a_table_and_a_chart(done, folder):
    output = usual_output(folder)
    assert column(done, STATUS) == ["✓ done"] * 3
    for name, objects in zip(names(done), column(done, OBJECTS), strict=True):
        labels = read_labels("labels", output / f"{name}_labels.tif")
        assert len(np.unique(labels)) - 1 == int(objects.replace(",", "")) > 0
    total = sum(row.objects for row in done.rows)
    assert done.panel.result.value == f"{total:,} objects in 3 images"
    assert (output / "summary.csv").is_file()
    assert shown(done.chart)
    bars = [bar.get_height() for bar in done.chart.plot.figure.axes[0].patches]
    one, two, three = (row.objects for row in done.rows)
    assert bars == [(one + two) / 2, three]


def test_a_broken_file_is_named_and_the_rest_goes_on(batch, folder, choose, run):
    (folder / "control" / "b.tif").write_bytes(b"II*\0<img src=x>")
    choose(batch, folder)
    run(batch)
    assert column(batch, STATUS) == ["✓ done", "✗ failed", "✓ done"]
    assert "1 failed: select one to read why" in batch.panel.result.value
    assert names(batch) == NAMES
    tip = batch.table.model().index(1, STATUS).data(Qt.ItemDataRole.ToolTipRole)
    assert "control/b" in tip
    assert "b.tif" in tip
    batch.table.select("control/b")
    assert "b.tif" in batch.work.said.value
    assert not batch.work.mend.enabled
    assert not batch.work.save.enabled
    assert column(batch, OBJECTS)[1] == "–"


def test_when_all_fail_nothing_is_drawn(batch, folder, choose, run):
    for path in folder.rglob("*.tif"):
        path.write_bytes(b"II*\0")
    choose(batch, folder)
    run(batch)
    assert column(batch, STATUS) == ["✗ failed"] * 3
    assert "0 objects in 0 images · 3 failed" in batch.panel.result.value
    assert not shown(batch.chart)


def test_a_folder_that_vanishes_fails_in_words(batch, folder, choose, run):
    choose(batch, folder)
    shutil.rmtree(folder)
    run(batch)
    assert f"there is no folder {folder}" in batch.panel.result.value
    assert "Traceback" not in batch.panel.result.value


def test_an_output_that_is_a_file(batch, folder, choose, run, tmp_path):
    (tmp_path / "out").write_text("a file")
    batch.form.output.value = tmp_path / "out"
    choose(batch, folder)
    run(batch)
    assert "cannot write files" in batch.panel.result.value
    assert set(column(batch, STATUS)) == {"waiting"}


def test_progress_over_files_and_within_one(batch, folder, choose, qtbot, slow, finish):
    choose(batch, folder)
    batch.panel.button.native.click()
    qtbot.waitUntil(lambda: len(batch.rows) == 1, timeout=60_000)
    qtbot.waitUntil(lambda: batch.files.bar.value == 1, timeout=60_000)
    assert batch.files.text.value.startswith("image 2 of 3 · ")
    qtbot.waitUntil(lambda: "control/b: tile" in batch.panel.text.value, timeout=60_000)
    assert column(batch, STATUS) == ["✓ done", "▶ now", "waiting"]
    assert not batch.form.enabled
    finish(batch.panel)
    assert not shown(batch.files)


def test_cancel_keeps_what_is_done_and_resume_goes_on(
    batch, folder, choose, qtbot, slow, finish, run
):
    choose(batch, folder)
    batch.panel.button.native.click()
    qtbot.waitUntil(lambda: len(batch.rows) == 1, timeout=60_000)
    batch.panel.button.native.click()
    finish(batch.panel)
    assert "what is done is kept" in batch.panel.result.value
    qtbot.waitUntil(lambda: not batch.form.is_looking)
    assert column(batch, STATUS) == ["✓ done", "waiting", "waiting"]
    assert batch.form.resume.text == "Resume: 1 of 3 are done, leave these as they are"
    first = usual_output(folder) / "control" / "a_labels.tif"
    written = first.stat().st_mtime_ns
    run(batch)
    assert column(batch, STATUS) == ["✓ before", "✓ done", "✓ done"]
    assert "1 of them done before" in batch.panel.result.value
    assert first.stat().st_mtime_ns == written


def test_after_cancel_run_goes_on_though_resume_was_unticked(
    done, folder, qtbot, slow, finish, run
):
    done.form.resume.value = False
    done.panel._since_change.invalidate()  # not a double click on the run before
    done.panel.button.native.click()
    qtbot.waitUntil(lambda: len(done.rows) == 1, timeout=60_000)
    done.panel._since_change.invalidate()
    done.panel.button.native.click()
    finish(done.panel)
    assert "Run goes on with the rest" in done.panel.result.value
    assert done.form.resume.value


def test_another_folder_begins_with_resume_and_without_the_result_of_the_last(
    done, folder, choose
):
    done.form.resume.value = False
    assert shown(done.panel.result)
    choose(done, folder / "control")
    assert not shown(done.panel.result)
    assert done.form.resume.value


def test_a_later_session_shows_what_is_there(viewer, done, folder, choose):
    before = [column(done, at) for at in (NAME, STATUS, OBJECTS)]
    viewer.window.remove_dock_widget("all")
    again = opened(viewer, "Batch")
    choose(again, folder)
    assert [column(again, at) for at in (NAME, STATUS, OBJECTS)] == before
    assert again.form.resume.text.startswith("Resume: all are done")


def test_unticked_all_are_segmented_again(done, folder, choose, run):
    done.form.resume.value = False
    run(done)
    assert column(done, STATUS) == ["✓ done"] * 3


def test_what_others_wrote_is_not_replaced(done, folder, run):
    output = usual_output(folder)
    (output / "control" / "a_labels.tif").write_bytes(b"my own")
    done.form.resume.value = False
    run(done)
    assert column(done, STATUS) == ["✗ failed", "✓ done", "✓ done"]
    done.table.select("control/a")
    assert "choose another folder for the results" in done.work.said.value
    (output / "summary.csv").write_text("my own")
    run(done)
    assert "summary.csv" in done.panel.result.value
    assert "--overwrite" not in done.panel.result.value
    assert (output / "summary.csv").read_text() == "my own"


def test_another_batch_in_the_same_folder_is_waited_for(batch, folder, choose, run):
    choose(batch, folder)
    output = usual_output(folder)
    output.mkdir()
    holding = "\n".join(
        [
            "import sys",
            "from pathlib import Path",
            "from napari_shiftseg.batch.run import held",
            "with held(Path(sys.argv[1])):",
            "    print('held', flush=True)",
            "    sys.stdin.read()",
        ]
    )
    other = subprocess.Popen(
        [sys.executable, "-c", holding, str(output)], text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert other.stdout.readline() == "held\n"
    run(batch)
    assert "another batch is at work" in batch.panel.result.value
    other.communicate()
    run(batch)
    assert column(batch, STATUS) == ["✓ done"] * 3


def test_segment_may_run_at_the_same_time(viewer, batch, folder, choose, slow, finish):
    tifffile.imwrite(folder / "control" / "a.tif", np.zeros((40, 50), np.float32))
    segment = opened(viewer, "Segment")
    segment.model.open(batch.form.chosen.model)
    viewer.add_image(np.random.default_rng(1).random((40, 50)), name="other")
    choose(batch, folder)
    batch.panel.button.native.click()
    segment.panel.button.native.click()
    assert batch.panel.is_running
    assert segment.panel.is_running
    finish(segment.panel)
    finish(batch.panel)
    assert column(batch, STATUS) == ["✓ done"] * 3
    assert "1 object in" in segment.panel.result.value


def test_closing_the_dock_ends_a_run(viewer, batch, folder, choose, qtbot, slow):
    choose(batch, folder)
    batch.panel.button.native.click()
    qtbot.waitUntil(lambda: len(batch.rows) == 1, timeout=60_000)
    job = batch.panel._job
    viewer.window.remove_dock_widget("all")
    qtbot.waitUntil(lambda: not job._worker.is_running, timeout=60_000)
    assert not (usual_output(folder) / "treated" / "c_labels.tif").exists()


# ------------------------------------------------------------------ what came out


def test_rows_are_sorted_by_numbers_and_back(done):
    table, order = done.table, Qt.SortOrder
    objects = [row.objects for row in done.rows]
    table.sortByColumn(OBJECTS, order.DescendingOrder)
    shown_ones = [int(text) for text in column(done, OBJECTS)]
    assert shown_ones == sorted(objects, reverse=True)
    table.sortByColumn(-1, order.AscendingOrder)
    assert names(done) == NAMES


def test_the_chart_is_saved_as_a_picture_and_as_figures(done, tmp_path):
    done.chart.plot.save(tmp_path / "chart.png")
    done.chart.plot.save(tmp_path / "chart.csv")
    with PIL.Image.open(tmp_path / "chart.png") as picture:
        assert picture.size == (1400, 640)
        assert picture.convert("L").getpixel((1, 1)) == 255  # whatever the theme
    lines = (tmp_path / "chart.csv").read_text().splitlines()
    assert [line.split(",")[:2] for line in lines[1:]] == [
        ["control", "2"], ["treated", "1"],
    ]  # fmt: skip


def test_what_cannot_be_compared_and_what_is_left_over_is_said(
    done, folder, choose, run
):
    assert not shown(done.chart.warning)
    tifffile.imwrite(folder / "treated" / "c.tif", np.zeros((60, 50), np.float32))
    (folder / "control" / "b.tif").unlink()
    choose(done, folder / "treated")
    choose(done, folder)
    run(done)
    assert "images of 40 × 50 to 60 × 50 pixels" in done.chart.warning.value.lower()
    assert "image is no longer there: control/b" in done.panel.result.value


def test_mended_labels_are_kept_in_the_words_of_the_widget():
    said = in_widget_words(KEPT)
    assert said == (
        "kept, for you mended the labels; with another folder for the results it is "
        "segmented anew"
    )


def test_no_condition_is_a_formula(batch, folder, choose, run, tmp_path):
    (folder / "control").rename(folder / "=1+1")
    choose(batch, folder)
    run(batch)
    batch.chart.plot.save(tmp_path / "chart.csv")
    assert (tmp_path / "chart.csv").read_text().splitlines()[1].startswith("'=1+1,2,")


def test_the_chart_follows_the_theme(viewer, done):
    viewer.theme = "light"
    assert done.chart.plot.figure.get_facecolor()[0] > 0.5
    viewer.theme = "dark"
    assert done.chart.plot.figure.get_facecolor()[0] < 0.5


def test_the_chart_of_a_closed_widget_is_left_alone(viewer, done):
    drawn = []
    done.chart.plot.drawn.connect(lambda: drawn.append(True))
    done.chart.draw()
    assert len(drawn) == 1
    viewer.window.remove_dock_widget("all")
    done.chart.draw()
    assert len(drawn) == 1


def test_the_page_is_opened_in_the_browser(done, folder, monkeypatch):
    asked = []
    monkeypatch.setattr(module.QDesktopServices, "openUrl", asked.append)
    page = usual_output(folder) / "batch.html"
    page.write_text("<html>")
    done._advise()
    done.page.native.click()
    assert asked == [QUrl.fromLocalFile(str(page))]


def test_there_is_no_page_before_a_run(batch, folder, choose):
    choose(batch, folder)
    assert not batch.page.enabled
