"""What the Segment widget runs off the GUI thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_shiftseg.inference.progress import Progress
from napari_shiftseg.pipeline.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari_shiftseg.metrics.seams import SeamScores
    from napari_shiftseg.pipeline.segmentation import Segmentation


@dataclass(frozen=True)
class Outcome:
    """What a run gives: the result, and its seam scores (None for a time series)."""

    result: Segmentation
    seams: SeamScores | None


def segmentation_run(
    model: str, image: Any, settings: dict[str, Any]
) -> Generator[Progress, None, Outcome]:
    """Load the model, segment, score; heavy imports happen here, in the thread."""
    from napari_shiftseg.metrics.seams import seam_scores
    from napari_shiftseg.model.checkpoint import load_model
    from napari_shiftseg.pipeline.segmentation import segment_steps

    yield Progress(0, 0, stage="loading the model")
    network = load_model(model)
    result = yield from segment_steps(image, network, Settings(**settings))
    alone = result.labels.shape == result.plan.output_shape
    return Outcome(
        result, seam_scores(result.embeddings, result.plan) if alone else None
    )
