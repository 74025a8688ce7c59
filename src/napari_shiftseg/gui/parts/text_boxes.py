"""Boxes of text in the theme's colours: notes, warnings, errors, results."""

from __future__ import annotations

from html import escape

import napari
from magicgui.widgets import Label
from napari.settings import get_settings
from napari.utils.theme import get_theme
from qtpy.QtCore import QEvent, QObject, QSize, Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QFrame,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_shiftseg.gui.parts.layout import ControlRows, Watch
from napari_shiftseg.text import visible


def plainly(text: str) -> str:
    """Write a text so that Qt shows it as it is.

    Tooltips, notifications and message boxes guess whether a text is rich; a name such
    as ``<img src=...>`` would be obeyed.

    Parameters
    ----------
    text : str
        That a name from a file, a layer or an error stands in.

    Returns
    -------
    str
        The same where Qt takes it for plain.
    """
    text = visible(text, "\n\t")
    if not Qt.mightBeRichText(text):
        return text
    return f'<span style="white-space: pre-wrap">{escape(text)}</span>'


PADDING = 5  # pixels
KIND = "shiftseg_kind"  # Qt property of a box: its kind, and whether it is a result
# Of a standing box: the theme's colour in it, its share beside the background's.
TINTS = {"note": ("text", 0.08), "warning": ("warning", 0.22), "error": ("error", 0.4)}
FILLS = {"note": "current", "warning": "warning", "error": "error"}  # of a result
LEAST_CONTRAST = 4.5  # of text, WCAG 2.1
LONGEST = 10_000  # pixels that a text may be high


def dress(box: Label, kind: str, is_result: bool = False) -> None:
    """Show a label as a box in the theme's colours, and follow a change of theme.

    Parameters
    ----------
    box : Label
        See `wrapped_label`.
    kind : str
        "note", "warning" or "error"; "" for a plain label.
    is_result : bool
        Whether it is to stand out most: what came out, and not what stands there.
    """
    box.native.setProperty(KIND, [kind, is_result])
    _colour(box.native)


def _colour(label: QWidget) -> None:
    """Give a box the colours of its kind in the theme it is in."""
    known = label.property(KIND)
    if known is None:
        return
    kind, is_result = known
    sheet = style(kind, is_result, _theme_of(label)) if kind else ""
    if label.styleSheet() != sheet:  # Qt takes long to style
        label.setStyleSheet(sheet)


def style(kind: str, is_result: bool = False, theme: str = "dark") -> str:
    """Return the style sheet of a box; it names the kind in a comment.

    Parameters
    ----------
    kind : str
        "note", "warning" or "error".
    is_result : bool
        Whether it is filled with the colour, or tinted.
    theme : str
        Of the napari viewer.
    """
    colours = get_theme(theme)
    ground = QColor(colours.background.as_hex())
    if is_result:
        back = edge = QColor(getattr(colours, FILLS[kind]).as_hex())
    else:
        name, share = TINTS[kind]
        accent = QColor(getattr(colours, name).as_hex())
        back, edge = _mixed(ground, accent, share), _mixed(ground, accent, 2 * share)
    text = _readable(QColor(colours.text.as_hex()), back)
    return (
        f"/* {kind} */ background: {back.name()}; color: {text.name()}; "
        f"border: 1px solid {edge.name()}; border-radius: 4px; padding: {PADDING}px;"
    )


def _theme_of(widget: QWidget) -> str:
    """Return the theme of the viewer that a widget is docked in."""
    parent: QWidget | None = widget
    while parent is not None and not hasattr(parent, "_qt_viewer"):
        parent = parent.parentWidget()
    viewer = parent._qt_viewer.viewer if parent else napari.current_viewer()
    return str(viewer.theme if viewer else get_settings().appearance.theme)


def _mixed(ground: QColor, accent: QColor, share: float) -> QColor:
    one, other = ground.getRgbF()[:3], accent.getRgbF()[:3]
    return QColor.fromRgbF(
        *(a + min(share, 1) * (b - a) for a, b in zip(one, other, strict=True))
    )


def _readable(text: QColor, back: QColor) -> QColor:
    """Return the theme's text colour, or black or white where that is not readable."""
    if contrast(text, back) >= LEAST_CONTRAST:
        return text
    plain = QColor("black"), QColor("white")
    return max(plain, key=lambda colour: contrast(colour, back))


def contrast(one: QColor, other: QColor) -> float:
    """Return the contrast of two colours, 1 to 21 (WCAG 2.1, relative luminance).

    Parameters
    ----------
    one, other : QColor
    """
    low, high = sorted(map(_luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: QColor) -> float:
    linear: list[float] = [
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4
        for part in colour.getRgbF()[:3]
    ]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def wrapped_label(text: str = "", kind: str = "", **options: object) -> Label:
    """Return a label whose text is broken where the dock is narrow.

    Parameters
    ----------
    text, kind : str
        See `dress`.
    **options
        Of the Label.
    """
    label = Label(value=text, **options)
    label.native.setTextFormat(Qt.TextFormat.PlainText)
    label.native.setWordWrap(True)
    policy = QSizePolicy.Policy
    label.native.setSizePolicy(policy.Expanding, policy.Minimum)
    _WholeText(label.native)
    if kind:
        dress(label, kind)
    return label


class _WholeText(Watch):
    """Keep a label as high as its text needs, and in the colours of the theme.

    Qt leaves out the padding of a style sheet when it breaks the lines.
    """

    def _sees(self, label: QObject, event: QEvent) -> bool:
        """Follow the label's width and text, and the window's theme."""
        if event.type() == QEvent.Type.StyleChange:
            _colour(label)
        elif event.type() in (QEvent.Type.Resize, QEvent.Type.Paint):
            frame = 2 * (PADDING + 1) if label.styleSheet() else 0
            room = label.rect().adjusted(0, 0, -frame, 0)
            room.setHeight(LONGEST)
            text = label.fontMetrics().boundingRect(
                room, Qt.TextFlag.TextWordWrap, label.text()
            )
            height = text.height() + frame
            if label.minimumHeight() != height:
                label.setMinimumHeight(height)
        return False


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
        """Say a text.

        Parameters
        ----------
        text : str
        kind : str
            "note", "warning" or "error"; "" for a plain one.
        """
        self.value = text
        kind = kind if text else ""
        if kind != self._kind:  # Qt takes long to style
            self._kind = kind
            dress(self._shown, kind)


class _Place(QScrollArea):
    """As high as there is room for, in lines, whatever the label at its top says."""

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
