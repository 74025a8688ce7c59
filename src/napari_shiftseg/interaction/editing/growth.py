"""Objects grown from a pixel, or from a part that was found."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage
from scipy.special import expit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from napari_shiftseg.interaction.editing.boxes import Box

SHARE = 0.2  # of the start's probability: 0.15 to 0.2 match most missed nuclei
FAINTEST = 0.003  # probability: of 1,225 clicks on empty ground 99.8 % lie below it,
# of 75 on nuclei that were missed 24 %, 1 of which growth would match
DIM = 0.1  # quantile of the start's probability that is meant: its dim outline
REACH = 1.25  # typical radii: 0.75 to 1.5 match as many
FIRST_REACH = 16  # pixels, where there is no object yet to learn a size from


def reach_of(boxes: Iterable[Box]) -> int:
    """Return how far, in pixels, something grows among objects of these boxes.

    1.25 times the median radius, that of a box being half the geometric mean of its
    edges.
    """
    edges = np.array([[s.stop - s.start for s in box] for box in boxes])
    if not edges.size:
        return FIRST_REACH
    radii = np.exp(np.log(edges).mean(axis=1)) / 2
    return ceil(REACH * float(np.median(radii)))


def stands_out(logit: Any) -> bool:
    """Whether a pixel is foreground with a probability from which something can grow.

    That is 0.003 or more. On nuclei of the Data Science Bowl, what lies below is empty
    ground, and growth would cover the whole reach with it.

    Parameters
    ----------
    logit : number
        Of the foreground.
    """
    return bool(expit(float(logit)) >= FAINTEST)


def as_bright(logit: NDArray[Any], start: NDArray[np.bool_]) -> NDArray[np.bool_]:
    r"""Whether a pixel is foreground with a fifth of the start's probability or more.

    Of a start of many pixels the dim ones are meant, that is the first decile. Growth
    that starts from a wider outline is therefore held to a lower threshold, though
    never to one below 0.003; see `stands_out`.

    Parameters
    ----------
    logit : ndarray
        (\\*window), of the foreground.
    start : ndarray of bool
        (\\*window), what grows.
    """
    probability = expit(np.asarray(logit, dtype=np.float64))
    threshold = max(SHARE * np.quantile(probability[start], DIM), FAINTEST)
    enough: NDArray[np.bool_] = probability >= threshold
    return enough


def as_near(
    embedding: NDArray[Any], start: NDArray[np.bool_], bandwidth: float
) -> NDArray[np.bool_]:
    r"""Whether a pixel's embedding lies within a bandwidth of the start's mean.

    Parameters
    ----------
    embedding : ndarray
        (channels, \\*window)
    start : ndarray of bool
        (\\*window), what grows.
    bandwidth : float
        In units of the embedding.
    """
    channels = (slice(None), *(None,) * start.ndim)
    mean = embedding[:, start].mean(axis=1, dtype=np.float64)
    near: NDArray[np.bool_] = ((embedding - mean[channels]) ** 2).sum(
        axis=0
    ) <= bandwidth**2
    return near


def grown(
    labels: NDArray[np.integer],
    similar: NDArray[np.bool_],
    start: NDArray[np.bool_],
    reach: int,
) -> NDArray[np.bool_]:
    r"""Let an object, or one pixel of background, grow over pixels like it.

    It gains pixels that no object has, that are connected with it (over faces) by
    others like them and lie no farther from it than the reach, and the holes they
    leave. One pixel of background gains only what is not nearer to an object.

    Parameters
    ----------
    labels : ndarray of int
        (\\*window), as far around the start as the reach.
    similar : ndarray of bool
        (\\*window), see `as_bright` and `as_near`.
    start : ndarray of bool
        (\\*window), an object or a pixel of background.
    reach : int
        In pixels.

    Returns
    -------
    ndarray of bool
        (\\*window), the start and all that it gained.
    """
    is_free, is_other = labels == 0, (labels > 0) & ~start
    away = ndimage.distance_transform_edt(~start)
    open_to = similar & is_free & (away <= reach)
    if is_free[start].any() and is_other.any():
        open_to &= away <= ndimage.distance_transform_edt(~is_other)
    parts, _ = ndimage.label(open_to | start)
    whole = ndimage.binary_fill_holes(np.isin(parts, np.unique(parts[start])))
    after: NDArray[np.bool_] = (whole & is_free) | start
    return after
