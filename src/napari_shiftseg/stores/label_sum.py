"""The sum of labels, by which two results are known to be the same."""

from __future__ import annotations

from hashlib import sha256
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.geometry.tiling import chunks

if TYPE_CHECKING:
    from collections.abc import Iterator


VALUES = 2**24  # read at once for the sum


def labels_sum(labels: Any) -> str:
    """Return the SHA-256 of labels: int32, little-endian, in the order of a scan.

    Parameters
    ----------
    labels : array
        NumPy, or a store.
    """
    found = sha256()
    shape = tuple(labels.shape)
    for band in bands(shape):
        found.update(np.ascontiguousarray(labels[band], dtype="<i4").tobytes())
    return found.hexdigest()


def bands(shape: tuple[int, ...]) -> Iterator[tuple[Any, ...]]:
    """Yield parts of an array that follow one another in a scan."""
    axis = next((i for i in range(len(shape)) if prod(shape[i + 1 :]) <= VALUES), 0)
    thick = max(1, VALUES // prod(shape[axis + 1 :]))
    for at in np.ndindex(*shape[:axis]):
        for part in chunks(shape[axis], thick):
            yield (*at, part)
