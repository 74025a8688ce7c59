"""Objects of one image that groupings at several bandwidths find, each once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import log
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_shiftseg.clustering.settings import Effort
from napari_shiftseg.detection.features import features_of, joined
from napari_shiftseg.detection.settings import SAME
from napari_shiftseg.metrics.label_image import contingency
from napari_shiftseg.metrics.objects import matches
from napari_shiftseg.pipeline.frame import clustered_steps
from napari_shiftseg.pipeline.tuning import MOST
from napari_shiftseg.progress import Progress, saying

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.clustering.settings import Clustering
    from napari_shiftseg.detection.features import Features
    from napari_shiftseg.geometry.tiling import Box
    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.pipeline.result import Prediction

    Labels = NDArray[np.int32]


AGREEMENT = "agreement"


@dataclass(frozen=True)
class Piece:
    """An object that came up, at one bandwidth or at several."""

    box: Box  # where it lies in the image, a slice an axis
    mask: NDArray[np.bool_]  # (*box)
    bandwidth: float  # of those that found it, the nearest to the model's own

    def overlap(self, other: Piece) -> float:
        """Return the intersection over union with another one."""
        ends = [
            (max(a.start, b.start), min(a.stop, b.stop))
            for a, b in zip(self.box, other.box, strict=True)
        ]
        if any(start >= stop for start, stop in ends):
            return 0.0
        shared = int((self._within(ends) & other._within(ends)).sum())
        return shared / (int(self.mask.sum()) + int(other.mask.sum()) - shared)

    def _within(self, ends: list[tuple[int, int]]) -> NDArray[np.bool_]:
        """Return the part of the mask in a box of the image, which lies in its own."""
        sides = zip(ends, self.box, strict=True)
        return self.mask[
            tuple(slice(start - s.start, stop - s.start) for (start, stop), s in sides)
        ]


@dataclass(frozen=True)
class Pool:
    """All objects that came up, and what is known of them."""

    pieces: tuple[Piece, ...]
    features: Features  # a row a piece; the last is `AGREEMENT`

    @cached_property
    def _ends(self) -> NDArray[np.int64]:
        """Start and stop of the boxes, (pieces, axes, 2)."""
        return np.array([[(s.start, s.stop) for s in p.box] for p in self.pieces])

    def overlaps_of(self, index: int) -> NDArray[np.float64]:
        """Return the intersection over union of a piece with each, (pieces,)."""
        own = self._ends[index]
        meet = (self._ends[..., 0] < own[:, 1]) & (self._ends[..., 1] > own[:, 0])
        found = np.zeros(len(self.pieces))
        for other in np.flatnonzero(meet.all(axis=1)).tolist():
            found[other] = self.pieces[index].overlap(self.pieces[other])
        return found


def pool_steps(
    prediction: Prediction,
    model: TiledNetwork,
    own: Clustering,
    bandwidths: Sequence[float],
    device: str = "auto",
    same: float = SAME,
) -> Generator[Progress, None, Pool]:
    """Group an image at each bandwidth, and pool what is found.

    Yields `Progress`, a step a bandwidth. The bandwidths go from the nearest to the
    model's own to the farthest; an object that is one found before, by intersection
    over union, adds to the agreement of that one: the share of the bandwidths at which
    it came up.

    Parameters
    ----------
    prediction : Prediction
    model : TiledNetwork
        That made it.
    own : Clustering
        The model's own; all but its bandwidth is kept, and features are in its units.
    bandwidths : sequence of float
        One or more.
    device : str
        Where the mean shift computes.
    same : float
        Above it two objects are one, 0.5 to below 1: below 0.5 one could be several.

    Raises
    ------
    ValueError
        If there is no bandwidth, or `same` is out of range.
    """
    if not len(bandwidths):
        raise ValueError("proposals need one bandwidth or more, got none")
    if not 0.5 <= same < 1:
        raise ValueError(
            f"objects are the same above an overlap from 0.5 to below 1, got {same}"
        )
    order = sorted(set(bandwidths), key=lambda h: (abs(log(h / own.bandwidth)), h))
    found: list[Labels] = []
    for done, bandwidth in enumerate(order):
        so_far = Progress(done, len(order), stage="clustering")
        yield so_far
        found.append((yield from saying(so_far, _grouped(
            prediction, model, own.model_copy(update={"bandwidth": bandwidth}), device
        ))))  # fmt: skip
    pool = _pooled(found, order, prediction, own, same)
    yield Progress(len(order), len(order), stage="clustering")
    return pool


def _grouped(
    prediction: Prediction, model: TiledNetwork, clustering: Clustering, device: str
) -> Generator[Progress, None, Labels]:
    """Group at one bandwidth; one that makes no clusters is cut short."""
    effort = Effort(MOST * prediction.embedding[0].size)
    steps = clustered_steps(prediction, model, clustering, device, effort)
    return (yield from steps).labels


def _pooled(
    found: Sequence[Labels],
    bandwidths: Sequence[float],
    prediction: Prediction,
    own: Clustering,
    same: float,
) -> Pool:
    """Take the objects that are not one of those found before."""
    pieces: list[Piece] = []
    features: list[Features] = []
    agreement: list[int] = []
    numbers: list[NDArray[np.int64]] = []  # of each label image: object → its piece
    for at, (labels, bandwidth) in enumerate(zip(found, bandwidths, strict=True)):
        known = _known(labels, found[:at], numbers, same)
        boxes = ndimage.find_objects(labels)
        fresh = np.flatnonzero(known < 0)
        for number in np.unique(known[known >= 0]).tolist():
            agreement[number] += 1
        known[fresh] = len(pieces) + np.arange(len(fresh))
        numbers.append(known)
        agreement += [1] * len(fresh)
        for index in fresh.tolist():
            mask = labels[boxes[index]] == index + 1
            box = _moved(boxes[index], prediction.plan.offset)
            pieces.append(Piece(box, mask, bandwidth))
        features.append(features_of(labels, prediction, own).of(fresh))
    share = np.array(agreement, dtype=np.float64) / len(found)
    return Pool(tuple(pieces), joined(features).beside(AGREEMENT, share))


def _moved(box: Box, by: Sequence[int]) -> Box:
    return tuple(
        slice(side.start + n, side.stop + n) for side, n in zip(box, by, strict=True)
    )


def _known(
    labels: Labels,
    before: Sequence[Labels],
    numbers: Sequence[NDArray[np.int64]],
    same: float,
) -> NDArray[np.int64]:
    """Return the piece that each object, from 0, is; −1 where it is a new one.

    Of several the first one that came up.
    """
    piece = np.full(int(labels.max(initial=0)), -1)
    for earlier, number in zip(before, numbers, strict=True):
        pairs = matches(contingency(earlier, labels), same).tocoo()
        new = piece[pairs.col] < 0
        piece[pairs.col[new]] = number[pairs.row[new]]
    return piece
