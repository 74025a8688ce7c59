"""An image as a file stores it, before anything is chosen or converted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_shiftseg.inference.channels import COLOURS, is_thin_last

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_shiftseg.files.calibration import Calibration

Kind = Literal["grey", "rgb", "cmyk", "palette"]

CHANNELS, SAMPLES, UNNAMED = "C", "S", "Q"  # letters of axes, as tifffile writes them
ORDER = "TCZYX"
ALSO_CHANNELS = "EHL"  # tifffile's letters of wavelength, lifetime, exposure


class DamagedError(ValueError):
    """A file is damaged, or cut off; what is wrong is said."""


class RefusedError(ValueError):
    """A file is whole, but cannot be read as asked; what to do is said."""


@dataclass(frozen=True)
class Stored:
    r"""An image as a file stores it.

    Attributes
    ----------
    data : ndarray
        (\*axes), as it stands in the file.
    axes : str
        One letter an axis: T, C, Z, Y, X; S for the samples of a pixel; Q for one
        without a name; others as tifffile writes them.
    calibration : dict
        By letter.
    channels : tuple of str
        Names of the channels; empty where they have none.
    notes : tuple of str
        What was decided while reading.
    kind : {"grey", "rgb", "cmyk", "palette"}
        What the samples of a pixel, or its index, stand for.
    white_is_low : int or None
        Number of bits a sample has where the lowest value is white; None: where the
        lowest is black.
    palette : ndarray or None
        (3, colours), what an index stands for.
    is_lut : bool
        Whether the palette only says how an intensity is shown.
    """

    data: NDArray[Any]
    axes: str
    calibration: Calibration = field(default_factory=dict)
    channels: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    kind: Kind = "grey"
    white_is_low: int | None = None
    palette: NDArray[Any] | None = None
    is_lut: bool = False


def unnamed(shape: tuple[int, ...]) -> str:
    """Return the axes of an array without names: frames, y, x, or channels at its end.

    (160, 160, 3) is "YXS", (160, 160, 5) "YXC", (5, 160, 160) "QYX".
    """
    if len(shape) < 3:
        return "YX"[2 - len(shape) :]
    if shape[-1] > 1 and not is_thin_last(shape):
        return UNNAMED * (len(shape) - 2) + "YX"
    last = SAMPLES if shape[-1] in COLOURS else CHANNELS
    return UNNAMED * (len(shape) - 3) + "YX" + last


def ordered(data: NDArray[Any], axes: str) -> tuple[NDArray[Any], str]:
    """Return the axes in the order TCZYX, others before them, S at the end."""
    order = _order(axes)
    return np.transpose(data, order), "".join(axes[at] for at in order)


def in_order(axes: str) -> str:
    """Return axes as `ordered` sorts them."""
    return "".join(axes[at] for at in _order(axes))


def _order(axes: str) -> list[int]:
    return sorted(range(len(axes)), key=lambda at: (ORDER + SAMPLES).find(axes[at]))
