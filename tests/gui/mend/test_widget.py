"""The Mend widget: knobs, tools and edits on results of the Segment widget."""

from __future__ import annotations

import gc
import json
from copy import deepcopy
from weakref import ref

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QMessageBox

import napari_shiftseg as shiftseg
from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.gui.mend.knobs import Knobs
from napari_shiftseg.gui.mend.layers import RightMarks
from napari_shiftseg.gui.mend.saving import AskBeforeClosing, EditFiles
from napari_shiftseg.gui.mend.tools import (
    ADD,
    ASK,
    DELETE,
    MERGE,
    REDRAW,
    RIGHT,
    SPLIT,
)  # fmt: skip
from napari_shiftseg.gui.mend.undo import EditOutcome
from napari_shiftseg.gui.parts.belonging import METADATA_KEY
from napari_shiftseg.gui.parts.records import KEPT, METADATA_EDITS, LayerSession
from napari_shiftseg.mending.changes import Change
from napari_shiftseg.mending.edits import Delete, Grow, Redraw
from napari_shiftseg.networks.unet import load_unet
from napari_shiftseg.pipeline.segmentation import segment_steps
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.progress import exhaust
from napari_shiftseg.relabelling.relabel import Kept

BANDWIDTH = 0.02  # that gives the noise 31 objects

pytestmark = pytest.mark.usefixtures("one_thread")


def test_all_rows_fit_a_low_screen(steered) -> None:
    rows = steered._scrolling.widget()
    assert rows.heightForWidth(400) <= 627  # a window of 720, without menu and tabs
    tall = rows.heightForWidth(400) + 400
    rows.resize(400, tall)
    rows.layout().activate()
    assert steered.edits.list.height() > 200  # the list takes the room that is left


def test_it_says_how_the_run_read_grey_values(steered, result) -> None:
    assert steered.reads.value == "reads grey values as they are"
    record = result.metadata[METADATA_KEY]
    for reads, said in (
        ({"low": 100, "high": 1100, "inverted": True}, "reads 100 … 1,100 as 1 … 0"),
        (None, ""),  # of an older version
    ):
        result.metadata[METADATA_KEY] = record | {"reads": reads}
        steered._choose()
        assert steered.reads.value == said
    assert not steered.reads.visible


def fresh(noise, model_file, **settings):
    chosen = {"bandwidth": BANDWIDTH, "device": "cpu"} | settings
    return shiftseg.segment(noise, load_unet(model_file), **chosen).labels


def inside(layer, number):
    """A pixel of an object."""
    return tuple(int(x) for x in np.argwhere(layer.data == number)[0])


def test_nothing_to_mend_yet(mend) -> None:
    assert "Segment an image first" in mend.state.value
    assert not mend.knobs.enabled
    assert not mend.tools.enabled


def test_the_knobs_show_the_run(steered, result) -> None:
    assert steered.knobs.bandwidth.value == pytest.approx(BANDWIDTH)
    assert steered.knobs.min_size.value == 3
    assert not steered.knobs.foreground_threshold.visible
    assert f"{len(np.unique(result.data)) - 1:,} object" in steered.state.value


@pytest.mark.parametrize(
    "turn", [{"bandwidth": 0.01}, {"min_size": 9}, {"split_far_parts": False},
             {"kernel": "flat"}],
)  # fmt: skip
def test_a_turned_knob_gives_the_labels_of_a_fresh_run(
    steered, result, noise, model_file, settled, turn
) -> None:
    ((name, value),) = turn.items()
    getattr(steered.knobs, name).value = value
    settled(steered)
    expected = fresh(noise, model_file, **turn)
    np.testing.assert_array_equal(result.data, expected)
    assert result.metadata[METADATA_KEY]["settings"][name] == value
    before = fresh(noise, model_file)
    assert not np.array_equal(expected, before)
    own = load_unet(model_file).config.clustering.model_dump()
    own["bandwidth"] = BANDWIDTH
    getattr(steered.knobs, name).value = own[name]
    settled(steered)
    np.testing.assert_array_equal(result.data, before)


def test_the_newest_of_many_turns_counts(
    steered, result, noise, model_file, settled
) -> None:
    for bandwidth in (0.03, 0.015, 0.05, 0.025, 0.01):
        steered.knobs.bandwidth.value = bandwidth
    settled(steered)
    np.testing.assert_array_equal(result.data, fresh(noise, model_file, bandwidth=0.01))


def test_merge_by_two_clicks_and_undo(steered, result, settled) -> None:
    before = result.data.copy()
    steered.tools.press(MERGE)
    one, two = inside(result, 1), inside(result, 2)
    steered.actions.click(one, ())
    steered.actions.click(two, ())
    settled(steered)
    assert result.data[one] == result.data[two] == 1
    assert len(steered.steering.history.edits) == 1
    assert "1 edit. " in steered.edits.title.value
    result.undo()
    np.testing.assert_array_equal(result.data, before)
    assert steered.steering.history.edits == ()


def test_an_edit_outlasts_a_turned_knob(steered, result, settled) -> None:
    largest = np.bincount(result.data.ravel())[1:].argsort()[-2:] + 1
    one, two = (inside(result, number) for number in largest)
    steered.tools.press(MERGE)
    steered.actions.click(one, ())
    steered.actions.click(two, ())
    steered.knobs.min_size.value = 4
    settled(steered)
    assert result.data[one] == result.data[two] != 0
    assert len(steered.steering.history.edits) == 1


def merge_the_smallest(steered, result, settled) -> int:
    """Merge the smallest object with the largest one; return its size."""
    sizes = np.bincount(result.data.ravel()).astype(float)
    sizes[0] = np.nan
    steered.tools.press(MERGE)
    for number in (np.nanargmax(sizes), np.nanargmin(sizes)):
        steered.actions.click(inside(result, number), ())
    settled(steered)
    return int(np.nanmin(sizes))


def rows(mend) -> list:
    return [mend.edits.list.item(row) for row in range(mend.edits.list.count())]


def test_an_edit_that_cannot_be_made_again_is_named(steered, result, settled) -> None:
    """As a fact: nothing is to be clicked, but a knob was turned."""
    smallest = merge_the_smallest(steered, result, settled)
    assert not rows(steered)[0].toolTip()
    steered.knobs.min_size.value = smallest + 1
    settled(steered)
    assert "edit 1 (merge at" in steered.answer.value
    assert "is left out: only 1 of 2 points lies on object" in steered.answer.value
    assert "click" not in steered.answer.value
    (row,) = rows(steered)
    assert row.text().endswith("· left out")
    assert "only 1 of 2 points" in row.toolTip()
    assert row.font().italic()
    steered.knobs.min_size.value = 3
    settled(steered)
    assert (rows(steered)[0].toolTip(), rows(steered)[0].font().italic()) == ("", False)


def test_what_holds_already_is_not_left_out(steered, result, settled) -> None:
    """The object deleted is not found any more with a larger minimum size."""
    sizes = np.bincount(result.data.ravel())
    sizes[0] = 10**6
    small = int(sizes.argmin())
    steered.tools.press(DELETE)
    steered.actions.click(inside(result, small), ())
    settled(steered)
    steered.knobs.min_size.value = int(sizes[small]) + 1
    settled(steered)
    assert steered.answer.value == ""
    assert not rows(steered)[0].toolTip()


def test_merge_twice_on_one_object_says_so(steered, result, settled) -> None:
    largest = int(np.bincount(result.data.ravel())[1:].argmax()) + 1
    one, two = np.argwhere(result.data == largest)[:2].tolist()
    steered.tools.press(MERGE)
    steered.actions.click(tuple(one), ())
    steered.actions.click(tuple(one), ())
    assert "marked already: click the other object" in steered.answer.value
    steered.actions.click(tuple(two), ())
    settled(steered)
    said = f"both points lie on object {largest}: a merge needs 2 objects or more"
    assert said in steered.answer.value
    assert "click the other object" in steered.answer.value
    assert steered.steering.history.edits == ()


def test_a_contradiction_is_named_and_the_newest_wins(steered, result, settled) -> None:
    one, two = inside(result, 1), inside(result, 2)
    for tool in (MERGE, SPLIT):
        steered.tools.press(tool)
        steered.actions.click(one, ())
        steered.actions.click(two, ())
        settled(steered)
    assert result.data[one] != result.data[two]
    assert "overrules an earlier edit (merge at" in steered.answer.value
    merge, split = rows(steered)
    assert merge.font().strikeOut()
    assert merge.text().endswith("· overruled by 2")
    assert "edit 2 (split at" in merge.toolTip()
    assert (split.font().strikeOut(), split.toolTip()) == (False, "")
    result.undo()
    assert not rows(steered)[0].font().strikeOut()


def test_one_click_adds_an_object_and_widens_it(steered, result, settled) -> None:
    largest = int(np.bincount(result.data.ravel())[1:].argmax()) + 1
    pixel = inside(result, largest)
    steered.tools.press(DELETE)
    steered.actions.click(pixel, ())
    settled(steered)
    before, new = result.data.copy(), result.data.max() + 1
    steered.tools.press(ADD)
    steered.actions.click(pixel, ())
    settled(steered)
    assert result.data[pixel] == new
    np.testing.assert_array_equal(result.data[before > 0], before[before > 0])
    steered.actions.click(pixel, ())
    settled(steered)
    point = tuple(
        x + o for x, o in zip(pixel, steered.steering.kept.offset, strict=True)
    )
    assert steered.steering.history.edits == (
        Delete((point,)),
        Grow(point, new=True),
        Grow(point),
    )


def test_clicks_that_hit_nothing(steered, result) -> None:
    steered.tools.press(DELETE)
    steered.actions.click((-1, 5), ())
    assert "outside the labels" in steered.answer.value
    result.data[0, 0] = 0
    steered.actions.click((0, 0), ())
    assert "background" in steered.answer.value
    assert steered.steering.history.edits == ()


def marks(viewer) -> list:
    """Pixels that are marked, if the layer of marks is shown."""
    found = [
        la for la in viewer.layers if la.name.startswith("clicked ·") and la.visible
    ]
    return [tuple(int(x) for x in pixel) for la in found for pixel in la.data]


def press_escape(mend) -> None:
    QTest.keyClick(mend.native.window(), Qt.Key.Key_Escape)


def test_a_click_on_background_keeps_the_points(
    viewer, steered, result, settled
) -> None:
    result.data[0, 0] = 0
    one, two = inside(result, 2), inside(result, 3)
    steered.tools.press(MERGE)
    steered.actions.click(one, ())
    steered.actions.click((0, 0), ())
    assert "That is background: click the other object" in steered.answer.value
    assert "(Esc drops the points)" in steered.answer.value
    assert marks(viewer) == [one]
    steered.actions.click(two, ())
    settled(steered)
    assert result.data[one] == result.data[two]


@pytest.mark.usefixtures("window")
@pytest.mark.parametrize("tool", [MERGE, SPLIT, ASK])
def test_escape_drops_the_points_and_then_the_tool(
    viewer, steered, result, settled, tool
) -> None:
    one = inside(result, 1)
    before = dict(result.keymap)
    steered.tools.press(tool)
    assert "Esc drops waiting points" in steered.hint.value
    steered.actions.click(one, ())
    assert marks(viewer) == [one]
    press_escape(steered)
    assert marks(viewer) == []
    assert steered.tools.on is tool
    steered.actions.click(inside(result, 2), ())  # the first click again
    settled(steered)
    assert steered.steering.history.edits == ()
    assert marks(viewer) == [inside(result, 2)]
    press_escape(steered)
    press_escape(steered)
    assert steered.tools.on is None
    assert result.keymap == before


@pytest.mark.usefixtures("window")
def test_escape_lays_down_a_tool_that_waits_for_nothing(steered) -> None:
    steered.tools.press(DELETE)
    assert "Esc drops the tool" in steered.hint.value
    press_escape(steered)
    assert steered.tools.on is None


def test_a_selected_edit_is_shown(viewer, steered, result, settled) -> None:
    one, two, three = (inside(result, number) for number in (1, 2, 3))
    steered.tools.press(MERGE)
    for pixel in (one, two):
        steered.actions.click(pixel, ())
    settled(steered)
    steered.tools.press(DELETE)
    steered.actions.click(three, ())
    settled(steered)
    steered.tools.press(None)
    viewer.layers.selection.active = viewer.layers["noise"]
    camera = viewer.scene.camera
    camera.zoom, camera.center = 100, (0, -500, -500)
    steered.edits.list.setCurrentRow(0)
    assert marks(viewer) == [one, two]
    assert viewer.layers.selection.active.name == "noise"
    assert tuple(camera.center[-2:]) == pytest.approx(result.data_to_world(one))
    steered.edits.list.item(1).setSelected(True)
    assert sorted(marks(viewer)) == sorted([one, two, three])
    QTest.keyClick(steered.edits.list, Qt.Key.Key_Delete)
    settled(steered)
    assert steered.steering.history.edits == ()
    assert marks(viewer) == []


def test_a_selected_edit_of_another_frame_brings_it(
    viewer, steered, other, settled
) -> None:
    viewer.dims.set_point(0, 1)
    settled(steered)
    at = next(tuple(int(x) for x in p) for p in np.argwhere(other.data) if p[0] == 1)
    steered.tools.press(DELETE)
    steered.actions.click(at, ())
    settled(steered)
    steered.tools.press(None)
    viewer.dims.set_point(0, 0)
    steered.edits.list.setCurrentRow(0)
    assert viewer.dims.point[0] == 1
    assert marks(viewer) == [at]


def test_without_a_foreground_an_outline_cannot_be_redrawn(
    steered, result, settled
) -> None:
    steered.tools.press(REDRAW)
    steered.actions.click(inside(result, 1), ())
    settled(steered)
    assert "foreground" in steered.answer.value
    assert steered.steering.history.edits == ()


def test_asking_shows_distances_and_explains_two_objects(
    viewer, steered, result, settled, qtbot
) -> None:
    steered.tools.press(ASK)
    one, two = inside(result, 1), inside(result, 2)
    steered.actions.hover(one)
    name = f"distance · {result.name}"
    qtbot.waitUntil(lambda: name in viewer.layers, timeout=60_000)
    distances = viewer.layers[name].data
    assert distances.min() == distances[one] == 0
    assert viewer.layers.index(name) == viewer.layers.index(result) - 1
    assert "object 1" in steered.answer.value
    assert "object 1" in viewer.status
    assert "(bright: alike)" in steered.hint.value
    assert viewer.layers[name].colormap.map(0.0).sum() > 2.5  # near
    assert viewer.layers[name].colormap.map(1.0).sum() < 2  # far, with opacity 1
    steered.actions.click(one, ())
    steered.actions.click(two, ())
    settled(steered)
    assert "modes" in steered.answer.value or "mode" in steered.answer.value
    steered.tools.press(ASK)
    assert viewer.status == ""
    own = (name, f"clicked · {result.name}")  # they go one after the other
    qtbot.waitUntil(
        lambda: not any(one in viewer.layers for one in own), timeout=60_000
    )


def test_what_others_say_in_the_status_bar_stays(
    viewer, steered, result, qtbot
) -> None:
    steered.tools.press(ASK)
    steered.actions.hover(inside(result, 1))
    qtbot.waitUntil(lambda: "object 1" in viewer.status, timeout=60_000)
    viewer.status = "of another"
    steered.tools.press(ASK)
    assert viewer.status == "of another"


@pytest.mark.parametrize(
    ("tool", "said"),
    [(MERGE, "Joined by an edit (merge at"), (SPLIT, "Parted by an edit (split at")],
)
def test_asking_names_the_edit_that_joined_or_parted(
    steered, result, settled, qtbot, tool, said
) -> None:
    if tool is MERGE:
        at = [inside(result, 1), inside(result, 2)]
    else:
        largest = int(np.bincount(result.data.ravel())[1:].argmax()) + 1
        where = np.argwhere(result.data == largest)
        at = [tuple(int(x) for x in where[i]) for i in (0, -1)]

    def explained():
        steered.tools.press(ASK)
        for pixel in at:
            steered.actions.click(pixel, ())
        settled(steered)
        return steered.answer.value

    assert "edit" not in explained()
    steered.tools.press(tool)
    for pixel in at:
        steered.actions.click(pixel, ())
    settled(steered)
    assert said in explained()
    steered.tools.press(ASK)
    steered.tools.press(ASK)
    steered.actions.hover(at[0])
    qtbot.waitUntil(lambda: "(edited) · " in steered.answer.value, timeout=60_000)
    steered.tools.press(ASK)
    result.undo()
    assert "edit" not in explained()


def test_the_words_of_an_answer_are_explained_where_it_stands(steered) -> None:
    assert not steered.answer.tooltip
    steered.tools.press(ASK)
    for told in (steered.answer.tooltip, steered.tools.buttons[ASK].tooltip):
        for word in ("bandwidths from its mode: ", "phase: ", "tile: ", "foreground: "):
            assert word in told
        assert max(map(len, told.splitlines())) <= 80
    steered.tools.press(MERGE)
    assert not steered.answer.tooltip
    assert steered.tools.buttons[MERGE].tooltip.split() == MERGE.hint.split()


def test_the_bandwidth_that_agrees_with_marked_objects(
    viewer, steered, result, settled, noise, model_file
) -> None:
    assert not steered.find.enabled
    own = result.data.copy()
    number = int(np.bincount(own.ravel())[1:].argmax()) + 1
    steered.tools.press(RIGHT)
    steered.actions.click(inside(result, number), ())
    marked = own == number
    steered.knobs.bandwidth.value = 0.06
    settled(steered)
    assert not any(
        np.array_equal(result.data == n, marked) for n in np.unique(result.data)
    )
    steered.find.changed.emit(True)
    settled(steered)
    settled(steered)
    assert "mean IoU" in steered.answer.value
    assert steered.steering.clustering.bandwidth != 0.06


@pytest.mark.usefixtures("window")
def test_what_was_painted_before_is_an_edit(viewer, result, settled) -> None:
    result.data[2:6, 2:6] = 0
    _, mend = viewer.window.add_plugin_dock_widget("napari-shiftseg", "Mend")
    settled(mend)
    assert not result.data[2:6, 2:6].any()
    assert mend.steering.history.edits
    mend.knobs.min_size.value = 4
    settled(mend)
    assert not result.data[2:6, 2:6].any()


def copy_of(result):
    """The same labels, edits and record, without what the run kept."""
    return type(result)(
        result.data.copy(), name="copy", metadata=deepcopy(result.metadata)
    )


def test_embeddings_that_are_not_kept_are_predicted_again(
    viewer, steered, result, settled, qtbot
) -> None:
    copy = copy_of(result)
    viewer.add_layer(copy)
    steered.result.value = copy
    assert steered.steering is None
    assert "not kept" in steered.state.value
    steered.again.run()
    qtbot.waitUntil(lambda: steered.steering is not None, timeout=60_000)
    settled(steered)
    np.testing.assert_array_equal(copy.data, result.data)
    assert steered.steering.kept is not KEPT.of(result)


def test_the_layer_is_deleted_meanwhile(viewer, steered, result, qtbot) -> None:
    steered.knobs.bandwidth.value = 0.01
    viewer.layers.remove(result)
    assert steered.steering is None
    assert "Segment an image first" in steered.state.value
    qtbot.wait(200)  # the job that was abandoned ends without a word


def test_edits_taken_out_and_written(
    steered, result, settled, tmp_path, monkeypatch
) -> None:
    before = result.data.copy()
    steered.tools.press(DELETE)
    for number in (1, 2):
        steered.actions.click(inside(result, number), ())
        settled(steered)
    path = tmp_path / "edits.json"
    monkeypatch.setattr(
        "napari_shiftseg.gui.mend.saving.show_file_dialog",
        lambda *_, **__: path,
    )
    assert steered.files.number_unsaved == 2
    steered.edits.save.changed.emit(True)
    assert steered.files.number_unsaved == 0
    written = json.loads(path.read_text())
    assert len(written["edits"]) == 2
    assert (written["model"], written["image"]) == (
        result.metadata[METADATA_KEY]["model"], "noise",
    )  # fmt: skip
    assert f"shiftseg mend IMAGE --edits {path} -o " in steered.answer.value
    steered.edits.taken_out.emit([0, 1])
    settled(steered)
    np.testing.assert_array_equal(result.data, before)
    assert steered.files.number_unsaved == 0 or result.metadata[METADATA_EDITS] == []
    steered.edits.load.changed.emit(True)
    settled(steered)
    assert len(steered.steering.history.edits) == 2
    assert result.data[result.data > 0].min() >= 3


@pytest.fixture
def saved(steered, result, settled, tmp_path, monkeypatch):
    """A file of two deletions; every dialog names it."""
    path = tmp_path / "edits.json"
    monkeypatch.setattr(
        "napari_shiftseg.gui.mend.saving.show_file_dialog",
        lambda *_, **__: path,
    )
    steered.tools.press(DELETE)
    for number in (1, 2):
        steered.actions.click(inside(result, number), ())
        settled(steered)
    steered.edits.save.changed.emit(True)
    return path


def test_edits_that_stand_in_the_list_are_not_loaded_again(
    steered, saved, result, settled
) -> None:
    steered.edits.taken_out.emit([0])
    settled(steered)
    (left,) = steered.steering.history.edits
    steered.edits.load.changed.emit(True)
    settled(steered)
    edits = steered.steering.history.edits
    assert len(edits) == len(set(edits)) == 2
    assert edits[0] == left
    assert steered.answer.value == (
        "1 edit loaded. 1 edit of the file stood in the list already. “Take out” "
        "removes the selected ones."
    )
    steered.edits.remove.changed.emit(True)  # what was loaded is selected
    settled(steered)
    assert steered.steering.history.edits == (left,)


@pytest.mark.parametrize("agrees", [True, False])
def test_edits_of_another_image_are_asked_about(
    steered, saved, result, settled, monkeypatch, agrees
) -> None:
    steered.edits.taken_out.emit([0, 1])
    settled(steered)
    saved.write_text(saved.read_text().replace('"noise"', '"other"'))
    asked = []
    monkeypatch.setattr(
        EditFiles, "ask", staticmethod(lambda text: bool(asked.append(text)) or agrees)
    )
    steered.edits.load.changed.emit(True)
    settled(steered)
    assert asked == [
        "These edits were made on the image “other”, not “noise”.",
    ]
    assert len(steered.steering.history.edits) == 2 * agrees


def test_a_clustering_that_this_model_cannot_have_is_refused(
    steered, saved, result, settled
) -> None:
    known = json.loads(saved.read_text())
    known["clustering"]["scope"] = "component"
    saved.write_text(json.dumps(known))
    before, clustering = result.data.copy(), steered.knobs.clustering
    steered.edits.load.changed.emit(True)
    settled(steered)
    assert "does not predict" in steered.answer.value
    assert steered.knobs.clustering == clustering
    np.testing.assert_array_equal(result.data, before)


def test_knobs_show_what_they_can_of_values_beyond_their_ends(qtbot) -> None:
    knobs, far = Knobs(), Clustering(foreground_threshold=0.999, bandwidth=50)
    qtbot.addWidget(knobs.native)
    knobs.take(far, has_foreground=True)
    assert knobs.foreground_threshold.value == pytest.approx(0.99)
    assert knobs.clustering == far
    knobs.use({"foreground_threshold": 0.0001})
    assert knobs.foreground_threshold.value == pytest.approx(0.01)
    assert knobs.clustering.foreground_threshold == 0.0001


@pytest.mark.usefixtures("window")
def test_the_embedding_of_deleted_labels_is_let_go(
    viewer, steered, result, settled, qtbot
) -> None:
    steered.plot.changed.emit(True)
    qtbot.waitUntil(lambda: not steered.plot_link.plot.is_busy, timeout=60_000)
    held = ref(steered.steering.frame(()))
    viewer.layers.remove(result)
    qtbot.wait(100)
    steered.deleted.withdraw()
    LayerSession.of(result).kept = None
    gc.collect()
    assert held() is None


@pytest.mark.usefixtures("window")
def test_keys_go_back_to_whom_they_belonged(viewer, result) -> None:
    pressed = []
    viewer.bind_key(MERGE.key, lambda _: pressed.append("mine"))
    _, docked = viewer.window.add_plugin_dock_widget("napari-shiftseg", "Mend")
    docked.tools.free_keys()
    bound = viewer.bind_key(MERGE.key, None)
    bound(viewer)
    assert pressed == ["mine"]
    assert viewer.bind_key(SPLIT.key, None) is None


def test_hidden_labels_are_not_mended(steered, result, settled) -> None:
    result.visible = False
    steered.tools.press(DELETE)
    assert result.visible  # taking a tool shows them
    result.visible = False
    before = result.data.copy()
    steered.actions.click(inside(result, 1), ())
    settled(steered)
    assert "hidden" in steered.answer.value
    np.testing.assert_array_equal(result.data, before)
    result.visible = True
    steered.actions.click(inside(result, 1), ())
    settled(steered)
    assert (result.data != before).any()


def test_a_redraw_that_changes_nothing_says_why(steered, result) -> None:
    at, steering = inside(result, 1), steered.steering
    frame, nothing = steering.frame(()), Change.none((), result.data)
    found = EditOutcome(frame, steering.revision_of(()), nothing)
    steering._act(Redraw((at,)), found)
    assert "predicted foreground already" in steered.answer.value
    steering._act(Delete((at,)), found)
    assert steered.answer.value == "This changes nothing."


def test_a_file_that_holds_no_edits(steered, tmp_path, monkeypatch) -> None:
    path = tmp_path / "edits.json"
    path.write_text("{")
    monkeypatch.setattr(
        "napari_shiftseg.gui.mend.saving.show_file_dialog",
        lambda *_, **__: path,
    )
    steered.edits.load.changed.emit(True)
    assert "cannot be read as edits" in steered.answer.value


@pytest.mark.usefixtures("window")
@pytest.mark.parametrize(("answer", "closes"), [("Cancel", False), ("Discard", True)])
def test_closing_with_unsaved_edits_asks(
    viewer, steered, result, settled, monkeypatch, answer, closes
) -> None:
    steered.tools.press(DELETE)
    steered.actions.click(inside(result, 1), ())
    settled(steered)
    asked = []

    def ask(window, question):
        asked.append(question)
        return getattr(QMessageBox.StandardButton, answer)

    monkeypatch.setattr(AskBeforeClosing, "ask", staticmethod(ask))
    window = steered.native.window()
    assert window.close() is closes
    assert asked == [
        f"1 unsaved edit of “{result.name}”. Save before closing?",
    ]


def width(plot) -> float:
    """Of the circle around a mode."""
    return float(np.ptp(plot.projection.outlines[0], axis=0).max())


@pytest.mark.usefixtures("window")
def test_the_embedding_is_plotted_and_follows_the_knobs(
    steered, result, settled, qtbot
) -> None:
    steered.plot.changed.emit(True)
    plot = steered.plot_link.plot
    qtbot.waitUntil(lambda: plot.projection is not None, timeout=60_000)
    assert width(plot) == pytest.approx(2 * BANDWIDTH, rel=0.01)
    steered.knobs.bandwidth.value = 0.01
    settled(steered)
    qtbot.waitUntil(lambda: not plot.is_busy, timeout=60_000)
    assert width(plot) == pytest.approx(2 * 0.01, rel=0.01)


@pytest.mark.usefixtures("window")
def test_corrections_open_the_train_widget(
    viewer, steered, result, settled, qtbot
) -> None:
    steered.teach.changed.emit(True)
    settled(steered)
    assert "nothing was mended yet" in steered.answer.value
    one, two = inside(result, 2), inside(result, 3)
    steered.tools.press(MERGE)
    steered.actions.click(one, ())
    steered.actions.click(two, ())
    steered.tools.press(RIGHT)
    steered.actions.click(inside(result, 4), ())
    settled(steered)
    steered.teach.changed.emit(True)
    settled(steered)
    layer = viewer.layers["corrections · noise"]
    assert {-1, 2, 4} <= set(np.unique(layer.data))
    assert result.data.max() not in layer.data  # far away
    assert layer.data[one] == layer.data[two] == 2
    assert not layer.visible
    docks = viewer.window.dock_widgets
    train = next(w for name, w in docks.items() if name.startswith("Train"))
    assert train.form.pairs.image.value.name == "noise"
    assert train.form.pairs.truth.value.name == layer.name
    note = train.note.text.value
    assert "2 objects mended or marked right in 1 image." in note
    assert "The rest is not known and does not count." in note
    assert "has no foreground logit" in note  # the model of this test
    assert train.form.start.value == "nothing"
    steered.tools.press(DELETE)
    steered.actions.click(inside(result, 5), ())
    settled(steered)
    steered.teach.changed.emit(True)
    settled(steered)
    note = train.note.text.value
    assert "2 objects mended or marked right and 1 deleted in 1 image." in note


@pytest.fixture
def other(steered, segmented, settled):
    """The labels of another run, of a series; they are chosen now."""
    series = np.random.default_rng(1).random((2, 44, 48)).astype(np.float32)
    labels = segmented(series, "series")
    steered.result.value = labels
    settled(steered)
    return labels


def test_labels_that_are_chosen_are_selected(viewer, steered, result, other) -> None:
    viewer.layers.selection.active = viewer.layers["noise"]
    steered.result.value = other if steered.result.value is result else result
    assert viewer.layers.selection.active == steered.result.value


def test_asked_again_after_a_turn(viewer, steered, result, settled, qtbot) -> None:
    steered.tools.press(ASK)
    at = inside(result, 1)
    steered.actions.hover(at)
    qtbot.waitUntil(lambda: "object" in steered.answer.value, timeout=60_000)
    steered.knobs.bandwidth.value = 0.01
    settled(steered)
    steered.answer.value = ""
    steered.actions.hover(at)
    qtbot.waitUntil(lambda: "object" in steered.answer.value, timeout=60_000)
    assert f"object {result.data[at]}" in steered.answer.value


def distances(viewer):
    return [layer for layer in viewer.layers if layer.name.startswith("distance ·")]


def test_two_results_are_mended_each_by_itself(
    viewer, steered, result, other, settled, qtbot, tmp_path, monkeypatch
) -> None:
    steered.tools.press(RIGHT)
    steered.actions.click(inside(other, 1), ())
    marked = RightMarks.of(other).number
    steered.result.value = result
    assert RightMarks.of(result).number == 0
    assert not steered.find.enabled
    for labels, at in ((result, inside(result, 1)), (other, inside(other, 1))):
        steered.result.value = labels
        settled(steered)
        steered.tools.press(ASK)
        steered.actions.hover(at)
        name = f"distance · {labels.name}"
        qtbot.waitUntil(lambda name=name: name in viewer.layers, timeout=60_000)
        qtbot.waitUntil(lambda: len(distances(viewer)) == 1, timeout=60_000)
        assert viewer.layers[name].data.ndim == labels.ndim
        steered.tools.press(DELETE)
        steered.actions.click(at, ())
        settled(steered)
        assert labels.data[at] == 0
    assert marked == RightMarks.of(other).number == 1
    assert steered.files.number_unsaved == 2
    asked = []

    def choose(_, title, **__):
        asked.append(title)
        return tmp_path / f"{len(asked)}.json"

    monkeypatch.setattr("napari_shiftseg.gui.mend.saving.show_file_dialog", choose)
    assert steered.files.save_unsaved()
    assert {title.removeprefix("Save the edits of ") for title in asked} == {
        result.name, other.name,
    }  # fmt: skip
    assert steered.files.number_unsaved == 0


def test_the_bandwidth_found_is_not_that_of_other_labels(
    steered, result, other, settled
) -> None:
    steered.result.value = result
    settled(steered)
    steered.tools.press(RIGHT)
    steered.actions.click(inside(result, 1), ())
    steered.find.changed.emit(True)
    steering = steered.steering
    steered.result.value = other
    before = steered.knobs.clustering
    settled(SteeredBy(steering))
    settled(steered)
    assert steered.knobs.clustering == before


class SteeredBy:
    def __init__(self, steering) -> None:
        self.steering = steering


@pytest.mark.usefixtures("window")
def test_a_plot_opened_again_shows_the_frame(viewer, steered, settled, qtbot) -> None:
    for _ in range(2):
        steered.plot.changed.emit(True)
        plot = steered.plot_link.plot
        qtbot.waitUntil(lambda plot=plot: plot.projection is not None, timeout=60_000)
        viewer.window.remove_dock_widget(plot.native)
        qtbot.wait(50)


def predicted(result, noise, model_file):
    model = load_unet(model_file)
    settings = Settings(**result.metadata[METADATA_KEY]["settings"])
    return exhaust(segment_steps(noise, model, settings)), model.config


def test_predicted_again_edits_are_unsaved_still(
    steered, result, settled, noise, model_file
) -> None:
    steered.tools.press(DELETE)
    steered.actions.click(inside(result, 1), ())
    settled(steered)
    assert steered.files.number_unsaved == 1
    KEPT.keep(result, Kept(*predicted(result, noise, model_file)))
    settled(steered)
    assert steered.files.number_unsaved == 1
    assert len(steered.steering.history.edits) == 1


def test_keys_do_nothing_where_nothing_can_be_mended(viewer, mend) -> None:
    key = next(key for key in viewer.keymap if str(key) == DELETE.key)
    viewer.keymap[key](viewer)
    assert mend.tools.on is None


def test_edits_in_the_metadata_that_are_none(viewer, result, mend, settled) -> None:
    settled(mend)
    copy = type(result)(result.data.copy(), metadata=dict(result.metadata))
    copy.metadata[METADATA_EDITS] = [{"kind": "nonsense"}]
    viewer.add_layer(copy)
    KEPT.keep(copy, KEPT.of(result))
    mend.result.value = copy
    assert "the kind of an edit is" in mend.answer.value
    assert mend.steering is None
    mend.result.value = result
    assert mend.steering is not None


@pytest.mark.usefixtures("window")
def test_closed_and_opened_again(viewer, steered, result, settled, qtbot) -> None:
    steered.knobs.bandwidth.value = 0.01
    settled(steered)
    steered.tools.press(RIGHT)
    steered.actions.click(inside(result, 2), ())
    steered.tools.press(MERGE)
    steered.actions.click(inside(result, 1), ())
    assert len([la for la in viewer.layers if "clicked" in la.name]) == 1
    names = ("clicked", "distance", "marked right")
    dock = steered.native.parent()
    viewer.window.remove_dock_widget(dock)
    qtbot.wait(100)
    assert not [la.name for la in viewer.layers if la.name.startswith(names)]
    ours = [c for c in result.mouse_drag_callbacks if "shiftseg" in c.__module__]
    assert not ours
    assert not [key for key in viewer.keymap if str(key) in "AJSDRO"]
    before = result.data.copy()
    _, again = viewer.window.add_plugin_dock_widget("napari-shiftseg", "Mend")
    settled(again)
    assert again.knobs.bandwidth.value == pytest.approx(0.01)
    assert again.steering.history.edits == ()
    np.testing.assert_array_equal(result.data, before)


def test_a_tool_of_naparis_lays_ours_down(steered, result) -> None:
    steered.tools.press(DELETE)
    result.mode = "paint"
    assert steered.tools.on is None
    assert result.mode == "paint"
    steered.tools.press(DELETE)
    assert result.mode == "pan_zoom"
    assert steered.tools.on is DELETE


def test_a_warning_goes_when_it_is_no_longer_so(steered, result, settled) -> None:
    smallest = merge_the_smallest(steered, result, settled)
    steered.knobs.min_size.value = smallest + 1
    settled(steered)
    assert "is left out" in steered.answer.value
    steered.knobs.min_size.value = 3
    settled(steered)
    assert steered.answer.value == ""
