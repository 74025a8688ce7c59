"""How sure each object of a run is, by its embedding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_shiftseg.networks.confidence_rule import ConfidenceRule
from napari_shiftseg.progress import Progress, exhaust, patiently
from napari_shiftseg.results.features import as_learnt, object_features
from napari_shiftseg.results.review import SHARE

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from napari_shiftseg.metrics.measuring import Table
    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.pipeline.result import Segmentation


STAGE = "confidence"
COLUMNS = ("confidence", "distance", "margin", "disagreement", "cut")
# of models that have learnt none: what the bundled model of nuclei learnt
USUAL_RULE = ConfidenceRule(
    intercept=3.17,
    weights={"distance": -1.36, "margin": 0.17, "foreground": 16.1, "size": -0.746},
    usual={"distance": 0.28, "margin": 9.51, "foreground": 0.931, "size": 0.456},
)


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
            own, the mean of its pixels; NaN where it touches none. Of an object of
            several frames it is the mean of those in which it touches one.
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
    result: Segmentation, model: TiledNetwork, why: bool = False
) -> Generator[Progress, None, Table]:
    """Find how sure objects are, yielding `Progress` frame by frame.

    Parameters
    ----------
    result, model
        See `object_confidence`.
    why : bool
        Whether to tell further what the rule saw, as `results.review` says it: the
        columns ``foreground``, a probability; ``times``, how many times as large as
        the usual object of its frame; and of each feature of the rule
        ``share_FEATURE``, see `ConfidenceRule.shares`.
    """
    rule = model.config.confidence or USUAL_RULE
    frames = yield from features_steps(result, model)
    for number, frame in enumerate(frames):
        learnt = as_learnt(frame)
        frame["confidence"] = rule.predict(learnt)
        if why:
            frame |= _reasons(rule, learnt)
        if result.numbers:
            frame["label"] = result.numbers[number][frame["label"]]
    shown = [n for n in COLUMNS if n != "disagreement" or result.settings.views > 1]
    if why:
        shown += ["foreground", "times", *(f"{SHARE}{name}" for name in rule.usual)]
    return _as_edited(_joined(frames, shown), result)


def _reasons(rule: ConfidenceRule, learnt: Table) -> Table:
    area = learnt["area"]
    shares = rule.shares(learnt)
    return {
        "times": area / np.median(area) if len(area) else area,
        **{f"{SHARE}{name}": share for name, share in shares.items()},
    }


def features_steps(
    result: Segmentation, model: TiledNetwork
) -> Generator[Progress, None, list[Table]]:
    """Find the features of the objects of each frame; see `object_features`.

    Parameters
    ----------
    result, model
        See `object_confidence`.
    """
    clustering = result.settings.clustering(model.config, result.rescaling)
    views = views_of(result, model)
    frames = []
    for done, (at, objects) in enumerate(
        zip(result.positions, result.frames, strict=True)
    ):
        now = Progress(done, len(result.frames), stage=STAGE)
        yield now
        known = result.prediction(at), objects, clustering, views
        size = objects.labels.size
        frames.append((yield from patiently(now, size, object_features, *known)))
    return frames


def views_of(result: Segmentation, model: TiledNetwork) -> int:
    """Return how many embeddings follow one another; those of no kind are averaged."""
    is_averaged = model.config.embedding == "outputs"
    return 1 if is_averaged else result.settings.views


def _joined(frames: Sequence[Table], columns: Sequence[str]) -> Table:
    """Join the tables of frames; of an object in several, weighed by its areas.

    Where it has no value in some, as a margin where it touches none, the others count.
    """
    every = {name: np.concatenate([f[name] for f in frames]) for name in frames[0]}
    labels, number = np.unique(every["label"], return_inverse=True)
    area = every["area"]
    joined: Table = {"label": labels}
    for name in columns:
        values = every[name]
        if values.dtype == bool:
            joined[name] = np.bincount(number, values, len(labels)) > 0
        else:
            known = ~np.isnan(values)
            total = np.bincount(number, np.where(known, values * area, 0), len(labels))
            whole = np.bincount(number, np.where(known, area, 0), len(labels))
            none = np.full(len(labels), np.nan)
            joined[name] = np.divide(total, whole, out=none, where=whole > 0)
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
