"""Object proposals: what several bandwidths find, the likeliest objects first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from napari_shiftseg.detection.confidence import fit_confidence, read_confidence
from napari_shiftseg.detection.features import joined
from napari_shiftseg.detection.pool import AGREEMENT, pool_steps
from napari_shiftseg.detection.prediction import prediction_steps
from napari_shiftseg.detection.settings import NUMBER, Pooling
from napari_shiftseg.metrics.recall import overlaps
from napari_shiftseg.pipeline.comparison import checked_truth
from napari_shiftseg.pipeline.settings import OfOneRun, Settings, spelled
from napari_shiftseg.progress import Progress, exhaust, numbered

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from numpy.typing import ArrayLike, NDArray

    from napari_shiftseg.detection.confidence import Confidence
    from napari_shiftseg.detection.pool import Pool
    from napari_shiftseg.geometry.tiling import Box
    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.samples import Sample


STRANGE = (
    "the scores were learnt on objects of the model {!r}: with {!r} they rank, and are "
    "no overlaps; learn others with shiftseg confidence"
)


@dataclass(frozen=True)
class Proposal:
    """What may be an object of an image."""

    box: Box  # where it lies, a slice an axis
    mask: NDArray[np.bool_]  # (*box)
    # the intersection over union with a true object that is to be expected
    score: float
    bandwidth: float  # of those that found it, the nearest to the model's own
    agreement: float  # share of the bandwidths at which it came up

    @property
    def area(self) -> int:
        """Its pixels."""
        return int(self.mask.sum())


@spelled(OfOneRun)
def object_proposals(
    image: ArrayLike | Any,
    model: TiledNetwork,
    number: int = NUMBER,
    pooling: Pooling | None = None,
    confidence: Confidence | None = None,
    **settings: Unpack[OfOneRun],
) -> list[Proposal]:
    r"""Propose objects of an image: groupings at several bandwidths, ranked.

    The image is predicted once. What a bandwidth merges another one parts: all objects
    that come up are pooled, each once, and a regressor says how well each is likely to
    fit a true one, from its shape and from how consistent the embedding is in it; see
    `features_of`. They are ranked by `ranked`, so that the first few do not all show
    the same object.

    Parameters
    ----------
    image : array_like
        (\*spatial), one image; see `segment`.
    model : TiledNetwork
    number : int
        How many at most, 1 or more.
    pooling : Pooling, optional
        Bandwidths, and which objects are the same.
    confidence : Confidence, optional
        Not given: the bundled one, learnt with the model of nuclei.
    **settings
        Of `Settings`: window, device, foreground_threshold, ...

    Returns
    -------
    list of Proposal
        The best first; empty where nothing is found, without a foreground for example.

    Raises
    ------
    ValueError
        If the number is below 1, there is no bandwidth, a setting is out of range, the
        image is not one image, or the confidence takes other features.

    References
    ----------
    Kong & Fowlkes, CVPR 2018, "Recurrent Pixel Embedding for Instance Grouping",
    section 4.
    """
    return exhaust(
        proposal_steps(
            image, model, Settings(**settings), number, pooling, confidence
        )
    )  # fmt: skip


def proposal_steps(
    image: ArrayLike | Any,
    model: TiledNetwork,
    settings: Settings,
    number: int = NUMBER,
    pooling: Pooling | None = None,
    confidence: Confidence | None = None,
) -> Generator[Progress, None, list[Proposal]]:
    """Propose objects of an image, yielding `Progress`.

    Parameters
    ----------
    image, model, settings, number, pooling, confidence
        See `object_proposals`.
    """
    if number < 1:
        raise ValueError(f"ask for 1 proposal or more, got {number}")
    judge = confidence or read_confidence()
    pool = yield from image_steps(image, model, settings, pooling or Pooling())
    if judge.model != model.config.name:
        said = STRANGE.format(judge.model, model.config.name)
        yield Progress(1, 1, said, stage="clustering")
    return ranked(pool, judge.predict(pool.features), number)


def image_steps(
    image: ArrayLike | Any, model: TiledNetwork, settings: Settings, pooling: Pooling
) -> Generator[Progress, None, Pool]:
    """Predict an image, and pool what the bandwidths find; yields `Progress`.

    Parameters
    ----------
    image, model, settings, pooling
        See `object_proposals`.
    """
    checked_truth(image, model, None)  # one image, not a series
    own = settings.clustering(model.config)
    if own.method != "mean-shift":
        raise ValueError(
            f"proposals are what several bandwidths find, but objects of "
            f"{model.config.name!r} are made by {own.method}: take a model with an "
            f"embedding, or the method mean-shift"
        )
    bandwidths = pooling.of(own.bandwidth)
    predicted = yield from prediction_steps(image, model, settings)
    steps = pool_steps(
        predicted, model, own, bandwidths, settings.device, pooling.same_above
    )
    return (yield from steps)


def ranked(pool: Pool, scores: ArrayLike, number: int = NUMBER) -> list[Proposal]:
    r"""Return the best objects of a pool, each time the one of most worth.

    .. math:: p_i = \arg\max_p\; s(p) \bigl(1 - \max_{j < i} \mathrm{IoU}(p, p_j)\bigr)

    The score s of a proposal counts less the more of it was proposed before. Of equals
    the earlier one in the pool goes first.

    Parameters
    ----------
    pool : Pool
    scores : array_like of float
        (pieces,)
    number : int
        How many at most.

    References
    ----------
    Carbonell & Goldstein, SIGIR 1998, "The use of MMR, diversity-based reranking".
    """
    known = np.asarray(scores, dtype=np.float64)
    fresh = np.ones(len(known))  # what is not proposed yet
    left = np.ones(len(known), dtype=bool)
    proposals = []
    for _ in range(min(number, len(known))):
        best = int(np.where(left, known * fresh, -1).argmax())
        left[best] = False
        proposals.append(_proposal(pool, best, known[best]))
        fresh = np.minimum(fresh, 1 - pool.overlaps_of(best))
    return proposals


def _proposal(pool: Pool, index: int, score: float) -> Proposal:
    piece = pool.pieces[index]
    agreement = pool.features.values[index, pool.features.names.index(AGREEMENT)]
    return Proposal(
        piece.box, piece.mask, float(score), piece.bandwidth, float(agreement)
    )


def stacked(proposals: Sequence[Proposal], shape: Sequence[int]) -> NDArray[np.int32]:
    r"""Draw proposals into as few label images as keep them apart.

    The rank of a proposal, from 1, is its label; it lies in the first image in which it
    covers no better one. The first image alone is a segmentation by the best.

    Parameters
    ----------
    proposals : sequence of Proposal
        The best first.
    shape : sequence of int
        Of the image.

    Returns
    -------
    ndarray of int32
        (images, \*spatial), one image at least.
    """
    images = [np.zeros(tuple(shape), dtype=np.int32)]
    for rank, proposal in enumerate(proposals, start=1):
        free = (i for i in images if not i[proposal.box][proposal.mask].any())
        image = next(free, None)
        if image is None:
            image = np.zeros_like(images[0])
            images.append(image)
        image[proposal.box][proposal.mask] = rank
    return np.stack(images)


def table_of(proposals: Sequence[Proposal], ndim: int) -> dict[str, list[float]]:
    """Return a table of proposals, by columns; `index` is the label in `stacked`.

    Parameters
    ----------
    proposals : sequence of Proposal
        The best first.
    ndim : int
        Axes of the image; of each the box has a start and a stop, in pixels.
    """
    table: dict[str, list[float]] = {
        "index": list(range(1, len(proposals) + 1)),
        "score": [proposal.score for proposal in proposals],
        "area": [proposal.area for proposal in proposals],
        "bandwidth": [proposal.bandwidth for proposal in proposals],
        "agreement": [proposal.agreement for proposal in proposals],
    }
    for axis in range(ndim):
        sides = [proposal.box[axis] for proposal in proposals]
        table[f"start_{axis}"] = [side.start for side in sides]
        table[f"stop_{axis}"] = [side.stop for side in sides]
    return table


@spelled(OfOneRun)
def learn_confidence(
    samples: Sequence[Sample],
    model: TiledNetwork,
    pooling: Pooling | None = None,
    **settings: Unpack[OfOneRun],
) -> Confidence:
    """Learn how well objects that a model finds are likely to fit true ones.

    Parameters
    ----------
    samples : sequence of Sample
        Images with their true labels; best those that the model was not trained on.
    model : TiledNetwork
    pooling : Pooling, optional
        As it will be asked to judge; see `object_proposals`.
    **settings
        Of `Settings`.

    Raises
    ------
    ValueError
        If there is no image, an image or a truth cannot be read, or fewer than 50
        objects come up.
    """
    steps = learning_steps(samples, model, Settings(**settings), pooling)
    return exhaust(steps)


def learning_steps(
    samples: Sequence[Sample],
    model: TiledNetwork,
    settings: Settings,
    pooling: Pooling | None = None,
) -> Generator[Progress, None, Confidence]:
    """Learn a confidence, yielding `Progress`.

    Parameters
    ----------
    samples, model, settings, pooling
        See `learn_confidence`.
    """
    if not samples:
        raise ValueError("a confidence is learnt from one image with labels, or more")
    for sample in samples:
        checked_truth(sample.image, model, sample.labels)  # before any work is done
    features, best = [], []
    for number, sample in enumerate(samples):
        steps = image_steps(sample.image, model, settings, pooling or Pooling())
        pool = yield from numbered(len(samples), number, steps, "image")
        features.append(pool.features)
        best.append(overlaps(sample.labels, pool.pieces).max(axis=1, initial=0.0))
    return fit_confidence(
        joined(features), np.concatenate(best), model.config.name
    )  # fmt: skip
