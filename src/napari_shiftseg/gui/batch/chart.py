"""Counts and areas per condition, as a bar chart that can be saved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magicgui.widgets import PushButton
from superqt.utils import qthrottled

from napari_shiftseg.batch.conditions import conditions
from napari_shiftseg.gui.parts.layout import ControlRow, ControlRows
from napari_shiftseg.gui.parts.plot import Plot

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from magicgui.widgets import Widget

    from napari_shiftseg.batch.order import BatchRow


HEIGHT = 190  # pixels
OFTEN = 1000  # milliseconds from one drawing to the next, while rows come in


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
        self.plot = Plot(theme)
        self.plot.setFixedHeight(HEIGHT)
        self.plot.setToolTip(
            "A bar a condition (the first sub-folder), a dot an image. Objects: the "
            "mean over images; area: the median"
        )
        self.save = PushButton(
            text="Save chart…", tooltip="PNG or SVG: the picture; CSV: the figures"
        )
        super().__init__(ControlRow(beside, self.save))
        self.native.layout().insertWidget(0, self.plot)
        self.visible = False
        self.save.changed.connect(self.plot.ask_where_to_save)
        self.follow_rows = qthrottled(self.draw, timeout=OFTEN)

    def draw(self) -> None:
        """Draw the rows of now; nothing is shown without any."""
        found = conditions(self._rows())
        self.visible = bool(found)
        if not found:
            return
        from napari_shiftseg.report.condition_plot import (
            condition_table,
            draw_conditions,
        )

        self.plot.show_plot(
            lambda figure, colours: draw_conditions(figure, found, colours),
            lambda: condition_table(found),
        )
