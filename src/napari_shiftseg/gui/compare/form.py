"""What is compared, or swept: image, model, tile sizes, true labels, region."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from magicgui.widgets import LineEdit
from psygnal import Signal
from qtpy.QtWidgets import QGraphicsOpacityEffect, QVBoxLayout, QWidget

from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.geometry.window import as_window, parse_windows, window_text
from napari_shiftseg.gui.compare.left import LeftChoice
from napari_shiftseg.gui.compare.run import CompareTask, SweepOutcome, sweep_run
from napari_shiftseg.gui.parts.choices import (
    OPEN_FIRST,
    ColourChoice,
    LayerChoice,
    is_image,
    is_truth,
    likely_truth,
    may_shrink,
)
from napari_shiftseg.gui.parts.intensity_choice import IntensityChoice
from napari_shiftseg.gui.parts.large import follow_size, part_in_view
from napari_shiftseg.gui.parts.layout import (
    ControlRow,
    ControlRows,
    control_of,
    is_open,
)
from napari_shiftseg.gui.parts.models import ModelChoice, leading_axes
from napari_shiftseg.gui.parts.plot import Plot
from napari_shiftseg.gui.parts.run_panel import RunPanel
from napari_shiftseg.gui.parts.source import (
    layer_shape,
    source_in_view,
)
from napari_shiftseg.gui.parts.text_boxes import wrapped_label
from napari_shiftseg.gui.parts.viewer import RegionChoice, region_in_view
from napari_shiftseg.gui.parts.window_advice import WindowChoice, check_views_of
from napari_shiftseg.pipeline.glossary import terms
from napari_shiftseg.pipeline.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    import napari
    from napari.layers import Image, Labels

    from napari_shiftseg.geometry.tiling import TilePlan
    from napari_shiftseg.geometry.window import Stitching
    from napari_shiftseg.gui.segment.form import SegmentForm
    from napari_shiftseg.pipeline.sweep import SweepPoint
    from napari_shiftseg.progress import Progress


WINDOW_WIDTH = 80  # pixels: 24x96x96
REGION_WIDTH = 132  # pixels: what is left goes to names of layers


class CompareForm(ControlRows):
    """The controls of a comparison, and the task they stand for.

    Attributes
    ----------
    edited : Signal
        Emitted when the controls, or the layers they list, have changed.
    model_chosen : Signal
        Emitted when another model is chosen, before `edited`.
    """

    edited = Signal()
    model_chosen = Signal()

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer = viewer
        self._is_preselected = False  # the truth, and not by the user
        self._settings: dict[str, Any] = {}  # of Segment, on its model
        self._model_of_settings = ""
        self._is_rescaled = False  # in Segment
        self._is_large = False
        self.image = LayerChoice(
            viewer, is_image, label="Image", tooltip="The image that is predicted twice"
        )
        self.colour = ColourChoice(self.image)
        self.model = ModelChoice()
        self.intensity = IntensityChoice(
            self.image, lambda: self.model.config, self.colour, is_wide=True
        )
        self.model.chosen.connect(self.intensity.refresh)
        self.window = WindowChoice()
        self.truth = LayerChoice(
            viewer, is_truth, follows_selection=False, nullable=True,
            label="True labels",
            tooltip="Labels drawn by hand, if you have any: with them false splits, "
            "false merges and AP50 are counted",
        )  # fmt: skip
        self.region = RegionChoice("compared")
        self.views = control_of(terms(Settings)["views"], label="Views")
        self.left = LeftChoice()
        super().__init__(
            ControlRow(self.image, self.colour, self.model, labels=True),
            ControlRow(self.window, self.truth, self.region, self.views, labels=True),
            ControlRow(self.intensity, labels=True),
            self.left,
        )
        may_shrink(self.region)
        self.window.max_width = WINDOW_WIDTH
        self.region.max_width = REGION_WIDTH
        self._connect()
        self.model.suggest(self.image.value)
        self._follow_model()
        self._choose_image(self.image.value)

    def _follow_model(self) -> None:
        """Show its ways to tile and usual window; one of three sizes is not cut off."""
        config = self.model.config
        self.left.follow(config)
        self.window.min_width = WINDOW_WIDTH if config.ndim > 2 else 0
        self.window.follow(config.usual_window)

    def _connect(self) -> None:
        self.truth.changed.connect(self._truth_changed)
        for control in (self.colour, self.window, self.truth, self.region,
                        self.views, self.intensity, self.left):  # fmt: skip
            control.changed.connect(lambda: self.edited.emit())
        self.image.changed.connect(self.model.suggest)
        self.image.changed.connect(self._choose_image)
        self.model.chosen.connect(self._choose_model)
        layers = self._viewer.layers.events
        layers.inserted.connect(self._take_truth, position="last")
        layers.removed.connect(self._tell, position="last")

    def follow(self, form: SegmentForm, opening: bool = False) -> None:
        """Take what Segment has, but for what the user has chosen here himself.

        Parameters
        ----------
        form : SegmentForm
        opening : bool
            Whether this widget is being opened; see `LayerChoice.follow`.
        """
        self.image.follow(form.image, opening)
        self.colour.value = form.colour.value
        self.model.follow(form.model)
        self.intensity.follow(form.intensity)
        self._settings = form.chosen_settings()
        self.views.value = self._settings.pop("views", 1)
        self._is_rescaled = self._settings.pop("diameter", None) is not None
        self._model_of_settings = form.model.value
        if self.model.value == form.model.value:
            usual = form.config.usual_window  # the cheapest may show no seams
            with suppress(ValueError):  # none is written there
                window = usual if form.window.is_cheapest else form.window.window()
                self.window.follow(as_window(window, form.config.ndim))
        self.edited.emit()

    @property
    def as_in_segment(self) -> dict[str, Any]:
        """Settings of Segment that are not the model's, while it is the same model."""
        is_same = self._model_of_settings == self.model.value
        return self._settings if is_same else {}

    @property
    def settings_note(self) -> str:
        """Say which settings are those of Segment; empty where all are the model's."""
        said = ", ".join(
            f"{name.replace('_', ' ')} {value}"
            for name, value in self.as_in_segment.items()
        )
        lines = [f"As in Segment: {said}."] if said else []
        if self._is_rescaled:
            lines.append("The image is compared as it is, without the diameter.")
        return " ".join(lines)

    def _choose_image(self, image: Image | None) -> None:
        self._is_large = follow_size(self.region, image, self._is_large)
        if image is not None:
            own = self._own_truth(image)
            if own is not None or self._is_preselected or not self._fits():
                self._preselect(own)
        self.edited.emit()

    def _own_truth(self, image: Image) -> Labels | None:
        """Return the likely truth of an image, and not what is named after another."""
        images = [layer for layer in self.image.choices if layer is not image]
        others = {f"{other.name} · truth" for other in images}
        labels = (layer for layer in self.truth.choices if layer is not None)
        return likely_truth(image, [la for la in labels if la.name not in others])

    def _preselect(self, truth: Labels | None) -> None:
        self.truth.value = truth
        self._is_preselected = True

    def _truth_changed(self) -> None:
        self._is_preselected = False

    def _take_truth(self, event: Any) -> None:
        """Take labels that come after the image they belong to."""
        if not is_open(self.native):
            return
        image = self.image.value
        if image is not None and self.truth.value is None:
            own = self._own_truth(image)
            if own is event.value:
                self._preselect(own)
        self.edited.emit()

    def _tell(self) -> None:
        if is_open(self.native):
            self.edited.emit()

    def _choose_model(self) -> None:
        self._follow_model()
        self.model_chosen.emit()
        self.edited.emit()

    def task(self) -> CompareTask:
        """Return what the controls say.

        Raises
        ------
        ValueError
            If it cannot be carried out.
        """
        return self._task(self.window.window())

    def task_of_all_windows(self) -> CompareTask:
        """Return what the controls say but for the tile size; see `task`."""
        return self._task(None)

    def _task(self, window: int | tuple[int, ...] | None) -> CompareTask:
        image, config = self.image.value, self.model.config
        if image is None:
            raise ValueError(OPEN_FIRST)
        leading, dims = leading_axes(image, config), self._viewer.dims
        region = None
        if self.region.is_in_view:
            seen = part_in_view if self._is_large else region_in_view
            region = seen(image, self._viewer, config.ndim)
        source = source_in_view(image, dims, leading, self.colour.value)
        settings = Settings(
            window=window, region=region, views=self.views.value,
            **self.intensity.settings(), **self.as_in_segment,
        )  # fmt: skip
        check_views_of(image, settings, config)
        is_part = self._is_large and region is not None
        known = self.intensity.scale if is_part and source.channel is None else None
        truth = self._truth()
        left = self.left.checked(config, settings)
        return CompareTask(
            self.model.value, source, settings, *truth, is_part, known, left
        )

    def _truth(self) -> tuple[Any, tuple[int, ...]]:
        """Return the true labels, unread, and which frame of them is in view.

        They have the shape of the image, or of one frame of it.
        """
        layer, ndim = self.truth.value, self.model.config.ndim
        if layer is None:
            return None, ()
        shape, expected = layer_shape(layer), layer_shape(self.image.value)
        if not self._fits():
            raise ValueError(
                f"the true labels have the shape {shape}, the image {expected}: "
                f"choose other labels, or none"
            )
        source = source_in_view(layer, self._viewer.dims, len(shape) - ndim)
        return replace(source, first=()).pixels(), source.first

    def _fits(self) -> bool:
        """Whether the true labels, if any, have the shape of the image or a frame."""
        if self.truth.value is None:
            return True
        expected, ndim = layer_shape(self.image.value), self.model.config.ndim
        return layer_shape(self.truth.value) in (expected, expected[-ndim:])

    def plan(self, task: CompareTask, stitching: Stitching) -> TilePlan:
        """Return the tiles of a task of this image.

        Parameters
        ----------
        task : CompareTask
        stitching : {"cropped", "naive", "whole"}
        """
        shape, settings = self.model.config.shape, task.settings
        size = layer_shape(self.image.value)[-shape.ndim :]
        return plan_tiles(
            size, shape, settings.window, stitching, settings.border, settings.region
        )


OUTDATED = "These results are of earlier settings: press Sweep again."
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
        self, task: Callable[[], CompareTask], changed: Callable[[], None], theme: str
    ) -> None:
        super().__init__()
        self._task = task
        self._swept: CompareTask | None = None
        self._offered = ""
        self.points: list[SweepPoint] = []
        self.windows = LineEdit(
            label="Tile sizes",
            tooltip="Tile sizes to try, in pixels: 16, 20, 24 or, one value per axis, "
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
        self.outdated = wrapped_label(OUTDATED, "warning", visible=False)
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

    def _steps(self) -> Generator[Progress, None, SweepOutcome]:
        windows = parse_windows(self.windows.value)
        self._swept, self.points = self._task(), []
        self.panel.cancelled = (
            f"{self._swept.name}: cancelled, the points found so far are shown."
        )
        return sweep_run(self._swept, windows)

    def points_of(self, task: CompareTask) -> list[SweepPoint]:
        """Return the points, if they are of this image and model; else none."""
        same = self._swept is not None and self._swept.is_of_the_same_region(task)
        return self.points if same else []

    def mark_outdated(self, task: CompareTask | None) -> None:
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

    def _finished(self, swept: SweepOutcome) -> tuple[str, str]:
        self.points = swept.points
        self._draw()
        return swept.said, "note"

    def _draw(self) -> None:
        from napari_shiftseg.report.figures_of_merit import sweep_table
        from napari_shiftseg.report.plots import draw_sweep

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
