"""The objects of a run, mended."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.interaction.editing.replay import Replayed, replay
from napari_shiftseg.pipeline.segmentation import Prediction, Segmentation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.interaction.editing.edits import Edit
    from napari_shiftseg.model.config import Clustering
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
    outcome = replay(
        edits,
        result.labels,
        measured_by(clustering, result.embeddings),
        predicted.foreground(clustering.foreground_threshold),
        clustering.bandwidth,
        result.offset,
        result.labels.ndim - result.plan.shape.ndim,
        result.foreground,
    )
    notes = (*result.notes, *outcome.notes)
    return replace(
        result, labels=outcome.labels.astype(np.int32, copy=False), notes=notes
    ), outcome


def measured_by(clustering: Clustering, embedding: NDArray[Any]) -> NDArray[Any]:
    r"""Return an embedding whose distances are those of a kernel.

    Of unit length for von Mises-Fisher, else as it is; (channels, \\*spatial).
    """
    if clustering.kernel != "von-mises-fisher":
        return embedding
    length = np.linalg.norm(embedding, axis=0, keepdims=True)
    unit: NDArray[Any] = embedding / np.maximum(length, np.finfo(embedding.dtype).tiny)
    return unit
