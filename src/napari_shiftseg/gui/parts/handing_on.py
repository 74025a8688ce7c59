"""Save results…, Copy as command, Copy as Python: what is taken away from labels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from magicgui.widgets import CheckBox, Dialog, FileEdit, Label, LineEdit, PushButton
from qtpy.QtWidgets import QApplication, QMessageBox

from napari_shiftseg.gui.parts.jobs import Job
from napari_shiftseg.gui.parts.layout import ControlRow, is_open
from napari_shiftseg.gui.parts.recipes import (
    METADATA_EDITS_FILE,
    label_image_of,
    measured_steps,
    recipe_of,
)
from napari_shiftseg.gui.parts.records import LayerRecord, LayerSession
from napari_shiftseg.gui.parts.stored_labels import is_stored
from napari_shiftseg.gui.parts.text_boxes import plainly
from napari_shiftseg.results.labels_saving import (
    TABLE,
    WORDS,
    SaveOrder,
    labels_saving_steps,
)
from napari_shiftseg.results.recipe import ANY_IMAGE, as_command, as_python
from napari_shiftseg.stores.reading import name_of_file
from napari_shiftseg.stores.written_labels import check_kinds
from napari_shiftseg.text import said_by

if TYPE_CHECKING:
    from collections.abc import Callable

    import napari
    from napari.layers import Labels
    from qtpy.QtWidgets import QWidget

    from napari_shiftseg.progress import Progress
    from napari_shiftseg.results.recipe import Recipe
    from napari_shiftseg.stores.written_labels import LabelImage


OFFERED = ("labels", TABLE, "rois", "geojson", "tracks", "zarr")
CHOSEN = ("labels", TABLE)  # at first
BESIDE = (
    "The settings of the run are written beside, and edits of Mend: with them\n"
    "shiftseg makes these labels again."
)
NONE_YET = "There are no labels of a run: segment an image, or select such labels."
ON_DISK = (
    "These labels are a store on disk already: open it in another program, or save a "
    "part of it that you mended."
)
SAVE = ("Save results…", "Cancel saving")
RESULTS = "_shiftseg"  # after the name of the image: the folder that is proposed
BUTTONS = QMessageBox.StandardButton


class SaveDialog(Dialog):
    """Asks what is to be saved, and where.

    Parameters
    ----------
    folder : Path
    name : str
        Both as they are proposed.
    labels : LabelImage
        What cannot be made of them is greyed out, with the reason as tooltip.
    chosen : tuple of str
        Kinds that are ticked.
    parent : QWidget, optional
        It looks like this one.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        labels: LabelImage,
        chosen: tuple[str, ...],
        parent: QWidget | None = None,
    ) -> None:
        self.folder = FileEdit(mode="d", value=folder, label="Folder")
        self.beginning = LineEdit(value=name, label="Names begin with")
        self.boxes = {kind: _box(kind, labels, chosen) for kind in OFFERED}
        about = Label(value=BESIDE, label="")
        rows = [self.folder, self.beginning, *self.boxes.values(), about]
        super().__init__(widgets=rows, labels=True, parent=parent)
        self.native.setWindowTitle("Save the labels")

    @property
    def order(self) -> SaveOrder:
        """What was chosen."""
        kinds = tuple(kind for kind, box in self.boxes.items() if box.value)
        folder = Path(self.folder.value).expanduser()
        return SaveOrder(folder, self.beginning.value.strip(), kinds)


def _box(kind: str, labels: LabelImage, chosen: tuple[str, ...]) -> CheckBox:
    words = WORDS[kind]
    box = CheckBox(text=words[0].upper() + words[1:], label="", value=kind in chosen)
    try:
        check_kinds((kind,), labels.axes)
    except ValueError as error:
        box.enabled = box.value = False
        box.tooltip = plainly(str(error))
    return box


class HandOn(ControlRow):
    """Buttons that save labels of a run, and copy how they are made again.

    Parameters
    ----------
    viewer : napari.Viewer
    labels : callable
        Returns the labels that are meant, or None.
    say : callable
        Takes what the user should read, and its kind.
    """

    def __init__(
        self,
        viewer: napari.Viewer,
        labels: Callable[[], Labels | None],
        say: Callable[[str, str], None],
    ) -> None:
        self._viewer, self._meant, self._say = viewer, labels, say
        self._job: Job | None = None
        self._chosen: tuple[str, ...] = CHOSEN
        self._folder: Path | None = None
        self.save = PushButton(
            text=SAVE[0],
            tooltip="Save the labels as they are now: TIFF or OME-Zarr, a table, "
            "outlines for ImageJ or QuPath, objects for trackers",
        )
        self.command = PushButton(
            text="Copy as command",
            tooltip="Copy the command that makes these labels again",
        )
        self.python = PushButton(
            text="Copy as Python",
            tooltip="Copy a script that makes these labels again, edits included",
        )
        super().__init__(self.save, self.command, self.python)
        self.save.changed.connect(self._save_or_cancel)
        self.command.changed.connect(lambda: self._copy(is_script=False))
        self.python.changed.connect(lambda: self._copy(is_script=True))
        self.native.destroyed.connect(self._abandon)

    def offer(self) -> None:
        """Show the buttons if there are labels to hand on."""
        if is_open(self.native):
            self.visible = self._meant() is not None

    # What is saved

    def _save_or_cancel(self) -> None:
        if self._job is not None:
            self._job.cancel()
            return
        labels = self._taken()
        if labels is None:
            return
        image = label_image_of(self._viewer, labels)
        where = self._proposed(labels, image)
        window = self.native.window()
        order = self.ask(SaveDialog(*where, image, self._chosen, window))
        if order is not None and self._may_replace(labels, order):
            self._chosen = order.kinds
            if order.folder != where[0]:
                self._folder = order.folder
            self._begin(labels, image, order)

    @staticmethod
    def ask(dialog: SaveDialog) -> SaveOrder | None:
        """Show the dialog; None: the user thought better of it."""
        return dialog.order if dialog.exec() else None

    @staticmethod
    def ask_to_replace(names: str) -> bool:
        """Ask whether files may be replaced."""
        title, text = "Replace files?", f"There already are {names}. Replace them?"
        both = BUTTONS.Yes | BUTTONS.No
        answer = QMessageBox.question(None, title, plainly(text), both, BUTTONS.No)
        return bool(answer == BUTTONS.Yes)

    def _proposed(self, labels: Labels, image: LabelImage) -> tuple[Path, str]:
        """Return where files would go: where the user let the last go, or a folder.

        That is one of their own, beside the image: among the images of a folder the
        labels would be taken for one of them.
        """
        path = Path(image.path)
        named = LayerRecord(labels).run["image"].replace("/", "_").replace("\\", "_")
        name = named.strip() or "image"
        if path.is_file():
            own = path.with_name(f"{name_of_file(path)}{RESULTS}")
        else:
            own = Path.home() / f"{name}{RESULTS}"
        return self._folder or own, name

    def _may_replace(self, labels: Labels, order: SaveOrder) -> bool:
        files = order.files(recipe_of(self._viewer, labels).recipe).values()
        there = [path.name for path in files if path.exists()]
        return not there or self.ask_to_replace(", ".join(there))

    def _begin(self, labels: Labels, image: LabelImage, order: SaveOrder) -> None:
        recipe = recipe_of(self._viewer, labels).recipe
        steps = labels_saving_steps(
            order, image, recipe, lambda: measured_steps(labels, image.labels)
        )
        self._say("Saving…", "note")
        self._job = Job(
            steps,
            lambda files: self._saved(labels, recipe, files),
            lambda error: self._end(f"Nothing was saved: {said_by(error)}", "error"),
            lambda: self._end("Cancelled: nothing was saved.", "note"),
            self._tell,
        )
        self.save.text = SAVE[1]

    def _tell(self, progress: Progress) -> None:
        if is_open(self.native):
            self._say(f"Saving: {progress.stage} …", "note")

    def _saved(self, labels: Labels, recipe: Recipe, files: dict[str, Path]) -> None:
        store, written = LayerSession.known(labels).edits, recipe.edit_list
        if store is not None and written is not None and store.edits == written.edits:
            LayerRecord(labels).write_saved(store)
            labels.metadata[METADATA_EDITS_FILE] = str(files["edits"].absolute())
        names = ", ".join(path.name for path in files.values())
        folder = next(iter(files.values())).parent.absolute()
        self._end(f"Saved in {folder}: {names}", "note")

    def _end(self, text: str, kind: str) -> None:
        self._job = None
        if is_open(self.native):
            self.save.text = SAVE[0]
            self._say(text, kind)

    def _abandon(self) -> None:
        if self._job is not None:
            self._job.abandon()

    # What is copied

    def _copy(self, is_script: bool) -> None:
        labels = self._taken()
        if labels is None:
            return
        known = recipe_of(self._viewer, labels)
        stem = Path(known.recipe.image).stem
        output = f"{'image' if known.recipe.image == ANY_IMAGE else stem}_again"
        make = as_python if is_script else as_command
        text = make(known.recipe, output)
        QApplication.clipboard().setText(text)
        notes = known.notes + (() if is_script else known.of_command)
        what = "The script is" if is_script else "The command is"
        said = (f"{what} in the clipboard.", *notes, *(() if is_script else (text,)))
        self._say("\n".join(said), "warning" if notes else "note")

    def _taken(self) -> Labels | None:
        """Return the labels that can be handed on; why there are none is said."""
        labels = self._meant()
        if labels is not None and not is_stored(labels):
            return labels
        self._say(NONE_YET if labels is None else ON_DISK, "warning")
        return None
