"""Generated images with known truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from napari_shiftseg.intensity.scale import Scale


@dataclass(frozen=True)
class Sample:
    r"""An image, its true objects, and the period of its lattice.

    Attributes
    ----------
    image : ndarray of float32
        (\*spatial)
    labels : ndarray of int32
        (\*spatial), 0 is background; −1, in training, is not known.
    period : int or None
        Distance of neighbouring objects in pixels; None without a lattice.
    scale : Scale or None
        How grey values are read where the image is a region of a larger one, or a
        frame of a stack, which has one scale; None: that is found in this image.
    classes : mapping of int to str, or None
        The class of each object, by its label; None where classes are not known.
    table : str
        The file that says so, as an error names it; empty if it was none.
    """

    image: NDArray[np.float32]
    labels: NDArray[Any]
    period: int | None = None
    scale: Scale | None = None
    classes: Mapping[int, str] | None = None
    table: str = ""
