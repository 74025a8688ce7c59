"""How sure each object of a run is, by its embedding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit

from napari_shiftseg.progress import Progress, exhaust, patiently
from napari_shiftseg.results.distances import Distances
from napari_shiftseg.results.touching import touching

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.clustering.components import Objects
    from napari_shiftseg.clustering.settings import Clustering
    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.pipeline.result import Prediction, Segmentation

    Table = dict[str, NDArray[Any]]


STAGE = "confidence"


def object_confidence(result: Segmentation, model: TiledNetwork) -> Table:
    """Return how sure each object of a run is.

    Parameters
    ----------
    result : Segmentation
    model : TiledNetwork
        That made it.

    Returns
    -------
    dict of str to ndarray
        (objects,) each, in the order of their labels:

        label : int
            In ``result.labels``.
        confidence : float
            0 to 1, that the object is right.
        distance : float
            Of its pixels to its mode, in bandwidths, their mean.
        margin : float
            Distance to the nearest mode of an object that it touches less that to its
            own, the mean of its pixels; NaN where it touches none.
        disagreement : float
            Only of several views: how differently they see this distance, see
            `disagreement_of`.
        cut : bool
            Whether it meets another object along a border of tiles.

        Where objects are not those of modes, distance and margin are NaN. What was
        edited since the run has NaN everywhere, and is not cut.
    """
    return exhaust(confidence_steps(result, model))


def confidence_steps(
    result: Segmentation, model: TiledNetwork
) -> Generator[Progress, None, Table]:
    """Find how sure objects are, yielding `Progress` frame by frame.

    Parameters
    ----------
    result, model
        See `object_confidence`.
    """
    clustering = result.settings.clustering(model.config, result.rescaling)
    # probabilities and the like are averaged, not put one after the other
    views = 1 if model.config.embedding == "outputs" else result.settings.views
    positions = result.positions
    frames = []
    for done, (at, objects) in enumerate(zip(positions, result.frames, strict=True)):
        now = Progress(done, len(positions), stage=STAGE)
        yield now
        known = result.prediction(at), objects, clustering, views
        found = yield from patiently(now, objects.labels.size, _frame_table, *known)
        if result.numbers:
            found["label"] = result.numbers[done][found["label"]]
        frames.append(found)
    return _as_edited(_joined(frames), result)


def _frame_table(
    predicted: Prediction, objects: Objects, clustering: Clustering, views: int
) -> Table:
    """Return the table of one frame, with the areas of its objects."""
    count = len(objects.mode_of)
    pairs = touching(objects.labels, predicted.boundaries)
    cut = np.zeros(count, dtype=bool)
    cut[pairs.pairs[pairs.is_cut]] = True
    area = np.bincount(objects.labels.ravel(), minlength=count).astype(float)
    own, margin, disagreement = (np.zeros(count) for _ in range(3))
    if clustering.method != "mean-shift":
        own[:] = margin[:] = disagreement[:] = np.nan
    else:
        for some in Distances(predicted.embedding, objects, clustering, pairs, views):
            own += np.bincount(some.labels, some.own, count)
            margin += np.bincount(some.labels, some.rival - some.own, count)
            disagreement += np.bincount(some.labels, some.disagreement, count)
    table: Table = {
        "label": np.arange(count),
        "area": area,
        "confidence": expit(2 - 2 * own / area),
        "distance": own / area,
        "margin": margin / area,
        "disagreement": disagreement / area,
        "cut": cut,
    }
    if views == 1:
        del table["disagreement"]
    return {name: values[1:] for name, values in table.items()}


def _joined(frames: Sequence[Table]) -> Table:
    """Join the tables of frames; of an object in several, weighed by its areas."""
    every = {name: np.concatenate([f[name] for f in frames]) for name in frames[0]}
    labels, number = np.unique(every.pop("label"), return_inverse=True)
    area = every.pop("area")
    whole = np.bincount(number, area, len(labels))
    joined: Table = {"label": labels}
    for name, values in every.items():
        if values.dtype == bool:
            joined[name] = np.bincount(number, values, len(labels)) > 0
        else:
            joined[name] = np.bincount(number, values * area, len(labels)) / whole
    return joined


def _as_edited(table: Table, result: Segmentation) -> Table:
    """Return the rows of the objects there are now; of those edited all is NaN."""
    edited: set[int] = set()
    for number, (at, objects) in enumerate(
        zip(result.positions, result.frames, strict=True)
    ):
        labels, former = result.labels[at], objects.labels
        if result.numbers:
            former = result.numbers[number][former]
        changed = labels != former
        edited.update(np.unique([labels[changed], former[changed]]).tolist())
    if not edited:
        return table
    labels = np.unique(result.labels)
    labels = labels[labels > 0]
    known = np.isin(labels, table["label"]) & ~np.isin(labels, list(edited))
    row = np.searchsorted(table["label"], labels[known])
    rows: Table = {"label": labels}
    for name, values in table.items():
        if name != "label":
            blank = np.False_ if values.dtype == bool else np.nan
            rows[name] = np.full(len(labels), blank, dtype=values.dtype)
            rows[name][known] = values[row]
    return rows
