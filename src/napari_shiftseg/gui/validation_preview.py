"""What the network makes of the validation image, as a layer that follows it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from napari_shiftseg.gui.choices import is_result
from napari_shiftseg.gui.layers import METADATA_KEY
from napari_shiftseg.gui.training_pairs import LayerPair

if TYPE_CHECKING:
    import napari
    from napari.layers import Labels

    from napari_shiftseg.gui.training_run import Preview, TrainingTask

HIDDEN = "The layer “validation · …” comes hidden, so as not to cover the labels."
VALIDATION = "validation"  # in the metadata: no labels to train on


class ValidationPreview:
    """A Labels layer that is made at the first validation and then updated in place.

    It is hidden at first where it would cover labels of a run, which may be mended
    meanwhile. Where files are trained on, the validation image is shown, too. A layer
    that the user removes stays away until the next training.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer = viewer
        self._layer: Labels | None = None
        self._task: TrainingTask | None = None

    def begin(self, task: TrainingTask) -> None:
        """Hide what an earlier training has shown; this one gets its own layer."""
        if self._layer is not None:
            self._layer.visible = False
        self._task, self._layer = task, None

    def show(self, preview: Preview) -> None:
        """Show labels; to be called in the GUI thread."""
        if self._layer is None:
            self._layer = self._added(preview)
        elif self._layer in self._viewer.layers:
            self._layer.data = self._data(preview)

    def _added(self, preview: Preview) -> Labels:
        pairs, model = self._task.pairs, self._task.config.name
        selected = self._viewer.layers.selection.active
        if not isinstance(pairs, LayerPair):
            self._viewer.add_image(
                preview.pair.sample.image, name=f"validation image · {pairs.name}"
            )
        layer = self._viewer.add_labels(
            self._data(preview),
            name=f"validation · {pairs.name} · {model}",
            metadata={METADATA_KEY: VALIDATION},
            visible=not self._covers,
            **self._place(preview),
        )
        if selected is not None:
            self._viewer.layers.selection.active = selected
        return layer

    @property
    def note(self) -> str:
        """What is to be known of the layer; empty where it is simply shown."""
        return HIDDEN * self._covers

    @property
    def _covers(self) -> bool:
        layers = self._viewer.layers
        return any(layer.visible and is_result(layer) for layer in layers)

    def _data(self, preview: Preview) -> Any:
        """Return the labels, as one frame of a series where the image is one."""
        series = self._task.config.in_channels == 1
        leading = (1,) * (len(preview.pair.frame) if series and self._is_placed else 0)
        return preview.labels.reshape(*leading, *preview.labels.shape)

    @property
    def _is_placed(self) -> bool:
        return isinstance(self._task.pairs, LayerPair)

    def _place(self, preview: Preview) -> dict[str, Any]:
        if not self._is_placed:
            return {}
        source = replace(self._task.pairs.image, first=preview.pair.frame)
        return source.placed(preview.pair.corner, self._data(preview).ndim)
