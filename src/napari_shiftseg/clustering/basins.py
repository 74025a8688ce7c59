"""Objects without an embedding: connected parts of a foreground, or their basins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage
from skimage.morphology import local_maxima, reconstruction
from skimage.segmentation import watershed

from napari_shiftseg.clustering.components import (
    NO_MODE,
    Components,
    Objects,
    connected,
)
from napari_shiftseg.progress import patiently

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.clustering.modes import Found, Pixels
    from napari_shiftseg.clustering.settings import Clustering


class Basins(Components):
    """Connected parts of a foreground as objects, or each cut into its basins.

    What is done in a part depends on this part alone, so objects do not depend on
    tiles or blocks. In place of modes there are the mean outputs of each object.

    Parameters
    ----------
    pixels, settings, foreground
        See `Clusters`.
    corner : sequence of int, optional
        Where the foreground begins in a result that it is a part of.
    shape : sequence of int, optional
        Of that result; it is the foreground itself if not given.
    """

    def __init__(
        self,
        pixels: Pixels,
        settings: Clustering,
        foreground: NDArray[np.bool_],
        corner: Sequence[int] | None = None,
        shape: Sequence[int] | None = None,
    ) -> None:
        super().__init__(pixels, settings, foreground)
        self._corner = corner or (0,) * foreground.ndim
        self._shape = shape or foreground.shape

    def _search(self, numbers: list[int]) -> Generator[None, None, dict[int, Found]]:
        yield from ()  # there are no modes to be found
        return {}

    def _clustered(
        self, number: int, known: Found | None
    ) -> Generator[None, None, Objects]:
        inside = self._inside(number)
        return (yield from patiently(None, inside.size, self._parted, number, inside))

    def _parted(self, number: int, inside: NDArray[np.bool_]) -> Objects:
        box = self._boxes[number - 1]
        outputs = self._pixels.embedding[(slice(None), *box)]
        ends = [
            (side.start + begin > 0, side.stop + begin < n)
            for side, begin, n in zip(box, self._corner, self._shape, strict=True)
        ]
        labels = parted(outputs, inside, self._settings, ends)
        numbers = np.arange(1, int(labels.max(initial=0)) + 1)
        means = [ndimage.mean(channel, labels, numbers) for channel in outputs]
        modes = np.stack(means, axis=1).astype(outputs.dtype)
        return Objects(labels, modes, np.concatenate([NO_MODE, numbers - 1]))


def parted(
    outputs: NDArray[Any],
    inside: NDArray[np.bool_],
    settings: Clustering,
    ends: Sequence[tuple[bool, bool]],
) -> NDArray[np.int32]:
    r"""Return the objects of one connected part of a foreground, (\*box).

    Of the method "components" it is one object. By "watershed" it is flooded from its
    summits: of an output that is high in the middle of objects; of the negative of one
    that is high between them; or of the distance to the nearest pixel outside, where
    the border of the image is not outside. A summit counts if it rises by more than
    the prominence above what lies between it and a higher one (Soille, Morphological
    Image Analysis, 2003, section 6.3: h-maxima). Basins below the minimum size are
    given to their neighbours.

    Parameters
    ----------
    outputs : ndarray
        (channels, \*box)
    inside : ndarray of bool
        (\*box)
    settings : Clustering
        Its method, prominence and channels.
    ends : sequence of (bool, bool)
        Whether the part ends where its box does, before and after, along each axis: it
        may go on where the image ends.
    """
    whole = inside.astype(np.int32)
    if settings.method == "components":
        return whole
    height = _height(outputs, inside, settings, ends)
    floor = float(height[inside].min())
    land = np.where(inside, height, floor).astype(np.float64)
    if not land.max() - floor > settings.prominence:
        return whole
    flooded = watershed(-land, _summits(land, inside, settings.prominence), mask=inside)
    return _joined_small(flooded.astype(np.int32), -land, inside, settings.min_size)


def _summits(
    land: NDArray[Any], inside: NDArray[np.bool_], prominence: float
) -> NDArray[np.int32]:
    """Return the numbered summits that count: maxima of what is h-reconstructed."""
    faces = ndimage.generate_binary_structure(land.ndim, 1)
    lowered = reconstruction(land - prominence, land, footprint=faces)
    return connected(local_maxima(lowered, connectivity=1) & inside)


def _height(
    outputs: NDArray[Any],
    inside: NDArray[np.bool_],
    settings: Clustering,
    ends: Sequence[tuple[bool, bool]],
) -> NDArray[Any]:
    """Return how far within an object each pixel lies; see `parted`."""
    height: NDArray[Any]
    if settings.middle_channel is not None:
        height = outputs[settings.middle_channel]
    elif settings.boundary_channel is not None:
        height = -outputs[settings.boundary_channel]
    else:
        around = np.pad(inside, [(int(before), int(after)) for before, after in ends])
        cut = tuple(
            slice(int(before), int(before) + n)
            for (before, _), n in zip(ends, inside.shape, strict=True)
        )
        if around.all():
            return np.zeros(inside.shape)
        height = ndimage.distance_transform_edt(around)[cut]
    return height


def _joined_small(
    labels: NDArray[np.int32],
    depth: NDArray[Any],
    inside: NDArray[np.bool_],
    min_size: int,
) -> NDArray[np.int32]:
    """Flood again from the basins that are large enough, if not all are."""
    sizes = np.bincount(labels.ravel())
    is_kept = sizes >= min_size
    is_kept[0] = False
    if is_kept[1:].all() or not is_kept.any():
        return labels
    number = np.where(is_kept, np.cumsum(is_kept), 0).astype(np.int32)
    flooded: NDArray[np.int32] = watershed(depth, number[labels], mask=inside)
    return flooded.astype(np.int32)
