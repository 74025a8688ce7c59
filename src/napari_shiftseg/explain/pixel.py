"""One pixel: its object, mode, phase and tile, and how far all others are from it."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.explain.distance import SAME, distances
from napari_shiftseg.explain.evidence import place_of
from napari_shiftseg.geometry.tiling import chunks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.clustering.settings import Clustering
    from napari_shiftseg.explain.evidence import Evidence, Place
    from napari_shiftseg.geometry.tiling import Region
    from napari_shiftseg.pipeline.result import Prediction


@dataclass(frozen=True)
class Answer:
    """What a pixel is."""

    place: Place
    label: int
    # bandwidths from its mode; None for a pixel that was not clustered
    to_mode: float | None
    # bandwidths to the nearest other mode that it could have gone to, if there is one.
    # A mode within a bandwidth of its own is the same.
    to_next: float | None
    foreground: float | None  # its probability; None for a model without that logit
    edited: bool = False  # whether an edit changed its object, or made it background

    @property
    def text(self) -> str:
        """One line for a status bar."""
        parts = [f"object {self.label}" if self.label else "background"]
        if self.edited:
            parts[0] += " (edited)"
        if self.to_mode is not None:
            parts.append(f"{self.to_mode:.1f} bandwidths from its mode")
            if self.to_next is not None:
                parts[-1] += f", {self.to_next:.1f} to the next"
        parts.append(f"phase ({', '.join(map(str, self.place.phase))})")
        parts.append(f"tile {', '.join(map(str, self.place.tile))}")
        if self.foreground is not None:
            parts.append(f"foreground {self.foreground:.2f}")
        return " · ".join(parts)


def ask_pixel(evidence: Evidence, pixel: Sequence[int]) -> Answer:
    """Say what a pixel is.

    Parameters
    ----------
    evidence : Evidence
    pixel : sequence of int
        See `place_of`, which may refuse it.
    """
    place = evidence.place(pixel)
    to_mode = to_next = None
    if (own := _own_mode(evidence, place)) is not None:
        rivals = evidence.rivals(place)
        apart = distances(own[:, None], rivals.T, evidence.clustering)
        to_mode = _to_nearest(evidence, place, own[None])
        to_next = _to_nearest(evidence, place, rivals[apart > SAME])
    foreground, edited = evidence.foreground_at(place), evidence.is_edited(place)
    label = evidence.object_at(place)
    return Answer(place, label, to_mode, to_next, foreground, edited)


def _own_mode(evidence: Evidence, place: Place) -> NDArray[Any] | None:
    """Return the mode that a pixel went to, (channels,)."""
    label = evidence.object_at(place)
    if not evidence.has_modes:
        return None
    if label:
        return evidence.mode(label)
    if evidence.clustering.scope == "component" or not evidence.is_clustered(place):
        return None  # modes of other components say nothing about it
    index = evidence.nearest_mode(place)
    return None if index is None else np.asarray(evidence.modes[index])


def _to_nearest(evidence: Evidence, place: Place, modes: NDArray[Any]) -> float | None:
    """Return the bandwidths to the nearest mode; None: it has none, or no direction."""
    point = evidence.embedding_at(place)[:, None]
    apart = distances(point, modes.T, evidence.clustering).min(initial=inf)
    return float(apart) if isfinite(apart) else None


CHUNK = 2**18  # values compared at a time: they stay in the processor's cache


def distance_image(
    predicted: Prediction,
    pixel: Sequence[int],
    clustering: Clustering,
    region: Region | None = None,
) -> tuple[NDArray[np.floating[Any]], tuple[int, ...]]:
    r"""Return the embedding distance from one pixel to others, in bandwidths.

    As a rule, pixels well below 1 belong with the pixel asked, and those beyond 2 are
    another object's: the mean shift merges modes no farther than 1 apart, and two equal
    clusters of a gaussian kernel up to 2.1 (see `distances`, `merging_bandwidth`).

    Parameters
    ----------
    predicted : Prediction
        Its embedding may lie on disk (a memory map): it is read in chunks.
    pixel : sequence of int
        Of the image.
    clustering : Clustering
        Its bandwidth and kernel.
    region : sequence of (int, int), optional
        Image pixels (start, stop) an axis, "what is in view"; cut down to what was
        predicted. All of that if not given.

    Returns
    -------
    image : ndarray
        (\*region) float32, float64 for an embedding of float64. NaN at pixels without
        a direction, see `measured`.
    offset : tuple of int
        Image pixel at which it begins.

    Raises
    ------
    ValueError
        If the pixel was not predicted, the region holds no pixel that was, or the
        pixel's embedding has no direction and the kernel is von Mises-Fisher.
    """
    embedding: Any = predicted.embedding
    index = place_of(predicted.plan, pixel, predicted.rescaling).index
    asked = np.asarray(embedding[(slice(None), *index)])
    if clustering.kernel == "von-mises-fisher" and not asked.any():
        raise ValueError(
            "the von Mises-Fisher kernel needs a pixel with a direction, but the "
            "embedding of this one is 0 in every channel: ask another pixel, or take "
            "another kernel"
        )
    bounds = _clipped(region or predicted.region, predicted.region)
    image = np.empty([b - a for a, b in bounds], np.result_type(asked, np.float32))
    point = asked.reshape(-1, *(1,) * image.ndim)
    first = [a - start for (a, _), start in zip(bounds, predicted.offset, strict=True)]
    for block in _blocks(image.shape, CHUNK // len(asked)):
        there = (
            slice(s.start + a, s.stop + a) for s, a in zip(block, first, strict=True)
        )
        image[block] = distances(embedding[(slice(None), *there)], point, clustering)
    return image, tuple(a for a, _ in bounds)


def _blocks(shape: Sequence[int], most: int) -> Iterator[tuple[slice, ...]]:
    """Cut an array into blocks of whole rows, of about so many pixels."""
    *planes, rows, width = (1, *shape)
    for plane in np.ndindex(*planes[1:]):
        for part in chunks(rows, max(1, most // width)):
            block = (*(slice(i, i + 1) for i in plane), part, slice(0, width))
            yield block[-len(shape) :]


def _clipped(region: Region, predicted: Region) -> Region:
    clipped = tuple(
        (max(a, low), min(b, high))
        for (a, b), (low, high) in zip(region, predicted, strict=False)
    )
    if len(region) != len(predicted) or any(a >= b for a, b in clipped):
        raise ValueError(
            f"the region must hold pixels that were predicted, got {region}: choose "
            f"one within {predicted}"
        )
    return clipped
