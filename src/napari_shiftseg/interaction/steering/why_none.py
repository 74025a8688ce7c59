"""Why a clustering finds no object: what made them go, measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

from napari_shiftseg.inference.progress import Returning

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari_shiftseg.inference.progress import Progress
    from napari_shiftseg.interaction.steering.relabelling import Relabelling
    from napari_shiftseg.model.config import Clustering
    from napari_shiftseg.pipeline.segmentation import Prediction


def why_none_steps(
    relabelling: Relabelling, clustering: Clustering
) -> Generator[Progress, None, str]:
    """Say what made all objects of a frame go; yields `Progress`.

    Either no pixel is foreground, or every object is below the minimum size (all are
    found once more without it), or all pixels have the mode of the background.

    Parameters
    ----------
    relabelling : Relabelling
        Of the frame.
    clustering : Clustering
        That finds no object in it.

    Returns
    -------
    str
        As it stands after "0 objects: ".
    """
    nothing = _no_foreground(relabelling.prediction, clustering.foreground_threshold)
    if nothing:
        return nothing
    all_sizes = clustering.model_copy(update={"min_size": 0})
    found = Returning(relabelling.steps(all_sizes))
    yield from found
    sizes = np.bincount(found.value.labels.ravel())[1:]
    if not len(sizes):
        return "all pixels have the mode of the background"
    number = f"all {len(sizes):,} found are" if len(sizes) > 1 else "the one found is"
    return (
        f"{number} smaller than {clustering.min_size:,} px (Minimum size); the largest "
        f"has {sizes.max():,}"
    )


def _no_foreground(prediction: Prediction, threshold: float) -> str:
    """Say so if no pixel is foreground."""
    foreground, logit = prediction.foreground(threshold), prediction.logit
    if foreground is None or logit is None or foreground.any():
        return ""
    most = float(expit(np.max(logit, initial=-np.inf)))
    return f"no pixel is foreground above {threshold:g} (the highest is {most:.2g})"
