"""Counts and areas per condition, as a bar chart that can be saved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magicgui.widgets import PushButton
from superqt.utils import qthrottled

from napari_shiftseg.batch.conditions import conditions, incomparable
from napari_shiftseg.gui.parts.layout import ControlRow, ControlRows, is_open
from napari_shiftseg.gui.parts.plot import Plot
from napari_shiftseg.gui.parts.text_boxes import wrapped_label
from napari_shiftseg.text import sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from magicgui.widgets import Widget

    from napari_shiftseg.batch.conditions import Condition
    from napari_shiftseg.batch.order import BatchRow


HEIGHT = 190  # pixels
SIZE, DPI = (7.0, 3.2), 200  # of a picture that is saved, in inches
OFTEN = 3000  # milliseconds from one drawing to the next, while rows come in


class ConditionPlot(Plot):
    """Saved as a picture it is light and large, whatever stands on the screen."""

    def show_conditions(self, found: Sequence[Condition]) -> None:
        """Draw a bar a condition.

        Parameters
        ----------
        found : sequence of Condition
        """
        from napari_shiftseg.report.condition_plot import (
            condition_table,
            draw_conditions,
        )

        self._found = found
        self.show_plot(
            lambda figure, colours: draw_conditions(figure, found, colours),
            lambda: condition_table(found),
        )

    def save(self, path: Path) -> None:
        """Write the chart, or its figures where the name ends with .csv.

        Raises
        ------
        ValueError
            If there is no such format.
        OSError
            If the file cannot be written.
        """
        kind = path.suffix.lower().removeprefix(".")
        if kind == "csv":
            super().save(path)
            return
        from matplotlib.figure import Figure

        from napari_shiftseg.report.condition_plot import draw_conditions
        from napari_shiftseg.stores.whole_file import whole_or_not_at_all

        figure = Figure(SIZE, DPI)
        draw_conditions(figure, self._found)
        with whole_or_not_at_all(path) as unfinished:
            figure.savefig(unfinished, format=kind or "png")


class ConditionChart(ControlRows):
    """A bar a condition; shown as soon as an image is done.

    Parameters
    ----------
    theme : str
        Of the viewer.
    rows : callable
        Returns those that are shown.
    beside : Widget
        Stands before the button.
    """

    def __init__(
        self, theme: str, rows: Callable[[], Sequence[BatchRow]], beside: Widget
    ) -> None:
        self._rows = rows
        self.plot = ConditionPlot(theme)
        self.plot.setFixedHeight(HEIGHT)
        self.plot.setToolTip(
            "A bar a condition (the first sub-folder), a dot an image. Objects: the "
            "mean over images; area: the median"
        )
        self.save = PushButton(
            text="Save chart…", tooltip="PNG or SVG: the picture; CSV: the figures"
        )
        self.warning = wrapped_label(
            kind="warning", tooltip="Why the bars do not compare like with like"
        )
        super().__init__(self.warning, ControlRow(beside, self.save))
        self.native.layout().insertWidget(0, self.plot)
        self.visible = False
        self.save.changed.connect(self.plot.ask_where_to_save)
        self.follow_rows = qthrottled(self.draw, timeout=OFTEN)

    def draw(self) -> None:
        """Draw the rows of now; nothing is shown without any."""
        if not is_open(self.native):  # closed before it was time to draw
            return
        found, differ = conditions(self._rows()), incomparable(self._rows())
        self.visible = bool(found)
        self.warning.value = "\n".join(sentence(said) for said in differ)
        self.warning.visible = bool(found and differ)
        if not found:
            return
        self.plot.show_conditions(found)
