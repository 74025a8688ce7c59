"""The edits as a list, newest last; selected ones can be visited and taken out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import ref

import psygnal
from magicgui.widgets import PushButton
from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QBrush, QPalette
from qtpy.QtWidgets import QAbstractItemView, QListWidget, QSizePolicy

from napari_shiftseg.gui.parts.layout import ControlRow, ControlRows
from napari_shiftseg.gui.parts.text_boxes import plainly, wrapped_label
from napari_shiftseg.text import number_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from qtpy.QtGui import QKeyEvent
    from qtpy.QtWidgets import QListWidgetItem

    from napari_shiftseg.gui.mend.frames import SteeredFrame
    from napari_shiftseg.mending.boxes import Point
    from napari_shiftseg.mending.edit_lists import EditStore
    from napari_shiftseg.mending.edits import Edit


MOST_NOTES = 4


class Notes:
    """Tells the notes of all frames, since each is told in place of the last."""

    def __init__(self, said: Callable[[str, str], None]) -> None:
        self._said = said
        self._last: tuple[str, ...] = ()

    def tell(
        self,
        taken: SteeredFrame,
        frames: Mapping[Point, SteeredFrame],
        edits: Sequence[Edit],
    ) -> None:
        """Tell those of the frames clustered now, one of which has just been taken.

        Nothing is said where it had none and the others are told already; "" where
        what was told is no longer so.

        Parameters
        ----------
        taken : SteeredFrame
        frames : mapping of tuple of int to SteeredFrame
            All that are clustered now.
        edits : sequence of Edit
            Of all frames, the oldest first, from which they have their numbers.
        """
        numbers = _numbers(edits)
        notes = tuple(
            note
            for at in sorted(frames)
            for note in _notes_on(frames[at], edits, numbers.get(at, []))
        )
        if taken.left_out or taken.overruled or notes != self._last:
            self._said(shortened(notes), "warning")
        self._last = notes


def _numbers(edits: Iterable[Edit]) -> dict[Point, list[int]]:
    """Return the numbers, from 0, of the edits of each frame."""
    found: dict[Point, list[int]] = {}
    for n, edit in enumerate(edits):
        found.setdefault(edit.frame, []).append(n)
    return found


def _notes_on(
    frame: SteeredFrame, edits: Sequence[Edit], own: Sequence[int]
) -> tuple[str, ...]:
    """Say which edits of a frame, of these numbers, do not stand in its labels."""
    from napari_shiftseg.mending.replay import notes_on

    left_out = {own[i] + 1: why for i, why in frame.left_out.items()}
    lost = {own[old] + 1: own[new] + 1 for old, new in frame.overruled.items()}
    return notes_on(edits, left_out, lost)


def shortened(notes: Sequence[str]) -> str:
    """Return the first notes, a line each, and how many more there are."""
    more = len(notes) - MOST_NOTES
    rest = [f"… and {more:,} more"] if more > 0 else []
    return "\n".join([*notes[:MOST_NOTES], *rest])


@dataclass(frozen=True)
class Status:
    """Why an edit does not stand in the labels.

    Attributes
    ----------
    mark : str
        Added to its row in a list.
    reason : str
        In full.
    is_made : bool
        It was, and a newer one undid it; else it could not be.
    """

    mark: str
    reason: str
    is_made: bool


class Statuses:
    """Looks for edits that no longer hold, anew only where a frame has other edits."""

    def __init__(self) -> None:
        self._known: dict[Point, tuple[ref[SteeredFrame], int, list[tuple[int, int]]]]
        self._known = {}  # no embedding is held here

    def of(self, store: EditStore, frames: Iterable[SteeredFrame]) -> dict[int, Status]:
        """Return what became of those edits that do not stand in the labels.

        Parameters
        ----------
        store : EditStore
        frames : iterable of SteeredFrame
            As they are clustered now, and with what was made on them since.

        Returns
        -------
        dict of int to Status
            By the index of an edit.
        """
        edits, found = store.edits, dict[int, Status]()
        numbers = _numbers(edits)
        for frame in frames:
            own = numbers.get(frame.position, [])
            made = [n for i, n in enumerate(own) if i not in frame.left_out]
            if len(made) != len(frame.mending.made):  # a stroke is being taken
                continue
            for i, why in frame.left_out.items():
                found[own[i]] = Status("left out", f"Left out: {why}.", is_made=False)
            for old, new in self._overruled(frame, store.revision_of(frame.position)):
                number, newer = made[new] + 1, edits[made[new]]
                reason = f"No longer holds: edit {number} ({newer}) is newer and wins."
                found[made[old]] = Status(f"overruled by {number}", reason, True)
        return found

    def _overruled(self, frame: SteeredFrame, revision: int) -> list[tuple[int, int]]:
        from napari_shiftseg.mending.replay import overruled

        known = self._known.get(frame.position)
        if known is None or known[0]() is not frame or known[1] != revision:
            known = ref(frame), revision, overruled(frame.mending)
            self._known[frame.position] = known
        return known[2]


LEAST_ROWS = 4
DELETE_KEYS = (Qt.Key.Key_Delete, Qt.Key.Key_Backspace)
FAINT = 0.5  # opacity of a row that is left out


class EditRows(QListWidget):
    """A list of which several rows can be selected.

    Attributes
    ----------
    delete_pressed : Signal
        Emitted when the Delete key is pressed in the list.
    """

    delete_pressed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        policy = QSizePolicy.Policy
        self.setSizePolicy(policy.Expanding, policy.Expanding)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)

    def sizeHint(self) -> QSize:
        """Return a height to scroll in; the list takes what room is left."""
        height = LEAST_ROWS * self.fontMetrics().lineSpacing() + 2 * self.frameWidth()
        return QSize(super().sizeHint().width(), height)

    def minimumSizeHint(self) -> QSize:
        """Return the same height."""
        return QSize(super().minimumSizeHint().width(), self.sizeHint().height())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Take the Delete key for ours."""
        if event.key() in DELETE_KEYS:
            self.delete_pressed.emit()
        else:
            super().keyPressEvent(event)

    def show_status(
        self, item: QListWidgetItem, text: str, status: Status | None
    ) -> None:
        """Write a row: as it is, or what became of its edit.

        One that is left out is faint and slanted, one that is overruled struck through.

        Parameters
        ----------
        item : QListWidgetItem
            The row.
        text : str
        status : Status or None
            None: it is as it is.
        """
        item.setText(text if status is None else f"{text} · {status.mark}")
        item.setToolTip("" if status is None else plainly(status.reason))
        is_out = status is not None and not status.is_made
        font = self.font()
        font.setStrikeOut(status is not None and status.is_made)
        font.setItalic(is_out)
        item.setFont(font)
        item.setData(Qt.ItemDataRole.ForegroundRole, self._faint if is_out else None)

    @property
    def _faint(self) -> QBrush:
        self.ensurePolished()  # else the colours are not yet those of the theme
        colour = self.palette().color(QPalette.ColorRole.Text)
        colour.setAlphaF(FAINT)
        return QBrush(colour)


LIST_TIP = "Select edits to go to them, and to take them out."
MOST_LISTED = 500  # the newest
NONE: Mapping[int, Status] = {}


class EditTable(ControlRows):
    """Lists edits; Save edits…, Load edits… and Take out stand below.

    Attributes
    ----------
    taken_out : Signal
        Emitted with the numbers, from 0, of the edits that shall go.
    picked : Signal
        Emitted with the numbers, from 0, of the edits that are selected, that which was
        gone to last at the end.
    """

    taken_out = psygnal.Signal(object)
    picked = psygnal.Signal(object)

    def __init__(self) -> None:
        self.title = wrapped_label()
        self.title.tooltip = "Strokes of napari's brush, fill or eraser are edits."
        self.remove = PushButton(
            text="Take out",
            tooltip="Take the selected edits out of the list; so does the Delete key "
            "in the list.",
        )
        self.save = PushButton(
            text="Save edits…",
            tooltip="Write the edits to a file that `shiftseg mend` reads.",
        )
        self.load = PushButton(
            text="Load edits…", tooltip="Add the edits of a file to the list."
        )
        super().__init__(self.title, ControlRow(self.remove, self.save, self.load))
        self.list = EditRows()
        self.list.setToolTip(LIST_TIP)
        self.native.layout().insertWidget(1, self.list)
        self._first = 0
        self._shown: tuple[Edit, ...] = ()
        self._statuses: Mapping[int, Status] = NONE
        self.remove.changed.connect(self._take_out)
        self.list.delete_pressed.connect(self._take_out)
        self.list.itemSelectionChanged.connect(self._pick)
        self.remove.enabled = False
        self.show_edits(())

    def show_edits(
        self, edits: Sequence[Edit], statuses: Mapping[int, Status] = NONE
    ) -> None:
        """List edits, and what became of some of them, by their numbers from 0.

        What is too old is not listed.

        Parameters
        ----------
        edits : sequence of Edit
            The oldest first.
        statuses : mapping of int to Status
        """
        edits = tuple(edits)
        if edits != self._shown or not self.title.value:
            self._update_rows(edits)
        before, self._statuses = self._statuses, statuses
        for number in {**before, **statuses}:
            if before.get(number) != statuses.get(number):
                self._write(number)

    def select(self, numbers: Collection[int]) -> None:
        """Select the rows of edits, by their numbers from 0."""
        self.list.blockSignals(True)
        self.list.clearSelection()
        for number in numbers:
            item = self.list.item(number - self._first)
            if item is not None:
                item.setSelected(True)
        self.list.blockSignals(False)
        self._pick()

    def _update_rows(self, edits: tuple[Edit, ...]) -> None:
        """Write the rows that are new; all of them, unless edits were only added."""
        first = max(0, len(edits) - MOST_LISTED)
        if first != self._first or edits[: len(self._shown)] != self._shown:
            self._clear()
        self._first, self._shown = first, edits
        for number in range(first + self.list.count(), len(edits)):
            self.list.addItem("")
            self._write(number)
        self.list.scrollToBottom()
        count = number_of(len(edits), "edit")
        self.title.value = f"{count}. Ctrl+Z undoes them, back to the last knob turn."
        self.save.enabled = bool(edits)

    def _clear(self) -> None:
        """Take all rows away; none is selected any more."""
        had_selected = bool(self.list.selectedItems())
        self.list.blockSignals(True)  # Qt selects a neighbour of a row that goes
        self.list.clear()
        self.list.blockSignals(False)
        if had_selected:
            self._pick()

    def _write(self, number: int) -> None:
        """Write the row of an edit, if it has one."""
        item = self.list.item(number - self._first)
        if item is not None and number < len(self._shown):
            text = f"{number + 1}  {self._shown[number]}"
            self.list.show_status(item, text, self._statuses.get(number))

    def _pick(self) -> None:
        rows = [self.list.row(item) for item in self.list.selectedItems()]
        self.remove.enabled = bool(rows)
        rows.sort(key=lambda row: (row == self.list.currentRow(), row))
        self.picked.emit([self._first + row for row in rows])

    def _take_out(self) -> None:
        rows = sorted(self.list.row(item) for item in self.list.selectedItems())
        if rows:
            self.taken_out.emit([self._first + row for row in rows])
