"""The edits as a list, newest last; selected ones can be taken out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magicgui.widgets import Container, PushButton
from psygnal import Signal
from qtpy.QtWidgets import QAbstractItemView, QListWidget

from napari_shiftseg.gui.note import wrapped_label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_shiftseg.interaction.editing.edits import Edit

HEIGHT = 110  # screen pixels
MOST_LISTED = 500  # the newest


class EditTable(Container):
    """Lists edits; Save…, Load… and Take out stand below.

    Attributes
    ----------
    taken_out : Signal
        Emitted with the numbers, from 0, of the edits that shall go.
    """

    taken_out = Signal(object)

    def __init__(self) -> None:
        self.title = wrapped_label()
        self.remove = PushButton(
            text="Take out", tooltip="Take the selected edits out of the list."
        )
        self.save = PushButton(
            text="Save…",
            tooltip="Write the edits to a file that `shiftseg mend` reads.",
        )
        self.load = PushButton(text="Load…", tooltip="Make the edits of a file.")
        row = Container(
            widgets=[self.remove, self.save, self.load],
            layout="horizontal", labels=False,
        )  # fmt: skip
        row.margins = (0, 0, 0, 0)
        super().__init__(widgets=[self.title, row], labels=False)
        self.margins = (0, 0, 0, 0)
        self.list = QListWidget()
        self.list.setMaximumHeight(HEIGHT)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.native.layout().insertWidget(1, self.list)
        self._first = 0
        self._shown: tuple[Edit, ...] = ()
        self.remove.changed.connect(self._take_out)
        self.list.itemSelectionChanged.connect(self._enable)
        self.show_edits(())

    def show_edits(self, edits: Sequence[Edit]) -> None:
        """List edits; only what is new is written, and what is too old goes."""
        edits, shown = tuple(edits), self._shown
        if edits == shown and self.title.value:
            return
        same = next(
            (n for n, pair in enumerate(zip(edits, shown, strict=False))
             if pair[0] is not pair[1]),
            min(len(edits), len(shown)),
        )  # fmt: skip
        first = max(0, len(edits) - MOST_LISTED)
        if first < self._first or same < self._first:
            self.list.clear()
            same = first
        for row in range(self.list.count() - 1, same - self._first - 1, -1):
            self.list.takeItem(row)
        for _ in range(min(first - self._first, self.list.count())):
            self.list.takeItem(0)
        for number in range(max(same, first), len(edits)):
            self.list.addItem(f"{number + 1}  {edits[number]}")
        self._shown, self._first = edits, first
        self.list.scrollToBottom()
        count = f"{len(edits)} edit{'s' * (len(edits) != 1)}"
        self.title.value = (
            f"{count}, with those of napari's brush and eraser. Ctrl+Z undoes what was "
            f"made since a knob was turned."
        )
        self.save.enabled = bool(edits)
        self._enable()

    def _enable(self) -> None:
        self.remove.enabled = bool(self.list.selectedItems())

    def _take_out(self) -> None:
        rows = [self.list.row(item) for item in self.list.selectedItems()]
        self.taken_out.emit([self._first + row for row in rows])
