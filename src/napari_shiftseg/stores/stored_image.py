"""PNG, JPEG and BMP pictures, and arrays of NumPy."""

from __future__ import annotations

import struct
import warnings
from dataclasses import dataclass, field, replace
from tokenize import TokenError
from typing import TYPE_CHECKING, Any, Literal

import imagecodecs
import numpy as np
from PIL import Image, UnidentifiedImageError

from napari_shiftseg.stores.axes import COLOURS, is_thin_last

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_shiftseg.stores.calibration import Calibration


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


DEPTH_AT = 24  # byte of a PNG that says how many bits a sample has
GREY = ("1", "L", "I", "F", "I;16", "I;16B", "I;16L", "I;16N")
BITS_OF_TWO_BYTES = 16
FIRST = "of {} pictures in the file the first was read: save a series as a TIFF stack"


def stored_picture(path: Path) -> Stored:
    """Read a PNG, JPEG or BMP picture.

    Raises
    ------
    DamagedError
        If it is damaged; what is wrong is said.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return _stored(path)
    except UnidentifiedImageError:
        raise DamagedError("the picture is damaged") from None
    except (
        SyntaxError, OSError, EOFError, struct.error, LookupError, RuntimeError,
        TypeError, MemoryError, OverflowError, Image.DecompressionBombError,
    ) as error:  # fmt: skip
        raise DamagedError(f"the picture is damaged ({error})") from None


def stored_array(path: Path) -> Stored:
    """Read an array that NumPy saved; one of pickled objects is refused.

    Raises
    ------
    ValueError
        If it is damaged, or holds objects.
    """
    try:
        data = np.load(path, allow_pickle=False)
    except (
        ValueError, EOFError, SyntaxError, LookupError, TypeError, MemoryError,
        OverflowError, TokenError,
    ) as error:  # fmt: skip
        raise DamagedError(f"the array is damaged ({error})") from None
    if not isinstance(data, np.ndarray):
        raise ValueError("it holds several arrays, one is expected")
    axes = unnamed(data.shape)
    return Stored(data, axes, kind="rgb" if SAMPLES in axes else "grey")


def _stored(path: Path) -> Stored:
    if _is_deep_colour(path):  # Pillow would read 8 of its 16 bits
        data = imagecodecs.png_decode(path.read_bytes())
        if data.ndim == 3:
            return _of_samples(data)
        return Stored(data, "YX")
    with Image.open(path) as picture:
        picture.load()
        stored = _of_picture(picture)
        number = getattr(picture, "n_frames", 1)
    notes = (FIRST.format(number),) if number > 1 else ()
    return replace(stored, notes=notes)


def _of_picture(picture: Image.Image) -> Stored:
    if picture.mode == "P":
        colours = np.array(picture.getpalette("RGB"), np.uint8).reshape(-1, 3).T
        palette = np.zeros((3, 256), np.uint8)
        palette[:, : colours.shape[1]] = colours
        return Stored(np.asarray(picture), "YX", kind="palette", palette=palette)
    if picture.mode in GREY:
        return Stored(np.asarray(picture), "YX")
    if picture.mode in ("LA", "La", "PA"):
        return Stored(np.asarray(picture)[..., 0], "YX")
    is_plain = picture.mode in ("RGB", "RGBA")
    return _of_samples(np.asarray(picture if is_plain else picture.convert("RGB")))


def _of_samples(data: np.ndarray) -> Stored:
    """Return pixels of several samples: grey with opacity, RGB or RGBA."""
    if data.shape[-1] == 2:
        return Stored(data[..., 0], "YX")
    return Stored(data, "YX" + SAMPLES, kind="rgb")


def _is_deep_colour(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(DEPTH_AT + 2)
    is_png = head.startswith(b"\x89PNG") and len(head) > DEPTH_AT + 1
    return is_png and head[DEPTH_AT] == BITS_OF_TWO_BYTES and head[DEPTH_AT + 1] > 0
