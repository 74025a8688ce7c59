"""Planes in which nothing was measured."""

from __future__ import annotations

from typing import Any

import numpy as np


def is_without_data(plane: Any) -> bool:
    """Whether every pixel of a plane is NaN, or masked.

    Parameters
    ----------
    plane : array
        Of one plane or frame; read only where its first pixel is NaN or masked.
    """
    if isinstance(plane, np.ma.MaskedArray) and np.ma.getmaskarray(plane).all():
        return True
    if np.dtype(plane.dtype).kind != "f":
        return False
    first = np.asarray(plane[(0,) * plane.ndim])
    return bool(np.isnan(first)) and bool(np.isnan(np.asarray(plane)).all())
