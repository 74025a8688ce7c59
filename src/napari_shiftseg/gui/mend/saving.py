"""Edits saved to files and loaded, and care for those that are not saved."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import ref

from magicgui.widgets import PushButton, show_file_dialog
from napari.layers import Labels
from napari.utils.notifications import show_error, show_info
from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QMainWindow, QMessageBox

from napari_shiftseg.clustering.settings import Clustering, kernels_like
from napari_shiftseg.gui.mend.handover import mend_command
from napari_shiftseg.gui.parts.belonging import METADATA_KEY
from napari_shiftseg.gui.parts.layout import ControlRow, ControlRows, Watch
from napari_shiftseg.gui.parts.recipes import METADATA_EDITS_FILE
from napari_shiftseg.gui.parts.records import LayerRecord, LayerSession
from napari_shiftseg.gui.parts.text_boxes import dress, plainly, wrapped_label
from napari_shiftseg.text import number_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from weakref import ReferenceType

    import napari
    from napari.layers import Layer
    from qtpy.QtWidgets import QWidget

    from napari_shiftseg.mending.edit_lists import EditList
    from napari_shiftseg.relabelling.relabel import Kept


FILTER = "Edits (*.json)"
BUTTONS = QMessageBox.StandardButton


class EditFiles:
    """Saves and loads the edits of labels layers.

    Which edits are saved is known as long as the layer lives, not the widget; see
    `EditStore`.

    Parameters
    ----------
    viewer : napari.Viewer
    say : callable
        Takes what the user should read, and its kind.
    """

    def __init__(self, viewer: napari.Viewer, say: Callable[[str, str], None]) -> None:
        self._viewer, self._say = viewer, say

    @property
    def unsaved(self) -> list[Labels]:
        """Layers of the viewer whose edits are not as they were saved."""
        return [layer for layer in self._viewer.layers if number_unsaved(layer)]

    @property
    def number_unsaved(self) -> int:
        """How many edits of these are made, or taken out, since they were saved."""
        return sum(number_unsaved(layer) for layer in self.unsaved)

    def save_unsaved(self) -> bool:
        """Save the edits of every layer; False: not all are saved."""
        return all(self.save(layer) for layer in self.unsaved)

    def save(self, layer: Labels) -> bool:
        """Ask for a file and write the edits of a layer; False: there is none."""
        title = f"Save the edits of {layer.name}"
        name = f"{layer.metadata[METADATA_KEY]['image']} edits.json".replace("/", "_")
        asked = show_file_dialog("w", title, start_path=name, filter=FILTER)
        if not asked:
            return False
        path = Path(asked)
        if not path.suffix:
            path = path.with_suffix(".json")
        from napari_shiftseg.mending.edit_lists import EditList, write_edits

        record, store = LayerRecord(layer), LayerSession.known(layer).edits
        edits = EditList(
            store.edits if store is not None else (),
            record.chosen,
            record.run["model"],
            record.run["image"],
        )
        try:
            write_edits(path, edits)
        except OSError as error:
            self._say(f"The edits were not saved: {error}", "error")
            return False
        if store is not None:
            record.write_saved(store)
        layer.metadata[METADATA_EDITS_FILE] = str(path.absolute())
        command = mend_command(self._viewer, layer, path.absolute())
        self._say(f"Saved to {path.absolute()}. On the command line: {command}", "note")
        return True

    def load(self, layer: Labels, kept: Kept) -> EditList | None:
        """Ask for a file and read its edits, for the labels of a run.

        None: there is none, it is wrong, or it is of others and the user thinks better.

        Parameters
        ----------
        layer : Labels
        kept : Kept
            Of the run that made it.
        """
        path = show_file_dialog("r", "Load edits", filter=FILTER)
        if not path:
            return None
        from napari_shiftseg.mending.edit_lists import read_edits

        try:
            known = read_edits(Path(path))
            _check_clustering(known, layer, kept)
        except (OSError, ValueError) as error:
            self._say(str(error), "error")
            return None
        others = _of_others(known, layer)
        return None if others and not self.ask(others) else known

    @staticmethod
    def ask(others: str) -> bool:
        """Ask the user whether edits of another image or model shall be made."""
        title, text = "Edits of another image or model", f"{others} Use them anyway?"
        both = BUTTONS.Yes | BUTTONS.No
        answer = QMessageBox.question(None, title, plainly(text), both, BUTTONS.No)
        return bool(answer == BUTTONS.Yes)


def _check_clustering(edits: EditList, layer: Labels, kept: Kept) -> None:
    """Refuse a clustering that this run cannot have.

    Raises
    ------
    ValueError
        If a value is out of range, the kernel is one for other embeddings, or the scope
        is "component" and the model has no foreground logit.
    """
    clustering = Clustering.model_validate(
        kept.clustering.model_dump() | dict(edits.clustering)
    )
    if clustering.kernel not in kernels_like(kept.clustering.kernel):
        raise ValueError(
            f"these edits were made with the kernel {clustering.kernel}, which suits "
            f"other embeddings than those of {layer.name!r}: use a result of the model "
            f"they were made with"
        )
    if clustering.scope == "component" and not kept.has_foreground:
        raise ValueError(
            f"these edits need a foreground, which the model of {layer.name!r} does "
            f"not predict: use a result of the model they were made with"
        )


def _of_others(edits: EditList, layer: Labels) -> str:
    """Say of which other image or model edits are; "" where they fit a layer."""
    record, of = layer.metadata[METADATA_KEY], []
    for kind, theirs in (("image", edits.image), ("model", edits.model)):
        if theirs and Path(theirs).stem != Path(record[kind]).stem:
            of.append(f"the {kind} “{theirs}”, not “{record[kind]}”")
    return f"These edits were made on {' and '.join(of)}." if of else ""


def loaded_text(found: int, new: int) -> str:
    """Say how many of the edits of a file are new; these are selected in the list.

    Parameters
    ----------
    found : int
        Edits of the file.
    new : int
        Those of them that were not in the list.
    """
    parts = [f"{number_of(new, 'edit')} loaded."]
    if found > new:
        there = number_of(found - new, "edit")
        parts.append(f"{there} of the file stood in the list already.")
    if new:
        parts.append("“Take out” removes the selected ones.")
    return " ".join(parts)


def number_unsaved(layer: Layer) -> int:
    """Return how many edits of a layer are others than when they were saved."""
    is_mended = isinstance(layer, Labels)
    store = LayerSession.known(layer).edits if is_mended else None
    return 0 if store is None else store.number_unsaved


@dataclass(frozen=True)
class Deletion:
    """Deleted labels, and the layers that lay above them."""

    layer: Labels
    above: Sequence[ReferenceType[Layer]]


class DeletedLabels(ControlRows):
    """Says which labels were deleted with unsaved edits, and offers them back.

    They are held until the user takes them back or lets them go.
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

        Parameters
        ----------
        layer : Labels
        index : int
            Its place in the list.
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


class AskBeforeClosing(Watch):
    """Holds a viewer's window open while the user thinks about unsaved edits.

    It lives as long as the window, so that it asks when the dock was closed, too.
    """

    def __init__(self, window: QMainWindow, viewer: napari.Viewer) -> None:
        super().__init__(window)
        self._files = EditFiles(viewer, _notify)

    def _sees(self, window: QObject, event: QEvent) -> bool:
        """Ask, where there is something to lose; True keeps the window."""
        if event.type() != QEvent.Type.Close or not self._files.unsaved:
            return False
        answer = self.ask(window, self._question)
        if answer == BUTTONS.Discard:
            return False
        if answer == BUTTONS.Save and self._files.save_unsaved():
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
        """Ask the user; returns Save, Discard or Cancel.

        Parameters
        ----------
        window : QMainWindow
        question : str
        """
        all_three = BUTTONS.Save | BUTTONS.Discard | BUTTONS.Cancel
        return QMessageBox.question(
            window, "Unsaved edits", plainly(question), all_three, BUTTONS.Save
        )


class CloseWatch(Watch):
    """Lets a window ask before it closes, from when a widget is first docked in it."""

    def __init__(self, widget: QWidget, viewer: napari.Viewer) -> None:
        super().__init__(widget)
        self._viewer = viewer

    def _sees(self, watched: QObject, event: QEvent) -> bool:
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
