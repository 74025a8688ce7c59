"""Objects coloured by a column of their table: area, intensity, confidence, class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from magicgui.widgets import ComboBox
from napari.layers import Labels
from napari.utils.colormaps import CyclicLabelColormap, ensure_colormap

from napari_shiftseg.gui.parts.layout import is_open
from napari_shiftseg.gui.parts.object_features import INDEX, has_table
from napari_shiftseg.gui.parts.result_layers import USUAL, WIDE, result_labels
from napari_shiftseg.gui.parts.text_boxes import wrapped_label
from napari_shiftseg.text import figure_text

if TYPE_CHECKING:
    from collections.abc import Callable

    import napari
    from numpy.typing import NDArray

OBJECTS = "object"  # each in a colour of its own
BY = "by "  # a column: how the colours are called
MOST = 60_000  # the largest label; napari takes 2¹⁶ colours
ENDS = (2, 98)  # percentiles that are the ends of the scale
SCALE = "viridis"  # told apart by the colour-blind, too
DARKEST = 0.3  # of the scale, of 1: what is darker is hardly seen on black
BRIGHT_IF_LOW = "confidence", "class_confidence"  # what is doubtful is to be seen
UNKNOWN = (0.5, 0.5, 0.5, 1.0)  # objects without a value
TOOLTIP = (
    "Colour the objects by a column of their table, from blue to yellow (2nd to 98th "
    "percentile); grey is not known. Of a confidence the least sure are yellow."
)


class ColourBy(ComboBox):
    """Shown while there are labels with a table: what their colours say.

    It is of the selected layer, else of the latest run, and follows its table.

    Parameters
    ----------
    viewer : Viewer
    latest : callable
        Returns the labels of the latest run, or None.
    failed : callable
        Takes the words of an error.

    Attributes
    ----------
    legend : Label
        Says what the ends of the scale are.
    """

    def __init__(
        self,
        viewer: napari.Viewer,
        latest: Callable[[], Labels | None],
        failed: Callable[[str], None],
    ) -> None:
        self._failed = failed
        self._layers, self._latest = viewer.layers, latest
        self._usual: dict[Any, tuple[str, Any]] = {}  # by what layers are known by
        super().__init__(label="Colour by", choices=[OBJECTS], tooltip=TOOLTIP)
        self.legend = wrapped_label(label="")
        self.legend.visible = False
        self.changed.connect(self._colour)
        for happened in (
            viewer.layers.selection.events.active,
            viewer.layers.events.removed,
        ):
            happened.connect(self.offer)

    def offer(self) -> None:
        """Show what there is to colour by."""
        if not is_open(self.native):
            return
        layer = self._labels()
        self.visible = layer is not None
        if layer is None:
            self.legend.visible = False
            return
        chosen, _ = self._known(layer)
        with self.changed.blocked():
            columns = [name for name in layer.features if name != INDEX]
            self.choices = [OBJECTS, *columns]
            self.value = chosen if chosen in columns else OBJECTS
        self._explain(layer)

    def _explain(self, layer: Labels) -> None:
        is_column = self.value != OBJECTS
        self.legend.value = legend(layer, self.value) if is_column else ""
        self.legend.visible = bool(self.legend.value)

    def _labels(self) -> Labels | None:
        """Return the labels that are meant."""
        for layer in (self._layers.selection.active, self._latest()):
            if isinstance(layer, Labels) and has_table(layer):
                return layer
        return None

    def _known(self, layer: Labels) -> tuple[str, Any]:
        """Return what colours say now, and the usual ones."""
        named = str(layer.colormap.name).removeprefix(BY)
        if named != layer.colormap.name:  # of a widget that was closed
            unknown = named, result_labels()
        else:
            unknown = OBJECTS, layer.colormap
        return self._usual.get(layer.unique_id, unknown)

    def _colour(self, column: str) -> None:
        layer = self._labels()
        if layer is None:
            return
        _, usual = self._known(layer)
        try:
            colours = usual if column == OBJECTS else coloured_by(layer, column)
        except ValueError as error:
            self._failed(str(error))
            self.offer()
            return
        if layer.unique_id not in self._usual:
            layer.events.features.connect(self._follow)
        self._usual[layer.unique_id] = column, usual
        layer.colormap = colours
        self._explain(layer)

    def _follow(self, event: Any) -> None:
        """Colour objects by a table that has changed."""
        if not is_open(self.native):
            return
        layer = event.source
        column, usual = self._usual[layer.unique_id]
        if column in layer.features and layer.features[INDEX].max() <= MOST:
            layer.colormap = coloured_by(layer, column)
        elif column != OBJECTS:
            self._usual[layer.unique_id] = OBJECTS, usual
            layer.colormap = usual
        self.offer()


def coloured_by(layer: Labels, column: str) -> CyclicLabelColormap:
    """Return colours of objects that say what a column of their table holds.

    Parameters
    ----------
    layer : Labels
        With a table.
    column : str
        Numbers, yes and no, or words.

    Raises
    ------
    ValueError
        If an object has too large a number for a colour of its own.
    """
    labels = layer.features[INDEX].to_numpy()
    most = int(labels.max(initial=0))
    if most > MOST:
        raise ValueError(
            f"objects are coloured by a column up to the number {MOST:,}, but there is "
            f"one of the number {most:,}"
        )
    colours = np.tile(np.array(UNKNOWN, np.float32), (max(most + 1, WIDE), 1))
    colours[0] = 0
    values = layer.features[column].to_numpy()
    colours[labels] = _colours(values, column in BRIGHT_IF_LOW)
    return CyclicLabelColormap(colors=colours, name=f"{BY}{column}")


def legend(layer: Labels, column: str) -> str:
    """Say what the ends of the colours are: ``blue 0.98 · yellow 0.12``.

    Empty of a column of words, and where no value is known.

    Parameters
    ----------
    layer : Labels
        With a table.
    column : str
    """
    values = layer.features[column].to_numpy()
    if values.dtype.kind not in "bfiu":
        return ""
    numbers = values.astype(float)
    known = np.isfinite(numbers)
    if not known.any():
        return ""
    ends = list(np.percentile(numbers[known], ENDS))
    if column in BRIGHT_IF_LOW:
        ends.reverse()
    is_yes_or_no = values.dtype.kind == "b"
    low, high = ("no", "yes") if is_yes_or_no else map(figure_text, ends)
    unknown = "" if known.all() else " · grey: not known"
    return f"blue {low} · yellow {high}{unknown}"


def _colours(values: NDArray[Any], is_bright_if_low: bool) -> NDArray[np.float32]:
    """Return a colour for each value, (n, 4)."""
    if values.dtype.kind not in "bfiu":
        words, place = np.unique(values.astype(str), return_inverse=True)
        own = USUAL[1 + np.arange(len(words)) % (len(USUAL) - 1)]
        return np.where((words == "")[:, None], UNKNOWN, own)[place].astype(np.float32)
    numbers = values.astype(float)
    known = np.isfinite(numbers)
    found = np.tile(np.array(UNKNOWN, np.float32), (len(numbers), 1))
    if known.any():
        low, high = np.percentile(numbers[known], ENDS)
        share = np.clip((numbers[known] - low) / ((high - low) or 1), 0, 1)
        if is_bright_if_low:
            share = 1 - share
        found[known] = ensure_colormap(SCALE).map(DARKEST + (1 - DARKEST) * share)
    return found
