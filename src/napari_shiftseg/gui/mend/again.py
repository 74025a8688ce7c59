"""Predict again: what a run kept is made anew, so that its labels can be mended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_shiftseg.gui.mend.handover import predicted_again, run_of
from napari_shiftseg.gui.mend.part import AGAIN, doubt_of, part_run, shown_part_of
from napari_shiftseg.gui.parts.records import KEPT
from napari_shiftseg.gui.parts.run_panel import RunPanel
from napari_shiftseg.gui.parts.segmentation_run import (
    SegmentationOutcome,
    segmentation_run,
)
from napari_shiftseg.gui.parts.stored_labels import is_stored

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    import napari

    from napari_shiftseg.gui.parts.choices import LayerChoice
    from napari_shiftseg.progress import Progress
    from napari_shiftseg.relabelling.relabel import Kept


class PredictAgain(RunPanel):
    """Predicts the embeddings of chosen labels; of labels on disk, a part of them.

    Parameters
    ----------
    viewer : napari.Viewer
    result : LayerChoice
        Of the labels; a part of those on disk is chosen in their place.
    changed : callable
        Called when a run begins or ends.
    say : callable
        Takes what the user should read, and its kind.
    """

    def __init__(
        self,
        viewer: napari.Viewer,
        result: LayerChoice,
        changed: Callable[[], None],
        say: Callable[[str, str], None],
    ) -> None:
        self._viewer, self._result, self._tell = viewer, result, say
        self._layer: Any = None  # that it is made for
        super().__init__(
            self._predict_steps, self._keep, changed,
            caption=AGAIN, cancelled="Cancelled: nothing was kept.",
            tooltip="Predict the embeddings of this run again; the labels stay.",
        )  # fmt: skip

    def _predict_steps(self) -> Generator[Progress, None, Kept | SegmentationOutcome]:
        self._layer = layer = self._result.value
        if is_stored(layer):
            return segmentation_run(part_run(self._viewer, layer))
        return predicted_again(run_of(self._viewer, layer))

    def _keep(self, kept: Kept | SegmentationOutcome) -> tuple[str, str]:
        layer, self._layer = self._layer, None
        if isinstance(kept, SegmentationOutcome):
            layer.visible = False
            self._result.value = part = shown_part_of(self._viewer, kept)
            self._tell(doubt_of(layer, part, self._viewer), "note")
            return "", "note"
        KEPT.keep(layer, kept)
        return "Predicted again.", "note"
