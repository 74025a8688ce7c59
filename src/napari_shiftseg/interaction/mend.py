"""The objects of a run, mended."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_shiftseg.interaction.replay import Replayed, replay
from napari_shiftseg.pipeline.segmentation import Prediction, Segmentation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_shiftseg.interaction.edits import Edit
    from napari_shiftseg.model.unet import UNet


def mend(
    result: Segmentation, model: UNet, edits: Sequence[Edit]
) -> tuple[Segmentation, Replayed]:
    """Make edits on the objects of a run.

    Parameters
    ----------
    result : Segmentation
    model : UNet
        That made it.
    edits : sequence of Edit
        The oldest first.

    Returns
    -------
    Segmentation, Replayed
        The run with mended labels and the notes of the edits; what became of these.
    """
    clustering = result.settings.clustering(model.config)
    predicted = Prediction(result.embeddings, result.foreground, result.plan, ())
    embedding = result.embeddings
    if clustering.kernel == "von-mises-fisher":
        length = np.linalg.norm(embedding, axis=0, keepdims=True)
        embedding = embedding / np.maximum(length, np.finfo(embedding.dtype).tiny)
    outcome = replay(
        edits,
        result.labels,
        embedding,
        predicted.foreground(clustering.foreground_threshold),
        clustering.bandwidth,
        result.offset,
        result.labels.ndim - result.plan.shape.ndim,
    )
    notes = (*result.notes, *outcome.notes)
    return replace(
        result, labels=outcome.labels.astype(np.int32, copy=False), notes=notes
    ), outcome
