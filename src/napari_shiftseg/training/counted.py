"""How much of labelled images counts in the loss."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from napari_shiftseg.geometry.words import number_of, percent
from napari_shiftseg.metrics.contingency import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike, NDArray

    from napari_shiftseg.interaction.teaching import TrainingPair

MOST_IDS = 2**24


@dataclass(frozen=True)
class Counted:
    """Pixels and objects that count in the loss.

    Attributes
    ----------
    known, pixels : int
        Pixels that are known, of all there are.
    objects : int
        Labelled; an object cut by what is not known counts.
    """

    known: int
    pixels: int
    objects: int

    @property
    def is_partly(self) -> bool:
        """Whether there are pixels that do not count."""
        return self.known < self.pixels

    @property
    def share(self) -> float:
        """Of the pixels, from 0 to 1."""
        return self.known / self.pixels if self.pixels else 0.0

    @property
    def line(self) -> str:
        """What counts, in words."""
        objects = number_of(self.objects, "object")
        return f"{_percent(self.share)} of the pixels count: {objects}"


def counted(labels: Iterable[ArrayLike]) -> Counted:
    r"""Count what is known of label images.

    Parameters
    ----------
    labels : iterable of array_like of int
        (\\*spatial) each, −1 is not known; ids are those of one image.
    """
    known = pixels = objects = 0
    for each in labels:
        image = np.asarray(each)
        pixels += image.size
        known += image.size - int(np.count_nonzero(image == UNKNOWN))
        objects += _objects(image[image > 0])
    return Counted(known, pixels, objects)


def counted_pairs(pairs: Iterable[TrainingPair]) -> Counted:
    """Count what is known of the images that regions were taken from."""
    whole, regions = {}, []
    for pair in pairs:
        whole[pair.frame] = prod(pair.whole)
        regions.append(pair.sample.labels)
    return replace(counted(regions), pixels=sum(whole.values()))


def _objects(ids: NDArray[np.integer]) -> int:
    """Return how many different ids there are."""
    if ids.max(initial=0) < MOST_IDS:  # counting is faster than sorting
        return int(np.count_nonzero(np.bincount(ids)))
    return len(np.unique(ids))


def _percent(share: float) -> str:
    """Write a share with two digits; neither none nor all where it is neither."""
    if 0.99 < share < 1:
        return "more than 99 %"
    if 0 < share < 1e-4:
        return "less than 0.01 %"
    return f"{100 * share:.2g} %" if share < 0.1 else percent(share)
