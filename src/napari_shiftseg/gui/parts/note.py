"""Boxes of text in the theme's colours: notes, warnings, errors, and what came out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import napari
from magicgui.widgets import Label, PushButton
from napari.settings import get_settings
from napari.utils.theme import get_theme
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QSizePolicy

from napari_shiftseg.geometry.advice import cheaper, memory_warning, size_name
from napari_shiftseg.geometry.window import window_text
from napari_shiftseg.gui.parts.plain_text import plainly
from napari_shiftseg.gui.parts.rows import ControlRow, ControlRows
from napari_shiftseg.text import sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qtpy.QtWidgets import QWidget

    from napari_shiftseg.geometry.advice import Advice
    from napari_shiftseg.geometry.tiling import TilePlan

    Choices = Sequence[tuple[str, tuple[int, ...]]]


PADDING = 5  # pixels
KIND = "shiftseg_kind"  # Qt property of a box: its kind, and whether it is a result
# Of a standing box: the theme's colour in it, its share beside the background's.
TINTS = {"note": ("text", 0.08), "warning": ("warning", 0.22), "error": ("error", 0.4)}
FILLS = {"note": "current", "warning": "warning", "error": "error"}  # of a result
LEAST_CONTRAST = 4.5  # of text, WCAG 2.1

MOST_BUTTONS = 4
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
    """Return the contrast of two colours, 1 to 21 (WCAG 2.1, relative luminance)."""
    low, high = sorted(map(_luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: QColor) -> float:
    linear: list[float] = [
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4
        for part in colour.getRgbF()[:3]
    ]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def wrapped_label(text: str = "", **options: object) -> Label:
    """Return a label whose text is broken where the dock is narrow; see `dress`."""
    label = Label(value=text, **options)
    label.native.setTextFormat(Qt.TextFormat.PlainText)
    label.native.setWordWrap(True)
    policy = QSizePolicy.Policy
    label.native.setSizePolicy(policy.Expanding, policy.Minimum)
    label.native.installEventFilter(_WholeText(label.native))
    return label


class _WholeText(QObject):
    """Keep a label as high as its text needs, and in the colours of the theme.

    Qt leaves out the padding of a style sheet when it breaks the lines.
    """

    def eventFilter(self, label: QObject, event: QEvent) -> bool:
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


class Note(ControlRows):
    """Text in a coloured frame, with up to four buttons that set a window.

    Parameters
    ----------
    on_choose : callable
        Takes the window of the button that was pressed.
    holds_buttons : bool
        Whether the buttons stand below the text; else `row` is placed elsewhere.
    """

    def __init__(
        self,
        on_choose: Callable[[tuple[int, ...]], None],
        holds_buttons: bool = True,
    ) -> None:
        self.text = wrapped_label()
        self.buttons = [PushButton(text="") for _ in range(MOST_BUTTONS)]
        self._windows: list[tuple[int, ...]] = []
        for button in self.buttons:
            button.tooltip = "Take this tile size"
        self.row = ControlRow(*self.buttons)
        super().__init__(self.text, *([self.row] if holds_buttons else []))
        for number, button in enumerate(self.buttons):
            button.changed.connect(
                lambda _=None, number=number: on_choose(self._windows[number])
            )

    def say(
        self,
        text: str,
        kind: str,
        choices: list[tuple[str, tuple[int, ...]]],
        more: str = "",
    ) -> None:
        """Show a text (none: only the buttons) and buttons: (caption, window).

        What counts less is read where the mouse rests.
        """
        self.text.value, self.text.tooltip = text, plainly(more)
        dress(self.text, kind)
        self.text.visible = bool(text)
        self._windows = [window for _, window in choices]
        for number, button in enumerate(self.buttons):
            button.visible = number < len(choices)
            if number < len(choices):
                button.text = choices[number][0]
        self.row.visible = bool(choices)


class SizeAdvice(Note):
    """Words on a plan, amber where they warn, and up to three buttons.

    The buttons set the nearest valid windows and the cheapest one:
    ``SizeAdvice(on_choose)`` hands the window of the one that was pressed, one value an
    axis, to `on_choose`.
    """

    def tell(
        self,
        plan: TilePlan,
        advice: Advice,
        text: str = "",
        warnings: Sequence[str] = (),
        memory: int | None = None,
        first: Choices = (),
        beside: Sequence[TilePlan] = (),
    ) -> None:
        """Say what is to be known about a plan, and offer better windows.

        Parameters
        ----------
        plan : TilePlan
        advice : Advice
            On this plan; see `advise`.
        text : str
            Said in any case, in grey.
        warnings : sequence of str
            Said first, as sentences, and all is amber; empty ones are left out.
        memory : int, optional
            Bytes a tile may take; a plan that takes more is warned of.
        first : sequence of (str, tuple of int)
            Captions and windows of buttons that stand before the others.
        beside : sequence of TilePlan
            Carried out too: the memory has to suffice for the largest tile.
        """
        largest = max(plan, *beside, key=lambda each: each.memory) if beside else plan
        warnings = list(filter(None, [*warnings, memory_warning(largest, memory)]))
        lines = filter(None, [*map(sentence, warnings), text])
        kind = "warning" if warnings else "note"
        choices = _choices(plan, advice.nearest, memory)
        self.say("\n".join(lines), kind, [*first, *choices])

    def refuse(self, reason: str, kind: str = "error") -> None:
        """Say why there is no plan; there is nothing to choose then."""
        self.say(reason, kind, [])


def _choices(
    plan: TilePlan, nearest: Sequence[tuple[int, ...]], memory: int | None
) -> Choices:
    """Return captions and windows of the buttons."""
    choices = [(f"Use {window_text(window)}", window) for window in nearest]
    best = cheaper(plan, memory)
    if best is not None and best.window not in nearest:
        choices.append((f"Cheapest: {size_name(best)}", best.window))
    return choices
