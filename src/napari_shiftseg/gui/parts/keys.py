"""Keys of our widgets: they work wherever in a widget the focus is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QShortcut

if TYPE_CHECKING:
    from collections.abc import Callable

    from magicgui.widgets import PushButton
    from qtpy.QtWidgets import QWidget


RUN, NEXT, PREVIOUS = "Ctrl+Return", "Ctrl+Right", "Ctrl+Left"
ENTER = "Ctrl+Enter"  # of the number pad, which Qt tells apart


def key_text(key: str) -> str:
    """Return how a key is written on this system: ``Ctrl+Return``, or its signs.

    Parameters
    ----------
    key : str
        As Qt spells it.
    """
    return str(QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText))


def with_key(tooltip: str, key: str) -> str:
    """Return a tooltip that says the key, too.

    Parameters
    ----------
    tooltip, key : str
    """
    return f"{tooltip}\nKey: {key_text(key)}"


def on_key(owner: QWidget, key: str, do: Callable[[], None]) -> None:
    """Do something when a key is pressed while the focus is in a widget.

    Parameters
    ----------
    owner : QWidget
        The widget; its parts count.
    key : str
    do : callable
    """
    for one in (key, ENTER) if key == RUN else (key,):
        shortcut = QShortcut(QKeySequence(one), owner)
        shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        shortcut.activated.connect(do)


def press_on_key(owner: QWidget, key: str, button: PushButton) -> None:
    """Let a key press a button while it is enabled; its tooltip says so.

    Parameters
    ----------
    owner : QWidget
        See `on_key`.
    key : str
    button : PushButton
    """
    button.tooltip = with_key(button.tooltip or "", key)
    on_key(owner, key, button.native.click)
