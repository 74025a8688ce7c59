from threading import Event

import dask.array as da
import numpy as np
import pytest
import zarr
from qtpy.QtWidgets import QScrollArea

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.geometry.cost import duration
from napari_shiftseg.geometry.rates import assumed_rate
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.gui.parts.devices import Devices
from napari_shiftseg.gui.parts.models import METADATA_MODELS
from napari_shiftseg.gui.parts.viewer import IN_VIEW, WHOLE_IMAGE
from napari_shiftseg.networks.config import NetworkConfig
from napari_shiftseg.networks.unet import load_unet
from napari_shiftseg.samples.catalogue import disks

AMBER = "/* warning */"


def names(viewer):
    return [layer.name for layer in viewer.layers]


def captions(widget):
    return [b.text for b in widget.note.buttons if b.native.isVisibleTo(widget.native)]


# ------------------------------------------------------------------ advice


def test_advice_on_the_disk_sample(viewer):
    viewer.open_sample("napari-shiftseg", "disks_13")
    _, widget = viewer.window.add_plugin_dock_widget("napari-shiftseg", "Segment")
    assert widget.window.value == "20"
    assert widget.summary.value == (
        "reads 204 × 204, predicts 20 × 20, keeps 16 × 16 = 1·2⁴; "
        "1,024 tiles; 165 × the pixels; 6 MB"
    )
    assert widget.note.text.value == (
        "20 is not a multiple of 16 (= 2⁴): cropped stitching keeps 16."
    )
    assert AMBER not in widget.note.text.native.styleSheet()
    assert captions(widget)[:2] == ["Use 16", "Use 32"]


def test_naive_window_that_is_no_multiple_warns_until_it_is_one(viewer, widget, noise):
    viewer.add_image(noise)
    assert widget.window.value == "4"
    widget.window.value = "6"
    widget.stitching.value = "naive"
    assert "6 is not a multiple of 4 (= 2²)" in widget.note.text.value
    assert "expect seams" in widget.note.text.value
    assert AMBER in widget.note.text.native.styleSheet()
    assert captions(widget)[:2] == ["Use 4", "Use 8"]
    widget.note.buttons[1].native.click()
    assert widget.window.value == "8"
    assert widget.note.text.value == ""


def test_a_window_that_is_none_disables_run_and_says_why(viewer, widget, noise):
    viewer.add_image(noise)
    assert widget.panel.button.enabled
    for text in ("0", "-3", "1.5", "twenty", "", "24x96x96", "4x"):
        widget.window.value = text
        assert not widget.panel.button.enabled, text
        assert "window" in widget.note.text.value, text
        widget.window.value = "8"
        assert widget.panel.button.enabled, text


def test_without_an_image_run_waits_for_one(viewer, widget, noise):
    assert not widget.panel.button.enabled
    assert "Open an image" in widget.note.text.value
    viewer.add_labels(np.ones((5, 5), int))
    assert not widget.panel.button.enabled
    viewer.add_image(noise)
    assert widget.panel.button.enabled


def test_valid_border_on_a_small_image_says_what_it_needs(viewer, widget, noise):
    viewer.add_image(noise)
    widget.advanced.border.value = "valid"
    assert "at least 44 pixels" in widget.note.text.value
    assert not widget.panel.button.enabled


def test_model_sets_the_clustering_and_the_window(widget, model_file):
    assert widget.advanced.bandwidth.value == pytest.approx(0.7)
    assert widget.advanced.min_size.value == 3
    assert widget.window.value == "4"
    widget.model.value = "disks"
    assert widget.window.value == "20"
    assert widget.advanced.min_size.value != 3


def model_of(**clustering):
    return NetworkConfig(foreground=True, clustering=Clustering(**clustering))


def test_a_foreground_threshold_is_given_where_it_is_not_the_models(widget):
    advanced = widget.advanced
    advanced.take(model_of(foreground_threshold=0.35))
    assert advanced.foreground_threshold.value == pytest.approx(0.35)
    assert advanced.settings()["foreground_threshold"] is None
    advanced.foreground_threshold.value = 0.6
    assert advanced.settings()["foreground_threshold"] == pytest.approx(0.6)
    advanced.take(model_of())
    assert advanced.settings()["foreground_threshold"] is None
    advanced.restore({"foreground_threshold": 0.6})
    assert advanced.settings()["foreground_threshold"] == pytest.approx(0.6)


def test_what_a_record_leaves_to_the_model_is_shown_as_the_models(widget):
    advanced = widget.advanced
    advanced.take(model_of(bandwidth=0.7, foreground_threshold=0.35))
    advanced.bandwidth.value, advanced.kernel.value = 2.5, "flat"
    advanced.restore({"bandwidth": None, "min_size": 9})
    assert advanced.bandwidth.value == pytest.approx(0.7)
    assert advanced.settings()["bandwidth"] is None
    assert (advanced.kernel.value, advanced.min_size.value) == ("gaussian", 9)


@pytest.mark.parametrize(
    "given",
    [
        {"bandwidth": 1e-8},
        {"bandwidth": 1e7},
        {"bandwidth": 0.12345678},
        {"min_size": 2 * 10**7},
        {"foreground_threshold": 1e-7},
    ],
)
def test_what_a_control_cannot_show_is_kept(widget, given):
    advanced, own = widget.advanced, model_of(**given)
    advanced.take(own)
    ((name, value),) = given.items()
    assert advanced.settings()[name] in (None, value)  # None: the model's own
    advanced.take(model_of())
    advanced.restore(given)
    assert advanced.settings()[name] == value
    advanced.controls[name].value = 0.25 if name != "min_size" else 7
    assert advanced.settings()[name] in (0.25, 7)


def test_a_file_that_is_no_model_is_refused(widget, model_file, tmp_path, qtbot):
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"nothing of the kind")
    widget.model.open(broken)
    assert widget.model.value == model_file
    assert str(broken) not in widget.model.list.choices


def test_an_opened_model_stays_chosen_when_layers_come(viewer, widget, model_file):
    viewer.add_image(np.zeros((30, 30)))
    assert widget.model.value == model_file
    assert widget.window.value == "4"


def test_devices_arrive_from_a_thread_and_the_banner_tells(viewer, widget, qtbot):
    qtbot.waitUntil(lambda: "cpu" in widget.device.list.choices, timeout=60_000)
    widget.device.list.value = "cpu"
    assert "Running on the CPU" in widget.device.banner.value


def test_colours_that_are_lost_are_said(viewer, widget, noise):
    viewer.add_image(np.stack([noise] * 3, axis=-1), rgb=True, name="colour")
    assert "Colours are read as grey" in widget.note.text.value
    assert AMBER not in widget.note.text.native.styleSheet()
    widget.image.value = viewer.add_image(noise, name="grey")
    assert "Colours" not in widget.note.text.value


def test_segment_and_inspect_name_the_cheapest_alike(viewer, widget, noise):
    viewer.add_image(noise)
    widget.model.info_button.native.click()
    (inspect,) = [
        docked
        for name, docked in viewer.window.dock_widgets.items()
        if name.startswith("Inspect")
    ]
    assert "Cheapest: whole (40 × 52)" in captions(widget)
    assert "fits in memory: whole (40 × 52)" in inspect.title.value
    assert inspect.table.item(inspect.table.rowCount() - 1, 0).text() == "whole (40×52)"


def test_a_long_run_is_warned_of_before_it_starts(viewer, widget):
    widget.model.value = "disks"
    widget.device.take(Devices({"cpu": 2**31}))
    large = np.broadcast_to(np.float32(0), (4000, 4000))
    viewer.add_image(large, metadata={METADATA_MODELS: ("disks",)})
    widget.window.value = "16"
    assert "63,001 tiles take roughly" in widget.note.text.value  # 251² from −4 on
    assert AMBER in widget.note.text.native.styleSheet()
    assert widget.panel.button.enabled  # warned, not forbidden
    widget.window.value = "512"
    assert "roughly" not in widget.note.text.value
    assert AMBER not in widget.note.text.native.styleSheet()


def test_the_time_told_is_that_of_the_engine_that_will_run(viewer, widget):
    widget.model.value = "disks"
    widget.device.take(Devices({"cpu": 2**31}))
    large = np.broadcast_to(np.float32(0), (4000, 4000))
    viewer.add_image(large, metadata={METADATA_MODELS: ("disks",)})
    widget.window.value = "16"
    plan = plan_tiles(large.shape, load_unet("disks").shape, 16)
    for engine, runs in (("auto", "openvino"), ("torch", "torch")):
        widget.advanced.controls["engine"].value = engine
        roughly = duration([plan], assumed_rate("cpu", runs))
        assert f"63,001 tiles take {roughly} on cpu" in widget.note.text.value


def test_every_frame_of_a_series_counts(viewer, widget):
    widget.device.take(Devices({"cpu": 2**31}))
    viewer.add_image(np.broadcast_to(np.float32(0), (300, 40, 50)))
    widget.window.value = "4"
    assert "39,000 tiles take roughly" in widget.note.text.value  # 300 · 10 · 13
    widget.advanced.region.value = "what the view shows"
    assert "tiles take" not in widget.note.text.value


def test_memory_of_the_chosen_device_counts(viewer, widget, noise):
    widget.device.take(Devices({"cuda:0": 2**31, "cpu": 150_000}))
    viewer.add_image(noise)
    widget.window.value = "40x52"
    assert "A tile takes" not in widget.note.text.value
    widget.device.list.value = "cpu"
    assert "A tile takes" in widget.note.text.value
    assert "Running on the CPU: as chosen" in widget.device.banner.value


@pytest.mark.parametrize("names", [["Segment"], ["Segment", "Inspect model"]])
def test_docks_fit_a_low_screen(make_napari_viewer_proxy, names, qtbot):
    viewer = make_napari_viewer_proxy(show=True)
    docks = []
    for name in names:
        _, docked = viewer.window.add_plugin_dock_widget("napari-shiftseg", name)
        docks.append(docked.native)
        if name == "Segment":
            docked.foldaway.toggleButton().click()
    for dock in docks:
        area = dock.findChild(QScrollArea)
        rows = area.widget()
        assert dock.minimumSizeHint().height() < 200
        qtbot.waitUntil(  # it would not fit unscrolled
            lambda rows=rows: rows.minimumSizeHint().height() > 200, timeout=60_000
        )
        qtbot.waitUntil(
            lambda area=area, rows=rows: (
                area.viewport().width() >= rows.minimumSizeHint().width()
            ),
            timeout=60_000,
        )


# ----------------------------------------------------------------- preview


def test_preview_shows_the_grid_before_any_run(viewer, widget, noise):
    viewer.add_image(noise, scale=(2, 3), translate=(10, 20))
    widget.window.value = "8"
    widget.show_grid.value = True
    (grid,) = [layer for layer in viewer.layers if "grid" in layer.name]
    rows = {v[0, 0] for v in grid.data[:-4] if v[1, 0] == 0}
    columns = {v[0, 1] for v in grid.data[:-4] if v[1, 1] == 0}
    assert rows == {*(x - 0.5 for x in range(0, 40, 8)), 39.5}
    assert columns == {*(x - 0.5 for x in range(0, 50, 8)), 49.5}
    np.testing.assert_allclose(grid.scale, (2, 3))
    np.testing.assert_allclose(grid.translate, (10, 20))
    assert viewer.layers.selection.active is not grid


def test_preview_follows_the_window_and_goes(viewer, widget, noise):
    viewer.add_image(noise)
    widget.show_grid.value = True
    before = len(next(la for la in viewer.layers if "grid" in la.name).data)
    widget.window.value = "20"
    (grid,) = [layer for layer in viewer.layers if "grid" in layer.name]
    assert len(grid.data) < before
    widget.show_grid.value = False
    assert len(viewer.layers) == 1


def test_preview_removed_by_hand_stays_away(viewer, widget, noise):
    viewer.add_image(noise)
    widget.show_grid.value = True
    viewer.layers.remove(next(la for la in viewer.layers if "grid" in la.name))
    assert not widget.show_grid.value
    widget.window.value = "12"
    assert len(viewer.layers) == 1


def test_preview_stays_above_the_results(viewer, widget, noise, run):
    viewer.add_image(noise)
    widget.show_grid.value = True
    run(widget)
    assert "(preview)" in viewer.layers[-1].name
    assert len(viewer.layers) == 3


# --------------------------------------------------------------------- run


def test_run_adds_named_placed_and_annotated_layers(viewer, widget, noise, run):
    image = viewer.add_image(
        noise, name="cells", scale=(2, 3), translate=(10, 20), rotate=30,
        units=("um", "um"), axis_labels=("y", "x"),
    )  # fmt: skip
    for box in widget.advanced.layers.values():
        box.value = True
    widget.window.value = "6"
    run(widget)
    assert names(viewer)[1:] == [
        "embedding · small · cells · 4",
        "gradient · small · cells · 4",
        "distance to mode · small · cells · 4",
        "tile grid · small · cells · 4",
        "labels · small · cells · 4",
    ]
    assert [layer.visible for layer in viewer.layers] == [True, *[False] * 4, True]
    for layer in list(viewer.layers)[1:]:
        np.testing.assert_allclose(layer.scale, image.scale)
        np.testing.assert_allclose(layer.translate, image.translate)
        np.testing.assert_allclose(layer.rotate, image.rotate)
        assert layer.units == image.units
        assert layer.axis_labels == image.axis_labels
        record = layer.metadata["shiftseg"]
        assert record["settings"]["window"] == 6
        assert record["stride"] == (4, 4)
    assert viewer.layers[1].rgb
    assert viewer.layers[1].data.shape == (40, 50, 3)
    assert viewer.layers[2].data.shape == (40, 50)
    assert viewer.layers[2].colormap.name == "magma"
    labels, distance = viewer.layers[-1].data, viewer.layers[3].data
    np.testing.assert_array_equal(np.isnan(distance), labels == 0)
    assert "object" in widget.panel.result.value


def test_valid_border_is_placed_where_it_belongs(viewer, widget, run):
    image = np.random.default_rng(1).random((60, 60)).astype(np.float32)
    layer = viewer.add_image(image, scale=(2, 3), translate=(10, 20), rotate=30)
    widget.advanced.border.value = "valid"
    run(widget)
    labels = viewer.layers[-1]
    assert labels.data.shape == (20, 20)
    np.testing.assert_allclose(
        labels.data_to_world((0, 0)), layer.data_to_world((20, 20))
    )
    np.testing.assert_allclose(
        labels.data_to_world((5, 9)), layer.data_to_world((25, 29))
    )


def test_second_run_hides_the_first_ones_layers_and_keeps_them(
    viewer, widget, noise, run
):
    viewer.add_image(noise, name="cells")
    run(widget)
    first = viewer.layers[-1]
    first.data[...] = 7  # the user's edit
    widget.window.value = "8"
    run(widget)
    assert names(viewer) == ["cells", "labels · small · cells · 4",
                             "labels · small · cells · 8"]  # fmt: skip
    assert first in viewer.layers
    assert (first.data == 7).all()
    assert [layer.visible for layer in viewer.layers] == [True, False, True]
    widget.image.value = viewer.add_image(noise, name="other")
    run(widget)
    assert [layer.visible for layer in viewer.layers][1:3] == [False, True]


def test_naive_run_says_that_the_embedding_jumps(viewer, run):
    sample = disks((60, 60))
    viewer.add_image(sample.image)
    _, widget = viewer.window.add_plugin_dock_widget("napari-shiftseg", "Segment")
    widget.model.value = "disks"
    widget.stitching.value = "naive"
    run(widget)
    assert "jumps at tile borders" in widget.panel.result.value
    assert AMBER in widget.panel.result.native.styleSheet()
    kinds = [name.split(" · ")[0] for name in names(viewer)[1:]]
    assert kinds == ["gradient", "tile grid", "labels"]  # there are seams to see
    assert names(viewer)[-1].endswith(" · naive 20")
    widget.stitching.value = "cropped"
    run(widget)
    assert widget.panel.result.value.endswith(", no seams of tiles")
    assert len(viewer.layers) == 5  # the labels alone are new


def test_region_in_view_is_part_of_the_whole(
    make_napari_viewer_proxy, model_file, run, qtbot
):
    viewer = make_napari_viewer_proxy(show=True)  # what is not drawn shows nothing
    _, widget = viewer.window.add_plugin_dock_widget("napari-shiftseg", "Segment")
    widget.model.open(model_file)
    image = np.random.default_rng(2).random((300, 300)).astype(np.float32)
    viewer.add_image(image, name="cells")
    viewer.scene.camera.zoom = 12
    qtbot.wait(300)
    widget.advanced.region.value = "what the view shows"
    widget.window.value = "40"
    widget.advanced.layers["gradient"].value = True
    run(widget)
    part = viewer.layers[-2].data  # gradient
    assert part.shape[0] < 200
    offset = viewer.layers[-1].metadata["shiftseg"]["offset"]
    widget.advanced.region.value = "whole image"
    run(widget)
    whole = viewer.layers[-2].data
    inner = tuple(slice(o, o + n - 1) for o, n in zip(offset, part.shape, strict=True))
    np.testing.assert_allclose(part[:-1, :-1], whole[inner], rtol=1e-3, atol=1e-4)


def test_advice_follows_the_view(make_napari_viewer_proxy, model_file, qtbot):
    viewer = make_napari_viewer_proxy(show=True)
    _, widget = viewer.window.add_plugin_dock_widget("napari-shiftseg", "Segment")
    widget.model.open(model_file)
    viewer.add_image(np.zeros((300, 300), np.float32))
    widget.advanced.region.value = "what the view shows"
    for zoom in (6, 24, 6):
        before = widget.summary.value
        viewer.scene.camera.zoom = zoom
        qtbot.waitUntil(lambda: widget.summary.value != before, timeout=60_000)  # noqa: B023


def test_cancel_leaves_the_layers_and_the_next_run_works(viewer, widget, run, qtbot):
    image = np.random.default_rng(3).random((200, 200)).astype(np.float32)
    viewer.add_image(image)
    widget.panel.button.native.click()
    assert widget.panel.button.text == "Cancel"
    qtbot.waitUntil(lambda: widget.panel.bar.value > 3, timeout=60_000)
    widget.panel.button.native.click()
    assert widget.panel.button.text == "Cancelling…"
    qtbot.waitUntil(lambda: not widget.panel.is_running, timeout=60_000)
    assert len(viewer.layers) == 1
    assert "Cancelled" in widget.panel.result.value
    assert widget.panel.button.text == "Run"
    assert widget.panel.button.enabled
    widget.window.value = "100"
    run(widget)
    assert len(viewer.layers) == 2


def test_progress_counts_the_tiles(viewer, widget, qtbot):
    viewer.add_image(np.zeros((100, 100), np.float32))
    widget.panel.button.native.click()
    qtbot.waitUntil(lambda: "tile" in widget.panel.text.value, timeout=60_000)
    assert "of 625" in widget.panel.text.value
    qtbot.waitUntil(lambda: not widget.panel.is_running, timeout=60_000)


def test_failed_run_says_why_and_the_next_run_works(viewer, widget, noise, run):
    noise[3, 4] = np.nan
    layer = viewer.add_image(noise)
    run(widget)
    assert "1 NaN" in widget.panel.result.value
    assert len(viewer.layers) == 1
    layer.data = np.nan_to_num(noise)
    run(widget)
    assert len(viewer.layers) == 2


def test_torch_errors_are_failures_too(viewer, widget, noise, run, monkeypatch):
    from napari_shiftseg.networks.unet import UNet

    def broken(self, x):
        raise RuntimeError("the device went away")

    viewer.add_image(noise)
    monkeypatch.setattr(UNet, "forward", broken)
    run(widget)
    assert "the device went away" in widget.panel.result.value
    assert len(viewer.layers) == 1


def test_image_deleted_during_the_run(viewer, widget, qtbot):
    layer = viewer.add_image(np.random.default_rng(4).random((120, 120)), name="gone")
    widget.panel.button.native.click()
    qtbot.waitUntil(lambda: widget.panel.bar.value > 3, timeout=60_000)
    viewer.layers.remove(layer)
    qtbot.waitUntil(lambda: not widget.panel.is_running, timeout=60_000)
    assert "labels · small · gone · 4" in names(viewer)


def test_dock_closed_during_the_run(viewer, widget, qtbot):
    viewer.add_image(np.random.default_rng(5).random((200, 200)))
    widget.panel.button.native.click()
    qtbot.waitUntil(lambda: widget.panel.bar.value > 3, timeout=60_000)
    viewer.window.remove_dock_widget(widget.native)
    qtbot.wait(300)
    viewer.add_image(np.zeros((5, 5)))  # its events must not reach the dead widget


def test_viewer_closed_during_the_run(make_napari_viewer, model_file, qtbot):
    viewer = make_napari_viewer()
    _, widget = viewer.window.add_plugin_dock_widget("napari-shiftseg", "Segment")
    widget.model.open(model_file)
    viewer.add_image(np.random.default_rng(6).random((200, 200)))
    widget.panel.button.native.click()
    qtbot.waitUntil(lambda: widget.panel.bar.value > 3, timeout=60_000)
    viewer.close()
    qtbot.wait(500)


# ------------------------------------------------------------- kinds of images


def as_dask(image):
    return da.from_array(image, chunks=16)


def as_zarr(image):
    array = zarr.create_array({}, shape=image.shape, chunks=(16, 16), dtype=image.dtype)
    array[...] = image
    return array


def gradients(viewer):
    return [la.data for la in viewer.layers if la.name.startswith("gradient")]


def test_lazy_images_give_the_same_embedding(viewer, widget, noise, run):
    noise = noise[:20, :24]
    viewer.add_image(noise, name="plain")
    widget.advanced.layers["gradient"].value = True
    run(widget)
    plain, *_ = gradients(viewer)
    assert plain.std() > 0
    for wrap, name in ((as_dask, "lazy"), (as_zarr, "stored")):
        widget.image.value = viewer.add_image(wrap(noise), name=name)
        run(widget)
        assert f" · {name} · " in viewer.layers[-1].name
        np.testing.assert_array_equal(gradients(viewer)[-1], plain)


def test_pixel_types(viewer, widget, noise, run):
    noise = noise[:12, :14]
    for dtype in ("bool", "uint8", ">u2", "int32", ">f4", "float64"):
        viewer.layers.clear()
        image = viewer.add_image((noise * 4).astype(dtype))
        run(widget)
        assert viewer.layers[-1] is not image, dtype
        assert viewer.layers[-1].data.shape == noise.shape, dtype


def test_multiscale_image_is_read_at_its_finest(viewer, widget, noise, run):
    big = np.kron(noise, np.ones((2, 2), np.float32))
    viewer.add_image([big, big[::2, ::2]], multiscale=True, scale=(0.5, 0.5))
    run(widget)
    assert viewer.layers[-1].data.shape == big.shape
    np.testing.assert_allclose(viewer.layers[-1].scale, (0.5, 0.5))


def test_rgb_image_is_read_as_grey(viewer, widget, noise, run):
    viewer.add_image(np.stack([noise] * 3, axis=-1), rgb=True, name="colour")
    run(widget)
    colour = viewer.layers[-1].data
    widget.image.value = viewer.add_image(noise, name="grey")
    run(widget)
    assert colour.shape == noise.shape
    assert (colour == viewer.layers[-1].data).mean() > 0.99


def test_time_series_frame_by_frame(viewer, widget, noise, run):
    series = np.stack([noise, noise[::-1], noise])
    layer = viewer.add_image(series, scale=(5, 1, 2))
    widget.advanced.layers["gradient"].value = True
    run(widget)
    labels = viewer.layers[-1]
    assert labels.data.shape == series.shape
    np.testing.assert_allclose(labels.scale, layer.scale)
    np.testing.assert_array_equal(labels.data[0], labels.data[2])
    gradient = viewer.layers[-2].data
    assert np.abs(gradient[0] - gradient[1]).max() > 0.1


def test_constant_image_gives_a_result(viewer, widget, run):
    viewer.add_image(np.full((30, 30), 7.0))
    run(widget)
    assert "object" in widget.panel.result.value


# ------------------------------------------------------------------ again


def test_run_again_with_the_settings_of_a_layer(viewer, widget, noise, run, qtbot):
    viewer.add_image(noise)
    widget.stitching.value = "naive"
    widget.window.value = "10"
    widget.advanced.bandwidth.value = 1.5
    run(widget)
    first = viewer.layers[-1]
    widget.stitching.value = "cropped"
    widget.window.value = "8"
    widget.advanced.bandwidth.value = 0.3
    widget.advanced.region.value = IN_VIEW
    viewer.layers.selection.active = first
    assert widget.again.text == "Run again like the selected layer"
    tip = widget.again.native.toolTip().splitlines()
    assert tip[1:4] == [
        "model: small.safetensors", "tile size (window): 10", "stitching: naive"
    ]  # fmt: skip
    assert "bandwidth: 1.5" in tip
    widget.again.native.click()
    qtbot.waitUntil(lambda: not widget.panel.is_running, timeout=60_000)
    assert widget.window.value == "10"
    assert widget.stitching.value == "naive"
    assert widget.advanced.region.value == WHOLE_IMAGE
    assert "as a multiple of the image's" in widget.summary.native.toolTip()
    np.testing.assert_array_equal(viewer.layers[-1].data, first.data)


def test_our_own_layers_are_no_images_to_segment(viewer, widget, noise, run):
    layer = viewer.add_image(noise)
    run(widget)
    assert list(widget.image.choices) == [layer]


@pytest.fixture
def held(monkeypatch):
    """Let a panel's run wait after its first step until the test lets it go."""
    go = Event()

    def hold(panel):
        start = panel._start

        def waiting():
            steps = start()
            yield next(steps)
            assert go.wait(300)
            return (yield from steps)

        monkeypatch.setattr(panel, "_start", waiting)
        return go

    yield hold
    go.set()


def test_run_stays_where_it_is(make_napari_viewer_proxy, model_file, held, qtbot):
    """Neither the devices nor the outcome of a run moves what is under the mouse."""
    viewer = make_napari_viewer_proxy(show=True)
    _, widget = viewer.window.add_plugin_dock_widget("napari-shiftseg", "Segment")
    widget.model.open(model_file)
    viewer.add_image(np.random.default_rng(0).random((120, 120)), name="noise")
    button, area = widget.panel.button.native, widget.native.findChild(QScrollArea)
    assert not widget.device.banner.native.isVisible()

    def place():
        return button.mapTo(area, button.rect().center())

    def is_at_rest():
        """Whether all is read and laid out; on a busy machine that takes a while."""
        before = place()
        qtbot.wait(200)
        return widget.form.intensity.scale is not None and place() == before

    def is_under_the_mouse():
        qtbot.waitUntil(is_at_rest, timeout=120_000)
        return area.childAt(mouse) is button

    qtbot.waitUntil(is_at_rest, timeout=120_000)
    mouse = place()
    assert is_under_the_mouse()
    widget.device.take(Devices({"cpu": 2**30}))
    assert widget.device.banner.native.isVisible()
    assert is_under_the_mouse()
    go = held(widget.panel)
    button.click()
    qtbot.waitUntil(lambda: widget.panel.bar.native.isVisible(), timeout=120_000)
    assert is_under_the_mouse()
    go.set()
    qtbot.waitUntil(lambda: not widget.panel.is_running, timeout=300_000)
    assert widget.again.native.isVisible()
    assert widget.panel.result.native.isVisible()
    assert is_under_the_mouse()
    widget.foldaway.toggleButton().click()  # what stands above does move it
    qtbot.waitUntil(lambda: place() != mouse, timeout=120_000)
    assert not is_under_the_mouse()


# ------------------------------------------------------------------ what comes next


def test_a_result_leads_to_mend(viewer, widget, noise, run, qtbot):
    def is_offered():
        return widget.mend.native.isVisibleTo(widget.native)

    viewer.add_image(noise, name="noise")
    assert not is_offered()
    for _ in range(2):
        run(widget)
    first, second = (la for la in viewer.layers if la.name.startswith("labels"))
    assert is_offered()
    widget.mend.native.click()
    mend = next(
        w for name, w in viewer.window.dock_widgets.items() if name.startswith("Mend")
    )
    assert mend.result.value is second
    mend.result.value = first
    widget.mend.native.click()
    assert mend.result.value is second
    assert viewer.layers.selection.active == second
    assert len(viewer.window.dock_widgets) == 2
    qtbot.waitUntil(lambda: not mend.steering.is_busy, timeout=60_000)
    viewer.layers.remove(second)
    assert not is_offered()
    run(widget)
    assert is_offered()
    widget.image.value = viewer.add_image(noise[:20], name="other")
    assert not is_offered()


def test_a_run_that_fails_leads_nowhere(viewer, widget, noise, run, monkeypatch):
    viewer.add_image(noise)
    run(widget)
    assert widget.mend.native.isVisibleTo(widget.native)

    def refuse(*_):
        raise ValueError("no, says the test")

    monkeypatch.setattr(type(widget.form), "run", refuse)
    run(widget)
    assert "no, says the test" in widget.panel.result.value
    assert not widget.mend.native.isVisibleTo(widget.native)


def without_data(shape):
    image = disks(shape).image.astype(np.float32)
    image[7, 7] = np.nan
    return image


@pytest.mark.parametrize("shape", [(60, 60), (300, 300)])  # at once, and in a thread
def test_an_image_that_cannot_be_read_cannot_be_run(widget, viewer, qtbot, shape):
    intensity, button = widget.form.intensity, widget.panel.button
    widget.model.value = "nuclei"
    widget.image.value = viewer.add_image(without_data(shape), contrast_limits=(0, 1))
    qtbot.waitUntil(lambda: not button.enabled, timeout=60_000)
    assert "tick NaN is no data" in intensity.said.value
    assert widget.summary.value  # the advice stands
    intensity.ignore_nan.value = True
    qtbot.waitUntil(lambda: button.enabled, timeout=60_000)
    intensity.ignore_nan.value = False
    qtbot.waitUntil(lambda: not button.enabled, timeout=60_000)
    widget.advanced.region.value = IN_VIEW
    assert button.enabled


@pytest.mark.parametrize("ticked", [False, True])
def test_nor_one_in_which_no_pixel_holds_data(widget, viewer, ticked):
    widget.model.value = "nuclei"
    empty = np.full((40, 50), np.nan, np.float32)
    widget.image.value = viewer.add_image(empty, contrast_limits=(0, 1))
    widget.form.intensity.ignore_nan.value = ticked
    assert not widget.panel.button.enabled


def test_a_run_that_fails_for_nan_offers_what_it_says(widget, viewer, qtbot):
    intensity = widget.form.intensity
    shown = viewer.add_image(without_data((60, 60)), contrast_limits=(0, 1))
    widget.image.value = shown  # read as it is: nobody looks for NaN before
    assert intensity.ignore_nan.native.isHidden()
    widget.panel.run()
    qtbot.waitUntil(lambda: not widget.panel.is_running, timeout=60_000)
    assert "tick NaN is no data" in widget.panel.result.value
    assert "--ignore-nan" not in widget.panel.result.value
    assert not intensity.ignore_nan.native.isHidden()
    widget.image.value = viewer.add_image(np.ones((60, 60), np.float32))
    assert intensity.ignore_nan.native.isHidden()
