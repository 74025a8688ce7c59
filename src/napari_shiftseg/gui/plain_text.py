"""Plain text in Qt: no markup of foreign names, and lines that fit a screen."""

from __future__ import annotations

from html import escape
from textwrap import fill

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QWidget

from napari_shiftseg.geometry.foreign_text import visible

LINE = 80  # characters of a tooltip


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


def break_tooltips(widget: QWidget) -> None:
    """Break the lines of the tooltips in a widget; Qt breaks no plain text."""
    for part in widget.findChildren(QWidget):
        tip = part.toolTip()
        if not Qt.mightBeRichText(tip):
            part.setToolTip("\n".join(fill(line, LINE) for line in tip.split("\n")))
