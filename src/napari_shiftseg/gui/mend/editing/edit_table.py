"""The edits as a list, newest last; selected ones can be visited and taken out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magicgui.widgets import Container, PushButton
from psygnal import Signal

from napari_shiftseg.geometry.words import number_of
from napari_shiftseg.gui.mend.editing.edit_rows import EditRows
from napari_shiftseg.gui.note import wrapped_label

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from napari_shiftseg.gui.mend.editing.edit_status import Status
    from napari_shiftseg.interaction.editing.edits import Edit

LIST_TIP = "Select edits to go to them, and to take them out."
MOST_LISTED = 500  # the newest
NONE: Mapping[int, Status] = {}


class EditTable(Container):
    """Lists edits; Save…, Load… and Take out stand below.

    Attributes
    ----------
    taken_out : Signal
        Emitted with the numbers, from 0, of the edits that shall go.
    picked : Signal
        Emitted with the numbers, from 0, of the edits that are selected, that which was
        gone to last at the end.
    """

    taken_out = Signal(object)
    picked = Signal(object)

    def __init__(self) -> None:
        self.title = wrapped_label()
        self.title.tooltip = "What napari's brush, fill and eraser do counts, too."
        self.remove = PushButton(
            text="Take out",
            tooltip="Take the selected edits out of the list; so does the Delete key "
            "in the list.",
        )
        self.save = PushButton(
            text="Save…",
            tooltip="Write the edits to a file that `shiftseg mend` reads.",
        )
        self.load = PushButton(
            text="Load…", tooltip="Make the edits of a file, after those in the list."
        )
        row = Container(
            widgets=[self.remove, self.save, self.load],
            layout="horizontal", labels=False,
        )  # fmt: skip
        row.margins = (0, 0, 0, 0)
        super().__init__(widgets=[self.title, row], labels=False)
        self.margins = (0, 0, 0, 0)
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

        Only what is new is written, and what is too old goes.
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
        shown = self._shown
        same = next(
            (n for n, pair in enumerate(zip(edits, shown, strict=False))
             if pair[0] is not pair[1]),
            min(len(edits), len(shown)),
        )  # fmt: skip
        self._shown = edits
        self._keep_rows(same, max(0, len(edits) - MOST_LISTED))
        for number in range(self._first + self.list.count(), len(edits)):
            self.list.addItem("")
            self._write(number)
        self.list.scrollToBottom()
        count = number_of(len(edits), "edit")
        self.title.value = f"{count}. Ctrl+Z undoes them, back to the last knob turn."
        self.save.enabled = bool(edits)

    def _keep_rows(self, same: int, first: int) -> None:
        """Take away the rows from number `same` on, and those before `first`."""
        had_selected = bool(self.list.selectedItems())
        self.list.blockSignals(True)  # Qt selects a neighbour of a row that goes
        if first < self._first or same < self._first:
            self.list.clear()
            same = first
        goes = self._first + self.list.count() > same or first > self._first
        for row in range(self.list.count() - 1, same - self._first - 1, -1):
            self.list.takeItem(row)
        for _ in range(min(first - self._first, self.list.count())):
            self.list.takeItem(0)
        self._first = first
        if goes:
            self.list.clearSelection()
        self.list.blockSignals(False)
        if had_selected and goes:
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
