from dataclasses import dataclass
from threading import current_thread, main_thread

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.gui.mend.embedding import dock as plot_dock
from napari_shiftseg.gui.mend.embedding.canvas import (
    AREA,
    CHOSEN_AREA,
    DELETED,
    DIMMED,
    HOW,
    NOTHING,
    OTHER_SHAPE,
)
from napari_shiftseg.gui.mend.embedding.dock import Turning, open_embedding_plot
from napari_shiftseg.gui.mend.embedding.subject import PlotSubject
from napari_shiftseg.gui.mend.embedding.widget import GREY, EmbeddingPlot
from napari_shiftseg.networks.unet_config import ModelConfig
from napari_shiftseg.pipeline.result import Prediction
from napari_shiftseg.relabelling import pixel_sample, projection

MODES = np.array([(0.0, 0, 0, 0), (8, 0, 0, 0), (0, 6, 0, 0)])
PLACE = {"scale": (0.5, 0.5), "translate": (3.0, 4.0), "units": ("um", "um")}


@pytest.fixture
def labels():
    labels = np.zeros((40, 48), np.int32)
    labels[4:20, 4:20], labels[24:36, 8:40] = 1, 2  # 256 and 384 pixels
    return labels


def predicted(labels, logit=None):
    """Every pixel near the mode of its object, or of the background."""
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, (4, *labels.shape))
    embedding = (np.moveaxis(MODES[labels], -1, 0) + noise).astype(np.float32)
    shape = ModelConfig.new(name="", ndim=labels.ndim, depth=1).shape
    return Prediction(embedding, logit, plan_tiles(labels.shape, shape, 8), ())


@dataclass
class Hand:
    """Moves the mouse over a plot, to places in data coordinates."""

    plot: EmbeddingPlot

    def at(self, place):
        canvas = self.plot.canvas
        x, y = canvas.axes.transData.transform(place) / canvas.device_pixel_ratio
        return QPoint(round(x), round(canvas.height() - y))

    def do(self, kind, place, button, held):
        canvas, at = self.plot.canvas, self.at(place)
        there = (QPointF(at), QPointF(canvas.mapToGlobal(at)))
        how = Qt.KeyboardModifier.NoModifier
        QApplication.sendEvent(canvas, QMouseEvent(kind, *there, button, held, how))

    def press(self, place):
        left = Qt.MouseButton.LeftButton
        self.do(QEvent.Type.MouseButtonPress, place, left, left)

    def move(self, place):
        none, left = Qt.MouseButton.NoButton, Qt.MouseButton.LeftButton
        self.do(QEvent.Type.MouseMove, place, none, left)

    def release(self, place):
        left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
        self.do(QEvent.Type.MouseButtonRelease, place, left, none)

    def click(self, place):
        """Return the index of the point that was hit: many lie upon each other."""
        hit = []
        self.plot.canvas.picked.connect(hit.append)
        self.press(place)
        self.release(place)
        self.plot.canvas.picked.disconnect(hit.append)
        return hit[0] if hit else None

    def lasso(self, middle, half=1.0):
        corners = middle + half * np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
        self.press(corners[0])
        for corner in corners[1:]:
            self.move(corner)
        self.release(corners[-1])


@pytest.fixture
def plot(viewer, qtbot):
    plot = EmbeddingPlot(viewer)
    qtbot.addWidget(plot.native)
    plot.native.resize(420, 560)
    plot.native.show()
    return plot


@pytest.fixture
def settled(plot, qtbot):
    """Wait until a plot has nothing more to do."""
    return lambda: qtbot.waitUntil(lambda: not plot.is_busy, timeout=60_000)


@pytest.fixture
def layer(viewer, labels):
    metadata = {"shiftseg": {"image": "cells"}}
    name = "labels · small · cells · 8"
    return viewer.add_labels(labels.copy(), name=name, metadata=metadata, **PLACE)


@pytest.fixture
def shown(plot, layer, labels, settled):
    plot.show(PlotSubject(layer, predicted(labels), MODES, 1.0, "gaussian"))
    settled()
    return plot


@pytest.fixture
def hand(shown):
    return Hand(shown)


def drawn(plot):
    """What is drawn of the points, in the order of the sample.

    Colours, (points, 4), and whether each is large.
    """
    dots = plot.canvas.dots
    order = [
        np.flatnonzero((dots.get_offsets() == point).all(1))[0]
        for point in plot.projection.points
    ]
    sizes = np.broadcast_to(dots.get_sizes(), len(order))
    assert set(sizes) <= {AREA, CHOSEN_AREA}
    return dots.get_facecolors()[order], sizes[order] == CHOSEN_AREA


def of_points(plot, labels):
    return labels[tuple(plot.projection.sample.pixels.T)]


def expected_colours(layer, of):
    known = {0: GREY} | {n: layer.get_color(n) for n in set(of.tolist()) - {0}}
    return np.array([known[n] for n in of.tolist()])


def lassoed_layers(viewer):
    """Those that are seen."""
    named = [layer for layer in viewer.layers if "lassoed" in layer.name]
    return [layer for layer in named if layer.visible]


# ------------------------------------------------------------ what is drawn


def test_without_a_result_it_says_what_to_do(plot):
    assert plot.controls.about.value == NOTHING
    assert plot.canvas is None
    assert not plot.controls.all.enabled


def test_points_have_the_colours_of_their_objects(shown, layer, labels):
    assert shown.controls.about.value == (
        "All 1,920 pixels of 2 objects and the background. Both axes hold 100 % of the "
        "variance."
    )
    assert shown.controls.said.value == HOW
    of = of_points(shown, labels)
    assert set(of) == {0, 1, 2}
    colours, large = drawn(shown)
    np.testing.assert_allclose(colours, expected_colours(layer, of))
    assert not large.any()


def test_axes_are_named_and_circles_are_round(shown):
    axes = shown.canvas.axes
    assert axes.get_xlabel() == shown.projection.components.axis_labels[0]
    assert axes.get_ylabel().startswith("second principal component (")
    circles = shown.canvas.circles.get_segments()
    assert len(circles) == 3
    for circle, mode in zip(circles, shown.projection.modes, strict=True):
        np.testing.assert_allclose(np.linalg.norm(circle - mode, axis=1), 1)
        on_screen = np.ptp(axes.transData.transform(circle), axis=0)
        assert on_screen[0] == pytest.approx(on_screen[1], rel=0.01)
    low, high = np.transpose([axes.get_xlim(), axes.get_ylim()])
    every = np.concatenate([*circles, shown.projection.points])
    assert (every > low).all()
    assert (every < high).all()


def test_modes_can_be_hidden(shown):
    shown.controls.modes.value = False
    assert not shown.canvas.circles.get_visible()
    assert not shown.canvas.crosses.get_visible()
    shown.controls.modes.value = True
    assert shown.canvas.crosses.get_visible()


def test_a_model_with_a_foreground_shows_no_background_unless_asked(
    plot, layer, labels, settled
):
    plot.show(
        PlotSubject(layer, predicted(labels, labels * 2.0 - 1), MODES, 1.0, "gaussian")
    )
    settled()
    assert not plot.controls.background.value
    assert set(of_points(plot, labels)) == {1, 2}
    plot.controls.background.value = True
    settled()
    assert set(of_points(plot, labels)) == {0, 1, 2}


def test_other_labels_of_the_same_prediction_leave_the_points(
    plot, layer, labels, settled
):
    prediction = predicted(labels, labels * 2.0 - 1)
    plot.show(PlotSubject(layer, prediction, MODES, 1.0, "gaussian"))
    settled()
    parts, limits = plot.projection.components, plot.canvas.axes.get_xlim()
    layer.data = np.where(labels == 2, 9, labels)
    plot.show(PlotSubject(layer, prediction, MODES[1:], 0.5, "flat"))
    settled()
    assert plot.projection.components is parts
    assert plot.canvas.axes.get_xlim() == limits
    assert len(plot.canvas.circles.get_segments()) == 2
    plot.show(PlotSubject(layer, predicted(labels), MODES, 0.5, "flat"))
    settled()
    assert plot.projection.components is not parts


def test_it_takes_the_colours_of_the_theme(viewer, shown):
    faces = []
    for theme in ("light", "dark"):
        viewer.theme = theme
        faces.append(shown.canvas.figure.get_facecolor()[:3])
    assert np.mean(faces[0]) > 0.8
    assert np.mean(faces[1]) < 0.3


# ------------------------------------------------------------ plot to image


def test_a_lasso_lights_up_all_its_pixels(viewer, shown, hand, settled, labels, layer):
    hand.lasso(shown.projection.modes[1])
    settled()
    (found,) = lassoed_layers(viewer)
    assert found.name == "lassoed · cells"
    np.testing.assert_array_equal(found.data, labels == 1)
    np.testing.assert_array_equal(found.scale, PLACE["scale"])
    np.testing.assert_array_equal(found.translate, PLACE["translate"])
    assert found.units == layer.units
    assert not found.editable
    assert viewer.layers.selection.active == layer
    assert shown.controls.said.value == (
        "Lassoed: 256 pixels of 1 object, white in the image."
    )


def test_pixels_that_were_not_sampled_light_up_too(
    viewer, plot, labels, settled, monkeypatch
):
    large = labels.repeat(8, 0).repeat(8, 1)  # 40,960 pixels of objects
    plot.show(
        PlotSubject(
            viewer.add_labels(large), predicted(large, large), MODES, 1.0, "flat"
        )
    )
    settled()
    assert len(plot.projection.points) == 3_000
    Hand(plot).lasso(plot.projection.modes[2])
    settled()
    np.testing.assert_array_equal(lassoed_layers(viewer)[0].data, large == 2)


def test_the_next_lasso_takes_the_place_of_the_last(
    viewer, shown, hand, settled, labels
):
    hand.lasso(shown.projection.modes[1])
    settled()
    (before,) = lassoed_layers(viewer)
    hand.lasso(shown.projection.modes[2])
    settled()
    assert lassoed_layers(viewer) == [before]
    np.testing.assert_array_equal(before.data, labels == 2)
    viewer.layers.remove(before)
    hand.lasso(shown.projection.modes[1])
    settled()
    np.testing.assert_array_equal(lassoed_layers(viewer)[0].data, labels == 1)


@pytest.mark.parametrize("how", ["escape", "button"])
def test_clearing(viewer, shown, hand, settled, how):
    hand.lasso(shown.projection.modes[1])
    settled()
    assert len(shown.canvas.loop.get_xdata()) > 3
    if how == "escape":
        QTest.keyClick(shown.canvas, Qt.Key.Key_Escape)
    else:
        shown.controls.clear.native.click()
    assert lassoed_layers(viewer) == []
    assert len(shown.canvas.loop.get_xdata()) == 0
    assert shown.controls.said.value == HOW
    hand.lasso(shown.projection.modes[2])
    settled()
    assert len(lassoed_layers(viewer)) == 1
    assert len(viewer.layers) == 2  # no second one


def test_escape_drops_a_lasso_that_is_being_drawn(viewer, shown, hand, settled):
    hand.press((-5, -5))
    hand.move((0, 0))
    shown.drop()
    hand.move((5, -5))
    hand.release((5, -5))
    settled()
    assert lassoed_layers(viewer) == []


def test_a_lasso_around_nothing(viewer, shown, hand, settled):
    hand.lasso(shown.projection.modes[1])
    settled()
    hand.lasso(shown.projection.points.max(0) + 0.5, 0.2)
    settled()
    assert lassoed_layers(viewer) == []
    assert shown.controls.said.value == "No pixel lies within the lasso."


def test_a_click_is_no_lasso_and_selects_the_object(
    viewer, shown, hand, settled, labels, layer
):
    index = np.flatnonzero(of_points(shown, labels) == 2)[0]
    hand.click(shown.projection.points[index])
    settled()
    assert len(shown.canvas.loop.get_xdata()) == 0
    assert layer.selected_label == 2
    assert shown.controls.said.value == (
        "Object 2: 384 points, drawn large. Its pixels are white in the image."
    )
    np.testing.assert_array_equal(drawn(shown)[1], of_points(shown, labels) == 2)
    assert hand.click(shown.projection.points.max(0) + 0.5) is None  # near no point
    hand.click(shown.projection.points[of_points(shown, labels) == 0][0])
    assert layer.selected_label == 2
    assert "belongs to no object" in shown.controls.said.value
    assert lassoed_layers(viewer) == []


def test_a_click_drops_the_lasso_and_lights_up_the_object(
    viewer, shown, hand, settled, labels, layer
):
    hand.lasso(shown.projection.modes[1])
    settled()
    (found,) = lassoed_layers(viewer)
    np.testing.assert_array_equal(found.data, labels == 1)
    hand.click(shown.projection.points[of_points(shown, labels) == 2][0])
    settled()
    assert lassoed_layers(viewer) == [found]
    np.testing.assert_array_equal(found.data, labels == 2)
    assert len(shown.canvas.loop.get_xdata()) == 0
    assert viewer.layers.selection.active == layer
    layer.data[30, 2] = 2  # the object grows
    layer.refresh()
    settled()
    assert found.data[30, 2] == 1
    shown.drop()
    assert lassoed_layers(viewer) == []


def test_an_object_selected_in_the_image_is_not_lit_there(
    viewer, shown, hand, settled, labels, layer
):
    hand.click(shown.projection.points[of_points(shown, labels) == 2][0])
    settled()
    assert len(lassoed_layers(viewer)) == 1
    layer.selected_label = 1
    settled()
    assert lassoed_layers(viewer) == []  # it was that of the other
    assert shown.controls.said.value == "Object 1: 256 points, drawn large."


@pytest.mark.parametrize("size", [(420, 560), (900, 300)])
def test_no_message_moves_the_plot(plot, shown, size, qtbot):
    Turning(plot.native, plot.controls.native)
    plot.native.resize(*size)
    qtbot.wait(50)
    sizes = []
    for text in ("", "short", "a long message of many words " * 9):
        for kind in ("", "warning"):
            shown.controls.say(text, kind)
            shown.controls.about.value = text
            qtbot.wait(50)
            sizes.append((plot.native.size(), plot.canvas.geometry()))
    assert sizes == [sizes[0]] * len(sizes)


def test_an_object_that_was_selected_before_can_be_clicked(
    shown, hand, settled, labels
):
    index = np.flatnonzero(of_points(shown, labels) == 1)[0]  # as any layer begins
    hand.click(shown.projection.points[index])
    settled()
    assert shown.controls.said.value.startswith("Object 1: 256 points, drawn large. ")


def test_a_click_moves_the_view_only_if_it_must(viewer, shown, hand, layer, labels):
    index = np.flatnonzero(of_points(shown, labels) == 2)[0]
    camera = viewer.scene.camera
    camera.zoom, camera.center = 4, (0, 17, 16)  # the object is 6 × 16 µm around it
    hand.click(shown.projection.points[index])
    np.testing.assert_allclose(camera.center[1:], (17, 16))
    camera.center = (0, 500, 500)
    hit = hand.click(shown.projection.points[index])
    place = layer.data_to_world(shown.projection.sample.pixels[hit])
    np.testing.assert_allclose(camera.center[1:], place)
    assert camera.zoom == 4


# ------------------------------------------------------------ image to plot


def test_a_selected_object_lights_up(shown, layer, labels, settled):
    layer.selected_label = 2
    settled()
    of = of_points(shown, labels)
    colours, large = drawn(shown)
    np.testing.assert_array_equal(large, of == 2)
    expected = expected_colours(layer, of)
    expected[of != 2, 3] *= DIMMED
    np.testing.assert_allclose(colours, expected)
    np.testing.assert_allclose(  # its mode alone
        shown.canvas.crosses.get_xydata(), shown.projection.modes[[2]]
    )
    layer.selected_label = 7
    settled()
    assert shown.controls.said.value == "Object 7 has no point here."
    np.testing.assert_allclose(drawn(shown)[0], expected_colours(layer, of))
    assert len(shown.canvas.crosses.get_xydata()) == 3


def test_other_colours_are_no_selection(shown, layer, labels, settled):
    before = drawn(shown)[0]
    layer.new_colormap(seed=5)
    settled()
    colours, large = drawn(shown)
    np.testing.assert_allclose(
        colours, expected_colours(layer, of_points(shown, labels))
    )
    assert not np.allclose(colours, before)
    assert not large.any()


@pytest.mark.parametrize("how", ["data", "setitem", "in place", "paint"])
def test_colours_follow_the_labels(shown, layer, labels, settled, how):
    changed = np.where(labels == 2, 5, labels)
    if how == "data":
        layer.data = changed
    elif how == "setitem":
        layer.data_setitem(np.nonzero(labels == 2), 5)
    elif how == "in place":
        layer.data[labels == 2] = 5
        layer.refresh()
    else:
        layer.fill((30, 20), 5)
    settled()
    of = of_points(shown, changed)
    assert set(of) == {0, 1, 5}
    np.testing.assert_allclose(drawn(shown)[0], expected_colours(layer, of))


def test_nothing_is_drawn_where_nothing_changed(shown, layer, settled, monkeypatch):
    calls = []
    monkeypatch.setattr(shown.canvas, "colour", lambda *args: calls.append(args))
    layer.refresh()
    settled()
    assert calls == []
    layer.data[5, 5] = 2
    layer.refresh()
    settled()
    assert len(calls) == 1


# ---------------------------------------------------------------- the view


def test_only_what_is_in_view(viewer, shown, layer, labels, settled, qtbot):
    whole = shown.projection
    layer.corner_pixels = np.array([(0, 0), (21, 47)])  # as a drawn canvas says
    viewer.scene.camera.zoom *= 1.1
    qtbot.wait(300)
    settled()
    assert shown.projection is whole  # the box is not checked
    shown.controls.in_view.value = True
    settled()
    assert shown.projection.region == ((0, 22), (0, 48))
    assert set(of_points(shown, labels)) == {0, 1}
    layer.corner_pixels = np.array([(22, 0), (39, 47)])
    viewer.scene.camera.zoom *= 1.1
    qtbot.waitUntil(
        lambda: shown.projection.region == ((22, 40), (0, 48)), timeout=60_000
    )
    assert set(of_points(shown, labels)) == {0, 2}
    crosses = shown.canvas.crosses.get_xydata()  # none of object 1, which is not here
    np.testing.assert_allclose(crosses, shown.projection.modes[[0, 2]])
    Hand(shown).lasso(shown.projection.modes[2])
    settled()
    np.testing.assert_array_equal(lassoed_layers(viewer)[0].data, labels == 2)
    layer.corner_pixels = np.array([(0, 0), (0, 0)])
    viewer.scene.camera.zoom *= 1.1
    qtbot.waitUntil(lambda: "not in view" in shown.controls.said.value, timeout=60_000)


def test_a_frame_of_a_series(viewer, plot, labels, settled):
    series = np.stack([labels, labels[::-1], labels])
    layer = viewer.add_labels(series, scale=(2, 0.5, 0.5), translate=(1, 3, 4))
    plot.show(
        PlotSubject(layer, predicted(labels[::-1]), MODES, 1.0, "gaussian", frame=(1,))
    )
    settled()
    Hand(plot).lasso(plot.projection.modes[2])
    settled()
    (found,) = lassoed_layers(viewer)
    np.testing.assert_array_equal(found.data, labels[None, ::-1] == 2)
    np.testing.assert_array_equal(found.translate, (3, 3, 4))
    viewer.dims.set_point(0, 1)  # frame 0
    index = np.flatnonzero(of_points(plot, labels[::-1]) == 2)[0]
    Hand(plot).click(plot.projection.points[index])
    assert layer.selected_label == 2
    assert viewer.dims.point[0] == 3  # frame 1
    layer.data = series[:1]
    settled()
    assert plot.controls.about.value == OTHER_SHAPE
    assert lassoed_layers(viewer) == []


def test_a_volume(viewer, plot, settled):
    labels = np.zeros((6, 16, 16), np.int32)
    labels[4:, 2:8, 2:8], labels[:2, 10:14] = 1, 2
    layer = viewer.add_labels(labels)
    viewer.dims.set_point(0, 0)
    plot.show(PlotSubject(layer, predicted(labels), MODES, 1.0, "gaussian"))
    settled()
    Hand(plot).lasso(plot.projection.modes[1])
    settled()
    np.testing.assert_array_equal(lassoed_layers(viewer)[0].data, labels == 1)
    index = np.flatnonzero(of_points(plot, labels) == 1)[0]
    hit = Hand(plot).click(plot.projection.points[index])
    assert viewer.dims.point[0] == plot.projection.sample.pixels[hit, 0] >= 4


# ---------------------------------------------------------- coming and going


@pytest.mark.usefixtures("window")
def test_the_labels_are_deleted(viewer, shown, hand, settled, layer, qtbot):
    hand.lasso(shown.projection.modes[1])
    settled()
    viewer.layers.remove(layer)
    qtbot.waitUntil(lambda: len(viewer.layers) == 0)
    assert shown.controls.about.value == DELETED
    assert not shown.canvas.isVisible()
    assert lassoed_layers(viewer) == []
    layer.selected_label = 2  # somebody still holds it
    settled()
    assert shown.controls.about.value == DELETED


def test_deleted_while_it_is_computed(viewer, plot, layer, labels, qtbot):
    plot.show(PlotSubject(layer, predicted(labels), MODES, 1.0, "gaussian"))
    viewer.layers.remove(layer)
    assert not plot.is_busy
    qtbot.wait(300)
    assert plot.controls.about.value == DELETED
    assert plot.projection is None


def test_forgetting(viewer, shown, hand, settled, layer, labels):
    hand.lasso(shown.projection.modes[1])
    settled()
    shown._empty(NOTHING)
    assert shown.controls.about.value == NOTHING
    assert list(viewer.layers) == [layer]
    shown.show(PlotSubject(layer, predicted(labels), MODES, 1.0, "gaussian"))
    settled()
    assert shown.canvas.isVisible()


def test_the_last_call_is_shown(viewer, plot, layer, labels, settled):
    other = viewer.add_labels(labels[::-1].copy())
    plot.show(PlotSubject(layer, predicted(labels), MODES, 1.0, "gaussian"))
    plot.show(PlotSubject(other, predicted(labels[::-1]), MODES[:2], 1.0, "gaussian"))
    settled()
    assert len(plot.projection.modes) == 2
    layer.selected_label = 2  # is not followed any more
    settled()
    assert not drawn(plot)[1].any()


def test_nothing_to_plot(viewer, plot, labels, settled):
    layer = viewer.add_labels(np.zeros_like(labels))
    plot.show(PlotSubject(layer, predicted(labels, labels), MODES, 1.0, "gaussian"))
    settled()
    assert "there are none here" in plot.controls.said.value


@pytest.mark.usefixtures("window")
def test_it_is_opened_once(viewer):
    first = open_embedding_plot(viewer)
    first.controls.said.value = "seen before"
    assert open_embedding_plot(viewer).controls.said.value == "seen before"
    assert list(viewer.window.dock_widgets) == [plot_dock.NAME]


def test_what_takes_long_is_not_done_in_the_gui_thread(
    viewer, plot, labels, settled, monkeypatch
):
    """How long it is busy on a large image: ``benchmarks/responsive.py``."""
    in_gui_thread = {}

    def watch(module, name):
        function = getattr(module, name)

        def watched(*args, **options):
            in_gui_thread[name] = current_thread() is main_thread()
            return function(*args, **options)

        monkeypatch.setattr(module, name, watched)

    watch(projection, "projection_steps")
    watch(pixel_sample, "lassoed_steps")
    subject = PlotSubject(
        viewer.add_labels(labels), predicted(labels), MODES, 1.0, "gaussian"
    )
    plot.show(subject)
    settled()
    Hand(plot).lasso(plot.projection.modes[1], 3)
    settled()
    assert in_gui_thread == {"projection_steps": False, "lassoed_steps": False}
