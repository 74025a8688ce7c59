"""What is to be compared: image, model, tile size, true labels, region."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from magicgui.widgets import ComboBox
from psygnal import Signal
from qtpy.compat import isalive

from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.geometry.window import as_window
from napari_shiftseg.gui.compare.run import CompareTask
from napari_shiftseg.gui.parts.advanced_rows import IN_VIEW, WHOLE_IMAGE
from napari_shiftseg.gui.parts.choices import (
    OPEN_FIRST,
    LayerChoice,
    is_image,
    is_truth,
    likely_truth,
    may_shrink,
)
from napari_shiftseg.gui.parts.intensity_choice import ColourChoice, IntensityChoice
from napari_shiftseg.gui.parts.models import ModelChoice
from napari_shiftseg.gui.parts.rows import ControlRow, ControlRows
from napari_shiftseg.gui.parts.source import (
    layer_shape,
    leading_axes,
    region_in_view,
    source_in_view,
)
from napari_shiftseg.gui.parts.window_choice import WindowChoice
from napari_shiftseg.pipeline.settings import Settings

if TYPE_CHECKING:
    import napari
    from napari.layers import Image, Labels

    from napari_shiftseg.geometry.tiling import TilePlan
    from napari_shiftseg.geometry.window import Stitching
    from napari_shiftseg.gui.segment.form import SegmentForm

WINDOW_WIDTH = 80  # pixels: 24x96x96
REGION_WIDTH = 132  # pixels: what is left goes to names of layers


class CompareForm(ControlRows):
    """The controls of a comparison, and the task they stand for.

    Parameters
    ----------
    viewer : napari.Viewer

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
            tooltip="Labels drawn by hand, if there are any: then false splits, false "
            "merges and AP50 are counted",
        )  # fmt: skip
        self.region = ComboBox(
            choices=(WHOLE_IMAGE, IN_VIEW), label="Region",
            tooltip="What is compared: all of the image, or the part that napari shows",
        )  # fmt: skip
        super().__init__(
            ControlRow(self.image, self.colour, self.model, labels=True),
            ControlRow(self.window, self.truth, self.region, labels=True),
            ControlRow(self.intensity, labels=True),
        )
        may_shrink(self.region)
        self.window.max_width = WINDOW_WIDTH
        self.region.max_width = REGION_WIDTH
        self._connect()
        self.model.suggest(self.image.value)
        self.window.follow(self.model.config.usual_window)
        self._choose_image(self.image.value)

    def _connect(self) -> None:
        self.truth.changed.connect(self._truth_changed)
        for control in (self.colour, self.window, self.truth, self.region,
                        self.intensity):  # fmt: skip
            control.changed.connect(lambda: self.edited.emit())
        self.image.changed.connect(self.model.suggest)
        self.image.changed.connect(self._choose_image)
        self.model.chosen.connect(self._choose_model)
        layers = self._viewer.layers.events
        layers.inserted.connect(self._take_truth, position="last")
        layers.removed.connect(self._tell, position="last")

    def follow(self, form: SegmentForm, opening: bool = False) -> None:
        """Take what Segment has, but for what the user has chosen here himself."""
        self.image.follow(form.image, opening)
        self.colour.value = form.colour.value
        self.model.follow(form.model)
        self.intensity.follow(form.intensity)
        self._settings = form.chosen_settings()
        self._model_of_settings = form.model.value
        if self.model.value == form.model.value:
            with suppress(ValueError):  # none is written there
                window = as_window(form.window.window(), form.config.ndim)
                self.window.follow(window)
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
        return f"As in Segment: {said}." if said else ""

    def _choose_image(self, image: Image | None) -> None:
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
        if not isalive(self.native):
            return
        image = self.image.value
        if image is not None and self.truth.value is None:
            own = self._own_truth(image)
            if own is event.value:
                self._preselect(own)
        self.edited.emit()

    def _tell(self) -> None:
        if isalive(self.native):
            self.edited.emit()

    def _choose_model(self) -> None:
        self.window.follow(self.model.config.usual_window)
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
        if self.region.value == IN_VIEW:
            region = region_in_view(image, dims, config.ndim)
        source = source_in_view(image, dims, leading, self.colour.value)
        settings = Settings(
            window=window, region=region, **self.intensity.settings(),
            **self.as_in_segment,
        )  # fmt: skip
        return CompareTask(self.model.value, source, settings, *self._truth())

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
        """Return the tiles of a task of this image."""
        shape, settings = self.model.config.shape, task.settings
        size = layer_shape(self.image.value)[-shape.ndim :]
        return plan_tiles(
            size, shape, settings.window, stitching, settings.border, settings.region
        )
