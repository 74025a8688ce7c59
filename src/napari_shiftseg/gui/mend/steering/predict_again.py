"""Predicting again what a run has not kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_shiftseg.gui.identity import recorded_source
from napari_shiftseg.gui.layers import METADATA_KEY
from napari_shiftseg.gui.mend.corrections import image_of
from napari_shiftseg.gui.run import Run
from napari_shiftseg.inference.progress import Progress
from napari_shiftseg.pipeline.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Generator

    import napari
    from napari.layers import Labels

    from napari_shiftseg.interaction.steering.kept import Kept


def run_of(viewer: napari.Viewer, labels: Labels) -> Run:
    """Return the run that made labels.

    Raises
    ------
    ValueError
        If its image is not open.
    """
    record: dict[str, Any] = labels.metadata[METADATA_KEY]
    source = recorded_source(record, image_of(viewer, labels))
    return Run(record["model"], source, Settings(**record["settings"]))


def predicted_again(run: Run) -> Generator[Progress, None, Kept]:
    """Predict as a run did, and return what is kept of it."""
    yield Progress(0, 0, stage="loading the model")
    from napari_shiftseg.interaction.steering.kept import Kept
    from napari_shiftseg.model.checkpoint import load_model
    from napari_shiftseg.pipeline.segmentation import segment_steps

    network = load_model(run.model)
    result = yield from segment_steps(run.source.pixels(), network, run.settings)
    return Kept(result, network.config)
