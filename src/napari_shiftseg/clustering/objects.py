"""What a clustering gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Objects:
    r"""Objects of an image.

    Attributes
    ----------
    labels : ndarray of int32
        (\\*spatial), 0 is background, objects numbered from 1.
    modes : ndarray
        (modes, channels), the background's included.
    mode_of : ndarray of int64
        (objects + 1,), the index in `modes` of each object's mode: the one that most of
        its pixels have, those aside that came from a piece below the minimum size. The
        0th is the background's mode, −1 where it has none.
    """

    labels: NDArray[np.int32]
    modes: NDArray[Any]
    mode_of: NDArray[np.int64]
