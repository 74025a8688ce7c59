"""The pixels of a part of any array, and which of them are not numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.inference.scale import REMEDY

if TYPE_CHECKING:
    from numpy.typing import NDArray


def values_of(part: Any) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """Return the pixels of a part of an array, and which are masked; None: none is."""
    if hasattr(part, "compute"):  # dask forgets a mask when it is made an array
        part = part.compute()
    if isinstance(part, np.ma.MaskedArray):
        mask = np.ma.getmaskarray(part)
        return np.asarray(part.data), mask if mask.any() else None
    return np.asarray(part), None


def workable(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return pixels of a dtype that filters take: not of half precision."""
    return pixels.astype(np.float32) if pixels.dtype == np.float16 else pixels


def not_finite(pixels: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Return which pixels are NaN or infinite; None if none is."""
    if pixels.dtype.kind != "f":
        return None
    wrong = ~np.isfinite(pixels)
    return wrong if wrong.any() else None


def refuse_not_finite(
    pixels: NDArray[Any],
    where: tuple[slice, ...] | None,
    masked: NDArray[np.bool_] | None = None,
) -> None:
    """Raise a ValueError if pixels that are not masked are NaN or infinite."""
    wrong = not_finite(pixels)
    if wrong is None:
        return
    number = int(wrong.sum() if masked is None else (wrong & ~masked).sum())
    if not number:
        return
    place = "" if where is None else f" within {[(s.start, s.stop) for s in where]}"
    raise ValueError(f"the image has {number} NaN or infinite pixels{place}; {REMEDY}")
