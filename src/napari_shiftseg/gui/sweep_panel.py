"""The window sweep: scores against the window, point by point."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magicgui.widgets import LineEdit
from qtpy.QtWidgets import QGraphicsOpacityEffect, QVBoxLayout, QWidget

from napari_shiftseg.geometry.window import parse_windows, window_text
from napari_shiftseg.gui.comparison_run import Swept, Task, sweep_run
from napari_shiftseg.gui.note import dress, wrapped_label
from napari_shiftseg.gui.plot import Plot
from napari_shiftseg.gui.run_panel import RunPanel

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from napari_shiftseg.inference.progress import Progress
    from napari_shiftseg.pipeline.sweep import SweepPoint

OUTDATED = "Of an earlier setting: press Sweep again."
FADED = 0.4  # opacity of what is of an earlier setting


class SweepPanel(QWidget):
    """Windows to try, a button that tries them, and the plot of what comes out.

    Parameters
    ----------
    task : callable
        Returns what is to be segmented, or raises ValueError.
    changed : callable
        Called whenever a sweep has begun or has ended.
    theme : str
        Of the napari viewer.
    """

    def __init__(
        self, task: Callable[[], Task], changed: Callable[[], None], theme: str
    ) -> None:
        super().__init__()
        self._task = task
        self._swept: Task | None = None
        self._offered = ""
        self.points: list[SweepPoint] = []
        self.windows = LineEdit(
            label="Tile sizes",
            tooltip="Windows to try, in pixels: 16, 20, 24 or, one value an axis, "
            "24x96x96, 32x96x96",
        )
        self.panel = RunPanel(
            self._steps,
            self._finished,
            changed,
            caption="Sweep",
            progressed=self._take_point,
            beside=[self.windows],
            tooltip="Predict the image with naive tiles of each of these sizes",
        )
        self.plot = Plot(theme)
        self.outdated = wrapped_label(OUTDATED)
        dress(self.outdated, "warning")
        self.outdated.visible = False
        self._fades = [_fade(part) for part in (self.plot, self.panel.result.native)]
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 4, 4, 4)
        column.addWidget(self.panel.native)
        column.addWidget(self.outdated.native)
        column.addWidget(self.plot, stretch=1)

    def offer(self, windows: Sequence[tuple[int, ...]]) -> None:
        """Suggest windows for another model, unless the user chose some."""
        is_untouched = self.windows.value == self._offered
        self._offered = ", ".join(window_text(window) for window in windows)
        if is_untouched:
            self.windows.value = self._offered

    def _steps(self) -> Generator[Progress, None, Swept]:
        windows = parse_windows(self.windows.value)
        self._swept, self.points = self._task(), []
        self.panel.cancelled = (
            f"{self._swept.name}: cancelled, the points found so far are shown."
        )
        return sweep_run(self._swept, windows)

    def points_of(self, task: Task) -> list[SweepPoint]:
        """Return the points, if they are of this image and model; else none."""
        same = self._swept is not None and self._swept.is_of_the_same_region(task)
        return self.points if same else []

    def mark_outdated(self, task: Task | None) -> None:
        """Mark the points as those of another task than this one, or no longer."""
        of_it = [] if task is None else self.points_of(task)
        self.outdated.visible = outdated = self.points != of_it
        for fade in self._fades:
            fade.setEnabled(outdated)

    def _take_point(self, progress: Progress) -> None:
        point = getattr(progress, "point", None)
        if point is not None:
            self.points.append(point)
            self._draw()

    def _finished(self, swept: Swept) -> tuple[str, str]:
        self.points = swept.points
        self._draw()
        return swept.said, "note"

    def _draw(self) -> None:
        from napari_shiftseg.report.plots import draw_sweep
        from napari_shiftseg.report.tables import sweep_table

        points = list(self.points)
        self.plot.show_plot(
            lambda figure, colours: draw_sweep(figure, points, colours),
            lambda: sweep_table(points),
        )


def _fade(part: QWidget) -> QGraphicsOpacityEffect:
    """Return what shows a widget pale while it is enabled; it is not yet."""
    fade = QGraphicsOpacityEffect(part)
    fade.setOpacity(FADED)
    fade.setEnabled(False)
    part.setGraphicsEffect(fade)
    return fade
