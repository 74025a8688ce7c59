"""Clustering chosen on images with truth: bandwidth, minimum size, threshold."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import log
from statistics import fmean
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from napari_shiftseg.clustering.settings import Effort
from napari_shiftseg.inference.predict import open_for
from napari_shiftseg.metrics.metric import judged_figures
from napari_shiftseg.metrics.objects import ObjectScores, object_scores, pooled
from napari_shiftseg.pipeline.candidates import TRIED, Candidates
from napari_shiftseg.pipeline.comparison import checked_truth
from napari_shiftseg.pipeline.diameter import refuse_diameter
from napari_shiftseg.pipeline.frame import clustered_steps, plan_of, predicted_steps
from napari_shiftseg.pipeline.settings import OfOneRun, Settings, spelled
from napari_shiftseg.progress import Progress, Returning, exhaust, numbered, saying

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from napari_shiftseg.clustering.settings import Clustering
    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.samples import Sample

MOST = 50_000  # distances a pixel, 100 times those of a network that makes clusters
CUT_SHORT = "clusterings were cut short: the network makes no clear clusters"
DIGITS = 9  # of a score; a difference below comes of rounding


@dataclass(frozen=True)
class TunedPoint:
    """What one clustering gives.

    Attributes
    ----------
    clustering : Clustering
    scores : tuple of ObjectScores
        One an image.
    """

    clustering: Clustering
    scores: tuple[ObjectScores, ...]

    @cached_property
    def pooled(self) -> ObjectScores:
        """Counts of all images as one."""
        return pooled(self.scores)

    @cached_property
    def ap50(self) -> float:
        """Mean average precision over the images; `pooled` has that of all as one."""
        return fmean(score.ap50 for score in self.scores)

    def figures(self) -> dict[str, Any]:
        """Return what was chosen and what it gives, ready for JSON."""
        pooled = judged_figures(self.pooled)
        return {
            **{name: getattr(self.clustering, name) for name in TRIED},
            "ap50": self.ap50,
            "ap50_pooled": pooled.pop("ap50"),
            **pooled,
        }


@dataclass(frozen=True)
class Tuning:
    """What a tuning found.

    Attributes
    ----------
    points : tuple of TunedPoint
        All that was tried; the first is the model's own clustering.
    """

    points: tuple[TunedPoint, ...]

    @property
    def own(self) -> TunedPoint:
        """The clustering that the model had."""
        return self.points[0]

    @property
    def ranked(self) -> list[TunedPoint]:
        """All points, the best first.

        By mean AP50, then by pooled AP50, then by nearness to the model's own values
        (see `distance`), then by the order in which they were tried.
        """
        return sorted(self.points, key=self._rank)

    @property
    def best(self) -> TunedPoint:
        """The first of `ranked`."""
        return self.ranked[0]

    def _rank(self, point: TunedPoint) -> tuple[float, float, float]:
        return (
            -round(point.ap50, DIGITS),
            -round(point.pooled.ap50, DIGITS),
            round(distance(point.clustering, self.own.clustering), DIGITS),
        )


def distance(one: Clustering, other: Clustering) -> float:
    r"""Return how far two clusterings lie apart, 0 for equal ones.

    .. math::

        \Bigl|\ln\frac{h}{h'}\Bigr| + \Bigl|\ln\frac{1 + s}{1 + s'}\Bigr|
        + \Bigl|\ln\frac{t}{1 - t} - \ln\frac{t'}{1 - t'}\Bigr|

    of bandwidths h, minimum sizes s and foreground thresholds t: half and double are
    equally far.

    Parameters
    ----------
    one, other : Clustering
    """
    places = [
        (
            log(clustering.bandwidth),
            log(1 + clustering.min_size),
            log(clustering.foreground_threshold)
            - log(1 - clustering.foreground_threshold),
        )
        for clustering in (one, other)
    ]
    return float(sum(abs(a - b) for a, b in zip(*places, strict=True)))


@spelled(OfOneRun)
def tune(
    samples: Sequence[Sample],
    model: TiledNetwork,
    candidates: Candidates | None = None,
    **settings: Unpack[OfOneRun],
) -> Tuning:
    """Try clusterings on images with truth; each image is predicted once.

    Parameters
    ----------
    samples : sequence of Sample
        Images the model was not trained on, with their true labels.
    model : TiledNetwork
    candidates : Candidates, optional
        Bandwidths, minimum sizes and foreground thresholds to try.
    **settings
        Of `Settings`: window, device, kernel, ...

    Returns
    -------
    Tuning
        The whole table; its `best` has the highest mean AP50.

    Raises
    ------
    ValueError
        If there is no image, an image or a truth cannot be read, or a value to try is
        out of range or makes no sense for this model.
    """
    chosen = Settings(**settings)
    return exhaust(tune_steps(samples, model, candidates or Candidates(), chosen))


def tune_steps(
    samples: Sequence[Sample],
    model: TiledNetwork,
    candidates: Candidates,
    settings: Settings,
) -> Generator[Progress, None, Tuning]:
    """Tune, yielding `Progress` after every prediction and clustering.

    Parameters
    ----------
    samples, model, candidates, settings
        See `tune`.
    """
    if not samples:
        raise ValueError("tuning needs one image with its true labels, or more")
    clusterings = candidates.clusterings(model.config, settings)
    for sample in samples:
        checked_truth(sample.image, model, sample.labels)  # before any work is done
    rows = []  # one an image, of as many scores as there are clusterings
    for number, sample in enumerate(samples):
        steps = _scores(sample, model, clusterings, settings)
        rows.append((yield from numbered(len(samples), number, steps, "image")))
    return Tuning(tuple(map(TunedPoint, clusterings, zip(*rows, strict=True))))


def _scores(
    sample: Sample,
    model: TiledNetwork,
    clusterings: Sequence[Clustering],
    settings: Settings,
) -> Generator[Progress, None, list[ObjectScores]]:
    """Score every clustering of one image; done is 1, the prediction, and these."""
    refuse_diameter(settings.diameter, "tune")
    total = len(clusterings) + 1
    opened = open_for(sample.image, model, settings.reading)
    plan = plan_of(opened, model, settings)
    steps = Returning(predicted_steps(opened, model, plan, settings))
    for progress in steps:
        yield Progress(0, total, progress.note, progress.stage)
    predicted, scores, cut_short = steps.value, [], 0
    there = np.asarray(sample.labels)[predicted.plan.slices]
    for done, clustering in enumerate(clusterings, start=1):
        so_far = Progress(done, total, stage="clustering")
        yield so_far
        effort = Effort(MOST * there.size)
        objects = yield from saying(
            so_far,
            clustered_steps(predicted, model, clustering, settings.device, effort),
        )
        # what one that was cut short finds is not what users would get
        labels = objects.labels * (not effort.is_spent)
        scores.append(object_scores(there, labels))
        cut_short += effort.is_spent
    note = f"{cut_short} of {len(clusterings)} {CUT_SHORT}" if cut_short else ""
    yield Progress(total, total, note, stage="clustering")
    return scores
