"""What Batch is asked to do: a folder, where to, with which settings."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from magicgui.widgets import CheckBox, FileEdit, PushButton
from psygnal import Signal

from napari_shiftseg.gui.parts.folder_settings import FolderSettings
from napari_shiftseg.gui.parts.jobs import LatestJobs
from napari_shiftseg.gui.parts.layout import ControlForm, ControlRow, ControlRows
from napari_shiftseg.gui.parts.text_boxes import dress, wrapped_label
from napari_shiftseg.progress import Progress
from napari_shiftseg.text import number_of, said_by, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from napari_shiftseg.batch.finding import Item
    from napari_shiftseg.batch.order import BatchOrder, BatchRow


BESIDE = "_shiftseg"  # after the name of the folder: where results go
CHOOSE_FOLDER = "Choose a folder of images."
LOOKING = Progress(0, 0, stage="Looking for images")
KINDS = {
    ".tif": "TIFF", ".tiff": "TIFF", ".btf": "TIFF", ".tf8": "TIFF", ".lsm": "LSM",
    ".stk": "STK", ".npy": "NumPy", ".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG",
    ".bmp": "BMP", ".zarr": "zarr",
}  # fmt: skip
INSIDE = (
    "The results lie inside the folder of the images: they are not taken for images."
)


class NotChosenYet(ValueError):
    """Something has still to be chosen; nothing is wrong."""


@dataclass(frozen=True)
class Found:
    """What is in a folder, and what a batch has left in the other.

    Attributes
    ----------
    items : tuple of Item
        The images.
    rows : tuple of BatchRow
        What became of some of them, as the output says.
    """

    items: tuple[Item, ...] = ()
    rows: tuple[BatchRow, ...] = ()

    @property
    def left(self) -> str:
        """What can be left as it is; empty: nothing."""
        if not self.rows:
            return ""
        many, of = len(self.rows), len(self.items)
        done = "all are" if many == of else f"{many:,} of {of:,} are"
        return f"Resume: {done} done, leave these as they are"

    @property
    def words(self) -> str:
        """How many images of what kinds, and in which sub-folders."""
        kinds = Counter(_kind(item.source) for item in self.items)
        many = ", ".join(f"{number:,} {kind}" for kind, number in kinds.most_common())
        said = f"{number_of(len(self.items), 'image')}: {many}"
        below = sorted({item.condition for item in self.items} - {""})
        if not below:
            return said
        names = ", ".join(map(visible, below[:MOST_NAMED]))
        more = (
            f" and {len(below) - MOST_NAMED:,} more" if len(below) > MOST_NAMED else ""
        )
        return f"{said}; in {number_of(len(below), 'sub-folder')}: {names}{more}"


MOST_NAMED = 6  # sub-folders


def _kind(path: Path) -> str:
    return KINDS.get(path.suffix.lower(), path.suffix.removeprefix(".") or "other")


def usual_output(folder: Path) -> Path:
    """Return where the results of a folder go: beside it, never in it.

    Parameters
    ----------
    folder : Path
    """
    return folder.parent / f"{folder.name}{BESIDE}"


class BatchForm(ControlRows):
    """The rows above Run.

    Attributes
    ----------
    changed_found : Signal
        Emitted when it is known what is in the folders.
    changed_place : Signal
        Emitted when another folder was chosen, of images or for results.
    """

    changed_found = Signal()
    changed_place = Signal()

    def __init__(self, choose: Callable[[], None]) -> None:
        self.chosen, self.found = FolderSettings(), Found()
        self.refusal: ValueError | OSError | None = NotChosenYet(CHOOSE_FOLDER)
        self._given: Path | None = None  # output that was filled in
        self.folder = FileEdit(
            mode="d", nullable=True, label="Folder",
            tooltip="The images; all folders below it count. Its sub-folders are the "
            "conditions: control, treated, …",
        )  # fmt: skip
        self.output = FileEdit(
            mode="d", nullable=True, label="Results",
            tooltip="Where labels, tables and the page go; beside the images if you "
            "choose nothing else",
        )  # fmt: skip
        for row in (self.folder, self.output):
            row.choose_btn.text = "Choose…"
        self.about = wrapped_label(tooltip="What is in the folder")
        self.settings = wrapped_label(
            self.chosen.words, "note", tooltip="What all images are segmented with"
        )
        self.choose = PushButton(
            text="Choose in Segment…",
            tooltip="Opens Segment: try a model and settings on one image there, then "
            "press Use these settings for a folder…",
        )
        self.usual = PushButton(
            text="Usual ones", tooltip="Take the usual model and settings"
        )
        self.resume = CheckBox(
            value=True, text="Resume",
            tooltip="Leave as they are those that were done with these settings and "
            "have not changed since; unticked: all are segmented again",
        )  # fmt: skip
        super().__init__(
            ControlForm(self.folder), self.about,
            ControlForm(self.output),
            self.settings,
            ControlRow(self.choose, self.usual), self.resume,
        )  # fmt: skip
        self.resume.visible = self.usual.visible = False
        self._jobs = LatestJobs(self.native, self._refuse)
        self.folder.changed.connect(self._fill_in)
        self.output.changed.connect(self._go_elsewhere)
        self.choose.changed.connect(choose)
        self.usual.changed.connect(lambda: self.take(FolderSettings()))
        self._say()

    # What is chosen

    def take(self, chosen: FolderSettings) -> None:
        """Segment with these.

        Parameters
        ----------
        chosen : FolderSettings
        """
        self.chosen = chosen
        self.settings.value = chosen.words
        self.usual.visible = not chosen.is_usual
        self.changed_found.emit()

    def order(self) -> BatchOrder:
        """Return what is to be done.

        Raises
        ------
        ValueError
            If something is missing.
        """
        from napari_shiftseg.batch.order import BatchOrder

        if self.refusal is not None:
            raise ValueError(said_by(self.refusal))
        _check_folder(Path(self.folder.value))  # it may have gone meanwhile
        return BatchOrder(
            inputs=(self.folder.value,),
            output=self.output.value,
            model=self.chosen.model,
            settings=self.chosen.settings,
            channel=self.chosen.channel or None,
            resume=bool(self.found.rows and self.resume.value),
        )

    def _fill_in(self) -> None:
        """Let results go beside the folder, unless the user chose a place."""
        folder, output = self.folder.value, self.output.value
        if folder is not None and output in (None, self._given):
            self._given = usual_output(Path(folder))
            with self.output.changed.blocked():
                self.output.value = self._given
        self._go_elsewhere()

    def _go_elsewhere(self) -> None:
        """Look into other folders; what is done there is left as it is."""
        self.resume.value = True
        self.refusal = NotChosenYet(f"{LOOKING.stage} …")
        self.changed_place.emit()
        self.look()

    # What is there

    @property
    def is_looking(self) -> bool:
        """Whether it is not known yet what is in the folders."""
        return bool(self._jobs)

    def look(self) -> None:
        """Look, in a thread, what is in the folders."""
        folder, output = self.folder.value, self.output.value
        self._jobs.abandon("look")
        if folder is None or output is None:
            missing = CHOOSE_FOLDER if folder is None else "Choose where results go."
            self._know(Found(), NotChosenYet(missing))
            return
        if self.refusal is not None:  # else what is said there holds as yet
            self.refusal = NotChosenYet(f"{LOOKING.stage} …")
            self._say()
        self._jobs.run("look", _looking(Path(folder), Path(output)), self._take_found)

    def _take_found(self, found: Found | ValueError | OSError) -> None:
        if isinstance(found, Found):
            self._know(found, None)
        else:
            self._know(Found(), found)

    def _refuse(self, text: str) -> None:
        self._know(Found(), ValueError(text))

    def _know(self, found: Found, refusal: ValueError | OSError | None) -> None:
        self.found, self.refusal = found, refusal
        self.resume.visible, self.resume.text = bool(found.left), found.left
        self._say()
        self.changed_found.emit()

    def _say(self) -> None:
        refusal = self.refusal
        if refusal is None:
            is_inside = Path(self.output.value).is_relative_to(self.folder.value)
            self.about.value = "\n".join(
                [self.found.words, *([INSIDE] if is_inside else [])]
            )
            dress(self.about, "note")
        else:
            said = said_by(refusal)
            self.about.value = f"{said[:1].upper()}{said[1:]}"
            is_wrong = not isinstance(refusal, NotChosenYet)
            dress(self.about, "error" if is_wrong else "note")


def _looking(
    folder: Path, output: Path
) -> Generator[Progress, None, Found | ValueError | OSError]:
    """Return what is in the folders, or what is wrong with them."""
    yield LOOKING
    from napari_shiftseg.batch.finding import items_of
    from napari_shiftseg.batch.journal import BatchJournal

    try:
        _check_folder(folder)
        journal = BatchJournal(output)
        items = items_of([folder], output, journal.names)
        there = {item.source for item in items}
        rows = (row for row in journal.rows() if row.source in there)
        return Found(tuple(items), tuple(rows))
    except (ValueError, OSError) as error:
        return error


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder}: choose another one")
