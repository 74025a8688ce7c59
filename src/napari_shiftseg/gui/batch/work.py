"""What is done with one row of a batch: open it, mend it, save it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from magicgui.widgets import PushButton
from napari.utils.notifications import show_info
from psygnal import Signal

from napari_shiftseg.gui.batch.opening import (
    edits_of,
    found_right,
    opening,
    show_again,
    show_opened,
    shown_labels,
)
from napari_shiftseg.gui.batch.run import in_widget_words
from napari_shiftseg.gui.parts.jobs import LatestJobs
from napari_shiftseg.gui.parts.layout import (
    ControlRow,
    ControlRows,
    found,
    is_open,
    opened,
)
from napari_shiftseg.gui.parts.records import KEPT, LayerRecord, LayerSession
from napari_shiftseg.gui.parts.text_boxes import StandingText
from napari_shiftseg.text import number_of, sentence, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import napari
    from napari.layers import Labels

    from napari_shiftseg.batch.order import BatchRow
    from napari_shiftseg.gui.batch.opening import OpenedRow
    from napari_shiftseg.gui.batch.table import FileTable


NOTHING = "Select a row: what there is to say of it stands here."
STILL_BUSY = "Mend is still at work on these labels: save them when it is done."
THEN_SAVE = "Mend, then press Save back in Batch."
READING, SAVING = "Reading image and labels …", "Writing labels and tables …"


class RowWork(ControlRows):
    """Buttons below the table, for the row that is selected in it.

    Parameters
    ----------
    viewer : napari.Viewer
    table : FileTable
    output : callable
        Returns the folder of the batch.
    rows : callable
        Returns what became of all of its images.

    Attributes
    ----------
    written : Signal
        Emitted with the row of an image whose labels were saved back.
    """

    written = Signal(object)

    def __init__(
        self,
        viewer: napari.Viewer,
        table: FileTable,
        output: Callable[[], Path],
        rows: Callable[[], Sequence[BatchRow]],
    ) -> None:
        self._viewer, self._table = viewer, table
        self._output, self._rows = output, rows
        self._is_held = False
        self.said = StandingText(lines=4, empty=NOTHING, least=3)
        self.open = PushButton(
            text="Open",
            tooltip="Open image and labels as layers; so does a double click, or "
            "Return, on a row",
        )
        self.mend = PushButton(
            text="Mend…",
            tooltip="Open Mend on these labels; the image is predicted again for it",
        )
        self.save = PushButton(
            text="Save back",
            tooltip="Write the labels as they are mended now to the files of the "
            "batch, and measure them anew",
        )
        super().__init__(self.said, ControlRow(self.open, self.mend, self.save))
        self._jobs = LatestJobs(self.native, self._failed)
        self.open.changed.connect(lambda: self._act(lambda labels: None))
        self.mend.changed.connect(lambda: self._act(self._mend))
        self.save.changed.connect(self._save)
        table.selectionModel().selectionChanged.connect(self.tell)
        table.files.dataChanged.connect(self._row_changed)
        table.files.modelReset.connect(self.tell)
        table.activated.connect(lambda _: self._act(lambda labels: None))
        for event in (viewer.layers.events.inserted, viewer.layers.events.removed):
            event.connect(self._enable, position="last")
        self.tell()

    @property
    def is_busy(self) -> bool:
        """Whether something is read or written."""
        return bool(self._jobs)

    def hold(self, held: bool) -> None:
        """Write nothing for the time being: a batch is under way.

        Parameters
        ----------
        held : bool
        """
        self._is_held = held
        self._enable()

    # What is selected

    @property
    def row(self) -> BatchRow | None:
        """The row that is selected, if its image has ended."""
        selected = self._table.selected
        return None if selected is None else selected.row

    def tell(self) -> None:
        """Say what there is to say of the selected row."""
        row = self.row
        if row is None:
            self.said.say("", "note")
        elif row.status == "failed":
            self.said.say(f"{visible(row.name)} failed: {row.error}", "error")
        else:
            about = f"{visible(row.name)}: {number_of(row.objects, 'object')}"
            known = [in_widget_words(said) for said in (*row.notes, *row.decided)]
            kind = "warning" if row.notes else ""
            self.said.say("\n".join([about, *map(sentence, known)]), kind)
        self._enable()

    def _row_changed(self) -> None:
        if not self.is_busy:
            self.tell()

    def _enable(self) -> None:
        if not is_open(self.native):
            return
        row = self.row
        is_done = row is not None and row.status != "failed"
        self.open.enabled = row is not None and not self.is_busy
        self.mend.enabled = is_done and not self.is_busy
        shown = row is not None and shown_labels(self._viewer, row, self._output())
        self.save.enabled = bool(is_done and shown is not None) and self._may_write

    @property
    def _may_write(self) -> bool:
        return not (self._is_held or self.is_busy)

    # Open, mend

    def _act(self, then: Callable[[Labels], None]) -> None:
        """Show the labels of the selected row, and go on with them."""
        row, output = self.row, self._output()
        if row is None or self.is_busy:
            return
        there = shown_labels(self._viewer, row, output)
        if there is not None:
            show_again(self._viewer, there)
            then(there)
            return

        def show(known: OpenedRow) -> None:
            labels = show_opened(self._viewer, known, output)
            self.tell()
            if labels is not None:
                then(labels)

        self._begin(READING)
        self._jobs.run("row", opening(row), show)
        self._enable()

    def _mend(self, labels: Labels) -> None:
        """Open Mend on labels, and predict again what it works on."""
        mend = opened(self._viewer, "Mend")
        self._viewer.layers.selection.active = labels
        mend.result.value = labels
        show_info(THEN_SAVE)
        if KEPT.of(labels) is None:
            mend.again.run()

    def _begin(self, text: str) -> None:
        self.said.say(text, "note")

    def _failed(self, text: str) -> None:
        self.tell()
        self.said.say(in_widget_words(text), "error")

    # Save back

    def _save(self) -> None:
        row, output = self.row, self._output()
        labels = None if row is None else shown_labels(self._viewer, row, output)
        if row is None or labels is None or not self._may_write:
            return
        steering = getattr(found(self._viewer, "Mend"), "steering", None)
        if steering is not None and steering.layer is labels and steering.is_busy:
            self.said.say(STILL_BUSY, "error")
            return
        from napari_shiftseg.batch.mended import mended_steps
        from napari_shiftseg.report.batch_page import batch_page

        edits, store = edits_of(labels), LayerSession.known(labels).edits

        def done(written: BatchRow) -> None:
            if store is not None:
                LayerRecord(labels).write_saved(store)
            self.written.emit(written)
            self.tell()

        self._begin(SAVING)
        pixels = np.array(labels.data)  # the layer may be mended meanwhile
        right = found_right(labels)
        steps = mended_steps(
            output, self._rows(), row, pixels, edits, batch_page, right
        )
        self._jobs.run("row", steps, done)
        self._enable()
