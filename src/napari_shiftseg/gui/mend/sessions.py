"""The layers that a widget steers, each as it was left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import ref

from magicgui.widgets import PushButton
from napari.utils.notifications import show_error, show_info
from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QMainWindow, QMessageBox

from napari_shiftseg.gui.mend.saving import EditFiles, number_unsaved
from napari_shiftseg.gui.mend.steering import Steering
from napari_shiftseg.gui.parts.layout import ControlRow, ControlRows
from napari_shiftseg.gui.parts.text_boxes import dress, plainly, wrapped_label
from napari_shiftseg.gui.parts.viewer import shown_part
from napari_shiftseg.text import number_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from weakref import ReferenceType

    import napari
    from napari.layers import Labels, Layer
    from qtpy.QtWidgets import QWidget

    from napari_shiftseg.gui.mend.steering import Listener
    from napari_shiftseg.relabelling.relabel import Kept


@dataclass(frozen=True)
class Deletion:
    """Deleted labels, and the layers that lay above them."""

    layer: Labels
    above: Sequence[ReferenceType[Layer]]


class DeletedLabels(ControlRows):
    """Says which labels were deleted with unsaved edits, and offers them back.

    They are held until the user takes them back or lets them go.

    Parameters
    ----------
    viewer : napari.Viewer

    Attributes
    ----------
    back, let_go : PushButton
    """

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer = viewer
        self._deleted: list[Deletion] = []
        self.text = wrapped_label()
        dress(self.text, "warning")
        self.back = PushButton(
            text="Bring back", tooltip="Put the labels and their edits back."
        )
        self.let_go = PushButton(text="Let go", tooltip="The edits are lost.")
        self.let_go.changed.connect(self.withdraw)
        super().__init__(self.text, ControlRow(self.back, self.let_go))
        self.visible = False

    def offer(self, layer: Labels, index: int) -> None:
        """Offer a layer that has just been removed from this place in the list.

        Nothing is offered if no edit is lost.
        """
        if not number_unsaved(layer):
            return
        above = [ref(other) for other in list(self._viewer.layers)[index:]]
        self._deleted.append(Deletion(layer, above))
        lost = (
            f"“{one.layer.name}” was deleted with "
            f"{number_of(number_unsaved(one.layer), 'unsaved edit')}."
            for one in self._deleted
        )
        self.text.value = " ".join(lost)
        self.visible = True

    def take_back(self) -> list[Labels]:
        """Put the layers back where they were, below the same others; return them."""
        layers, deleted = self._viewer.layers, self._deleted
        self.withdraw()
        for one in reversed(deleted):  # the last one deleted first
            above = [other() for other in one.above]
            places = [layers.index(other) for other in above if other in layers]
            layers.insert(min(places, default=len(layers)), one.layer)
        return [one.layer for one in deleted]

    def withdraw(self) -> None:
        """Offer nothing, and hold no layer."""
        self._deleted = []
        self.visible = False


class AskBeforeClosing(QObject):
    """Holds a viewer's window open while the user thinks about unsaved edits.

    It lives as long as the window, so that it asks when the dock was closed, too.

    Parameters
    ----------
    window : QMainWindow
        Of the viewer.
    viewer : napari.Viewer
    """

    def __init__(self, window: QMainWindow, viewer: napari.Viewer) -> None:
        super().__init__(window)
        self._files = EditFiles(viewer, _notify)
        window.installEventFilter(self)

    def eventFilter(self, window: QObject, event: QEvent) -> bool:
        """Ask, where there is something to lose; True keeps the window."""
        if event.type() != QEvent.Type.Close or not self._files.unsaved:
            return False
        answer = self.ask(window, self._question)
        buttons = QMessageBox.StandardButton
        if answer == buttons.Discard:
            return False
        if answer == buttons.Save and self._files.save_unsaved():
            return False
        event.ignore()
        return True

    @property
    def _question(self) -> str:
        edits = number_of(self._files.number_unsaved, "unsaved edit")
        names = ", ".join(f"“{layer.name}”" for layer in self._files.unsaved)
        return f"{edits} of {names}. Save before closing?"

    @staticmethod
    def ask(window: QMainWindow, question: str) -> QMessageBox.StandardButton:
        """Ask the user; returns Save, Discard or Cancel."""
        buttons = QMessageBox.StandardButton
        return QMessageBox.question(
            window,
            "Unsaved edits",
            plainly(question),
            buttons.Save | buttons.Discard | buttons.Cancel,
            buttons.Save,
        )


class CloseWatch(QObject):
    """Lets the window ask before it closes, from when a widget is first docked in it.

    Parameters
    ----------
    widget : QWidget
        Not in its window yet.
    viewer : napari.Viewer
    """

    def __init__(self, widget: QWidget, viewer: napari.Viewer) -> None:
        super().__init__(widget)
        self._widget, self._viewer = widget, viewer
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the widget into its window."""
        if event.type() in (QEvent.Type.ParentChange, QEvent.Type.Show):
            QTimer.singleShot(0, self._find_window)  # when the dock is in it
        return False

    def _find_window(self) -> None:
        window = self._widget.window() if isalive(self._widget) else None
        if isinstance(window, QMainWindow):
            self._widget.removeEventFilter(self)
            if window.findChild(AskBeforeClosing) is None:
                AskBeforeClosing(window, self._viewer)


def _notify(text: str, kind: str) -> None:
    """Tell the user where no widget of ours may be open."""
    (show_error if kind == "error" else show_info)(plainly(text))


class SteeredLayers:
    """What steers each labels layer of a viewer, once it was chosen.

    Parameters
    ----------
    viewer : napari.Viewer
    listener : Listener
    """

    def __init__(self, viewer: napari.Viewer, listener: Listener) -> None:
        self._viewer, self._listener = viewer, listener
        self._steered: dict[Labels, Steering] = {}

    def __contains__(self, layer: object) -> bool:
        return layer in self._steered

    def steering(self, layer: Labels, kept: Kept) -> Steering:
        """Return what steers a layer, as it was left, or a new one.

        Raises
        ------
        ValueError
            If the layer's metadata holds edits that are none.
        """
        known = self._steered.get(layer)
        if known is None or known.kept is not kept:
            self.stop(layer)
            self._steered[layer] = Steering(
                layer,
                kept,
                lambda: shown_part(self._viewer, layer, kept),
                self._listener,
            )
        return self._steered[layer]

    def stop(self, layer: Labels) -> None:
        """Steer a layer no more."""
        steering = self._steered.pop(layer, None)
        if steering is not None:
            steering.stop()

    def stop_all(self) -> None:
        """Steer no layer."""
        for layer in list(self._steered):
            self.stop(layer)
