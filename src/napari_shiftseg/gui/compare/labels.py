"""Two layers of labels compared object by object: a table, and coloured outlines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from magicgui.widgets import Container, Label, PushButton
from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap
from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from napari_shiftseg.gui.parts.belonging import METADATA_KEY
from napari_shiftseg.gui.parts.choices import LayerChoice
from napari_shiftseg.gui.parts.jobs import LatestJobs
from napari_shiftseg.gui.parts.keys import RUN, press_on_key
from napari_shiftseg.gui.parts.layout import ControlForm, ScrolledRows
from napari_shiftseg.gui.parts.source import LayerSource
from napari_shiftseg.gui.parts.text_boxes import StandingText
from napari_shiftseg.gui.parts.travel import come_near
from napari_shiftseg.gui.parts.viewer import OwnLayer
from napari_shiftseg.text import by

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    import napari
    from numpy.typing import NDArray

    from napari_shiftseg.metrics.agreement import Agreement
    from napari_shiftseg.progress import Progress


@dataclass(frozen=True)
class Kind:
    """A way in which objects of two layers go together.

    Attributes
    ----------
    name : str
    colour : str
        Of Okabe and Ito, which all eyes tell apart.
    meaning : str
    """

    name: str
    colour: str
    meaning: str


# in the order of the table: what differs comes first
KINDS = {
    "split": Kind("split", "#e69f00", "one object here is several there"),
    "merged": Kind("merged", "#56b4e9", "several objects here are one there"),
    "only_a": Kind("only here", "#d55e00", "there is nothing like it there"),
    "only_b": Kind("only there", "#cc79a7", "there is nothing like it here"),
    "matched": Kind("matched", "#009e73", "the same object in both"),
}
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
WIDTH = 2  # of outlines, in pixels


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


class Outlines(OwnLayer):
    """The outlines of the objects of a layer, coloured by their kinds."""

    def __init__(self, viewer: napari.Viewer, side: str) -> None:
        super().__init__(viewer)
        self._side = side

    def show(self, labels: Labels, kinds: Mapping[int, str]) -> None:
        """Show outlines in place of those shown; objects of no kind have none.

        Parameters
        ----------
        labels : Labels
        kinds : mapping of int to str
            The kind of an object, by its label.
        """
        self.remove()
        clear = np.zeros(4)
        colours: dict[int | None, Any] = {None: clear, 0: clear}
        colours |= {label: KINDS[kind].colour for label, kind in kinds.items()}
        layer = Labels(
            np.array(labels.data),
            name=f"{self._side} · {labels.name}",
            colormap=DirectLabelColormap(color_dict=colours),
            opacity=1,
            metadata={METADATA_KEY: "differences"},
            **LayerSource.of(labels).placed((), labels.ndim),
        )
        layer.contour, layer.editable = WIDTH, False
        self._add(layer, labels)


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
        self._compared: tuple[Labels, Labels] | None = None
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
        both = np.array(here.data), np.array(there.data)
        self._say("Comparing…", "note")
        self._jobs.run(
            "compare", _steps(*both), lambda found: self._show(here, there, found)
        )

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

    def _show(self, here: Labels, there: Labels, found: Agreement) -> None:
        self._compared = here, there
        self.rows.show(found.table)
        for layer in (here, there):
            layer.visible = False
        if here in self._viewer.layers and there in self._viewer.layers:
            self._outlines[0].show(here, found.kinds_of_a)
            other = {n: k for n, k in found.kinds_of_b.items() if k != "matched"}
            self._outlines[1].show(there, other)
        counts = (f"{number:,} {KINDS[k].name}" for k, number in found.counts.items())
        self._say(
            f"{found.objects_a:,} objects here, {found.objects_b:,} there: "
            f"{', '.join(counts)}.",
            "note",
        )

    def _visit(self, index: QModelIndex) -> None:
        """Go to the object of a row."""
        if self._compared is None or not index.isValid():
            return
        row, here = self.rows.row(index.row()), self._compared[0]
        middle = [value for name, value in row.items() if name.startswith("centroid_")]
        if here not in self._viewer.layers or len(middle) != here.ndim:
            return
        area = max(int(row["area_a"]), int(row["area_b"]))
        width = 2 * np.sqrt(area / np.pi)
        come_near(self._viewer, here, middle, (width, width))

    def _say(self, text: str, kind: str) -> None:
        if self._is_open:
            self.answer.say(text, kind)

    def _leave(self) -> None:
        self._jobs.abandon_all()
        for outlines in self._outlines:
            outlines.remove()


def is_labels(layer: Any) -> bool:
    """Whether a layer holds objects: of a run, made by hand, or opened."""
    return isinstance(layer, Labels) and not isinstance(
        layer.metadata.get(METADATA_KEY), str
    )


def _steps(
    here: NDArray[Any], there: NDArray[Any]
) -> Generator[Progress, None, Agreement]:
    from napari_shiftseg.metrics.agreement import compare_labels_steps

    return compare_labels_steps(here, there)


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
