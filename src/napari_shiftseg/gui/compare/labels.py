"""Two layers of labels compared object by object: a table, and coloured outlines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from magicgui.widgets import Container, Label, PushButton
from napari.layers import Labels
from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView
from superqt.utils import qdebounced

from napari_shiftseg.gui.compare.outlines import KINDS, Outlines
from napari_shiftseg.gui.parts.belonging import METADATA_KEY
from napari_shiftseg.gui.parts.choices import LayerChoice
from napari_shiftseg.gui.parts.jobs import LatestJobs
from napari_shiftseg.gui.parts.keys import RUN, press_on_key
from napari_shiftseg.gui.parts.layout import ControlForm, ScrolledRows
from napari_shiftseg.gui.parts.text_boxes import StandingText
from napari_shiftseg.gui.parts.travel import come_near
from napari_shiftseg.gui.parts.viewer import SETTLED
from napari_shiftseg.progress import Progress
from napari_shiftseg.text import by

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    import napari
    from numpy.typing import NDArray

    from napari_shiftseg.metrics.agreement import Agreement


HEADER = ("Kind", "Here", "There", "IoU")
NOTHING = "Open two layers of labels to compare them."
SAME = "Choose two different layers: these are one and the same."
SIZES = (
    "“{}” has {} pixels, “{}” {}: only labels of the same image, and of the same part "
    "of it, can be compared."
)
PLACES = (
    "“{}” and “{}” lie at different places, or have different scales: only labels of "
    "the same image, and of the same part of it, can be compared."
)
LEVELS = "“{}” has several resolutions and stays on disk: {}"
ON_DISK = "compare such labels on the command line, with shiftseg differences."
CHANGED = "The labels were changed since: press Compare again."


def why_not(here: Labels | None, there: Labels | None) -> str:
    """Say why two layers cannot be compared; empty if they can.

    Parameters
    ----------
    here, there : Labels or None
    """
    if here is None or there is None:
        return NOTHING
    if here is there:
        return SAME
    for layer in (here, there):
        if layer.multiscale:
            return LEVELS.format(layer.name, ON_DISK)
    shapes = here.data.shape, there.data.shape
    if shapes[0] != shapes[1]:
        return SIZES.format(here.name, by(shapes[0]), there.name, by(shapes[1]))
    corners = np.array([[0.0] * here.ndim, [float(n) for n in shapes[0]]])
    one, other = (
        np.array([layer.data_to_world(corner) for corner in corners])
        for layer in (here, there)
    )
    if not np.allclose(one, other, rtol=1e-6, atol=1e-9):
        return PLACES.format(here.name, there.name)
    return ""


class AgreementRows(QAbstractTableModel):
    """The rows of an agreement; what differs comes first, the least alike on top."""

    def __init__(self) -> None:
        super().__init__()
        self._table: dict[str, NDArray[Any]] = {}
        self._order: NDArray[np.intp] = np.empty(0, dtype=np.intp)

    def show(self, table: Mapping[str, NDArray[Any]]) -> None:
        """Show the table of an agreement in place of what is shown."""
        self.beginResetModel()
        self._table = dict(table)
        places = {kind: place for place, kind in enumerate(KINDS)}
        rank = [places[str(kind)] for kind in table["kind"]]
        self._order = np.lexsort((table["iou"], np.array(rank, dtype=int)))
        self.endResetModel()

    def row(self, number: int) -> dict[str, Any]:
        """Return a row as it is shown."""
        at = self._order[number]
        return {name: column[at] for name, column in self._table.items()}

    def rowCount(self, _: QModelIndex | None = None) -> int:
        """Return how many rows there are."""
        return len(self._order)

    def columnCount(self, _: QModelIndex | None = None) -> int:
        """Return how many columns there are."""
        return len(HEADER)

    def headerData(self, section: int, way: Any, role: int = 0) -> Any:
        """Return the title of a column."""
        is_title = way == Qt.Orientation.Horizontal
        if role == Qt.ItemDataRole.DisplayRole and is_title:
            return HEADER[section]
        return None

    def data(self, index: QModelIndex, role: int = 0) -> Any:
        """Return what stands in a cell, its colour mark, or what the kind means."""
        row = self.row(index.row())
        kind = KINDS[str(row["kind"])]
        if role == Qt.ItemDataRole.DisplayRole:
            a, b = (str(row[f"label_{side}"] or "–") for side in "ab")
            return (kind.name, a, b, f"{row['iou']:.2f}")[index.column()]
        if role == Qt.ItemDataRole.DecorationRole and index.column() == 0:
            return QColor(kind.colour)
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{kind.name.capitalize()}: {kind.meaning}."
        return None


class CompareLabelsWidget(ScrolledRows):
    """Compare two layers of labels: two runs, before and after, by hand and not."""

    def __init__(self, napari_viewer: napari.Viewer) -> None:
        self._viewer = napari_viewer
        self._compared: tuple[Labels, ...] = ()
        self._shown: tuple[NDArray[Any], ...] = ()  # their pixels, as compared
        self._result, self._is_old = "", False
        self._look_soon = qdebounced(self._look, timeout=SETTLED)
        self.here = LayerChoice(
            napari_viewer, is_labels, label="Labels (here)",
            tooltip="Objects that are compared",
        )  # fmt: skip
        self.there = LayerChoice(
            napari_viewer, is_labels, follows_selection=False,
            label="Compare with (there)",
            tooltip="Labels of the same image: of another run, or made by hand",
        )  # fmt: skip
        self.button = PushButton(
            text="Compare",
            tooltip="Find what is the same, split, merged, or in one alone",
        )
        self.answer = StandingText(lines=4, least=3)
        self.legend = Label(value=_legend())
        rows = Container(
            widgets=[ControlForm(self.here, self.there), self.button, self.answer,
                     self.legend],
            labels=False,
        )  # fmt: skip
        self.rows = AgreementRows()
        self.table = _view(self.rows)
        rows.native.layout().addWidget(self.table, stretch=1)
        super().__init__(rows)
        press_on_key(self.native, RUN, self.button)
        self._jobs = LatestJobs(self.native, lambda text: self._say(text, "error"))
        self._outlines = (
            Outlines(napari_viewer, "here"),
            Outlines(napari_viewer, "there"),
        )
        self.button.changed.connect(self.compare)
        self.table.selectionModel().currentRowChanged.connect(self._visit)
        self.table.clicked.connect(self._visit)
        for choice in (self.here, self.there):
            choice.changed.connect(self._advise)
        napari_viewer.layers.events.removed.connect(self._follow_removed)
        self._choose_two()
        self._advise()

    def choose(self, labels: Labels) -> None:
        """Let these be what is compared, with others than these.

        Parameters
        ----------
        labels : Labels
        """
        self.here.value = labels
        self._choose_two()

    def compare(self) -> None:
        """Compare the chosen layers in a thread."""
        here, there = self.here.value, self.there.value
        why = why_not(here, there)
        if why:
            self._say(why, "warning")
            return
        layers = here, there
        both = tuple(layer.data for layer in layers)
        # what is in memory may be mended meanwhile; the rest is read in the thread
        both = tuple(x.copy() if isinstance(x, np.ndarray) else x for x in both)
        self._follow(layers)
        self._say("Comparing…", "note")
        self._jobs.run(
            "compare", _steps(*both), lambda found: self._show(layers, found)
        )

    def _follow(self, layers: tuple[Labels, ...]) -> None:
        """Learn of changes of these, and of no others."""
        for layer in self._compared:
            for event in _changes_of(layer):
                event.disconnect(self._look_again)
        self._compared, self._shown, self._is_old = layers, (), False
        for layer in layers:
            for event in _changes_of(layer):
                event.connect(self._look_again)

    def _follow_removed(self, event: Any) -> None:
        if event.value in self._compared:
            self._follow(())
            self._jobs.abandon("compare")

    def _look_again(self) -> None:
        self._look_soon()

    def _look(self) -> None:
        """Say so where labels are no more, or are again, what was compared."""
        pairs = zip(self._compared, self._shown, strict=False)
        is_old = not all(_is_still(layer, data) for layer, data in pairs)
        if is_old != self._is_old:
            self._is_old = is_old
            self._say(*((CHANGED, "warning") if is_old else (self._result, "note")))

    def _choose_two(self) -> None:
        """Let the other layer be another one, the topmost, if there is one."""
        if self.there.value is self.here.value:
            others = [la for la in self.there.choices if la is not self.here.value]
            self.there.suggest(next(reversed(others), None))

    def _advise(self) -> None:
        """Say why the chosen layers cannot be compared."""
        if self._is_open:
            why = why_not(self.here.value, self.there.value)
            self.button.enabled = not why
            self._say(why, "warning")

    def _show(self, layers: tuple[Labels, ...], found: Compared) -> None:
        agreement = found.agreement
        self.rows.show(agreement.table)
        for layer in layers:
            layer.visible = False
        other = {n: k for n, k in agreement.kinds_of_b.items() if k != "matched"}
        kinds = agreement.kinds_of_a, other
        for outlines, *shown in zip(
            self._outlines, layers, found.data, kinds, strict=True
        ):
            outlines.show(*shown)
        counts = (
            f"{number:,} {KINDS[k].name}" for k, number in agreement.counts.items()
        )
        self._result = (
            f"{agreement.objects_a:,} objects here, {agreement.objects_b:,} there: "
            f"{', '.join(counts)}."
        )
        self._shown = found.data
        self._say(self._result, "note")
        self._look()

    def _visit(self, index: QModelIndex) -> None:
        """Go to the object of a row."""
        if not self._compared or not index.isValid():
            return
        row, here = self.rows.row(index.row()), self._compared[0]
        middle = [value for name, value in row.items() if name.startswith("centroid_")]
        if len(middle) != here.ndim:
            return
        area = max(int(row["area_a"]), int(row["area_b"]))
        width = 2 * np.sqrt(area / np.pi)
        come_near(self._viewer, here, middle, (width, width))

    def _say(self, text: str, kind: str) -> None:
        if self._is_open:
            self.answer.say(text, kind)

    def _leave(self) -> None:
        self._jobs.abandon_all()
        self._follow(())
        for outlines in self._outlines:
            outlines.remove()


def is_labels(layer: Any) -> bool:
    """Whether a layer holds objects: of a run, made by hand, or opened."""
    return isinstance(layer, Labels) and not isinstance(
        layer.metadata.get(METADATA_KEY), str
    )


@dataclass(frozen=True)
class Compared:
    """What was compared, as it was then, and what came out."""

    data: tuple[NDArray[Any], ...]
    agreement: Agreement


def _steps(here: Any, there: Any) -> Generator[Progress, None, Compared]:
    yield Progress(0, 0, stage="reading labels")
    from napari_shiftseg.metrics.agreement import compare_labels_steps

    data = np.asarray(here), np.asarray(there)
    return Compared(data, (yield from compare_labels_steps(*data)))


def _changes_of(layer: Labels) -> tuple[Any, ...]:
    """Return the events of what may make a comparison untrue."""
    return layer.events.data, layer.events.paint, layer.events.set_data


def _is_still(layer: Labels, data: NDArray[Any]) -> bool:
    """Whether labels in memory are what they were; of others it is not asked."""
    return not isinstance(layer.data, np.ndarray) or np.array_equal(layer.data, data)


def _legend() -> str:
    """Return the kinds in their colours, as rich text."""
    marks = (
        f'<span style="color:{kind.colour}">■</span>&nbsp;{kind.name}'
        for kind in KINDS.values()
    )
    return "&nbsp; ".join(mark.replace(" there", "&nbsp;there") for mark in marks)


def _view(rows: AgreementRows) -> QTableView:
    view = QTableView()
    view.setModel(rows)
    view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    view.setTabKeyNavigation(False)  # Tab goes on to the next control
    view.verticalHeader().setVisible(False)
    view.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
    view.setToolTip("Click a row, or go with the arrow keys, to see the object")
    return view
