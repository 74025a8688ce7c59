"""A scatter plot to lasso and to click: matplotlib, in a Qt widget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from magicgui.widgets import CheckBox, PushButton
from matplotlib.backend_bases import MouseButton
from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.widgets import LassoSelector
from qtpy.QtCore import Qt, Signal

from napari_shiftseg.gui.parts.layout import ControlRow, ControlRows
from napari_shiftseg.gui.parts.text_boxes import StandingText
from napari_shiftseg.text import number_of, percent

if TYPE_CHECKING:
    from matplotlib.backend_bases import MouseEvent
    from numpy.typing import NDArray
    from qtpy.QtGui import QKeyEvent, QResizeEvent

    from napari_shiftseg.gui.mend.embedding.subject import LassoPixels
    from napari_shiftseg.relabelling.projection import Projection
    from napari_shiftseg.report.plots import Colours


NOTHING = "No embedding yet: segment an image, then open this plot from its result."
DELETED = "The labels were deleted: there is nothing to plot."
OTHER_SHAPE = "The labels have another shape now: segment the image again."
HOW = (
    "Draw around points: all their pixels light up in the image. Click a point: its "
    "object lights up, too."
)


def sample_text(projection: Projection) -> str:
    """Say what stands for what."""
    sample, shown = projection.sample, len(projection.points)
    objects = sample.objects - projection.background
    what = number_of(objects, "object")
    if projection.background:
        what += " and the background"
    held = percent(sum(projection.components.shares))
    if shown == sample.of:
        begin = f"All {shown:,} pixels of {what}"
    elif sample.each == 0:
        begin = f"One pixel each of {shown:,} of {what}"
    else:
        begin = (
            f"{shown:,} of {sample.of:,} pixels of {what}, at most {sample.each} of "
            f"each, so that small ones are seen"
        )
    return f"{begin}. Both axes hold {held} of the variance."


def chosen_text(label: int, points: int, in_image: bool) -> str:
    """Say how an object lights up, here and perhaps in the image.

    Parameters
    ----------
    label : int
        Of the object.
    points : int
        How many of the points are its own.
    in_image : bool
        Whether it lights up there, too.
    """
    if points == 0:
        return f"Object {label} has no point here."
    text = f"Object {label}: {number_of(points, 'point')}, drawn large."
    return f"{text} Its pixels are white in the image." if in_image else text


def lassoed_text(found: LassoPixels) -> str:
    """Say what a lasso holds."""
    if found.pixels == 0:
        return "No pixel lies within the lasso."
    objects = number_of(found.objects, "object")
    return f"Lassoed: {found.pixels:,} pixels of {objects}, white in the image."


NARROW = 32  # pixels of a button with one sign
LINES = 4  # of either text


class PlotControls(ControlRows):
    """What is shown, what the plot says of it, and how it is shown.

    Attributes
    ----------
    about, said : StandingText
        What stands for what; what happened last.
    """

    def __init__(self) -> None:
        self.about = StandingText(LINES)
        self.said = StandingText(LINES)
        self.all = PushButton(text="⤢", tooltip="Show all points")
        self.all.native.setMaximumWidth(NARROW)
        self.in_view = CheckBox(
            text="Only what is in view",
            tooltip="Plot the part of the image that the canvas shows, and follow it",
        )
        self.background = CheckBox(
            text="Background", tooltip="Plot the background, too, as one more object"
        )
        self.modes = CheckBox(
            text="Modes",
            value=True,
            tooltip="Crosses: the modes nearest to these points. Circles: one "
            "bandwidth around them. All pixels within a bandwidth of a mode lie in its "
            "circle. Others may seem to, but are far away in a direction not shown.",
        )
        self.clear = PushButton(
            text="Clear (Esc)", tooltip="Remove the lasso and the selection"
        )
        above = ControlRow(self.all, self.in_view, self.clear)
        below = ControlRow(self.modes, self.background)
        super().__init__(self.about, above, below, self.said)
        self.native.layout().addStretch()

    def enable(self, enabled: bool) -> None:
        """Let the buttons be pressed, or not; the words stay as they are."""
        for control in (self.all, self.in_view, self.clear, self.modes,
                        self.background):  # fmt: skip
            control.enabled = enabled

    def say(self, text: str, kind: str = "") -> None:
        """Say what happened: plainly, or as a "warning".

        Parameters
        ----------
        text : str
        kind : str
        """
        self.said.say(text, kind)


LEAST_SIZE = (240, 200)  # pixels
MARGINS = (60, 40, 10, 8)  # pixels left, below, right, above the axes
TICKS = 4  # intervals; each label takes a millisecond to draw
FONT = 8  # points
ROOM = 0.04  # of the width, around all points
CLICK = 4  # pixels that a hand moves when it clicks
REACH = 8  # pixels from a click to its point
ZOOM = 1.25  # of one notch of the wheel
AREA, CHOSEN_AREA = 9, 26  # of a point, in square points
FAINT = 0.4  # opacity of circles where all are shown
CROWD = 24  # circles; more of them hide the points, unless they are fainter yet
DIMMED = 0.12  # opacity of points that are not of the chosen object


class EmbeddingCanvas(FigureCanvasQTAgg):
    """Points, modes and their outlines.

    Attributes
    ----------
    axes : Axes
    dots, circles, crosses, loop
        What is drawn: points, outlines of modes, modes, the last lasso.
    lassoed : Signal
        Emitted with the corners of a lasso, (corners, 2).
    picked : Signal
        Emitted with the index of a point that was clicked.
    escaped : Signal
        Emitted when Escape is pressed.
    """

    lassoed = Signal(object)
    picked = Signal(int)
    escaped = Signal()

    def __init__(self) -> None:
        super().__init__(Figure())
        self.setMinimumSize(*LEAST_SIZE)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # or no key comes here
        self.axes = axes = self.figure.add_axes((0, 0, 1, 1))
        axes.locator_params(nbins=TICKS)
        axes.tick_params(labelsize=FONT)
        self._points = np.zeros((0, 2))
        self._outlines, self._modes = np.zeros((0, 0, 2)), np.zeros((0, 2))
        self._near = np.empty(0, np.int64)
        self._view = np.array([(0.0, 0.0), (1.0, 1.0)])  # low and high, at least
        self.dots = axes.scatter([], [], s=AREA, linewidths=0)
        self.circles = LineCollection([], linewidths=0.8)
        axes.add_collection(self.circles)
        self.circles.set_alpha(FAINT)
        (self.crosses,) = axes.plot([], [], "x", markersize=6, markeredgewidth=1.2)
        (self.loop,) = axes.plot([], [], linewidth=1.5)
        self._selector = LassoSelector(axes, self._selected, button=MouseButton.LEFT)
        self.mpl_connect("scroll_event", self._zoom)
        self._place()

    # What is shown

    def show_projection(self, projection: Projection, keep_view: bool) -> None:
        """Show other points, where one looks or all of them.

        Parameters
        ----------
        projection : Projection
        keep_view : bool
            Whether to stay where one looks.
        """
        self._points = projection.points
        self._outlines, self._modes = projection.outlines, projection.modes
        self._near = np.unique(projection.nearest[projection.nearest >= 0])
        for axis, text in zip("xy", projection.components.axis_labels, strict=True):
            getattr(self.axes, f"set_{axis}label")(text, fontsize=FONT)
        if not keep_view:
            self.show_all()

    def colour(
        self,
        colours: NDArray[Any],
        chosen: NDArray[np.bool_] | None,
        modes: NDArray[np.int64],
    ) -> None:
        """Colour the points; chosen ones are drawn larger, above the others, dimmed.

        Parameters
        ----------
        colours : ndarray
            (points, 4), RGBA.
        chosen : ndarray of bool, optional
            (points,)
        modes : ndarray of int
            Those that are shown.
        """
        self.circles.set(segments=self._outlines[modes])
        faint = FAINT * min(1, CROWD / max(len(modes), 1))
        self.circles.set_alpha(faint if chosen is None else 1)
        self.crosses.set_data(self._modes[modes].T)
        order = np.arange(len(colours))
        if chosen is not None:
            colours = colours * np.where(chosen[:, None], 1, (1, 1, 1, DIMMED))
            order = np.argsort(chosen, kind="stable")
            self.dots.set_sizes(np.where(chosen[order], CHOSEN_AREA, AREA))
        else:
            self.dots.set_sizes([AREA])
        self.dots.set_offsets(self._points[order])
        self.dots.set(facecolor=colours[order])
        self.draw_idle()

    def show_modes(self, visible: bool) -> None:
        """Show or hide modes and outlines."""
        for artist in (self.circles, self.crosses):
            artist.set_visible(visible)
        self.draw_idle()

    def show_all(self) -> None:
        """Zoom to all points, and the outlines of the modes nearest to them."""
        outlines = self._outlines[self._near].reshape(-1, 2)
        every = np.concatenate([self._points, outlines])
        low, high = every.min(0), every.max(0)
        middle, half = (low + high) / 2, (high - low) * (0.5 + ROOM)
        half = np.maximum(half, ROOM * (half.max() or 1))
        self._look(middle - half, middle + half)

    def clear_lasso(self) -> None:
        """Take the lasso away, and drop one that is being drawn."""
        self._selector.verts = None
        self._selector.set_visible(False)
        self.loop.set_data([], [])
        self.draw_idle()

    def set_colours(self, colours: Colours) -> None:
        """Take the colours of a theme."""
        axes, text = self.axes, colours.text
        self.figure.set_facecolor(colours.background)
        axes.set_facecolor(colours.background)
        axes.tick_params(colors=text)
        for part in (axes.xaxis.label, axes.yaxis.label):
            part.set_color(text)
        for spine in axes.spines.values():
            spine.set_color(colours.grid)
        for line in (self.crosses, self.loop):
            line.set_color(text)
        self.circles.set_color(text)
        self._selector.set_props(color=text, linewidth=1.5)
        self.draw_idle()

    # What the mouse does

    def _selected(self, corners: list[tuple[float, float]]) -> None:
        path = np.array(corners)
        on_screen = self.axes.transData.transform(path)
        if np.ptp(on_screen, axis=0).max() <= CLICK * self.device_pixel_ratio:
            self._pick(on_screen[0])
        else:
            self.loop.set_data(*np.concatenate([path, path[:1]]).T)
            self.draw_idle()
            self.lassoed.emit(path)

    def _pick(self, at: NDArray[np.float64]) -> None:
        places = self.axes.transData.transform(self._points)
        away = np.linalg.norm(places - at, axis=1)
        if len(away) and away.min() <= REACH * self.device_pixel_ratio:
            self.picked.emit(int(away.argmin()))

    def _zoom(self, event: MouseEvent) -> None:
        if event.inaxes is not self.axes:
            return
        at, factor = np.array([event.xdata, event.ydata]), ZOOM**-event.step
        low, high = np.transpose([self.axes.get_xlim(), self.axes.get_ylim()])
        self._look(at + (low - at) * factor, at + (high - at) * factor)

    def _look(self, low: NDArray[np.float64], high: NDArray[np.float64]) -> None:
        self._view = np.array([low, high])
        self._fit()
        self.draw_idle()

    def _fit(self) -> None:
        """Show the view, and more on one axis: both have one scale, so circles are."""
        low, high = self._view
        size = self._room()
        half = ((high - low) / size).max() * size / 2
        begin, end = (low + high) / 2 - half, (low + high) / 2 + half
        self.axes.set_xlim(begin[0], end[0])
        self.axes.set_ylim(begin[1], end[1])

    def _room(self) -> NDArray[np.float64]:
        """Width and height of the axes, in pixels."""
        left, below, right, above = MARGINS
        room = (self.width() - left - right, self.height() - below - above)
        return np.maximum(room, 1.0)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Take Escape."""
        if event.key() == Qt.Key.Key_Escape:
            self.escaped.emit()
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give the axes all room but that of their labels."""
        super().resizeEvent(event)
        self._place()

    def _place(self) -> None:
        size = np.maximum((self.width(), self.height()), 1)
        self.axes.set_position((*MARGINS[:2] / size, *self._room() / size))
        self._fit()
