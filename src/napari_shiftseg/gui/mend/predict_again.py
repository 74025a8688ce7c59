"""Predicting again what a run has not kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_shiftseg.gui.choices import is_image
from napari_shiftseg.gui.layers import METADATA_KEY
from napari_shiftseg.gui.run import Run
from napari_shiftseg.gui.source import Source
from napari_shiftseg.inference.progress import Progress
from napari_shiftseg.pipeline.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Generator

    import napari
    from napari.layers import Labels

    from napari_shiftseg.interaction.kept import Kept


def run_of(viewer: napari.Viewer, labels: Labels) -> Run:
    """Return the run that made labels.

    Raises
    ------
    ValueError
        If its image is not open.
    """
    record: dict[str, Any] = labels.metadata[METADATA_KEY]
    for layer in viewer.layers:
        if is_image(layer) and layer.name == record["image"]:
            source = Source.of(layer, record["frame"])
            return Run(record["model"], source, Settings(**record["settings"]))
    raise ValueError(
        f"the image {record['image']!r} is not open: open it, then predict again"
    )


def predicted_again(run: Run) -> Generator[Progress, None, Kept]:
    """Predict as a run did, and return what is kept of it."""
    yield Progress(0, 0, stage="loading the model")
    from napari_shiftseg.interaction.kept import Kept
    from napari_shiftseg.model.checkpoint import load_model
    from napari_shiftseg.pipeline.segmentation import segment_steps

    network = load_model(run.model)
    result = yield from segment_steps(run.source.pixels(), network, run.settings)
    return Kept(result, network.config)
