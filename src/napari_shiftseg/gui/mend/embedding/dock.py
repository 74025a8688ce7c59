"""Where the embedding plot is docked: below the image, beside nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import ref

from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtWidgets import QBoxLayout, QMainWindow

from napari_shiftseg.gui.mend.embedding.subject import PlotSubject
from napari_shiftseg.gui.mend.embedding.widget import EmbeddingPlot
from napari_shiftseg.gui.parts.layout import UndockWatch, Watch, dock_of, is_open

if TYPE_CHECKING:
    import napari
    from napari.layers import Labels, Layer
    from qtpy.QtWidgets import QWidget

    from napari_shiftseg.gui.mend.frames import SteeredFrame


NAME = "Embedding"
SHARE = 1 / 3  # of the window's height
SIDES = (
    (Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.LeftDockWidgetArea),
    (Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea),
)
MOST_WORDS = 300  # pixels of the words beside a plot
NO_LIMIT = 2**24 - 1  # pixels, as Qt has it


def open_embedding_plot(viewer: napari.Viewer) -> EmbeddingPlot:
    """Open the embedding plot of a viewer, or bring it to the front."""
    plot: EmbeddingPlot | None = viewer.window.dock_widgets.get(NAME)
    if plot is None:
        plot = EmbeddingPlot(viewer)
        Turning(plot.native, plot.controls.native)
        below = BelowImage(plot.native)
        dock = viewer.window.add_dock_widget(plot, name=NAME, area="bottom")
        below.take_place()
    else:
        dock = dock_of(plot.native)
    if dock is not None:
        dock.show()
        dock.raise_()
    return plot


class BelowImage(QObject):
    """Lets the docks at the sides keep their height while one lies below the image.

    Qt gives the lower corners of a window to what lies below: the docks at the sides,
    which are used together with the plot, would lose its height.

    Parameters
    ----------
    widget : QWidget
        Not docked yet; the corners are as before when its dock is closed.
    """

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self._widget = widget
        self._watch = UndockWatch(widget, self._leave)
        self._window: ref[QMainWindow] | None = None

    def take_place(self) -> None:
        """Take a share of the window's height, but none of the sides'."""
        window = self._widget.window()
        if not isinstance(window, QMainWindow):
            return
        self._window = ref(window)
        self._before = [(corner, window.corner(corner)) for corner, _ in SIDES]
        for corner, area in SIDES:
            window.setCorner(corner, area)
        QTimer.singleShot(0, self._take_share)  # when the docks have been laid out

    def _take_share(self) -> None:
        dock, window = dock_of(self._widget), self._widget.window()
        if dock is not None and isinstance(window, QMainWindow):
            height = round(SHARE * window.height())
            window.resizeDocks([dock], [height], Qt.Orientation.Vertical)

    def _leave(self) -> None:
        window = None if self._window is None else self._window()
        if window is not None and isalive(window):
            for corner, area in self._before:
                window.setCorner(corner, area)


class Turning(Watch):
    """Lays out a widget's parts side by side where it is wide, else one upon another.

    Parameters
    ----------
    widget : QWidget
        With a box layout.
    words : QWidget
        The part that needs no more than some width beside the others.
    """

    def __init__(self, widget: QWidget, words: QWidget) -> None:
        super().__init__(widget)
        self._words = words

    def _sees(self, watched: QObject, event: QEvent) -> bool:
        """Follow the shape of the widget."""
        if event.type() == QEvent.Type.Resize and watched is self._widget:
            way = QBoxLayout.Direction
            wide = self._widget.width() > self._widget.height()
            layout = self._widget.layout()
            layout.setDirection(way.LeftToRight if wide else way.TopToBottom)
            self._words.setMaximumWidth(MOST_WORDS if wide else NO_LIMIT)
        return False


class PlotLink:
    """Opens the embedding plot, and shows it a frame only when that is another.

    Attributes
    ----------
    plot : EmbeddingPlot or None
        None until it was opened.
    """

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer = viewer
        self.plot: EmbeddingPlot | None = None
        self._of: Labels | None = None
        self._plotted: SteeredFrame | None = None

    def open(self) -> None:
        """Open the plot, or bring it to the front; it waits for `follow`."""
        self.plot, self._plotted = open_embedding_plot(self._viewer), None

    def follow(self, layer: Labels, frame: SteeredFrame) -> None:
        """Let an open plot show a frame of a layer, and its modes.

        Parameters
        ----------
        layer : Labels
        frame : SteeredFrame
        """
        if self.plot is None or frame is self._plotted:
            return
        if not is_open(self.plot.native):
            self.forget()
            return
        self._of, self._plotted = layer, frame
        has_modes = frame.clustering.method == "mean-shift"
        subject = PlotSubject(
            layer,
            frame.predicted,
            frame.objects.modes if has_modes else frame.objects.modes[:0],
            frame.clustering.bandwidth,
            frame.clustering.kernel,
            frame.position,
        )
        self.plot.show(subject)

    def let_go(self, layer: Layer) -> None:
        """Hold no frame of labels that were deleted."""
        if self._of is layer:
            self._of = self._plotted = None

    def forget(self) -> None:
        """Hold neither plot nor frame."""
        self.plot = self._of = self._plotted = None
