"""Pairs of objects of an image: how alike they look, and which share a mode."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari_shiftseg.samples import Sample

DRAWS = 2000  # of the bootstrap, and of the permutation test
Images = NDArray[np.float64]


@dataclass(frozen=True)
class ObjectCrops:
    """True objects of one image whose crops lie within it."""

    centres: NDArray[np.int64]  # (objects, 2), in pixels
    modes: NDArray[np.int64]  # (objects,), the mode that most pixels of an object have
    # (objects, side + 2 · shift, side + 2 · shift) pixels around the centres
    crops: Images


@dataclass(frozen=True)
class Pairs:
    """The pairs of objects of one image."""

    similarity: Images  # (objects, objects), see `similarities`
    # (objects, objects), which pairs are far apart; a pair is there once
    far: NDArray[np.bool_]
    modes: NDArray[np.int64]  # (objects,)

    @property
    def merged(self) -> NDArray[np.bool_]:
        """Which far pairs share a mode: (objects, objects)."""
        same: NDArray[np.bool_] = self.modes[:, None] == self.modes[None]
        return self.far & same


def similarities(crops: Images, shift: int) -> Images:
    """Return the largest normalised cross-correlation of any two crops.

    The middle of one is laid over the other, shifted by up to so many pixels along
    each axis; of a crop against itself it is 1. (objects, objects), −1 to 1.

    Parameters
    ----------
    crops : ndarray of float64
        (objects, side + 2 · shift, side + 2 · shift)
    shift : int
        In pixels.
    """
    side = crops.shape[1] - 2 * shift
    windows = sliding_window_view(crops, (side, side), axis=(1, 2))
    middle = _normalised(windows[:, shift, shift])
    best = np.full((len(crops),) * 2, -1.0)
    for down, right in np.ndindex(windows.shape[1:3]):
        np.maximum(best, middle @ _normalised(windows[:, down, right]).T, out=best)
    symmetric: Images = np.maximum(best, best.T)
    return symmetric


def _normalised(crops: Images) -> Images:
    """Return crops as vectors of mean 0 and length 1; 0 where a crop is even."""
    rows = crops.reshape(len(crops), prod(crops.shape[1:]))
    rows = rows - rows.mean(axis=1, keepdims=True)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    even = length < 1e-9
    unit: Images = np.where(even, 0, rows / np.where(even, 1, length))
    return unit


def objects_of(
    sample: Sample, modes: NDArray[Any], side: int, shift: int
) -> ObjectCrops:
    """Return the objects of an image, their modes and crops.

    Those in which no pixel has a mode, or whose crop would leave the image, are left
    out.

    Parameters
    ----------
    sample : Sample
        2-D.
    modes : ndarray of int
        (rows, columns); 0: none.
    side, shift : int
        Of a crop without its margin, and the margin, in pixels.
    """
    reach = side // 2 + shift
    centres, own, crops = [], [], []
    for label in np.unique(sample.labels[sample.labels > 0]):
        pixels = np.nonzero(sample.labels == label)
        row, column = (round(float(along.mean())) for along in pixels)
        inside = tuple(slice(at - reach, at + reach + 1) for at in (row, column))
        counts = np.bincount(modes[pixels])
        counts[0] = 0
        crop = sample.image[inside] if min(row, column) >= reach else np.zeros(0)
        if crop.shape == (2 * reach + 1,) * 2 and counts.any():
            centres.append((row, column))
            own.append(int(counts.argmax()))
            crops.append(crop)
    return ObjectCrops(
        np.array(centres, dtype=np.int64).reshape(-1, 2),
        np.array(own, dtype=np.int64),
        np.array(crops, dtype=np.float64).reshape(-1, *(2 * reach + 1,) * 2),
    )


def pairs_of(objects: ObjectCrops, shift: int, apart: float) -> Pairs:
    """Return the pairs of objects whose centres are far apart.

    Parameters
    ----------
    objects : ObjectCrops
    shift : int
        See `similarities`.
    apart : float
        Least distance, in pixels.
    """
    offset = objects.centres[:, None] - objects.centres[None]
    distance = np.linalg.norm(offset, axis=-1)
    far = np.triu(distance >= apart, k=1)
    return Pairs(similarities(objects.crops, shift), far, objects.modes)


def mean_similarities(
    pairs: Iterable[Pairs], weights: Iterable[NDArray[Any]]
) -> tuple[float, float]:
    """Return the mean similarity of far pairs of one mode, and of all far pairs.

    NaN where there is no pair.

    Parameters
    ----------
    pairs : iterable of Pairs
        One an image.
    weights : iterable of ndarray
        (objects,), how often each object counts; a pair counts as the product.
    """
    total, number = np.zeros(2), np.zeros(2)  # [of one mode, all]
    for each, weight in zip(pairs, weights, strict=True):
        counts = np.outer(weight, weight) * each.far
        for kind, counted in enumerate((counts * each.merged, counts)):
            total[kind] += (counted * each.similarity).sum()
            number[kind] += counted.sum()
    with np.errstate(invalid="ignore"):  # 0 / 0: no such pair
        merged_mean, mean = total / number
    return float(merged_mean), float(mean)


def bootstrap(pairs: Sequence[Pairs], rng: np.random.Generator) -> Images:
    """Draw objects with replacement, image by image, and take the means again.

    Objects are drawn, not pairs: the pairs of one object are not independent. Gives
    `mean_similarities`, (draws, 2).

    Parameters
    ----------
    pairs : sequence of Pairs
        One an image.
    rng : Generator
    """
    numbers = [len(each.modes) for each in pairs]
    draws = []
    for _ in range(DRAWS):
        drawn = (np.bincount(rng.integers(n, size=n), minlength=n) for n in numbers)
        draws.append(mean_similarities(pairs, drawn))
    return np.array(draws)


def p_value(pairs: Sequence[Pairs], rng: np.random.Generator) -> float:
    """Return how likely modes that have nothing to do with looks differ as much.

    The modes are permuted among the objects of each image; two-sided, of the
    difference between the means of `mean_similarities`.

    Parameters
    ----------
    pairs, rng
        See `bootstrap`.
    """
    ones = [np.ones(len(each.modes)) for each in pairs]
    merged, mean = mean_similarities(pairs, ones)
    shuffled = (
        [replace(each, modes=rng.permutation(each.modes)) for each in pairs]
        for _ in range(DRAWS)
    )
    chance = np.array([mean_similarities(s, ones)[0] - mean for s in shuffled])
    centre = np.nanmean(chance)
    as_far = np.abs(chance - centre) >= abs(merged - mean - centre) - 1e-12
    return float((1 + as_far.sum()) / (1 + DRAWS))
