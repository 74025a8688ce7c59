"""How the controls of a widget stand: in rows, with labels, scrolled, folded away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from magicgui.widgets import Container
from qtpy.QtCore import QEvent, QObject, QSize, Qt
from qtpy.QtGui import QIcon
from qtpy.QtWidgets import QFrame, QLabel, QScrollArea
from superqt import QCollapsible

from napari_shiftseg.gui.parts.plain_text import break_tooltips

if TYPE_CHECKING:
    from magicgui.widgets import Widget
    from qtpy.QtWidgets import QWidget


LABEL_WIDTH = 136  # pixels; magicgui measures in another font than napari's theme has


class ControlRows(Container):
    """Widgets one below the other, without labels and margins.

    Parameters
    ----------
    *widgets : Widget
    **options
        Of the Container.
    """

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
    """A widget whose rows are scrolled where the screen is low.

    Parameters
    ----------
    rows : Container
    """

    def __init__(self, rows: Container) -> None:
        super().__init__()
        self._rows = rows  # or its children would go with it
        break_tooltips(rows.native)
        self._scrolling = Scrolling(rows.native)
        self.native.layout().addWidget(self._scrolling)


class Scrolling(QScrollArea):
    """Give rows the height they want, or scroll them; never less than their width.

    Parameters
    ----------
    rows : QWidget
    """

    def __init__(self, rows: QWidget) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
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

    Parameters
    ----------
    rows : Container
    tooltip : str
        Of the button.
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
