"""Controls made of settings, in rows, folded away; docks opened, found, in tabs."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING, Any

from magicgui.widgets import (
    CheckBox,
    ComboBox,
    Container,
    FloatSpinBox,
    LineEdit,
    SpinBox,
)
from magicgui.widgets.bases import RangedWidget
from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, QSize, Qt, QTimer
from qtpy.QtGui import QIcon
from qtpy.QtWidgets import (
    QDockWidget,
    QFrame,
    QLabel,
    QMainWindow,
    QScrollArea,
    QWidget,
)
from superqt import QCollapsible

from napari_shiftseg.gui.parts.focus import FocusRing, order_tabs
from napari_shiftseg.inference.views import VIEWS

if TYPE_CHECKING:
    from collections.abc import Callable

    import napari
    from magicgui.widgets import Widget

    from napari_shiftseg.pipeline.glossary import Term


MARK = "napari-shiftseg"


def opened(viewer: napari.Viewer, name: str) -> Any:
    """Open one of our widgets, or bring it to the front.

    Parameters
    ----------
    viewer : napari.Viewer
    name : str
        As in the menu.
    """
    dock, widget = viewer.window.add_plugin_dock_widget(MARK, name, tabify=True)
    dock.show()
    dock.raise_()
    return widget


def found(viewer: napari.Viewer, name: str) -> Any:
    """Return one of our widgets, where it is; None: it is not open.

    Parameters
    ----------
    viewer, name
        See `opened`.
    """
    for title, widget in viewer.window.dock_widgets.items():
        inner = getattr(widget, "native", widget)
        if title.startswith(name) and isalive(inner) and inner.property(MARK):
            return widget
    return None


def follow_segment(viewer: napari.Viewer, follow: Callable[..., None]) -> None:
    """Let a widget that is being opened take what Segment has, if that is open.

    Parameters
    ----------
    viewer : napari.Viewer
    follow : callable
        Takes the form of Segment.
    """
    segment = found(viewer, "Segment")
    if segment is not None:
        follow(segment.form, opening=True)


def dock_of(widget: QWidget) -> QDockWidget | None:
    """Return the dock that holds a widget, if one does."""
    parent = widget.parentWidget()
    while parent is not None and not isinstance(parent, QDockWidget):
        parent = parent.parentWidget()
    return parent


class Watch(QObject):
    """Sees the events of a widget, as long as that lives."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self._widget = widget
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """See an event; True keeps it from what is watched.

        Parameters
        ----------
        watched : QObject
            The widget, or what else has this for a filter.
        event : QEvent
        """
        return bool(self._sees(watched, event))

    def _sees(self, watched: QObject, event: QEvent) -> bool:
        """Do what there is to do, and say whether the event is to be kept away."""
        raise NotImplementedError


class OneTabGroup(Watch):
    """Makes a tab of a widget's dock, beside the docks of others that have this.

    napari's menus put every dock below the one before, and the window grows; the dock
    is moved, and the window shrinks again, when the widget is first shown.

    Parameters
    ----------
    widget : QWidget
        Of the dock; not docked yet.
    """

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self._before: QSize | None = None  # of the window, without the dock
        widget.setProperty(MARK, True)

    def _sees(self, watched: QObject, event: QEvent) -> bool:
        """Join the others at the first show."""
        if event.type() == QEvent.Type.ParentChange:
            self._follow(watched.parent())
        elif event.type() == QEvent.Type.Show and watched is self._widget:
            watched.removeEventFilter(self)
            self._join()
        return False

    def _follow(self, parent: QObject | None) -> None:
        """Wait until the dock is put into a window."""
        if isinstance(parent, QDockWidget):
            parent.installEventFilter(self)
        elif isinstance(parent, QMainWindow) and self._before is None:
            self._before = parent.size()

    def _join(self) -> None:
        own, window = dock_of(self._widget), self._widget.window()
        if own is not None:
            own.removeEventFilter(self)
        if own is None or not isinstance(window, QMainWindow):
            return
        for dock in window.findChildren(QDockWidget):
            if dock is not own and _is_ours(dock) and not dock.isFloating():
                window.tabifyDockWidget(dock, own)
                own.show()
                own.raise_()
                QTimer.singleShot(0, self._shrink)  # when the docks have been laid out
                return

    def _shrink(self) -> None:
        window = self._widget.window()
        if self._before is not None and not window.isMaximized():
            window.resize(self._before)


CLOSED = f"{MARK} closed"  # of a widget whose dock was closed


def is_open(widget: QWidget) -> bool:
    """Whether a widget is there, and the dock that it stood in was not closed.

    Layers and signals outlive a dock, and Python holds the widget on. Its window is not
    asked: that may be half destroyed by now.
    """
    return isalive(widget) and not widget.property(CLOSED)


class UndockWatch(Watch):
    """Calls back once, when a widget is taken out of its dock: that was closed.

    From then on it is not open, nor is any part of it; see `is_open`.

    Parameters
    ----------
    widget : QWidget
        Not docked yet.
    undocked : callable
    """

    def __init__(self, widget: QWidget, undocked: Callable[[], None]) -> None:
        super().__init__(widget)
        self._undocked, self._was_docked = undocked, False

    def _sees(self, watched: QObject, event: QEvent) -> bool:
        """Follow the widget into its dock and out of it."""
        if event.type() == QEvent.Type.ParentChange:
            if watched.parent() is not None:
                self._was_docked = True
            elif self._was_docked:
                watched.removeEventFilter(self)
                for part in (watched, *watched.findChildren(QWidget)):
                    part.setProperty(CLOSED, True)
                self._undocked()
        return False


def _is_ours(dock: QDockWidget) -> bool:
    inner = dock.widget()
    return inner is not None and bool(inner.property(MARK))


LABEL_WIDTH = 136  # pixels; magicgui measures in another font than napari's theme has


class ControlRows(Container):
    """Widgets one below the other, without labels and margins."""

    def __init__(self, *widgets: Widget, **options: Any) -> None:
        super().__init__(widgets=widgets, **{"labels": False, **options})
        self.margins = (0, 0, 0, 0)


class ControlRow(ControlRows):
    """Widgets side by side; see `ControlRows`."""

    def __init__(self, *widgets: Widget, **options: Any) -> None:
        super().__init__(*widgets, layout="horizontal", **options)


class ControlForm(ControlRows):
    """Widgets one below the other with their labels before them; see `ControlRows`."""

    def __init__(self, *widgets: Widget, **options: Any) -> None:
        super().__init__(*widgets, labels=True, **options)
        align_labels(self)


def align_labels(container: Container) -> None:
    """Let the rows of a container begin at one place."""
    for label in container.native.findChildren(QLabel):
        label.setMinimumWidth(LABEL_WIDTH)


LEAST_HEIGHT = 120  # pixels, so that three docks share a low screen


class ScrolledRows(ControlRows):
    """A docked widget, a tab; its rows are scrolled where the screen is low.

    What it follows finds it closed when its dock was; see `is_open`.
    """

    def __init__(self, rows: Container) -> None:
        super().__init__()
        self._rows = rows  # or its children would go with it
        _break_tooltips(rows.native)
        self._scrolling = Scrolling(rows.native)
        self._ring = FocusRing(rows.native)
        order_tabs(rows.native)
        self.native.layout().addWidget(self._scrolling)
        self._tab = OneTabGroup(self.native)
        self._undocked = UndockWatch(self.native, self._leave)

    @property
    def _is_open(self) -> bool:
        return is_open(self.native)

    def _leave(self) -> None:
        """Undo what outlives the widget: its dock was closed."""


class Scrolling(QScrollArea):
    """Give rows the height they want, or scroll them; never less than their width."""

    def __init__(self, rows: QWidget) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # it scrolls where the focus goes
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(rows)

    def minimumSizeHint(self) -> QSize:
        """Return the least width of the rows, and a height to scroll in."""
        return QSize(self._width(self.widget().minimumSizeHint()), LEAST_HEIGHT)

    def sizeHint(self) -> QSize:
        """Return the size that the rows want."""
        wanted = self.widget().sizeHint()
        return QSize(self._width(wanted), wanted.height())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the rows when they ask for another size."""
        if event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return bool(super().eventFilter(watched, event))

    def _width(self, rows: QSize) -> int:
        """Leave room for the bar, or it would cover what stands to the right."""
        bar = self.verticalScrollBar().sizeHint().width()
        return int(rows.width() + bar + 2 * self.frameWidth())


HEADING = "text-align: left; border: none; background: transparent;"  # also when open


class Foldaway(QCollapsible):
    """Rows that stand below a button, and are folded away until it is pressed.

    They open at once, and their sign is a letter, in the colour of any theme. Folded
    away they are hidden: Tab would reach what is only flat.
    """

    def __init__(self, rows: Container, tooltip: str) -> None:
        super().__init__(expandedIcon=QIcon(), collapsedIcon=QIcon())
        self.setDuration(0)
        self.layout().setContentsMargins(0, 0, 0, 0)
        self.layout().removeWidget(self.content())
        self.setContent(rows.native)
        self.toggleButton().setToolTip(tooltip)
        self.toggleButton().setStyleSheet(HEADING)
        self.toggled.connect(self._follow)
        self._follow(False)

    def _follow(self, is_open: bool) -> None:
        self.content().setVisible(is_open)
        self.setText(f"{'▾' if is_open else '▸'} Advanced")


LINE = 80  # characters of a tooltip


def _break_tooltips(widget: QWidget) -> None:
    """Break the lines of the tooltips in a widget; Qt breaks no plain text."""
    for part in widget.findChildren(QWidget):
        tip = part.toolTip()
        if not Qt.mightBeRichText(tip):
            part.setToolTip("\n".join(fill(line, LINE) for line in tip.split("\n")))


SMALLEST = 1e-6  # step of what a control shows of a fraction
# shown, where the field takes more: a box for these would be twice as wide
LARGEST = {
    "prominence": 1e6,
    "bandwidth": 1e6,
    "min_size": 10**7,
    "batch": 1024,
    "link_threshold": 1,
}


def control_of(term: Term, **how: Any) -> Widget:
    """Return the control of a setting, named after it, with its meaning as tooltip.

    Parameters
    ----------
    term : Term
    **how
        Keywords of the control, such as its label.
    """
    how = {"name": term.name, "tooltip": term.meaning} | how
    if term.choices:
        return ComboBox(choices=term.choices, **how)
    if term.name == "views":
        return ComboBox(choices=VIEWS, **how)
    if term.name == "diameter":
        return LineEdit(**how)
    if term.name == "split_far_parts":
        return CheckBox(value=True, **how)
    if "gt" not in term.bounds:
        return SpinBox(min=0, max=LARGEST[term.name], **how)
    most = LARGEST.get(term.name) or term.bounds["lt"] - SMALLEST
    box = FloatSpinBox(min=term.bounds["gt"] + SMALLEST, max=most, step=0.05, **how)
    box.native.setDecimals(6)
    return box


def nearest(control: Widget, value: Any) -> Any:
    """Return what a control can show of a value: beyond its ends, the end.

    Parameters
    ----------
    control : Widget
    value : object
    """
    if isinstance(control, RangedWidget):
        return min(max(value, control.min), control.max)
    return value
