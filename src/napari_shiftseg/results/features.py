"""What tells how sure an object is: the features of the objects of one frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit

from napari_shiftseg.results.distances import Distances, pixels_of
from napari_shiftseg.results.touching import touching

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_shiftseg.clustering.components import Objects
    from napari_shiftseg.clustering.settings import Clustering
    from napari_shiftseg.metrics.measuring import Table
    from napari_shiftseg.pipeline.result import Prediction


WIDEST = 10.0  # margin, in bandwidths; beyond it nothing competes


def object_features(
    predicted: Prediction, objects: Objects, clustering: Clustering, views: int = 1
) -> Table:
    r"""Return what is known of each object of a frame, in the order of their labels.

    ============ ==================================================================
    column       of the object
    ============ ==================================================================
    label        its number in ``objects.labels``
    area         pixels
    distance     of its pixels to its mode, in bandwidths, the mean
    margin       distance to the nearest mode of an object that it touches, or to that
                 of the background, less the distance to its own, the mean of its
                 pixels; NaN where there is no other
    disagreement standard deviation of its pixels' distances over the views, the mean
    foreground   probability of its pixels, the mean
    size         :math:`|\ln(A / \tilde A)|`, of its area and the median of the frame
    cut          whether it meets another one along a border of tiles
    ============ ==================================================================

    Objects that are not those of modes have no distance and no margin: NaN. Without a
    foreground logit `foreground` is NaN.

    Parameters
    ----------
    predicted : Prediction
        Of the frame.
    objects : Objects
        As they were clustered.
    clustering : Clustering
        That made them.
    views : int
        Whose embeddings follow one another.
    """
    labels, count = objects.labels, len(objects.mode_of)
    pairs = touching(labels, predicted.boundaries)
    sums = {
        name: np.zeros(count)
        for name in ("area", "distance", "margin", "disagreement", "foreground")
    }
    has_modes = clustering.method == "mean-shift"
    known = objects, clustering, pairs, views
    distances = Distances(predicted.embedding, *known) if has_modes else None
    for some in pixels_of(labels):
        values: dict[str, NDArray[Any] | None] = {"area": None}
        if predicted.logit is not None:
            values["foreground"] = expit(some.of(predicted.logit))
        if distances is not None:
            own, rival, disagreement = distances.of(some)
            values |= {"distance": own, "margin": rival - own}
            values["disagreement"] = disagreement
        for name, each in values.items():
            sums[name] += np.bincount(some.labels, each, count)
    area = sums.pop("area")[1:]
    table: Table = {"label": np.arange(1, count), "area": area}
    table |= {name: total[1:] / area for name, total in sums.items()}
    for name in () if has_modes else ("distance", "margin", "disagreement"):
        table[name][:] = np.nan
    if predicted.logit is None:
        table["foreground"][:] = np.nan
    if len(area):
        table["size"] = np.abs(np.log(area / np.median(area)))
    else:
        table["size"] = area
    cut = np.zeros(count, dtype=bool)
    cut[pairs.pairs[pairs.is_cut]] = True
    return table | {"cut": cut[1:]}


def as_learnt(table: Table) -> Table:
    """Return features as a rule takes them: no margin is wider than 10 bandwidths.

    An object that touches no other has that margin.
    """
    margin = np.where(np.isnan(table["margin"]), WIDEST, table["margin"])
    margin = np.where(np.isnan(table["distance"]), np.nan, np.minimum(margin, WIDEST))
    return table | {"margin": margin}
