"""A plot in napari's colours that can be saved as PNG, SVG and CSV."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from magicgui.widgets import show_file_dialog
from napari.utils.notifications import show_error, show_info
from napari.utils.theme import get_theme
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_shiftseg.gui.parts.text_boxes import plainly

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
    from matplotlib.figure import Figure

    from napari_shiftseg.report.figures_of_merit import Table
    from napari_shiftseg.report.plots import Colours

    Draw = Callable[[Figure, Colours], None]


LEAST_HEIGHT = 120  # pixels; below it axes have no room
ON_DARK = {"naive": "#ff9a4d", "cropped": "#56b4e9"}


class Plot(QWidget):
    """A figure that is drawn anew when the theme changes, and can be saved.

    Attributes
    ----------
    drawn : Signal
        Emitted when there is a plot to save.
    """

    drawn = Signal()

    def __init__(self, theme: str) -> None:
        super().__init__()
        self._theme = theme
        self._draw: Draw | None = None
        self._table: Callable[[], Table] | None = None
        self._canvas: FigureCanvasQTAgg | None = None
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)

    def show_plot(self, draw: Draw, table: Callable[[], Table]) -> None:
        """Draw, with what is written when the plot is saved as CSV.

        Parameters
        ----------
        draw : callable
            Takes a figure and colours.
        table : callable
            Returns header and rows.
        """
        self._canvas = self._canvas or self._added_canvas()
        self._draw, self._table = draw, table
        self.set_theme(self._theme)
        self.drawn.emit()

    @property
    def figure(self) -> Figure | None:
        """What is drawn; None: nothing yet."""
        return None if self._canvas is None else self._canvas.figure

    @property
    def is_empty(self) -> bool:
        """Whether there is no plot yet."""
        return self._draw is None

    def set_theme(self, theme: str) -> None:
        """Draw in the colours of another theme."""
        self._theme = theme
        if self._draw is not None and self._canvas is not None:
            self._draw(self._canvas.figure, theme_colours(theme))
            self._canvas.draw_idle()

    def save(self, path: Path) -> None:
        """Write the plot, or its figures where the name ends with .csv.

        Raises
        ------
        ValueError
            If there is no plot yet, or no such format.
        OSError
            If the file cannot be written.
        """
        if self._table is None or self._canvas is None:
            raise ValueError("there is no plot yet: run it first")
        from napari_shiftseg.report.figures_of_merit import write_csv
        from napari_shiftseg.stores.whole_file import whole_or_not_at_all

        kind = path.suffix.lower().removeprefix(".")
        with whole_or_not_at_all(path) as unfinished:
            if kind == "csv":
                write_csv(unfinished, self._table())
            else:
                self._canvas.figure.savefig(unfinished, format=kind or "png")

    def _added_canvas(self) -> FigureCanvasQTAgg:
        from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
        from matplotlib.figure import Figure

        canvas = FigureCanvasQTAgg(Figure())
        canvas.setMinimumHeight(LEAST_HEIGHT)
        self._column.addWidget(canvas)
        return canvas

    def ask_where_to_save(self) -> None:
        """Save where the user says."""
        path = show_file_dialog(
            "w", "Save the plot", filter="PNG (*.png);;SVG (*.svg);;CSV (*.csv)"
        )
        if not path:
            return
        path = path if Path(path).suffix else Path(path).with_suffix(".png")
        try:
            self.save(Path(path))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            show_error(plainly(f"the plot cannot be saved: {reason}"))
        else:
            show_info(plainly(f"saved {path}"))


def _is_light(colour: str) -> bool:
    """Whether a colour like #23242b is nearer to white than to black."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return 0.299 * red + 0.587 * green + 0.114 * blue > 127


def theme_colours(theme: str) -> Colours:
    """Return the colours of a plot in this napari theme."""
    from napari_shiftseg.report.plots import LIGHT

    shown = get_theme(theme)
    lines = {} if _is_light(shown.background.as_hex("long")) else ON_DARK
    return replace(
        LIGHT,
        **lines,
        background=shown.background.as_hex("long"),
        text=shown.text.as_hex("long"),
        grid=shown.primary.as_hex("long"),
        untiled=shown.icon.as_hex("long"),
    )
