"""From embeddings to objects: modes, their connected parts, small ones dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.clustering.components import Components
from napari_shiftseg.clustering.found import Pixels
from napari_shiftseg.clustering.whole import Whole

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.clustering.effort import Effort
    from napari_shiftseg.clustering.found import Find
    from napari_shiftseg.clustering.objects import Objects
    from napari_shiftseg.model.config import Clustering


def cluster_steps(
    embedding: NDArray[Any],
    settings: Clustering,
    foreground: NDArray[np.bool_] | None = None,
    offset: Sequence[int] | None = None,
    neighbourhood: Sequence[int] | None = None,
    device: str = "auto",
    effort: Effort | None = None,
) -> Generator[tuple[int, int], None, Objects]:
    r"""Cluster an embedding into objects; yields (done, total) of its parts.

    Parameters
    ----------
    embedding : ndarray
        (channels, \\*spatial)
    settings : Clustering
        Bandwidth, kernel, scope and what is dropped.
    foreground : ndarray of bool, optional
        (\\*spatial); only these pixels are clustered.
    offset : sequence of int, optional
        Image pixel of the first pixel: subsamples are keyed by image position.
    neighbourhood : sequence of int, optional
        Per axis, about the training window: larger components are clustered in
        overlapping neighbourhoods of this size (scope "component").
    device : str
        Where the mean shift computes.
    effort : Effort, optional
        What may be computed; without it all that is needed.

    Returns
    -------
    Objects

    Raises
    ------
    ValueError
        If the scope is "component" and there is no foreground.
    """
    pixels = Pixels(embedding, offset, device, effort)
    return (yield from to_cluster(pixels, settings, foreground, neighbourhood).steps())


def to_cluster(
    pixels: Pixels,
    settings: Clustering,
    foreground: NDArray[np.bool_] | None,
    neighbourhood: Sequence[int] | None = None,
    find: Find | None = None,
) -> Components | Whole:
    """Return what is to be clustered, nothing of it done yet; see `cluster_steps`.

    Parameters
    ----------
    pixels : Pixels
    settings, foreground, neighbourhood
        See `cluster_steps`.
    find : callable, optional
        Takes the place of ``pixels.find``: one that remembers, for example.
    """
    if settings.scope == "component":
        if foreground is None:
            raise ValueError(
                'scope "component" needs a model with a foreground logit; '
                'take scope "global"'
            )
        return Components(pixels, settings, foreground, neighbourhood, find)
    if foreground is None:
        foreground = np.ones(pixels.embedding.shape[1:], dtype=bool)
    return Whole(pixels, settings, foreground, find)
