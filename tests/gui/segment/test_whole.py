"""An image on disk: Run segments what is in view, the whole goes into a store."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
import torch
import zarr
from napari.layers import Image, Labels
from scipy import ndimage

import napari_shiftseg as shiftseg
from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.distributed import passes
from napari_shiftseg.distributed.journal import Journal, unfinished
from napari_shiftseg.geometry.advice import effort
from napari_shiftseg.gui.parts import large
from napari_shiftseg.gui.parts.layout import found
from napari_shiftseg.gui.parts.source import LayerSource, finest
from napari_shiftseg.gui.segment.stored_run import source_of
from napari_shiftseg.gui.stores import read_store
from napari_shiftseg.inference.predict import embed_steps, open_for, plan_for
from napari_shiftseg.networks.unet import new_model, save_model
from napari_shiftseg.progress import exhaust
from napari_shiftseg.stores.zarr_image import stored_zarr


@pytest.fixture
def image():
    """Smooth noise: blobs of all sizes."""
    noise = np.random.default_rng(0).normal(size=(64, 80))
    return ndimage.gaussian_filter(noise, 1.5).astype(np.float32)


@pytest.fixture
def net(image, tmp_path):
    """A file of an untrained net whose foreground is two fifths of the image."""
    model = new_model(depth=1, features=4, embedding_channels=3, foreground=True)
    opened = open_for(image, model)
    plan = plan_for(opened, model, None, "cropped", "mirror", None, "cpu")
    raw = exhaust(embed_steps(opened, model, plan, "cpu")).raw
    with torch.no_grad():
        model.head.bias[3] -= float(np.quantile(raw[3], 0.6))
    width = 0.4 * float(raw[:3].std(axis=(1, 2)).mean())
    clustering = Clustering(bandwidth=width, scope="component", min_size=4)
    model.config = model.config.model_copy(update={"clustering": clustering})
    return str(save_model(model, tmp_path / "net.safetensors"))


@pytest.fixture
def at_once(monkeypatch):
    """Let few pixels be what is segmented at once."""
    monkeypatch.setattr(large, "AT_ONCE", 24**2)


@pytest.fixture
def opened(viewer, widget, net, image, at_once, tmp_path):
    """The widget with an image of dask that counts for a large one."""
    widget.model.open(net)
    widget.window.value = "12"
    viewer.add_image(
        da.from_array(image, chunks=16), name="blobs", scale=(0.5, 0.25),
        translate=(3, 4), units=("um", "um"),
    )  # fmt: skip
    widget.whole.target.value = tmp_path / "blobs_labels.zarr"
    return widget


@pytest.fixture
def end(qtbot):
    def wait(panel):
        qtbot.waitUntil(lambda: not panel.is_running, timeout=60_000)

    return wait


def pixels(layer):
    """The full resolution of labels on disk."""
    return np.asarray(finest(layer))


def is_offered(widget):
    return widget.whole.native.isVisibleTo(widget.native)


def in_memory(image, net, **settings):
    return shiftseg.segment(image, shiftseg.load_model(net), window=12, **settings)


def test_the_work_of_the_run_to_disk_is_said(opened):
    """The line above it is that of what is in view."""
    plan = shiftseg.plan_tiles((64, 80), opened.form.config.shape, 12)
    said = opened.whole.note.value
    assert f"the whole goes to disk: {effort(plan)}." in said
    assert len(plan) == 42
    assert "42 tiles" not in opened.summary.value


def test_mend_is_offered_after_a_run_to_disk(viewer, opened, end, qtbot, monkeypatch):
    """As after any run; what is in view is predicted again, and can be mended."""
    whole = opened.whole

    def is_offered():
        return whole.mend.native.isVisibleTo(opened.native)

    with monkeypatch.context() as patch:
        held_at(patch, 0, whole.panel.cancel)
        whole.panel.button.native.click()
        end(whole.panel)
    assert not is_offered()
    whole.panel.button.native.click()
    end(whole.panel)
    assert is_offered()

    stored = viewer.layers[-1]
    whole.mend.native.click()
    mend = found(viewer, "Mend")
    assert mend.result.value == stored
    mend.again.button.native.click()
    end(mend.again)
    part = mend.result.value
    assert part != stored
    assert mend.tools.enabled
    viewer.layers.remove(stored)
    assert not is_offered()


def test_run_segments_the_middle_of_what_is_in_view(viewer, opened, image, net, run):
    assert "Run segments the part in view, 24 × 24 pixels" in opened.whole.note.value
    run(opened)

    (made,) = [la for la in viewer.layers if isinstance(la, Labels)]
    assert isinstance(made.data, np.ndarray)
    region = made.metadata["shiftseg"]["settings"]["region"]
    assert region == ((20, 44), (28, 52))
    assert "rows 20–43" in opened.panel.result.value
    offset = made.metadata["shiftseg"]["offset"]
    np.testing.assert_allclose(
        made.translate, np.add((3, 4), np.multiply(offset, (0.5, 0.25)))
    )
    expected = in_memory(image, net, region=region)
    np.testing.assert_array_equal(made.data, expected.labels)


def test_an_image_in_memory_is_segmented_as_a_whole(viewer, opened, image):
    layer = viewer.add_image(image, name="in memory")
    opened.image.value = layer
    assert not is_offered(opened)
    assert not opened.form.is_in_view
    opened.image.value = viewer.layers["blobs"]
    assert opened.form.is_in_view
    assert is_offered(opened)


def test_the_whole_goes_to_a_store_that_is_shown(
    viewer, opened, image, net, end, tmp_path
):
    opened.whole.panel.button.native.click()
    end(opened.whole.panel)

    store = tmp_path / "blobs_labels.zarr"
    shown = viewer.layers[-1]
    assert isinstance(finest(shown), zarr.Array)
    assert not shown.editable
    expected = in_memory(image, net).labels
    np.testing.assert_array_equal(pixels(shown), expected)
    assert expected.max() > 3
    assert tuple(shown.scale) == (0.5, 0.25)
    assert tuple(shown.translate) == (3, 4)
    assert [str(unit) for unit in shown.units] == ["micrometer"] * 2
    stored = stored_zarr(store)
    assert {a: (d.size, d.unit) for a, d in stored.calibration.items()} == {
        "Y": (0.5, "µm"), "X": (0.25, "µm"),
    }  # fmt: skip
    assert stored.origin == {"Y": 3, "X": 4}
    ((_, about, _),) = read_store(store)
    assert (about["scale"], about["translate"]) == ([0.5, 0.25], [3, 4])
    assert f"{expected.max():,} objects in {store}" in opened.whole.panel.result.value
    assert not list(tmp_path.glob("*.unfinished"))


def held_at(monkeypatch, number, do):
    """Do something in the place of the prediction of a block."""
    embed = passes.embed

    def embed_or(job, n, watch=None):
        if n == number:
            do()
        return embed(job, n, watch)

    monkeypatch.setattr(passes, "embed", embed_or)


@pytest.fixture
def blocks_of_a_tile(monkeypatch):
    """Let blocks be small."""
    from napari_shiftseg.distributed import order

    usual = order.StoreOrder

    def small(*args, **more):
        return usual(*args, chunk=16, block=24**2, **more)

    monkeypatch.setattr(order, "StoreOrder", small)


def test_pause_cancel_and_go_on(
    viewer, opened, image, net, end, tmp_path, qtbot, blocks_of_a_tile
):
    whole = opened.whole
    whole.panel.button.native.click()
    qtbot.waitUntil(lambda: len(viewer.layers) > 1, timeout=60_000)
    growing = viewer.layers[-1]
    assert growing.name == "labels so far · blobs"
    assert tuple(growing.scale) == (0.5, 0.25)
    whole.pause.native.click()
    qtbot.waitUntil(lambda: whole.panel.text.value.startswith("paused"))
    assert whole.pause.text == "Go on"
    assert whole.panel.is_running
    whole.panel.button.native.click()
    end(whole.panel)

    assert "Cancelled: what is done is kept in blobs_labels.zarr.unfinished" in (
        whole.panel.result.value
    )
    assert whole.panel.button.text == "Go on to disk"
    assert not (tmp_path / "blobs_labels.zarr").exists()
    qtbot.waitUntil(lambda: growing not in viewer.layers)
    whole.panel.button.native.click()
    end(whole.panel)
    shown = pixels(viewer.layers[-1])
    np.testing.assert_array_equal(shown, in_memory(image, net).labels)


def test_what_is_not_there_is_not_said_to_be_kept(opened, end, monkeypatch):
    held_at(monkeypatch, 0, opened.whole.panel.cancel)
    opened.whole.panel.button.native.click()
    end(opened.whole.panel)

    said = opened.whole.panel.result.value
    assert said.startswith("Cancelled before a block was done")


def test_what_is_there_is_not_replaced(opened, end, tmp_path):
    store = tmp_path / "blobs_labels.zarr"
    zarr.create_array(str(store), shape=(4,), dtype="u1")[:] = 7
    opened.whole.panel.button.native.click()
    end(opened.whole.panel)

    said = opened.whole.panel.result.value
    assert "is already there" in said
    assert "choose another name" in said
    assert "--" not in said
    assert (zarr.open_array(str(store), mode="r")[:] == 7).all()


def test_a_run_of_another_process_is_not_disturbed(opened, end, tmp_path):
    with Journal(unfinished(tmp_path / "blobs_labels.zarr")).held():
        opened.whole.panel.button.native.click()
        end(opened.whole.panel)
    assert "another process" in opened.whole.panel.result.value
    assert "tries again" not in opened.whole.panel.result.value


@pytest.mark.parametrize(
    ("name", "said"),
    [("labels.tif", "must end with .zarr"), ("no/labels.zarr", "there is no folder")],
)
def test_a_name_that_cannot_be(opened, tmp_path, name, said):
    opened.whole.target.value = tmp_path / name
    opened.whole.panel.button.native.click()
    assert said in opened.whole.panel.result.value


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(28, "No space left on device"), "the disk is full"),
        (RuntimeError("a chunk is damaged"), "a chunk is damaged"),
    ],
)
def test_an_error_on_the_way_is_said_and_can_be_gone_on_from(
    error, words, viewer, opened, image, net, end, monkeypatch, qtbot, blocks_of_a_tile
):
    whole = opened.whole

    def full():
        raise error

    with monkeypatch.context() as patch:
        held_at(patch, 3, full)
        whole.panel.button.native.click()
        end(whole.panel)
    said = whole.panel.result.value
    assert words in said
    assert "What was done is kept: Go on to disk tries again." in said
    assert "--" not in said
    qtbot.waitUntil(lambda: [layer.name for layer in viewer.layers] == ["blobs"])
    whole.panel.button.native.click()
    end(whole.panel)
    shown = pixels(viewer.layers[-1])
    np.testing.assert_array_equal(shown, in_memory(image, net).labels)


def test_another_image_under_the_name_of_a_run_is_refused(
    viewer, opened, image, end, monkeypatch, blocks_of_a_tile
):
    whole = opened.whole
    held_at(monkeypatch, 3, whole.panel.cancel)
    whole.panel.button.native.click()
    end(whole.panel)
    viewer.layers["blobs"].data = da.from_array(image + 1, chunks=16)
    whole.panel.button.native.click()
    end(whole.panel)

    said = whole.panel.result.value
    assert "the image has changed" in said
    assert "delete that folder to begin anew" in said
    assert "--" not in said


def test_the_image_may_go_meanwhile(
    viewer, opened, image, net, end, qtbot, blocks_of_a_tile
):
    opened.whole.panel.button.native.click()
    qtbot.waitUntil(lambda: len(viewer.layers) > 1, timeout=60_000)
    viewer.layers.remove("blobs")
    assert is_offered(opened)
    end(opened.whole.panel)
    shown = pixels(viewer.layers[-1])
    np.testing.assert_array_equal(shown, in_memory(image, net).labels)
    assert not is_offered(opened)


def test_closing_the_widget_ends_the_run_which_can_be_gone_on_with(
    viewer, opened, qtbot, tmp_path, blocks_of_a_tile
):
    whole = opened.whole
    whole.panel.button.native.click()
    qtbot.waitUntil(lambda: len(viewer.layers) > 1, timeout=60_000)
    hold = whole._hold
    viewer.window.remove_dock_widget("all")

    qtbot.waitUntil(lambda: [la.name for la in viewer.layers] == ["blobs"])
    assert hold.is_stopped
    assert (tmp_path / "blobs_labels.zarr.unfinished").exists()


def test_planes_of_zarr_are_known_by_their_files(
    viewer, widget, net, image, at_once, tmp_path, end
):
    path = tmp_path / "stack.zarr" / "0"
    stack = np.stack([image, image[::-1]])
    zarr.create_group(str(path.parent))
    zarr.create_array(str(path), data=stack, chunks=(1, 16, 16))
    widget.model.open(net)
    widget.window.value = "12"
    layer = viewer.add_image(
        zarr.open_array(str(path), mode="r"), name="stack", axis_labels=("t", "y", "x")
    )
    assert widget.whole.target.value == tmp_path / "stack_labels.zarr"
    widget.whole.target.value = tmp_path / "labels.zarr"
    widget.whole.panel.button.native.click()
    end(widget.whole.panel)

    shown = viewer.layers[-1]
    assert finest(shown).shape == layer.data.shape
    expected = in_memory(stack, net, link_planes=False).labels
    np.testing.assert_array_equal(pixels(shown), expected)
    record = zarr.open_group(str(tmp_path / "labels.zarr"), mode="r").attrs
    assert record["napari_shiftseg"]["about"]["image"] == str(path)


def test_a_multiscale_layer_is_read_at_its_finest_level(
    viewer, widget, net, image, at_once, tmp_path, end, run
):
    widget.model.open(net)
    widget.window.value = "12"
    fine = da.from_array(image, chunks=16)
    viewer.add_image([fine, fine[::2, ::2]], multiscale=True, name="pyramid")
    run(widget)
    made = viewer.layers[-1]
    region = made.metadata["shiftseg"]["settings"]["region"]
    assert [stop - start for start, stop in region] == [24, 24]
    widget.whole.target.value = tmp_path / "labels.zarr"
    widget.whole.panel.button.native.click()
    end(widget.whole.panel)
    shown = pixels(viewer.layers[-1])
    np.testing.assert_array_equal(shown, in_memory(image, net).labels)


@pytest.mark.parametrize("axes", ["zcyx", "tcyx", "tzcyx", "tczyx"])
def test_the_axis_of_channels_is_none_of_the_store(
    viewer, widget, net, image, at_once, tmp_path, end, axes
):
    planes = np.stack([image, image + 0.5 * image[::-1]])
    at, rest = axes.index("c"), axes.replace("c", "")
    stack = planes.reshape((1,) * (len(rest) - 3) + planes.shape)
    sizes = {"t": 3, "c": 7, "z": 2, "y": 0.5, "x": 0.25}
    widget.model.open(net)
    widget.window.value = "12"
    layer = viewer.add_image(
        da.from_array(np.stack([stack, stack + 1], axis=at)), name="channels",
        axis_labels=tuple(axes), scale=[sizes[axis] for axis in axes],
        translate=[5 * sizes[axis] for axis in axes],
    )  # fmt: skip
    widget.whole.target.value = tmp_path / "labels.zarr"
    widget.whole.panel.button.native.click()
    end(widget.whole.panel)

    shown, stored = viewer.layers[-1], stored_zarr(tmp_path / "labels.zarr")
    assert stored.axes == rest.upper()
    assert {a: d.size for a, d in stored.calibration.items()} == {
        axis.upper(): sizes[axis] for axis in rest
    }
    assert stored.origin == {axis.upper(): 5 * sizes[axis] for axis in rest}
    expected = in_memory(stack, net, axes=rest[:-2]).labels
    np.testing.assert_array_equal(np.asarray(stored.data), expected)
    np.testing.assert_array_equal(pixels(shown), np.expand_dims(expected, at))
    ((again, about, _),) = read_store(widget.whole.target.value)
    assert again.shape == pixels(shown).shape
    others = [n for n in range(len(axes)) if n != at]
    np.testing.assert_allclose(np.array(about["scale"])[others], shown.scale[others])
    np.testing.assert_allclose(shown.scale[others], layer.scale[others])
    np.testing.assert_allclose(shown.translate[others], layer.translate[others])


@pytest.mark.parametrize(
    ("place", "is_said"),
    [
        ({"scale": (2, 3), "translate": (4, 5)}, False),
        ({"rotate": 30}, True),
        ({"shear": [0.5]}, True),
        ({"scale": (-1, 1)}, True),
        ({"affine": [[1, 0, 9], [0, 1, 0], [0, 0, 1]]}, True),
    ],
)
def test_a_place_that_no_store_can_hold_is_said(net, image, place, is_said):
    taken = LayerSource.of(Image(da.from_array(image), **place))
    notes = source_of(taken, shiftseg.load_model(net).config).notes
    assert any("rotation" in note for note in notes) is is_said
