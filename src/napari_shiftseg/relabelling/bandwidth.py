"""The bandwidth that agrees best with a few objects known to be right."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from math import log, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit

from napari_shiftseg.clustering.components import Components
from napari_shiftseg.metrics.label_image import contingency
from napari_shiftseg.progress import Progress, Returning, saying

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from numpy.typing import ArrayLike, NDArray

    from napari_shiftseg.clustering.components import Steps
    from napari_shiftseg.clustering.settings import Clustering
    from napari_shiftseg.pipeline.result import Prediction
    from napari_shiftseg.relabelling.relabel import Relabelling


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


FACTORS = (1 / 4, 1 / 2.8, 1 / 2, 1 / 1.4, 1.0, 1.4, 2.0, 2.8, 4.0)
FINER = (1.4**-0.5, 1.4**0.5)  # about the best of these
DIGITS = 9  # of an agreement; a difference below comes of rounding


@dataclass(frozen=True)
class BestBandwidth:
    r"""What was tried, and what agreed best with the marked objects.

    An agreement is the mean over marked objects m of the best overlap with an object o,
    :math:`\max_o |m \cap o| / |m \cup o|`. 1: all are found exactly.
    """

    # the best one. Of equals the present one, if it is among them, else the one in the
    # middle of their longest run
    bandwidth: float
    agreement: float  # of the best one
    present: float  # the present bandwidth
    before: float  # its agreement
    # ends of the run of bandwidths around the best one that agree as well as it
    as_good: tuple[float, float]
    # every bandwidth and its agreement, ascending by bandwidth
    tried: tuple[tuple[float, float], ...]


def best_bandwidth_steps(
    relabelling: Relabelling, clustering: Clustering, marked: ArrayLike
) -> Generator[Progress, None, BestBandwidth]:
    r"""Find the bandwidth that agrees best with marked objects; yields `Progress`.

    Bandwidths from a quarter to four times the present one are tried, then two about
    the best of them. Only components that marked objects touch are clustered.

    Parameters
    ----------
    relabelling : Relabelling
        Of the frame.
    clustering : Clustering
        The present one; all but its bandwidth stays.
    marked : array_like of int
        (\*spatial), 0 where nothing is marked, else the number of a marked object; or
        (masks, \*spatial) of bool, one an object.

    Raises
    ------
    ValueError
        If nothing is marked, or the shape is not that of the frame.
    """
    objects = _checked(marked, relabelling.prediction.embedding.shape[1:])
    total = len(FACTORS) + len(FINER)
    present, agreements = clustering.bandwidth, dict[float, float]()

    for factors in (FACTORS, FINER):
        centre = best_of(agreements, present)[0] if agreements else present
        for bandwidth in (centre * factor for factor in factors):
            so_far = Progress(len(agreements), total, stage="clustering")
            yield so_far
            tried = clustering.model_copy(update={"bandwidth": bandwidth})
            labels = yield from saying(so_far, _labelled(relabelling, tried, objects))
            agreements[bandwidth] = agreement(objects, labels)
    yield Progress(total, total, stage="clustering")
    found, run = best_of(agreements, present)
    return BestBandwidth(
        found,
        agreements[found],
        present,
        agreements[present],
        (run[0], run[-1]),
        tuple(sorted(agreements.items())),
    )


def agreement(marked: list[NDArray[np.bool_]], labels: NDArray[Any]) -> float:
    """Return the mean overlap of each marked object with its best object.

    Parameters
    ----------
    marked : list of ndarray of bool
        A mask an object.
    labels : ndarray of int
    """
    return float(np.mean([_overlap(mask, labels) for mask in marked]))


def best_of(
    agreements: Mapping[float, float], present: float
) -> tuple[float, list[float]]:
    """Return the best bandwidth, and the run of those that agree as well.

    Of several runs the longest, by the ratio of its ends, or of such the nearest to the
    present bandwidth; see `BestBandwidth`.

    Parameters
    ----------
    agreements : mapping of float to float
        Every bandwidth that was tried, and its agreement.
    present : float
    """
    runs = _best_runs(agreements)
    for run in runs:
        if present in run:
            return present, run
    run = min(runs, key=lambda run: (-_apart(run[0], run[-1]), _nearest(run, present)))
    middle = sqrt(run[0] * run[-1])
    return min(run, key=lambda h: (_apart(h, middle), _apart(h, present))), run


def _overlap(mask: NDArray[np.bool_], labels: NDArray[Any]) -> float:
    table = contingency(mask, labels)
    shared = table.shared.toarray()[0]
    union = table.true_sizes[0] + table.sizes - shared
    return float((shared / union).max(initial=0.0))


def _best_runs(agreements: Mapping[float, float]) -> list[list[float]]:
    """Return the best bandwidths, those without a worse one between in one list."""
    most = round(max(agreements.values()), DIGITS)
    by_being_best = groupby(
        sorted(agreements), key=lambda h: round(agreements[h], DIGITS) == most
    )
    return [list(run) for is_best, run in by_being_best if is_best]


def _nearest(run: list[float], present: float) -> float:
    return min(_apart(h, present) for h in run)


def _apart(one: float, other: float) -> float:
    """Return how many times the one is the other, or the other way, as a logarithm."""
    return round(abs(log(one / other)), DIGITS)


def _labelled(
    relabelling: Relabelling, clustering: Clustering, marked: list[NDArray[np.bool_]]
) -> Steps:
    """Label what the marked objects touch, the whole frame for the scope "global"."""
    work = relabelling.to_cluster(clustering)
    if isinstance(work, Components):
        return (yield from work.touched_steps(np.logical_or.reduce(marked)))
    return (yield from work.steps()).labels


def _checked(marked: ArrayLike, shape: tuple[int, ...]) -> list[NDArray[np.bool_]]:
    """Return the marked objects, a mask each."""
    given = np.asarray(marked)
    stacked = given.dtype == bool and given.shape[1:] == shape
    if not stacked and given.shape != shape:
        raise ValueError(
            f"marked objects need the shape of the frame, {shape}, got {given.shape}: "
            f"mark them on the labels of this result"
        )
    ids = [] if stacked else [number for number in np.unique(given) if number != 0]
    masks = list(given) if stacked else [given == number for number in ids]
    masks = [mask for mask in masks if mask.any()]
    if not masks:
        raise ValueError(
            "no object is marked: mark one or more that are right, then try again"
        )
    return masks
