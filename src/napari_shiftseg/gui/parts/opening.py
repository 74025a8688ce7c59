"""Files of models that are opened: picked, dropped, and trusted where they run code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakMethod, ref

from napari.qt.threading import create_worker
from napari.utils.notifications import show_error, show_info
from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QMessageBox, QWidget

from napari_shiftseg.gui.parts.layout import is_open
from napari_shiftseg.gui.parts.text_boxes import plainly
from napari_shiftseg.networks.header import FOREIGN, SUFFIX, holds_package, is_ours
from napari_shiftseg.networks.loading.models import (
    is_read_at_once,
    read_config,
    trust,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_shiftseg.networks.config import NetworkConfig

ENDINGS = " ".join(f"*{ending}" for ending in (SUFFIX, *FOREIGN))
FILTER = f"Models ({ENDINGS})"
LOOKING = "{} was made elsewhere: finding its period and context takes some seconds."
BUTTONS = QMessageBox.StandardButton


def look_into(
    path: str | Path, native: QWidget, take: Callable[[str, NetworkConfig], None]
) -> None:
    """Open a network that was made elsewhere, in a thread, and hand over what it is.

    One that carries code is opened when the user trusts it. What cannot be opened is
    told in a notification.

    Parameters
    ----------
    path : str or Path
    native : QWidget
        Of whom asks: nothing is handed over once it is closed.
    take : callable
        A method, called with the path and what was found.
    """
    # a thread that is done must not keep a viewer that was closed
    asking, taking = ref(native), WeakMethod(take)

    def found(config: NetworkConfig) -> None:
        native, take = asking(), taking()
        if native is not None and take is not None and is_open(native):
            take(str(path), config)

    def failed(error: Exception) -> None:
        sum_of_code = getattr(error, "sha256", "")
        native, take = asking(), taking()
        if native is None or take is None or not is_open(native):
            return
        if not sum_of_code:
            show_error(plainly(str(error)))
        elif ask_trust(native, Path(path).name, str(error)):
            trust(sum_of_code)
            look_into(path, native, take)

    if not is_read_at_once(path):
        show_info(LOOKING.format(Path(path).name))
    # connected at once, or napari would show the frames of the error, too
    create_worker(read_config, path, _connect={"returned": found, "errored": failed})


def ask_trust(native: QWidget, name: str, why: str) -> bool:
    """Ask whether a file may run code of its own; no is the usual answer.

    Parameters
    ----------
    native : QWidget
        Above which the question stands.
    name : str
        Of the file.
    why : str
        What it is, and its SHA-256 sum.
    """
    text = f"{why.partition('. If you know')[0]}.\n\nOpen {name} only if you trust it."
    answer = QMessageBox.question(
        native, "A model that carries code", plainly(text),
        BUTTONS.Open | BUTTONS.Cancel, BUTTONS.Cancel,
    )  # fmt: skip
    return bool(answer == BUTTONS.Open)


class Dropping(QObject):
    """Files of models that are dropped on a widget.

    Parameters
    ----------
    native : QWidget
    take : callable
        Called with the path of a file or folder.
    """

    def __init__(self, native: QWidget, take: Callable[[str], object]) -> None:
        super().__init__(native)
        self._take = take
        native.setAcceptDrops(True)
        native.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: D102
        kind = event.type()
        if kind not in (QEvent.Type.DragEnter, QEvent.Type.Drop):
            return False
        path = _model_in(event)
        if not path:
            return False
        event.acceptProposedAction()
        if kind == QEvent.Type.Drop:
            self._take(path)
        return True


def _model_in(event: QEvent) -> str:
    """Return the one file or folder that is dragged, if it may be a model."""
    urls = event.mimeData().urls()
    path = Path(urls[0].toLocalFile()) if len(urls) == 1 else None
    if path is None or not path.exists():
        return ""
    if path.is_dir():
        return str(path) if holds_package(path) else ""
    is_model = path.suffix.lower() == SUFFIX or not is_ours(path)
    return str(path) if is_model else ""
