"""Text in a place that it does not make higher: nothing moves when it comes or goes."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, QSize, Qt
from qtpy.QtWidgets import (
    QFrame,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_shiftseg.gui.parts.note import PADDING, dress, wrapped_label
from napari_shiftseg.gui.parts.rows import ControlRows

MARGIN = 2 * (PADDING + 2)  # pixels, of the frame around the text


WIDTH = 240  # pixels that are asked for, whatever is said


class StandingText(ControlRows):
    """A text of at most so many lines; a longer one is scrolled.

    Its frame is as high as the text, at the top of the place.

    Parameters
    ----------
    lines : int
    empty : str
        Stands there while there is nothing to say.
    least : int, optional
        Lines that a low screen leaves room for; as many as `lines` if not given.
    """

    def __init__(self, lines: int, empty: str = "", least: int | None = None) -> None:
        self._shown = wrapped_label(empty)
        self._empty, self._kind, self._text = empty, "", ""
        super().__init__()
        self._place = _Place(self._shown.native, least or lines, lines)
        self.native.layout().addWidget(self._place)

    @property
    def value(self) -> str:
        """What is said."""
        return self._text

    @value.setter
    def value(self, text: str) -> None:
        self._text = text
        self._shown.value = text or self._empty
        self._place.verticalScrollBar().setValue(0)

    def say(self, text: str, kind: str) -> None:
        """Say a text; its kind is "note", "warning" or "error", "" for a plain one."""
        self.value = text
        kind = kind if text else ""
        if kind != self._kind:  # Qt takes long to style
            self._kind = kind
            dress(self._shown, kind)


class _Place(QScrollArea):
    """As high as there is room for, within bounds, whatever the label at its top says.

    Parameters
    ----------
    label : QLabel
    least, most : int
        Lines.
    """

    def __init__(self, label: QLabel, least: int, most: int) -> None:
        super().__init__()
        self._label, self._least, self._most = label, least, most
        label.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        policy = QSizePolicy.Policy
        self.setSizePolicy(policy.Expanding, policy.Expanding)
        self.setWidget(_above_nothing(label))
        label.installEventFilter(self)

    def sizeHint(self) -> QSize:
        """Return the least height, in the font of now."""
        return QSize(WIDTH, self._height(self._least))

    def minimumSizeHint(self) -> QSize:
        """Return the same height; the width is the label's affair."""
        return QSize(0, self.sizeHint().height())

    def eventFilter(self, part: QObject, event: QEvent) -> bool:
        """Follow the font, which the theme of the window sets."""
        if event.type() in (QEvent.Type.Show, QEvent.Type.FontChange):
            self.parentWidget().setMaximumHeight(self._height(self._most))
            self.updateGeometry()
        return bool(super().eventFilter(part, event))

    def _height(self, lines: int) -> int:
        return int(lines * self._label.fontMetrics().lineSpacing() + MARGIN)


def _above_nothing(label: QLabel) -> QWidget:
    """Return a widget with a label at its top, no higher than it needs to be."""
    widget = QWidget()
    layout = QVBoxLayout(widget)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(label)
    layout.addStretch(1)
    return widget
