"""A row of a batch: opened as layers, mended, saved back."""

import numpy as np
import pytest
import tifffile
from napari.layers import Image, Labels
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_shiftseg.gui.batch import work as module
from napari_shiftseg.gui.batch.form import usual_output
from napari_shiftseg.gui.parts.layout import found, opened
from napari_shiftseg.gui.parts.records import KEPT
from napari_shiftseg.mending.edits import Delete
from napari_shiftseg.stores.reading import read_labels
from napari_shiftseg.stores.tables import read_table


@pytest.fixture
def mending(qtbot, settle):
    """Press Mend on a row, and wait until its labels can be mended."""

    def press_and_wait(viewer, batch, name):
        batch.table.select(name)
        batch.work.mend.native.click()
        settle(batch)
        mend = found(viewer, "Mend")
        qtbot.waitUntil(lambda: not mend.again.is_running, timeout=60_000)
        qtbot.waitUntil(lambda: not mend.steering.is_busy, timeout=60_000)
        return mend

    return press_and_wait


@pytest.fixture
def quiet(monkeypatch):
    """What is told in notifications."""
    said = []
    monkeypatch.setattr(module, "show_info", said.append)
    return said


def file_of(folder, name, kind="labels.tif"):
    return usual_output(folder) / f"{name}_{kind}"


@pytest.mark.parametrize("by", ["double click", "Return"])
def test_a_row_opens_image_and_labels(viewer, done, folder, settle, by):
    row = done.table.visualRect(done.table.model().index(1, 0)).center()
    inside, left = done.table.viewport(), Qt.MouseButton.LeftButton
    QTest.mouseClick(inside, left, pos=row)
    if by == "Return":
        QTest.keyClick(done.table, Qt.Key.Key_Return)
    else:
        QTest.mouseDClick(inside, left, pos=row)
    settle(done)
    image, labels = viewer.layers
    assert isinstance(image, Image)
    assert isinstance(labels, Labels)
    assert (image.name, labels.name) == ("control/b", "labels · small · control/b")
    np.testing.assert_array_equal(
        image.data, tifffile.imread(folder / "control" / "b.tif")
    )
    written = read_labels("labels", file_of(folder, "control/b"))
    np.testing.assert_array_equal(labels.data, written)
    assert viewer.layers.selection.active == labels
    table = read_table(file_of(folder, "control/b", "objects.csv"))
    assert list(labels.features["index"]) == list(table["label"])
    assert list(labels.features["area"]) == list(table["area"])
    assert "confidence" in labels.features


def test_a_table_that_is_gone_does_not_matter(viewer, done, folder, settle):
    file_of(folder, "control/b", "objects.csv").unlink()
    done.table.select("control/b")
    done.work.open.native.click()
    settle(done)
    assert viewer.layers[1].features.empty


def test_one_is_shown_at_a_time_and_none_is_opened_twice(viewer, done, settle):
    viewer.add_image(np.zeros((900, 900)), name="of something else")
    for name in ("control/a", "treated/c", "control/a"):
        done.table.select(name)
        done.work.open.native.click()
        settle(done)
    assert [layer.name for layer in viewer.layers if layer.visible] == [
        "control/a", "labels · small · control/a",
    ]  # fmt: skip
    assert len(viewer.layers) == 5
    camera = viewer.scene.camera
    fitting, camera.zoom = camera.zoom, 0.01
    assert fitting > min(viewer.canvas.size) / 900  # the large one does not count
    done.work.open.native.click()
    assert camera.zoom == 0.01  # it was in view
    viewer.layers["labels · small · control/a"].visible = False
    done.work.open.native.click()
    assert camera.zoom == fitting


def test_an_image_that_failed_is_opened_alone(
    viewer, batch, folder, choose, run, settle
):
    tifffile.imwrite(folder / "control" / "b.tif", np.full((9, 9), np.nan, np.float32))
    choose(batch, folder)
    run(batch)
    batch.table.select("control/b")
    assert batch.work.row.status == "failed"
    batch.work.open.native.click()
    settle(batch)
    (image,) = viewer.layers
    assert image.name == "control/b"


def test_layers_lie_where_the_file_says(viewer, batch, folder, choose, run, settle):
    about = {"axes": "YX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.25}
    pixels = np.random.default_rng(0).random((40, 50)).astype(np.float32)
    tifffile.imwrite(folder / "control" / "a.tif", pixels, ome=True, metadata=about)
    choose(batch, folder)
    run(batch)
    batch.table.select("control/a")
    batch.work.open.native.click()
    settle(batch)
    for layer in viewer.layers:
        assert tuple(layer.scale) == (0.25, 0.5)
        assert {str(unit) for unit in layer.units} == {"micrometer"}


def test_files_that_have_gone_are_named(viewer, done, folder, settle):
    (folder / "control" / "a.tif").unlink()
    done.table.select("control/a")
    done.work.open.native.click()
    settle(done)
    assert "a.tif" in done.work.said.value
    file_of(folder, "control/b").unlink()
    done.table.select("control/b")
    done.work.open.native.click()
    settle(done)
    assert "b_labels.tif" in done.work.said.value
    assert len(viewer.layers) == 0


def test_mend_predicts_again_and_the_labels_are_the_same(
    viewer, done, folder, mending, quiet
):
    mend = mending(viewer, done, "control/a")
    labels = mend.result.value
    assert labels.name == "labels · small · control/a"
    assert KEPT.of(labels) is not None
    np.testing.assert_array_equal(
        mend.steering.frame(()).mending.labels,
        read_labels("labels", file_of(folder, "control/a")),
    )
    assert quiet == [module.THEN_SAVE]


def test_mended_labels_are_saved_back_and_measured_anew(
    viewer, done, folder, mending, settle, quiet, qtbot
):
    mend = mending(viewer, done, "control/a")
    labels, before = mend.result.value, done.work.row
    mend.review.go_on()
    qtbot.waitUntil(lambda: mend.review.current is not None, timeout=60_000)
    sure = mend.review.current
    mend.review.mark_right()
    sizes = np.bincount(labels.data.ravel())
    sizes[[0, sure]] = 0
    biggest = int(sizes.argmax())
    point = tuple(np.argwhere(labels.data == biggest)[0].tolist())
    mend.steering.do(Delete((point,)))
    assert mend.files.number_unsaved == 1
    done.work.save.native.click()
    settle(done)
    assert mend.files.number_unsaved == 0
    row = done.work.row
    assert (row.name, row.objects) == ("control/a", before.objects - 1)
    written = read_labels("labels", file_of(folder, "control/a"))
    np.testing.assert_array_equal(written, labels.data)
    table = read_table(row.files["objects"])
    assert biggest not in table["label"]
    assert row.objects == len(table["label"])
    assert table["label"][table["looked_at"] == "right"].tolist() == [sure]
    summary = (usual_output(folder) / "summary.csv").read_text()
    assert f"control/a,control,mended,{row.objects}," in summary
    assert done.table.files.files[0].said == "✎ mended"
    done.chart.draw()
    bar = done.chart.plot.figure.axes[0].patches[0].get_height()
    assert bar == (row.objects + done.rows[1].objects) / 2


def test_what_was_mended_can_be_mended_further_in_a_later_session(
    viewer, done, folder, mending, settle, quiet, choose
):
    mend = mending(viewer, done, "control/a")
    labels = mend.result.value
    first, second = np.unique(labels.data)[1:3]
    one, two = (
        tuple(np.argwhere(labels.data == label)[0].tolist())
        for label in (first, second)
    )
    mend.steering.do(Delete((one,)))
    done.work.save.native.click()
    settle(done)
    viewer.window.remove_dock_widget("all")
    viewer.layers.clear()
    again = opened(viewer, "Batch")
    choose(again, folder)
    mend = mending(viewer, again, "control/a")
    assert mend.steering.history.edits == (Delete((one,)),)
    assert mend.files.number_unsaved == 0
    mend.steering.do(Delete((two,)))
    again.work.save.native.click()
    settle(again)
    written = read_labels("labels", file_of(folder, "control/a"))
    assert not np.isin([first, second], written).any()


def test_nothing_is_saved_back_while_a_batch_runs(done, viewer, settle, choose):
    done.table.select("control/a")
    done.work.open.native.click()
    settle(done)
    assert done.work.save.enabled
    done.work.hold(True)
    assert not done.work.save.enabled
    done.work.hold(False)
    viewer.layers.clear()
    assert not done.work.save.enabled


def test_what_cannot_be_written_is_said(done, folder, settle):
    done.table.select("control/a")
    done.work.open.native.click()
    settle(done)
    (usual_output(folder) / "summary.csv").write_text("my own")
    done.work.save.native.click()
    settle(done)
    assert "summary.csv" in done.work.said.value
    assert done.work.save.enabled
