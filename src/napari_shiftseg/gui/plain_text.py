"""Foreign names in Qt: what looks like markup is shown as it is written."""

from __future__ import annotations

from html import escape

from qtpy.QtCore import Qt

from napari_shiftseg.geometry.foreign_text import visible


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
