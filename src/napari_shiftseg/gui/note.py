"""A standing note with buttons: grey for notes, amber for warnings, red for errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magicgui.widgets import Container, Label, PushButton
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QLabel, QSizePolicy

from napari_shiftseg.gui.plain_text import plainly

if TYPE_CHECKING:
    from collections.abc import Callable

PADDING = 5  # pixels

# Both colours are set, so that the text is readable in a dark and in a light theme.
STYLES = {
    kind: f"background: {back}; color: {text}; border: 1px solid {edge}; "
    f"border-radius: 4px; padding: {PADDING}px;"
    for kind, back, text, edge in (
        ("note", "#dfe3e8", "#1f2933", "#9aa5b1"),
        ("warning", "#ffe08a", "#3d2c00", "#d9a400"),
        ("error", "#f8c9c4", "#5c0f08", "#d64535"),
    )
}


MOST_BUTTONS = 4
LONGEST = 10_000  # pixels that a text may be high
LABEL_WIDTH = 128  # pixels; magicgui measures in another font than napari's theme has


def align_labels(container: Container) -> None:
    """Let the rows of a container begin at one place."""
    for label in container.native.findChildren(QLabel):
        label.setMinimumWidth(LABEL_WIDTH)


def wrapped_label(text: str = "", **options: object) -> Label:
    """Return a label whose text is broken where the dock is narrow."""
    label = Label(value=text, **options)
    label.native.setTextFormat(Qt.TextFormat.PlainText)
    label.native.setWordWrap(True)
    policy = QSizePolicy.Policy
    label.native.setSizePolicy(policy.Expanding, policy.Minimum)
    label.native.installEventFilter(_WholeText(label.native))
    return label


class _WholeText(QObject):
    """Keep a label as high as its text needs, broken where the label ends.

    Qt leaves out the padding of a style sheet when it breaks the lines.
    """

    def eventFilter(self, label: QObject, event: QEvent) -> bool:
        """Follow the label's width and text."""
        if event.type() in (QEvent.Type.Resize, QEvent.Type.Paint):
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


class Note(Container):
    """Text in a coloured frame, with up to four buttons that set a window.

    Parameters
    ----------
    on_choose : callable
        Takes the window of the button that was pressed.
    """

    def __init__(self, on_choose: Callable[[tuple[int, ...]], None]) -> None:
        self.text = wrapped_label()
        self.buttons = [PushButton(text="") for _ in range(MOST_BUTTONS)]
        self._windows: list[tuple[int, ...]] = []
        row = Container(widgets=self.buttons, layout="horizontal", labels=False)
        row.margins = (0, 0, 0, 0)
        super().__init__(widgets=[self.text, row], labels=False)
        self.margins = (0, 0, 0, 0)
        self._row = row
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
        self.text.native.setStyleSheet(STYLES[kind])
        self.text.visible = bool(text)
        self._windows = [window for _, window in choices]
        for number, button in enumerate(self.buttons):
            button.visible = number < len(choices)
            if number < len(choices):
                button.text = choices[number][0]
        self._row.visible = bool(choices)
