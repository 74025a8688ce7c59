"""A volume of a 3-D network, mended plane by plane from the first knob to a file."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from napari.utils.interactions import mouse_press_callbacks, mouse_release_callbacks

import napari_shiftseg as shiftseg
from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.gui.mend.tool_actions import USE_PLANES
from napari_shiftseg.gui.mend.tools import ASK, DELETE, MERGE, RIGHT, SPLIT
from napari_shiftseg.mending.edit_lists import read_edits
from napari_shiftseg.mending.edits import Delete, Merge, Split
from napari_shiftseg.mending.replay import mend as mended
from napari_shiftseg.networks.unet import build, load_unet, save_model
from napari_shiftseg.networks.unet_config import ModelConfig

SHAPE = (10, 24, 26)
BANDWIDTH, OTHER = 0.15, 0.2
PLACE = {"scale": (4, 0.5, 0.5), "translate": (8, -3, 2)}
PLANE = 6

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    """A file of an untrained 3-D network (l = 1, context 16): fast, not right."""
    clustering = Clustering(bandwidth=BANDWIDTH, min_size=3)
    config = ModelConfig.new(
        name="volumes", ndim=3, depth=1, features=2, clustering=clustering
    )
    path = tmp_path_factory.mktemp("models") / "volumes.safetensors"
    return str(save_model(build(config, seed=1), path))


@pytest.fixture
def volume():
    return np.random.default_rng(3).random(SHAPE).astype(np.float32)


@pytest.fixture
def body(segmented, volume):
    """The labels of a volume."""
    return segmented(volume, "volume", BANDWIDTH, **PLACE)


@pytest.fixture
def mend(viewer, body, mend, settled):
    """The Mend widget on the result of a volume, a plane in view."""
    viewer.dims.set_current_step(0, PLANE)
    settled(mend)
    return mend


def fresh(volume, model_file, bandwidth=BANDWIDTH):
    model = load_unet(model_file)
    return shiftseg.segment(volume, model, bandwidth=bandwidth, device="cpu")


def in_plane(labels, least=2):
    """Objects of a plane, the largest there first, each by two of its pixels."""
    ids, sizes = np.unique(labels[PLANE], return_counts=True)
    order = sizes.argsort()[::-1]
    found = []
    for number in ids[order][(ids[order] > 0) & (sizes[order] >= least)]:
        pixels = np.argwhere(labels[PLANE] == number)
        found.append([(PLANE, *(int(x) for x in pixels[i])) for i in (0, -1)])
    return found


def test_a_turned_knob_gives_the_labels_of_a_fresh_run(
    mend, volume, model_file, settled
) -> None:
    labels = mend.result.value
    assert labels.data.shape == SHAPE
    before = fresh(volume, model_file).labels
    np.testing.assert_array_equal(labels.data, before)
    mend.knobs.bandwidth.value = OTHER
    settled(mend)
    after = fresh(volume, model_file, OTHER).labels
    np.testing.assert_array_equal(labels.data, after)
    assert len(np.unique(after)) > 5
    assert not np.array_equal(after, before)


def test_what_is_mended_is_undone_saved_and_made_again(
    mend, volume, model_file, settled, tmp_path, monkeypatch
) -> None:
    labels = mend.result.value
    clustered = labels.data.copy()
    (one, _), (two, _), (first, last), (dirt, _), *_ = in_plane(clustered)

    def click(tool, *pixels):
        mend.tools.press(tool)
        for pixel in pixels:
            mend.actions.click(pixel, ())
        settled(mend)

    click(MERGE, one, two)
    assert labels.data[one] == labels.data[two]
    assert clustered[one] != clustered[two]
    both = np.isin(clustered, [clustered[one], clustered[two]])
    assert len(np.unique(labels.data[both])) == 1  # in all planes
    assert len({int(z) for z in np.nonzero(both)[0]}) > 1
    click(SPLIT, first, last)
    assert clustered[first] == clustered[last]
    assert labels.data[first] != labels.data[last]
    kept = labels.data.copy()
    click(DELETE, dirt)
    assert not labels.data[clustered == clustered[dirt]].any()
    labels.undo()
    np.testing.assert_array_equal(labels.data, kept)
    edits = mend.steering.history.edits
    assert [type(edit) for edit in edits] == [Merge, Split]
    assert all(edit.frame == () for edit in edits)

    path = tmp_path / "edits.json"
    monkeypatch.setattr(
        "napari_shiftseg.gui.mend.saving.show_file_dialog",
        lambda *_, **__: path,
    )
    mend.edits.save.changed.emit(True)
    run, replayed = mended(
        fresh(volume, model_file), load_unet(model_file), read_edits(path).edits
    )
    np.testing.assert_array_equal(run.labels, kept)
    assert not replayed.notes
    mend.edits.taken_out.emit([0, 1])
    settled(mend)
    np.testing.assert_array_equal(labels.data, clustered)
    mend.edits.load.changed.emit(True)
    settled(mend)
    np.testing.assert_array_equal(labels.data, kept)


def test_a_pixel_is_asked_in_its_plane(viewer, mend, settled, qtbot) -> None:
    labels = mend.result.value
    (one, _), (two, _), *_ = in_plane(labels.data)
    mend.tools.press(ASK)
    mend.actions.hover(one)
    name = f"distance · {labels.name}"
    qtbot.waitUntil(lambda: name in viewer.layers, timeout=60_000)
    distances = viewer.layers[name]
    assert f"object {labels.data[one]}" in mend.answer.value
    world = labels.data_to_world(one)
    at = tuple(np.round(distances.world_to_data(world)).astype(int))
    assert distances.data[at] == distances.data.min() == 0
    assert distances.data.max() > 0
    mend.actions.click(one, ())
    mend.actions.click(two, ())
    settled(mend)
    assert "mode" in mend.answer.value


def test_a_marked_object_guides_the_bandwidth(mend, settled) -> None:
    labels = mend.result.value
    (one, _), *_ = in_plane(labels.data)
    mend.tools.press(RIGHT)
    mend.actions.click(one, ())
    marked = labels.data == labels.data[one]
    mend.knobs.bandwidth.value = 0.4
    settled(mend)
    assert (labels.data == labels.data[one]).sum() > marked.sum()
    mend.find.changed.emit(True)
    settled(mend)
    settled(mend)
    assert "mean IoU" in mend.answer.value
    assert mend.steering.clustering.bandwidth < 0.4


def clicked(layer, pixel):
    """Click a pixel of a layer as napari does."""
    event = SimpleNamespace(
        type="mouse_press", button=1, modifiers=(), handled=False,
        position=layer.data_to_world(pixel), pos=(0, 0),
    )  # fmt: skip
    mouse_press_callbacks(layer, event)
    event.type = "mouse_release"
    mouse_release_callbacks(layer, event)


def test_in_3d_display_the_tools_say_what_to_do(viewer, mend, settled, qtbot) -> None:
    labels = mend.result.value
    before = labels.data.copy()
    (one, _), *_ = in_plane(before)
    viewer.dims.ndisplay = 3
    mend.tools.press(DELETE)
    assert mend.hint.value == USE_PLANES
    clicked(labels, one)
    qtbot.wait(50)
    settled(mend)
    np.testing.assert_array_equal(labels.data, before)
    assert mend.steering.history.edits == ()
    mend.tools.press(None)
    viewer.dims.ndisplay = 2
    mend.tools.press(DELETE)
    assert mend.hint.value == DELETE.hint
    clicked(labels, one)
    settled(mend)
    assert mend.steering.history.edits == (Delete((one,)),)
    assert not labels.data[before == before[one]].any()


@pytest.mark.usefixtures("window")
def test_a_knob_turned_in_3d_display(viewer, mend, volume, model_file, settled) -> None:
    viewer.dims.ndisplay = 3
    mend.knobs.bandwidth.value = OTHER
    settled(mend)
    expected = fresh(volume, model_file, OTHER).labels
    np.testing.assert_array_equal(mend.result.value.data, expected)
    mend.plot.changed.emit(True)
    plot = mend.plot_link.plot
    settled(mend)
    assert plot is not None


@pytest.mark.usefixtures("window")
def test_corrections_of_a_volume_are_those_of_its_objects(
    viewer, mend, settled
) -> None:
    labels = mend.result.value
    (one, _), *_ = in_plane(labels.data)
    mend.tools.press(RIGHT)
    mend.actions.click(one, ())
    mend.teach.changed.emit(True)
    settled(mend)
    known = viewer.layers["corrections · volume"]
    number = labels.data[one]
    np.testing.assert_array_equal(known.data == number, labels.data == number)
    docks = viewer.window.dock_widgets
    train = next(w for name, w in docks.items() if name.startswith("Train"))
    assert train.form.pairs.truth.value.name == known.name
    assert train.form.network.value == 3
    train.form.depth.value = 1
    note = train.note.text.value
    assert "1 object mended or marked right in 1 image." in note
